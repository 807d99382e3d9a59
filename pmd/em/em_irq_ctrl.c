/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * em_irq_ctrl.c - link changes and received packets.
 *
 * One vector: the cause register tells, and reading it clears it. The receive causes are held back
 * until a worker asks for them again. Two (82574 by MSI-X): vector 0 is the link's, vector 1 the
 * receive queue's; its message clears and masks its own cause. MSI-X with one (igb_uio): as with
 * one vector, but the causes are MSI-X's, and come only if IVAR gives them that vector.
 */
#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"

#define RX_CAUSES (CLEAT_ICR_RXT | CLEAT_ICR_RXO | CLEAT_ICR_RXDMT)

static uint32_t rx_causes(const struct cleat_intel_nic *nic)
{
	return nic->irq.msix ? CLEAT_EM_ICR_RXQ0 : RX_CAUSES;
}

void cleat_em_on_interrupt(void *arg)
{
	struct cleat_intel_nic *nic = (struct cleat_intel_nic *)arg;
	uint32_t causes = cleat_intel_read(&nic->mac, CLEAT_INTEL_ICR);

	if (causes != CLEAT_MMIO_GONE) {
		if (cleat_em_model(nic) == CLEAT_EM_82574) /* reading may not clear it */
			cleat_intel_write(&nic->mac, CLEAT_INTEL_ICR, causes);
		if (causes & rx_causes(nic) && !cleat_nic_irq_is_own(&nic->irq, 0)) {
			cleat_intel_write(&nic->mac, CLEAT_INTEL_IMC, rx_causes(nic));
			cleat_intel_flush(&nic->mac); /* before looking who waits */
			cleat_nic_irq_wake(&nic->irq, &nic->port);
		}
		if (causes & CLEAT_ICR_LSC)
			cleat_intel_link_check(&nic->mac);
	}
	(void)cleat_nic_irq_ack(&nic->irq); /* -EIO: gone; the bus takes it away */
	if (causes != CLEAT_MMIO_GONE && nic->running && nic->irq.msix)
		cleat_intel_write(&nic->mac, CLEAT_INTEL_IMS, CLEAT_ICR_LSC | CLEAT_EM_ICR_OTHER);
}

void cleat_em_irq_mask(struct cleat_intel_nic *nic)
{
	cleat_intel_write(&nic->mac, CLEAT_INTEL_IMC, ~0U);
}

static void enable_msix(struct cleat_intel_nic *nic)
{
	uint32_t ext = cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL_EXT);
	uint32_t vector = cleat_nic_irq_is_own(&nic->irq, 0) ? 1 : 0;
	uint32_t by_itself = vector != 0 ? CLEAT_EM_ICR_RXQ0 : 0; /* else the handler reads it */

	cleat_intel_write(
		&nic->mac, CLEAT_EM_IVAR, CLEAT_EM_IVAR_RX0(vector) | CLEAT_EM_IVAR_OTHER(0));
	cleat_intel_write(&nic->mac, CLEAT_EM_EIAC, by_itself);
	cleat_intel_write(&nic->mac, CLEAT_EM_IAM, by_itself);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL_EXT,
		ext | CLEAT_CTRL_EXT_EIAME | CLEAT_CTRL_EXT_PBA_CLR);
}

void cleat_em_irq_enable(struct cleat_intel_nic *nic)
{
	uint32_t causes = CLEAT_ICR_LSC;

	if (nic->irq.wired == 0)
		return;
	if (nic->irq.msix) {
		enable_msix(nic);
		causes |= CLEAT_EM_ICR_OTHER;
	}
	cleat_intel_write(&nic->mac, CLEAT_INTEL_IMS, causes);
	cleat_intel_flush(&nic->mac);
}

void cleat_em_irq_arm(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm)
{
	(void)queue;
	*arm = (struct cleat_nic_arm){ .on = NULL };
	if (!cleat_nic_irq_can_wake(&nic->irq, 0))
		return;
	arm->on = cleat_mmio_reg(nic->mac.bar, CLEAT_INTEL_IMS);
	arm->off = cleat_mmio_reg(nic->mac.bar, CLEAT_INTEL_IMC);
	arm->bits = rx_causes(nic);
}
