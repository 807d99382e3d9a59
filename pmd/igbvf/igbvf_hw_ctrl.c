/* SPDX-License-Identifier: BSD-3-Clause */
/* igbvf_hw_ctrl.c - reset, interrupts, and the looks once per second. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pmd/igbvf/igbvf.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define READY_US  200000U
#define STEP_US	  500U
#define RESET_US  1000U
#define MAX_TICKS 32U /* between tries to come back */

/* Or it only does not decode: whoever removes it looks. */
static int gone(const struct cleat_igbvf *vf)
{
	return cleat_err(-ENODEV, "%s: the device is gone", vf->nic.port.name);
}

static int wait_ready(struct cleat_igbvf *vf)
{
	const uint32_t busy = CLEAT_MAILBOX_RSTI | CLEAT_MAILBOX_RSTD;
	uint64_t end_us = cleat_now_us() + READY_US;

	do {
		uint32_t now = cleat_igbvf_mailbox(vf, busy);

		if (now == CLEAT_MMIO_GONE)
			return gone(vf);
		if (!(now & busy))
			return 0;
		(void)usleep(STEP_US);
	} while (cleat_now_us() < end_us);
	return cleat_err(-ETIMEDOUT,
		"%s: its physical function (%s) is being reset, or its interface is not up",
		vf->nic.port.name, vf->nic.pci->physfn);
}

int cleat_igbvf_rest(struct cleat_igbvf *vf)
{
	int rx, tx;

	if (cleat_intel_read(&vf->nic.mac, CLEAT_INTEL_STATUS) == CLEAT_MMIO_GONE)
		return gone(vf);
	cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_EIMC, ~0U);
	rx = cleat_adv_queue_rest(&vf->nic.mac, CLEAT_RX, CLEAT_IGBVF_RX);
	tx = cleat_adv_queue_rest(&vf->nic.mac, CLEAT_TX, CLEAT_IGBVF_TX);
	return rx < 0 ? rx : tx;
}

int cleat_igbvf_leave(struct cleat_igbvf *vf)
{
	int ret = cleat_igbvf_rest(vf);
	uint32_t ctrl = cleat_intel_read(&vf->nic.mac, CLEAT_INTEL_CTRL);

	if (ret < 0)
		return ret;
	if (ctrl == CLEAT_MMIO_GONE)
		return gone(vf);
	cleat_intel_write(&vf->nic.mac, CLEAT_INTEL_CTRL, ctrl | CLEAT_CTRL_RST);
	cleat_intel_flush(&vf->nic.mac);
	(void)usleep(RESET_US);
	return 0;
}

int cleat_igbvf_reset(struct cleat_igbvf *vf)
{
	uint32_t words[3] = { CLEAT_VF_RESET, 0, 0 };
	int ret = cleat_igbvf_leave(vf);

	ret = ret < 0 ? ret : wait_ready(vf);
	ret = ret < 0 ? ret : cleat_igbvf_ask(vf, words, 1, "make itself known");
	if (ret < 0 && ret != -EPERM)
		return ret;
	/* no: it knows us, but has no address for us (Linux's igb, until somebody sets one) */
	if (ret < 0)
		memset(vf->granted, 0, sizeof(vf->granted));
	else
		memcpy(vf->granted, &words[1], 6);
	vf->lost = 0;
	return 0;
}

/* ---- interrupts: vector 0 is the mailbox's, 1 the receive queue's; with one vector that is the
 * receive queue's, and the mailbox is looked at once per second ---- */

void cleat_igbvf_on_interrupt(void *arg)
{
	struct cleat_igbvf *vf = (struct cleat_igbvf *)arg;
	uint32_t causes = cleat_intel_read(&vf->nic.mac, CLEAT_IGBVF_EICR);

	if (causes != CLEAT_MMIO_GONE) {
		if (vf->nic.irq.wired == 1)
			cleat_nic_irq_wake(&vf->nic.irq, &vf->nic.port);
		else
			cleat_igbvf_tick(&vf->nic.port);
	}
	(void)cleat_nic_irq_ack(&vf->nic.irq); /* -EIO: gone; the bus takes it away */
	if (causes != CLEAT_MMIO_GONE && vf->nic.running && vf->nic.irq.wired > 1)
		cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_EIMS, 1);
}

void cleat_igbvf_irq_mask(struct cleat_intel_nic *nic)
{
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_EIMC, ~0U);
}

static uint32_t rx_vector(const struct cleat_intel_nic *nic)
{
	return cleat_nic_irq_is_own(&nic->irq, 0) ? 1 : 0;
}

