/* SPDX-License-Identifier: BSD-3-Clause */
/* em_ctrl.c - net_em, control side: the chips as pmd/common/intel_nic.h wants them. */
#include <errno.h>

#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"

#define OFFLOADS                                                                              \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER | \
		CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT |                    \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define AT_FIRST (CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_TX_SEGMENTS)

/* ---- the port ---- */

/* One bit of the device, CTRL.VME, switches both (SDM 13.4.1). */
static int offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	if ((offloads & CLEAT_OFFLOAD_TX_VLAN_INSERT) && !(offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP))
		return cleat_err(-EOPNOTSUPP,
			"%s: the device inserts VLAN tags only while it strips them; switch on "
			"both or neither",
			port->name);
	return 0;
}

static const struct cleat_port_ops ops = {
	CLEAT_INTEL_PORT_OPS,
	CLEAT_INTEL_MAC_OPS,
	.offloads_set = offloads_set,
	.tick = cleat_intel_tick,
};

/* ---- the chips ---- */

/* 82574 datasheet, 10.2, EXTCNF_CTRL: the bit sticks when nobody else has it. */
static int phy_lock_82574(struct cleat_intel_mac *mac, int take)
{
	uint32_t value = cleat_intel_read(mac, CLEAT_EM_EXTCNF);

	if (!take) {
		cleat_intel_write(mac, CLEAT_EM_EXTCNF, value & ~CLEAT_EM_EXTCNF_MDIO);
		return 0;
	}
	for (int i = 0; i < 100; i++) {
		cleat_intel_write(mac, CLEAT_EM_EXTCNF, value | CLEAT_EM_EXTCNF_MDIO);
		if (cleat_intel_wait(mac, CLEAT_EM_EXTCNF, CLEAT_EM_EXTCNF_MDIO,
			    CLEAT_EM_EXTCNF_MDIO, 100) == 0)
			return 0;
	}
	return cleat_err(-EBUSY, "%s: the firmware does not let go of the PHY", mac->port->name);
}

static int find(struct cleat_intel_nic *nic)
{
	int ret = cleat_em_reset(nic);

	return ret < 0 ? ret : cleat_intel_own_address(&nic->mac);
}

static int begin(struct cleat_intel_nic *nic)
{
	int ret = cleat_em_reset(nic);

	if (ret < 0)
		return ret;
	cleat_em_set_up(nic);
	return cleat_intel_phy_up(&nic->mac);
}

#define STEPS                                                                                \
	.ops = &ops, .buf_bytes = cleat_em_buf_bytes, .find = find, .begin = begin,          \
	.end = cleat_em_reset, .leave = cleat_em_reset, .set_frame = cleat_em_set_frame,     \
	.run = cleat_em_queue_run, .rest = cleat_em_queue_rest, .tail = cleat_em_queue_tail, \
	.on_interrupt = cleat_em_on_interrupt, .irq_mask = cleat_em_irq_mask,                \
	.irq_enable = cleat_em_irq_enable, .irq_arm = cleat_em_irq_arm
/* SDM 4.1: 128 KiB; no register that is used lies above 64 KiB */
#define LIMITS                                                                              \
	.nic_bytes = sizeof(struct cleat_intel_nic), .bar_bytes = 0x10000, .min_buf = 256,  \
	.max_queues = 1, .max_mac_filters = CLEAT_INTEL_RARS - 1, .offload_capa = OFFLOADS, \
	.offloads = AT_FIRST

static const struct cleat_intel_chip chips[] = {
	[CLEAT_EM_82540] = {
		LIMITS,
		STEPS,
		.max_frame = CLEAT_EM_MAX_FRAME_82540,
		.eerd_done = CLEAT_EM_EERD_DONE_82540,
		.eerd_shift = CLEAT_EM_EERD_SHIFT_82540,
	},
	[CLEAT_EM_82574] = {
		LIMITS,
		STEPS,
		.max_frame = CLEAT_EM_MAX_FRAME_82574,
		.eerd_done = CLEAT_EM_EERD_DONE_82574,
		.eerd_shift = CLEAT_EM_EERD_SHIFT_82574,
		.phy_lock = phy_lock_82574,
	},
};

/* ---- the driver ---- */

static int em_probe(struct cleat_device *device, const struct cleat_services *services)
{
	return cleat_intel_probe(device, services, &chips[cleat_pci_of(device)->model]);
}

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(0x8086, 0x100e, CLEAT_EM_82540),
	CLEAT_PCI_ID(0x8086, 0x10d3, CLEAT_EM_82574),
	{ .vendor = 0 },
};

static struct cleat_driver em_driver = {
	.name = "net_em",
	.bus = "pci",
	.ids = ids,
	.probe = em_probe,
	.remove = cleat_intel_remove,
	.usage = "",
};
CLEAT_DRIVER_REGISTER(em_driver)
