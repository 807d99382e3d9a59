/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * em_irq_ctrl.c - link changes and received packets.
 *
 * One vector (82540EM; 82574 unless MSI-X is there): the cause register tells, and reading it
 * clears it. The receive causes are held back until a worker asks for them again. MSI-X (82574):
 * vector 0 is the link's, vector 1 the receive queue's; its message clears and masks its own cause.
 */
#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"

#define RX_CAUSES (CLEAT_ICR_RXT | CLEAT_ICR_RXO | CLEAT_ICR_RXDMT)

static void on_interrupt(void *arg)
{
	struct cleat_em *em = (struct cleat_em *)arg;
	uint32_t causes = cleat_intel_read(&em->mac, CLEAT_INTEL_ICR);

	if (causes != CLEAT_MMIO_GONE) {
		if (em->model == CLEAT_EM_82574) /* reading may not clear it */
			cleat_intel_write(&em->mac, CLEAT_INTEL_ICR, causes);
		if (causes & RX_CAUSES && !cleat_nic_irq_is_own(&em->irq, 0)) {
			cleat_intel_write(&em->mac, CLEAT_INTEL_IMC, RX_CAUSES);
			cleat_intel_flush(&em->mac); /* before looking who waits */
			cleat_nic_irq_wake(&em->irq, &em->port);
		}
		if (causes & CLEAT_ICR_LSC)
			cleat_intel_link_check(&em->mac);
	}
	(void)cleat_nic_irq_ack(&em->irq); /* -EIO: gone; the bus takes it away */
	if (causes != CLEAT_MMIO_GONE && em->running && em->irq.wired > 1)
		cleat_intel_write(&em->mac, CLEAT_INTEL_IMS, CLEAT_ICR_LSC | CLEAT_EM_ICR_OTHER);
}

int cleat_em_irq_open(struct cleat_em *em)
{
	/* QEMU's 82540EM and the real one have a single interrupt line */
	return cleat_nic_irq_open(&em->irq, em->pci, em->mac.services, 1, on_interrupt, em);
}

void cleat_em_irq_close(struct cleat_em *em)
{
	cleat_intel_write(&em->mac, CLEAT_INTEL_IMC, ~0U);
	cleat_nic_irq_close(&em->irq);
}

static void enable_msix(struct cleat_em *em)
{
	uint32_t ext = cleat_intel_read(&em->mac, CLEAT_INTEL_CTRL_EXT);

	cleat_intel_write(&em->mac, CLEAT_EM_IVAR, CLEAT_EM_IVAR_RX0(1) | CLEAT_EM_IVAR_OTHER(0));
	cleat_intel_write(&em->mac, CLEAT_EM_EIAC, CLEAT_EM_ICR_RXQ0);
	cleat_intel_write(&em->mac, CLEAT_EM_IAM, CLEAT_EM_ICR_RXQ0);
	cleat_intel_write(&em->mac, CLEAT_INTEL_CTRL_EXT,
		ext | CLEAT_CTRL_EXT_EIAME | CLEAT_CTRL_EXT_PBA_CLR);
}

void cleat_em_irq_enable(struct cleat_em *em)
{
	uint32_t causes = CLEAT_ICR_LSC;

	if (em->irq.wired == 0)
		return;
	if (em->irq.wired > 1) {
		enable_msix(em);
		causes |= CLEAT_EM_ICR_OTHER;
	}
	cleat_intel_write(&em->mac, CLEAT_INTEL_IMS, causes);
	cleat_intel_flush(&em->mac);
}

void cleat_em_irq_arm(struct cleat_em *em, struct cleat_nic_arm *arm)
{
	*arm = (struct cleat_nic_arm){ .on = NULL };
	if (!cleat_nic_irq_can_wake(&em->irq, 0))
		return;
	arm->on = cleat_mmio_reg(em->mac.bar, CLEAT_INTEL_IMS);
	arm->off = cleat_mmio_reg(em->mac.bar, CLEAT_INTEL_IMC);
	arm->bits = cleat_nic_irq_is_own(&em->irq, 0) ? CLEAT_EM_ICR_RXQ0 : RX_CAUSES;
}
