/* SPDX-License-Identifier: BSD-3-Clause */
/* em_hw_ctrl.c - reset and set-up of the whole device. */
#include <errno.h>
#include <unistd.h>

#include "pmd/common/intel_stats.h"
#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"

#define MASTER_US  2000U
#define RESET_US   500000U
#define SETTLE_US  2000U
#define ETHER_VLAN 0x8100U

/* PCI Express: no more DMA, and none on its way (82574 datasheet, 10.2.2, CTRL and STATUS). It may
 * fail: then the reset is what ends it. */
static void stop_dma(struct cleat_intel_nic *nic)
{
	uint32_t ctrl = cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL);

	if (cleat_em_model(nic) != CLEAT_EM_82574)
		return;
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL, ctrl | CLEAT_CTRL_GIO_DISABLE);
	(void)cleat_intel_wait(
		&nic->mac, CLEAT_INTEL_STATUS, CLEAT_STATUS_GIO_MASTER, 0, MASTER_US);
}

/* SDM 14.3: initialisation starts with a reset; interrupts are held back before and after. */
int cleat_em_reset(struct cleat_intel_nic *nic)
{
	struct cleat_intel_mac *mac = &nic->mac;
	int ret;

	cleat_intel_write(mac, CLEAT_INTEL_IMC, ~0U);
	cleat_intel_write(mac, CLEAT_INTEL_RCTL, 0);
	cleat_intel_write(mac, CLEAT_INTEL_TCTL, CLEAT_TCTL_PSP);
	cleat_intel_flush(mac);
	if (nic->port.hw_stats != NULL) /* the reset clears them */
		cleat_intel_stats_add(mac->bar, nic->port.hw_stats);
	stop_dma(nic);
	(void)usleep(SETTLE_US);
	cleat_intel_write(
		mac, CLEAT_INTEL_CTRL, cleat_intel_read(mac, CLEAT_INTEL_CTRL) | CLEAT_CTRL_RST);
	(void)usleep(SETTLE_US); /* registers may not be read at once */
	ret = cleat_intel_wait(mac, CLEAT_INTEL_CTRL, CLEAT_CTRL_RST, 0, RESET_US);
	if (ret == 0 && cleat_em_model(nic) == CLEAT_EM_82574)
		ret = cleat_intel_wait(
			mac, CLEAT_INTEL_EECD, CLEAT_EECD_AUTO_RD, CLEAT_EECD_AUTO_RD, RESET_US);
	cleat_intel_write(mac, CLEAT_INTEL_IMC, ~0U);
	(void)cleat_intel_read(mac, CLEAT_INTEL_ICR);
	return ret < 0 ? cleat_err_prefix(ret, "reset") : 0;
}

static void set_control(struct cleat_intel_nic *nic)
{
	const uint32_t clear = CLEAT_CTRL_LRST | CLEAT_CTRL_ILOS | CLEAT_CTRL_FRCSPD |
			       CLEAT_CTRL_FRCDPX | CLEAT_CTRL_RFCE | CLEAT_CTRL_TFCE |
			       CLEAT_CTRL_PHY_RST | CLEAT_CTRL_VME | CLEAT_CTRL_GIO_DISABLE;
	uint32_t ctrl = cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL), ext;

	ctrl = (ctrl & ~clear) | CLEAT_CTRL_SLU | CLEAT_CTRL_ASDE;
	if (nic->port.offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP)
		ctrl |= CLEAT_CTRL_VME;
	if (cleat_em_model(nic) == CLEAT_EM_82574) {
		ctrl &= ~CLEAT_EM_CTRL_CLEAR_82574;
		ext = cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL_EXT);
		ext = (ext & ~CLEAT_EM_CTRL_EXT_CLEAR_82574) | CLEAT_EM_CTRL_EXT_SET_82574;
		cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL_EXT, ext | CLEAT_CTRL_EXT_DRV_LOAD);
	}
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL, ctrl);
}

static void no_flow_control(const struct cleat_intel_mac *mac)
{
	cleat_intel_write(mac, CLEAT_INTEL_FCAL, 0);
	cleat_intel_write(mac, CLEAT_INTEL_FCAH, 0);
	cleat_intel_write(mac, CLEAT_INTEL_FCT, 0);
	cleat_intel_write(mac, CLEAT_INTEL_FCTTV, 0);
}

