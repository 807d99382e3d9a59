/* SPDX-License-Identifier: BSD-3-Clause */
/* igb_ctrl.c - net_igb, control side: the chip as pmd/common/intel_nic.h wants it. */
#include <errno.h>

#include "pmd/igb/igb.h"

#define OFFLOADS                                                                                  \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER |     \
		CLEAT_OFFLOAD_RX_RSS | CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT | \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define AT_FIRST (CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_RX_RSS | CLEAT_OFFLOAD_TX_SEGMENTS)

/* ---- queues ---- */

static uint32_t block(enum cleat_dir dir, unsigned queue)
{
	return dir == CLEAT_RX ? CLEAT_IGB_RX(queue) : CLEAT_IGB_TX(queue);
}

static uint32_t tail(enum cleat_dir dir, unsigned queue)
{
	return block(dir, queue) + CLEAT_ADV_TAIL;
}

static int run(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	int ret = cleat_adv_queue_run(&nic->mac, dir, block(dir, queue), &nic->rings[dir][queue],
		nic->queues[CLEAT_RX] > 1);

	if (ret < 0)
		(void)cleat_adv_queue_rest(&nic->mac, dir, block(dir, queue));
	else if (dir == CLEAT_RX)
		cleat_igb_rss_update(nic);
	return ret;
}

/* 82576 datasheet 4.5.9: first no packets for it, then stop it. */
static int rest(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	if (dir == CLEAT_RX)
		cleat_igb_rss_update(nic);
	return cleat_adv_queue_rest(&nic->mac, dir, block(dir, queue));
}

/* ---- the port ---- */

/* They take effect at start. */
static int offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	(void)port;
	(void)offloads;
	return 0;
}

static const struct cleat_port_ops ops = {
	CLEAT_INTEL_PORT_OPS,
	CLEAT_INTEL_MAC_OPS,
	.offloads_set = offloads_set,
	.tick = cleat_intel_tick,
};

/* ---- the chip ---- */

static const struct cleat_kvkey keys[] = { { "queues", 0 }, { NULL, 0 } };

static int take_args(struct cleat_intel_nic *nic, const struct cleat_kvargs *args)
{
	uint64_t queues = 1;
	int ret = cleat_kvargs_u64(args, "queues", 1, CLEAT_IGB_QUEUES, &queues);

	nic->port.default_rx_queues = nic->port.default_tx_queues = (uint16_t)queues;
	if (queues == 1)
		nic->port.offloads &= ~CLEAT_OFFLOAD_RX_RSS; /* it chooses no queue */
	return ret;
}

static int find(struct cleat_intel_nic *nic)
{
	int ret = cleat_igb_reset(nic);

	return ret < 0 ? ret : cleat_intel_own_address(&nic->mac);
}

static const struct cleat_intel_chip chip = {
	.nic_bytes = sizeof(struct cleat_intel_nic),
	.bar_bytes = 0x10000, /* 82576 datasheet 9.4: 128 KiB */
	.max_frame = CLEAT_IGB_MAX_FRAME,
	.min_buf = 1024,
	.max_queues = CLEAT_IGB_QUEUES,
	.max_mac_filters = CLEAT_INTEL_RARS - 1,
	.offload_capa = OFFLOADS,
	.offloads = AT_FIRST,
	.eerd_done = CLEAT_IGB_EERD_DONE,
	.eerd_shift = CLEAT_IGB_EERD_SHIFT,
	.phy_lock = cleat_igb_phy_lock,
	.ops = &ops,
	.keys = keys,
	.take_args = take_args,
	.buf_bytes = cleat_adv_buf_bytes,
	.find = find,
	.begin = cleat_igb_init,
	.end = cleat_igb_reset,
	.leave = cleat_igb_reset,
	.set_frame = cleat_igb_set_frame,
	.run = run,
	.rest = rest,
	.tail = tail,
	.on_interrupt = cleat_igb_on_interrupt,
	.irq_mask = cleat_igb_irq_mask,
	.irq_enable = cleat_igb_irq_enable,
	.irq_arm = cleat_igb_irq_arm,
};

/* ---- the driver ---- */

static int igb_probe(struct cleat_device *device, const struct cleat_services *services)
{
	return cleat_intel_probe(device, services, &chip);
}

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(0x8086, 0x10c9, 0),
	{ .vendor = 0 },
};

static struct cleat_driver igb_driver = {
	.name = "net_igb",
	.bus = "pci",
	.ids = ids,
	.probe = igb_probe,
	.remove = cleat_intel_remove,
	.usage = "queues=N",
};
CLEAT_DRIVER_REGISTER(igb_driver)