void cleat_igbvf_irq_enable(struct cleat_intel_nic *nic)
{
	uint32_t vector = rx_vector(nic);

	if (nic->irq.wired == 0)
		return;
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_IVAR, CLEAT_IGBVF_VALID | vector);
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_EITR(vector), 0);
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_EIAM, 1U << vector);
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_EIAC, 1U << vector);
	if (vector == 0)
		return;
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_IVAR_MISC, CLEAT_IGBVF_VALID);
	cleat_intel_write(&nic->mac, CLEAT_IGBVF_EIMS, 1);
}

void cleat_igbvf_irq_arm(struct cleat_intel_nic *nic, unsigned queue, struct cleat_nic_arm *arm)
{
	(void)queue;
	*arm = (struct cleat_nic_arm){ .on = NULL };
	if (!cleat_nic_irq_can_wake(&nic->irq, 0))
		return;
	arm->on = cleat_mmio_reg(nic->mac.bar, CLEAT_IGBVF_EIMS);
	arm->off = cleat_mmio_reg(nic->mac.bar, CLEAT_IGBVF_EIMC);
	arm->bits = 1U << rx_vector(nic);
}

/* ---- once per second, and when the mailbox calls ---- */

static void link_down(struct cleat_igbvf *vf)
{
	cleat_log(CLEAT_LOG_WARNING,
		"%s: its physical function (%s) was reset; queues that are held move again when "
		"they are claimed anew",
		vf->nic.port.name, vf->nic.pci->physfn);
	vf->nic.port.link = (struct cleat_link){ .up = 0 };
	vf->nic.mac.services->link_changed(vf->nic.mac.services->ctx, &vf->nic.port);
}

/* A try takes the primary's only thread for as long as nobody answers: they become rarer. What can
 * be seen without waiting is looked at each time. */
static int is_time(struct cleat_igbvf *vf)
{
	uint32_t now = cleat_igbvf_mailbox(vf, CLEAT_MAILBOX_RSTD);

	if (now == CLEAT_MMIO_GONE)
		return 0;
	if (now & (CLEAT_MAILBOX_RSTI | CLEAT_MAILBOX_RSTD))
		vf->ticks_left = 0; /* it is alive: asked as soon as its reset is over */
	if (now & CLEAT_MAILBOX_RSTI)
		return 0;
	if (vf->ticks_left > 0)
		vf->ticks_left--;
	return vf->ticks_left == 0;
}

static void try_later(struct cleat_igbvf *vf, int why)
{
	if (vf->failed != why)
		cleat_log(CLEAT_LOG_WARNING,
			"%s; it is tried again, less and less often up to every %u s",
			cleat_error(), MAX_TICKS);
	vf->failed = why;
	vf->lost = 1;
	vf->ticks = vf->ticks == 0 ? 1 : 2 * vf->ticks;
	if (vf->ticks > MAX_TICKS)
		vf->ticks = MAX_TICKS;
	vf->ticks_left = vf->ticks;
}

/* With all its settings, or not at all. */
static void come_back(struct cleat_igbvf *vf)
{
	int ret = cleat_igbvf_reset(vf);

	if (ret >= 0) {
		cleat_igbvf_stats_go_on(vf);
		ret = cleat_igbvf_settings(vf);
	}
	if (ret < 0) {
		try_later(vf, ret);
		return;
	}
	cleat_igbvf_irq_enable(&vf->nic);
	cleat_log(CLEAT_LOG_NOTICE, "%s: its physical function is back", vf->nic.port.name);
}

/* An unasked message without CTS says that the physical function has forgotten us. */
static int is_forgotten(struct cleat_igbvf *vf)
{
	uint32_t now = cleat_igbvf_mailbox(
		vf, CLEAT_MAILBOX_PFSTS | CLEAT_MAILBOX_PFACK | CLEAT_MAILBOX_RSTD);
	uint32_t word;

	if (now == CLEAT_MMIO_GONE)
		return 0;
	if (now & (CLEAT_MAILBOX_RSTI | CLEAT_MAILBOX_RSTD))
		return 1;
	if (!(now & CLEAT_MAILBOX_PFSTS))
		return 0;
	word = cleat_intel_read(&vf->nic.mac, CLEAT_IGBVF_MEMORY);
	cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_MAILBOX, CLEAT_MAILBOX_ACK);
	return !(word & CLEAT_VF_CTS);
}

void cleat_igbvf_tick(struct cleat_port_ctrl *port)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	struct cleat_igbvf_stats now;
	/* before asking whether it was reset: then its zeros are not taken for registers that went
	 * round */
	int there = cleat_igbvf_stats_read(vf, &now);

	if (!vf->lost && is_forgotten(vf)) {
		vf->lost = 1;
		vf->failed = 0;
		vf->ticks = vf->ticks_left = 0;
		link_down(vf);
	}
	if (vf->lost) {
		if (is_time(vf))
			come_back(vf);
		return;
	}
	if (there)
		cleat_igbvf_stats_add(vf, &now);
	cleat_intel_link_check(&vf->nic.mac);
}