/* SDM 14.4: no delays, each descriptor is written back when it is done. */
static void set_receive(struct cleat_intel_nic *nic)
{
	const struct cleat_intel_mac *mac = &nic->mac;
	uint32_t checksum = 0;

	if (nic->port.offloads & CLEAT_OFFLOAD_RX_CHECKSUM)
		checksum = CLEAT_RXCSUM_IP | CLEAT_RXCSUM_L4;
	cleat_intel_write(mac, CLEAT_INTEL_RXCSUM, checksum);
	cleat_intel_write(mac, CLEAT_EM_RDTR, 0);
	cleat_intel_write(mac, CLEAT_EM_RADV, 0);
	cleat_intel_write(mac, CLEAT_INTEL_ITR, 0);
	cleat_intel_write(mac, CLEAT_EM_RXDCTL, CLEAT_EM_DCTL_GRAN | 1U << 16);
	if (cleat_em_model(nic) == CLEAT_EM_82574)
		cleat_intel_write(mac, CLEAT_EM_RFCTL, 0);
}

/* SDM 14.5 */
static void set_transmit(struct cleat_intel_nic *nic)
{
	const struct cleat_intel_mac *mac = &nic->mac;
	uint32_t txdctl = CLEAT_EM_DCTL_GRAN | CLEAT_EM_TXDCTL_WTHRESH_1;

	if (cleat_em_model(nic) == CLEAT_EM_82574)
		txdctl |= CLEAT_EM_TXDCTL_82574;
	cleat_intel_write(mac, CLEAT_INTEL_TIPG, CLEAT_TIPG_COPPER);
	cleat_intel_write(mac, CLEAT_EM_TIDV, 0);
	cleat_intel_write(mac, CLEAT_EM_TADV, 0);
	cleat_intel_write(mac, CLEAT_EM_TXDCTL, txdctl);
}

void cleat_em_set_up(struct cleat_intel_nic *nic)
{
	struct cleat_intel_mac *mac = &nic->mac;
	uint32_t frame = cleat_intel_frame(nic->port.mtu);

	mac->receiving = 0;
	if (cleat_em_model(nic) == CLEAT_EM_82540)
		cleat_intel_write(mac, CLEAT_INTEL_PBA,
			frame > 8192 ? CLEAT_EM_PBA_82540_JUMBO : CLEAT_EM_PBA_82540);
	else
		cleat_intel_write(mac, CLEAT_INTEL_PBA, CLEAT_EM_PBA_82574);
	set_control(nic);
	no_flow_control(mac);
	cleat_intel_write(mac, CLEAT_INTEL_VET, ETHER_VLAN);
	cleat_intel_filters_write(mac);
	set_receive(nic);
	set_transmit(nic);
	(void)cleat_em_set_frame(nic, nic->port.mtu);
}

/* ---- sizes ---- */

uint32_t cleat_em_buf_bytes(uint32_t room)
{
	for (uint32_t size = 16384; size >= 256; size /= 2)
		if (size <= room)
			return size;
	return 0;
}

/* SDM 13.4.22: 2048, 1024, 512, 256 are 0 to 3; with BSEX 16384, 8192, 4096 are 1 to 3. */
static uint32_t bsize_bits(uint32_t size)
{
	uint32_t code = 0;

	if (size <= 2048) {
		for (; size < 2048; size *= 2)
			code++;
		return CLEAT_RCTL_BSIZE(code);
	}
	for (code = 1; size < 16384; size *= 2)
		code++;
	return CLEAT_RCTL_BSIZE(code) | CLEAT_RCTL_BSEX;
}

int cleat_em_set_frame(struct cleat_intel_nic *nic, uint32_t mtu)
{
	uint32_t size = cleat_em_buf_bytes(nic->rings[CLEAT_RX][0].buf_bytes);

	nic->mac.rctl = size != 0 ? bsize_bits(size) : 0;
	if (mtu > 1500)
		nic->mac.rctl |= CLEAT_RCTL_LPE;
	cleat_intel_rctl_write(&nic->mac);
	return 0;
}
