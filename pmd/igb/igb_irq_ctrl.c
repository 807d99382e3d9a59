/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igb_irq_ctrl.c - link changes and received packets (82576 datasheet 7.3, 8.8).
 *
 * MSI-X: vector 0 is the link's, 1 + q receive queue q's; a message clears and masks its own cause,
 * and the queue's owner lets it come again. One vector: the cause register tells. It is held back
 * by the control side alone, which then wakes whoever waits: an owner that did it would leave the
 * others asleep.
 */
#include "pmd/igb/igb.h"

static void on_interrupt(void *arg)
{
	struct cleat_igb *igb = (struct cleat_igb *)arg;
	uint32_t causes = cleat_intel_read(&igb->mac, CLEAT_INTEL_ICR);

	if (causes != CLEAT_MMIO_GONE) {
		if (igb->irq.wired == 1 && (causes & CLEAT_ICR_RXT)) {
			cleat_intel_write(&igb->mac, CLEAT_INTEL_IMC, CLEAT_ICR_RXT);
			cleat_intel_flush(&igb->mac); /* before looking who waits */
			cleat_nic_irq_wake(&igb->irq, &igb->port);
		}
		if (causes & CLEAT_ICR_LSC)
			cleat_intel_link_check(&igb->mac);
	}
	(void)cleat_nic_irq_ack(&igb->irq); /* -EIO: gone; the bus takes it away */
	if (causes != CLEAT_MMIO_GONE && igb->running && igb->irq.wired > 1)
		cleat_intel_write(&igb->mac, CLEAT_IGB_EIMS, 1);
}

int cleat_igb_irq_open(struct cleat_igb *igb)
{
	return cleat_nic_irq_open(
		&igb->irq, igb->pci, igb->mac.services, igb->queues[CLEAT_RX], on_interrupt, igb);
}

void cleat_igb_irq_close(struct cleat_igb *igb)
{
	cleat_intel_write(&igb->mac, CLEAT_IGB_EIMC, ~0U);
	cleat_intel_write(&igb->mac, CLEAT_INTEL_IMC, ~0U);
	cleat_nic_irq_close(&igb->irq);
}

/* Receive queues q and q + 8 share a register: bytes 0 and 2. */
static void map_queue(struct cleat_igb *igb, unsigned queue, uint32_t vector)
{
	uint32_t reg = CLEAT_IGB_IVAR(queue), shift = queue < 8 ? 0 : 16;
	uint32_t value = cleat_intel_read(&igb->mac, reg) & ~(0xffU << shift);

	cleat_intel_write(&igb->mac, reg, value | (CLEAT_IVAR_VALID | vector) << shift);
	cleat_intel_write(&igb->mac, CLEAT_IGB_EITR(vector), 0);
}

static void enable_msix(struct cleat_igb *igb)
{
	uint32_t rx = 0;

	cleat_intel_write(&igb->mac, CLEAT_IGB_GPIE,
		CLEAT_GPIE_NSICR | CLEAT_GPIE_MSIX | CLEAT_GPIE_EIAME | CLEAT_GPIE_PBA);
	for (unsigned q = 0; q < igb->queues[CLEAT_RX]; q++) {
		if (!cleat_nic_irq_is_own(&igb->irq, q))
			continue;
		map_queue(igb, q, 1 + q);
		rx |= 2U << q;
	}
	cleat_intel_write(&igb->mac, CLEAT_IGB_IVAR_MISC, CLEAT_IVAR_VALID << 8);
	cleat_intel_write(&igb->mac, CLEAT_IGB_EIAC, rx | 1);
	cleat_intel_write(&igb->mac, CLEAT_IGB_EIAM, rx);
	cleat_intel_write(&igb->mac, CLEAT_IGB_EIMS, 1);
}

void cleat_igb_irq_enable(struct cleat_igb *igb)
{
	if (igb->irq.wired == 0)
		return;
	if (igb->irq.wired > 1)
		enable_msix(igb);
	else
		for (unsigned q = 0; q < igb->queues[CLEAT_RX]; q++)
			map_queue(igb, q, 0);
	cleat_intel_write(&igb->mac, CLEAT_INTEL_IMS, CLEAT_ICR_LSC);
	cleat_intel_flush(&igb->mac);
}

void cleat_igb_irq_arm(struct cleat_igb *igb, unsigned queue, struct cleat_nic_arm *arm)
{
	int own = cleat_nic_irq_is_own(&igb->irq, queue);

	*arm = (struct cleat_nic_arm){ .on = NULL };
	if (!cleat_nic_irq_can_wake(&igb->irq, queue))
		return;
	arm->on = cleat_mmio_reg(igb->mac.bar, own ? CLEAT_IGB_EIMS : CLEAT_INTEL_IMS);
	if (own || igb->queues[CLEAT_RX] == 1)
		arm->off = cleat_mmio_reg(igb->mac.bar, own ? CLEAT_IGB_EIMC : CLEAT_INTEL_IMC);
	arm->bits = own ? 2U << queue : CLEAT_ICR_RXT;
}
