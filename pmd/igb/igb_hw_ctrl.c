/* SPDX-License-Identifier: BSD-3-Clause */
/* igb_hw_ctrl.c - reset and set-up of the whole device (82576 datasheet 4.5). */
#include <errno.h>
#include <unistd.h>

#include "pmd/common/intel_stats.h"
#include "pmd/igb/igb.h"

#define MASTER_US  2000U
#define RESET_US   500000U
#define EEPROM_US  10000U
#define SETTLE_US  1000U
#define PHY_TRIES  100
#define PHY_US	   50U
#define ETHER_VLAN 0x8100U
#define CRC	   4U

int cleat_igb_reset(struct cleat_intel_nic *nic)
{
	struct cleat_intel_mac *mac = &nic->mac;
	uint32_t ctrl;
	int ret;

	cleat_intel_write(mac, CLEAT_IGB_EIMC, ~0U);
	cleat_intel_write(mac, CLEAT_INTEL_IMC, ~0U);
	cleat_intel_write(mac, CLEAT_INTEL_RCTL, 0);
	cleat_intel_write(mac, CLEAT_INTEL_TCTL, CLEAT_TCTL_PSP);
	if (nic->port.hw_stats != NULL) /* the reset clears them */
		cleat_intel_stats_add(mac->bar, nic->port.hw_stats);
	ctrl = cleat_intel_read(mac, CLEAT_INTEL_CTRL);
	cleat_intel_write(mac, CLEAT_INTEL_CTRL, ctrl | CLEAT_CTRL_GIO_DISABLE);
	/* it may fail: then the reset is what ends it */
	(void)cleat_intel_wait(mac, CLEAT_INTEL_STATUS, CLEAT_STATUS_GIO_MASTER, 0, MASTER_US);
	cleat_intel_write(mac, CLEAT_INTEL_CTRL, ctrl | CLEAT_CTRL_RST);
	(void)usleep(SETTLE_US); /* 4.5.2: registers may not be read at once */
	ret = cleat_intel_wait(mac, CLEAT_INTEL_CTRL, CLEAT_CTRL_RST, 0, RESET_US);
	/* without an EEPROM (QEMU) the bit stays 0, and nothing has to be waited for */
	if (ret == 0)
		(void)cleat_intel_wait(
			mac, CLEAT_INTEL_EECD, CLEAT_EECD_AUTO_RD, CLEAT_EECD_AUTO_RD, EEPROM_US);
	cleat_intel_write(mac, CLEAT_IGB_EIMC, ~0U);
	cleat_intel_write(mac, CLEAT_INTEL_IMC, ~0U);
	(void)cleat_intel_read(mac, CLEAT_INTEL_ICR);
	return ret < 0 ? cleat_err_prefix(ret, "reset") : 0;
}

static void set_control(struct cleat_intel_nic *nic)
{
	const uint32_t clear = CLEAT_CTRL_GIO_DISABLE | CLEAT_CTRL_ILOS | CLEAT_CTRL_FRCSPD |
			       CLEAT_CTRL_FRCDPX | CLEAT_CTRL_RFCE | CLEAT_CTRL_TFCE |
			       CLEAT_CTRL_PHY_RST | CLEAT_CTRL_VME;
	uint32_t ctrl = cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL) & ~clear;

	if (nic->port.offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP)
		ctrl |= CLEAT_CTRL_VME;
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL, ctrl | CLEAT_CTRL_SLU);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL_EXT,
		cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL_EXT) | CLEAT_CTRL_EXT_DRV_LOAD);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_FCAL, 0);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_FCAH, 0);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_FCT, 0);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_FCTTV, 0);
	/* the upper half is the outer tag's type, which is left as it is */
	cleat_intel_write(&nic->mac, CLEAT_INTEL_VET,
		(cleat_intel_read(&nic->mac, CLEAT_INTEL_VET) & 0xffff0000U) | ETHER_VLAN);
}

int cleat_igb_init(struct cleat_intel_nic *nic)
{
	struct cleat_intel_mac *mac = &nic->mac;
	uint32_t checksum = CLEAT_RXCSUM_PCSD;
	int ret = cleat_igb_reset(nic);

	if (ret < 0)
		return ret;
	set_control(nic);
	cleat_intel_filters_write(mac);
	if (nic->port.offloads & CLEAT_OFFLOAD_RX_CHECKSUM)
		checksum |= CLEAT_RXCSUM_IP | CLEAT_RXCSUM_L4;
	cleat_intel_write(mac, CLEAT_INTEL_RXCSUM, checksum);
	cleat_igb_rss_init(nic);
	mac->receiving = 1;
	(void)cleat_igb_set_frame(nic, nic->port.mtu);
	cleat_intel_write(mac, CLEAT_INTEL_TCTL,
		CLEAT_TCTL_EN | CLEAT_TCTL_PSP | CLEAT_TCTL_CT(15) | CLEAT_TCTL_COLD(0x40) |
			CLEAT_TCTL_RTLC);
	return cleat_intel_phy_up(mac);
}

int cleat_igb_set_frame(struct cleat_intel_nic *nic, uint32_t mtu)
{
	cleat_intel_write(&nic->mac, CLEAT_IGB_RLPML, cleat_intel_frame(mtu) + CRC);
	nic->mac.rctl = CLEAT_RCTL_LPE; /* RLPML has the limit */
	cleat_intel_rctl_write(&nic->mac);
	return 0;
}

/* ---- the PHY, shared with the firmware (82576 datasheet 4.7, 8.7) ---- */

static int swsm_take(struct cleat_intel_mac *mac)
{
	for (int i = 0; i < PHY_TRIES; i++) {
		if (!(cleat_intel_read(mac, CLEAT_IGB_SWSM) & CLEAT_SWSM_SMBI)) {
			cleat_intel_write(mac, CLEAT_IGB_SWSM,
				cleat_intel_read(mac, CLEAT_IGB_SWSM) | CLEAT_SWSM_SWESMBI);
			if (cleat_intel_read(mac, CLEAT_IGB_SWSM) & CLEAT_SWSM_SWESMBI)
				return 0;
			cleat_intel_write(mac, CLEAT_IGB_SWSM, 0);
		}
		(void)usleep(PHY_US);
	}
	/* a driver before us was killed while it had it: nobody else uses this port's */
	cleat_intel_write(mac, CLEAT_IGB_SWSM, 0);
	return -EBUSY;
}

int cleat_igb_phy_lock(struct cleat_intel_mac *mac, int take)
{
	uint32_t lan = CLEAT_STATUS_LAN(cleat_intel_read(mac, CLEAT_INTEL_STATUS));
	uint32_t ours = CLEAT_SW_FW_PHY(lan), sync;
	int got = 0;

	for (int i = 0; i < PHY_TRIES && !got; i++) {
		if (swsm_take(mac) < 0)
			continue;
		sync = cleat_intel_read(mac, CLEAT_IGB_SW_FW_SYNC);
		got = !take || !(sync & (ours | ours << CLEAT_SW_FW_FIRMWARE));
		if (got)
			cleat_intel_write(
				mac, CLEAT_IGB_SW_FW_SYNC, take ? sync | ours : sync & ~ours);
		cleat_intel_write(mac, CLEAT_IGB_SWSM, 0);
		if (!got)
			(void)usleep(PHY_US);
	}
	return got ? 0
		   : cleat_err(-EBUSY, "%s: the firmware does not let go of the PHY",
			     mac->port->name);
}
