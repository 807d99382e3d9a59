/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * intel_mac.h - what 82540EM, 82574 and 82576 do alike: registers, addresses, filters, PHY, link.
 * Control side only.
 */
#ifndef CLEAT_PMD_COMMON_INTEL_MAC_H
#define CLEAT_PMD_COMMON_INTEL_MAC_H

#include "pmd/common/intel_regs.h"
#include "pmd/common/nic_mmio.h"
#include "runtime/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_intel_mac {
	void *bar;
	struct cleat_port_ctrl *port;
	const struct cleat_services *services;
	uint32_t rctl;	       /* RCTL as it shall be, without EN and the filters' bits */
	uint32_t eerd_done;    /* bit of EERD that says done */
	uint32_t eerd_shift;   /* of the word's address */
	uint16_t filters_used; /* bit per entry 1..15 */
	uint8_t own[6];
	uint8_t filters[CLEAT_INTEL_RARS][6]; /* entry 0 is unused: it is `own` */
	int receiving;			      /* RCTL.EN shall be set */
	int promiscuous, allmulticast;
	/* Who else may be at the PHY? NULL: nobody. @p take 1: take it, 0: give it back. */
	int (*phy_lock)(struct cleat_intel_mac *mac, int take);
};

cleat_inline struct cleat_intel_mac *cleat_intel_mac_of(struct cleat_port_ctrl *port)
{
	return (struct cleat_intel_mac *)port->driver_data;
}

cleat_inline uint32_t cleat_intel_read(const struct cleat_intel_mac *mac, uint32_t off)
{
	return cleat_mmio_read32(cleat_mmio_reg(mac->bar, off));
}

cleat_inline void cleat_intel_write(const struct cleat_intel_mac *mac, uint32_t off, uint32_t value)
{
	cleat_mmio_write32(cleat_mmio_reg(mac->bar, off), value);
}

/** Have all writes arrived at the device. */
cleat_inline void cleat_intel_flush(const struct cleat_intel_mac *mac)
{
	(void)cleat_intel_read(mac, CLEAT_INTEL_STATUS);
}

/** Wait until the bits @p mask of a register are @p value. @return 0; -ETIMEDOUT; -ENODEV: the
 * device is gone */
int cleat_intel_wait(const struct cleat_intel_mac *mac, uint32_t off, uint32_t mask, uint32_t value,
	unsigned timeout_us);

/** Read the device's own address after a reset: from its registers, else from the EEPROM.
 * @return 0; -EIO, -ENODEV */
int cleat_intel_own_address(struct cleat_intel_mac *mac);

/** Write own address and filters, empty the multicast and VLAN tables. */
void cleat_intel_filters_write(const struct cleat_intel_mac *mac);

/** Write RCTL as the fields of @p mac say. */
void cleat_intel_rctl_write(const struct cleat_intel_mac *mac);

/* For cleat_port_ops; driver_data of the port is its struct cleat_intel_mac. */
int cleat_intel_promiscuous_set(struct cleat_port_ctrl *port, int on);
int cleat_intel_allmulticast_set(struct cleat_port_ctrl *port, int on);
int cleat_intel_mac_set(struct cleat_port_ctrl *port, const uint8_t addr[6]);
int cleat_intel_filter_add(struct cleat_port_ctrl *port, const uint8_t addr[6]);
int cleat_intel_filter_remove(struct cleat_port_ctrl *port, const uint8_t addr[6]);
int cleat_intel_link_get(struct cleat_port_ctrl *port, struct cleat_link *out);
/** Statistics and link, once per second. */
void cleat_intel_tick(struct cleat_port_ctrl *port);

/** Look at the link, and tell everybody if it is not as before. */
void cleat_intel_link_check(struct cleat_intel_mac *mac);

/** See to it that the PHY is awake and negotiates. One that has a link keeps it.
 * @return 0; -ETIMEDOUT, -EIO, -ENODEV */
int cleat_intel_phy_up(struct cleat_intel_mac *mac);

/** What of an MTU goes over the wire, without the CRC: Ethernet header and one VLAN tag. */
cleat_inline uint32_t cleat_intel_frame(uint32_t mtu)
{
	return mtu + 18;
}

#ifdef __cplusplus
}
#endif

#endif
