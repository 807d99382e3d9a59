/* SPDX-License-Identifier: BSD-3-Clause */
/* igbvf_ctrl.c - net_igbvf, control side: the chip as pmd/common/intel_nic.h wants it. */
#include <errno.h>
#include <string.h>

#include "pmd/igbvf/igbvf.h"

#define OFFLOADS                                                                              \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER | \
		CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT |                    \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define AT_FIRST (CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_TX_SEGMENTS)

/* ---- queues ---- */

static uint32_t block(enum cleat_dir dir)
{
	return dir == CLEAT_RX ? CLEAT_IGBVF_RX : CLEAT_IGBVF_TX;
}

static uint32_t tail(enum cleat_dir dir, unsigned queue)
{
	(void)queue;
	return block(dir) + CLEAT_ADV_TAIL;
}

static int may_open(struct cleat_intel_nic *nic)
{
	if (!cleat_igbvf_of_nic(nic)->lost)
		return 0;
	return cleat_err(-EAGAIN, "%s: its physical function (%s) is being reset", nic->port.name,
		nic->pci->physfn);
}

static int run(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	int ret = cleat_adv_queue_run(&nic->mac, dir, block(dir), &nic->rings[dir][queue], 1);

	if (ret < 0)
		(void)cleat_adv_queue_rest(&nic->mac, dir, block(dir));
	return ret;
}

static int rest(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	(void)queue;
	return cleat_adv_queue_rest(&nic->mac, dir, block(dir));
}

/* ---- the port ---- */

static const struct cleat_port_ops ops = {
	CLEAT_INTEL_PORT_OPS,
	.promiscuous_set = cleat_igbvf_promiscuous_set,
	.mac_set = cleat_igbvf_mac_set,
	.allmulticast_set = cleat_igbvf_allmulticast_set,
	.mac_filter_add = cleat_igbvf_filter_add,
	.mac_filter_remove = cleat_igbvf_filter_remove,
	.offloads_set = cleat_igbvf_offloads_set,
	.tick = cleat_igbvf_tick,
};

/* ---- the chip ---- */

static int find(struct cleat_intel_nic *nic)
{
	static const uint8_t ZERO[6];
	struct cleat_igbvf *vf = cleat_igbvf_of_nic(nic);
	int ret = cleat_igbvf_reset(vf);

	if (ret < 0)
		return ret;
	cleat_igbvf_stats_begin(vf);
	memcpy(nic->mac.own, vf->granted, 6);
	if (memcmp(nic->mac.own, ZERO, 6) == 0) /* nobody gave it one */
		cleat_mac_from_name(nic->port.name, nic->mac.own);
	return 0;
}

static int begin(struct cleat_intel_nic *nic)
{
	struct cleat_igbvf *vf = cleat_igbvf_of_nic(nic);
	int ret = cleat_igbvf_reset(vf);

	if (ret < 0)
		return ret;
	cleat_igbvf_stats_go_on(vf);
	return cleat_igbvf_settings(vf);
}

static int end(struct cleat_intel_nic *nic)
{
	return cleat_igbvf_rest(cleat_igbvf_of_nic(nic));
}

static int leave(struct cleat_intel_nic *nic)
{
	return cleat_igbvf_leave(cleat_igbvf_of_nic(nic));
}

static int set_frame(struct cleat_intel_nic *nic, uint32_t mtu)
{
	return cleat_igbvf_mtu_tell(cleat_igbvf_of_nic(nic), mtu);
}

static const struct cleat_intel_chip chip = {
	.nic_bytes = sizeof(struct cleat_igbvf),
	.bar_bytes = 0x4000,
	.max_frame = CLEAT_IGBVF_MAX_FRAME,
	.min_buf = 1024,
	.max_queues = 1,
	.max_mac_filters = CLEAT_IGBVF_FILTERS,
	.offload_capa = OFFLOADS,
	.offloads = AT_FIRST,
	.ops = &ops,
	.keys = cleat_igbvf_keys,
	.take_args = cleat_igbvf_take_args,
	.buf_bytes = cleat_adv_buf_bytes,
	.find = find,
	.begin = begin,
	.end = end,
	.leave = leave,
	.set_frame = set_frame,
	.may_open = may_open,
	.run = run,
	.rest = rest,
	.tail = tail,
	.on_interrupt = cleat_igbvf_on_interrupt,
	.irq_mask = cleat_igbvf_irq_mask,
	.irq_enable = cleat_igbvf_irq_enable,
	.irq_arm = cleat_igbvf_irq_arm,
};

/* ---- the driver ---- */

static int igbvf_probe(struct cleat_device *device, const struct cleat_services *services)
{
	return cleat_intel_probe(device, services, &chip);
}

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(0x8086, 0x10ca, 0),
	{ .vendor = 0 },
};

static struct cleat_driver igbvf_driver = {
	.name = "net_igbvf",
	.bus = "pci",
	.ids = ids,
	.probe = igbvf_probe,
	.remove = cleat_intel_remove,
	.usage = "vlan=N",
};
CLEAT_DRIVER_REGISTER(igbvf_driver)
