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

void cleat_igb_on_interrupt(void *arg)
{
	struct cleat_intel_nic *nic = (struct cleat_intel_nic *)arg;
	uint32_t causes = cleat_intel_read(&nic->mac, CLEAT_INTEL_ICR);

	if (causes != CLEAT_MMIO_GONE) {
		if (nic->irq.wired == 1 && (causes & CLEAT_ICR_RXT)) {
			cleat_intel_write(&nic->mac, CLEAT_INTEL_IMC, CLEAT_ICR_RXT);
			cleat_intel_flush(&nic->mac); /* before looking who waits */
			cleat_nic_irq_wake(&nic->irq, &nic->port);
		}
		if (causes & CLEAT_ICR_LSC)
			cleat_intel_link_check(&nic->mac);
	}
	(void)cleat_nic_irq_ack(&nic->irq); /* -EIO: gone; the bus takes it away */
	if (causes != CLEAT_MMIO_GONE && nic->running && nic->irq.wired > 1)
		cleat_intel_write(&nic->mac, CLEAT_IGB_EIMS, 1);
}

void cleat_igb_irq_mask(struct cleat_intel_nic *nic)
{
	cleat_intel_write(&nic->mac, CLEAT_IGB_EIMC, ~0U);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_IMC, ~0U);
}

/* Receive queues q and q + 8 share a register: bytes 0 and 2. */
static void map_queue(struct cleat_intel_nic *nic, unsigned queue, uint32_t vector)
{
	uint32_t reg = CLEAT_IGB_IVAR(queue), shift = queue < 8 ? 0 : 16;
	uint32_t value = cleat_intel_read(&nic->mac, reg) & ~(0xffU << shift);

	cleat_intel_write(&nic->mac, reg, value | (CLEAT_IVAR_VALID | vector) << shift);
	cleat_intel_write(&nic->mac, CLEAT_IGB_EITR(vector), 0);
}

static void enable_msix(struct cleat_intel_nic *nic)
{
	uint32_t rx = 0;

	cleat_intel_write(&nic->mac, CLEAT_IGB_GPIE,
		CLEAT_GPIE_NSICR | CLEAT_GPIE_MSIX | CLEAT_GPIE_EIAME | CLEAT_GPIE_PBA);
	for (unsigned q = 0; q < nic->queues[CLEAT_RX]; q++) {
		if (!cleat_nic_irq_is_own(&nic->irq, q))
			continue;
		map_queue(nic, q, 1 + q);
		rx |= 2U << q;
	}
	cleat_intel_write(&nic->mac, CLEAT_IGB_IVAR_MISC, CLEAT_IVAR_VALID << 8);
	cleat_intel_write(&nic->mac, CLEAT_IGB_EIAC, rx | 1);
	cleat_intel_write(&nic->mac, CLEAT_IGB_EIAM, rx);
	cleat_intel_write(&nic->mac, CLEAT_IGB_EIMS, 1);
}

void cleat_igb_irq_enable(struct cleat_intel_nic *nic)
{
	if (nic->irq.wired == 0)
		return;
	if (nic->irq.wired > 1)
		enable_msix(nic);
	else
		for (unsigned q = 0; q < nic->queues[CLEAT_RX]; q++)
			map_queue(nic, q, 0);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_IMS, CLEAT_ICR_LSC);
	cleat_intel_flush(&nic->mac);
}

void cleat_igb_irq_arm(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm)
{
	int own = cleat_nic_irq_is_own(&nic->irq, queue);

	*arm = (struct cleat_nic_arm){ .on = NULL };
	if (!cleat_nic_irq_can_wake(&nic->irq, queue))
		return;
	arm->on = cleat_mmio_reg(nic->mac.bar, own ? CLEAT_IGB_EIMS : CLEAT_INTEL_IMS);
	if (own || nic->queues[CLEAT_RX] == 1)
		arm->off = cleat_mmio_reg(nic->mac.bar, own ? CLEAT_IGB_EIMC : CLEAT_INTEL_IMC);
	arm->bits = own ? 2U << queue : CLEAT_ICR_RXT;
}
