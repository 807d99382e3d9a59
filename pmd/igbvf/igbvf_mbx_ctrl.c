/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * igbvf_mbx_ctrl.c - questions to the physical function.
 *
 *   we: take the memory (VFU) → write the words → REQ       it: ACK, writes the answer, STS
 *   we: take the memory → read the words → ACK
 */
#include <errno.h>
#include <unistd.h>

#include "pmd/igbvf/igbvf.h"
#include "runtime/clock.h"

#define STEP_US	  200U
#define LOCK_US	  100000U
#define ANSWER_US 500000U /* the other driver works on it in its own time */
#define KEPT	  (CLEAT_MAILBOX_PFSTS | CLEAT_MAILBOX_PFACK | CLEAT_MAILBOX_RSTD)

uint32_t cleat_igbvf_mailbox(struct cleat_igbvf *vf, uint32_t forget)
{
	uint32_t now = cleat_intel_read(&vf->nic.mac, CLEAT_IGBVF_MAILBOX);

	if (now == CLEAT_MMIO_GONE)
		return now;
	now |= vf->mailbox;
	vf->mailbox = now & KEPT & ~forget;
	return now;
}

static int wait_bit(struct cleat_igbvf *vf, uint32_t bit, unsigned most_us)
{
	uint64_t end_us = cleat_now_us() + most_us;

	for (;;) {
		int late = cleat_now_us() >= end_us; /* looked at once more afterwards */
		uint32_t now = cleat_igbvf_mailbox(vf, bit);

		if (now == CLEAT_MMIO_GONE)
			return cleat_err(-ENODEV, "%s: the device is gone", vf->nic.port.name);
		if (now & bit)
			return 0;
		if (late)
			return -ETIMEDOUT;
		(void)usleep(STEP_US);
	}
}

static int take_memory(struct cleat_igbvf *vf)
{
	uint64_t end_us = cleat_now_us() + LOCK_US;

	do {
		cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_MAILBOX, CLEAT_MAILBOX_VFU);
		if (cleat_igbvf_mailbox(vf, 0) & CLEAT_MAILBOX_VFU)
			return 0;
		(void)usleep(STEP_US);
	} while (cleat_now_us() < end_us);
	return -ETIMEDOUT;
}

static int say(struct cleat_igbvf *vf, const uint32_t *words, unsigned n)
{
	int ret = take_memory(vf);

	if (ret < 0)
		return ret;
	(void)cleat_igbvf_mailbox(vf, CLEAT_MAILBOX_PFSTS | CLEAT_MAILBOX_PFACK);
	for (unsigned i = 0; i < n; i++)
		cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_MEMORY + 4 * i, words[i]);
	cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_MAILBOX, CLEAT_MAILBOX_REQ);
	return wait_bit(vf, CLEAT_MAILBOX_PFACK, ANSWER_US);
}

static int hear(struct cleat_igbvf *vf, uint32_t *words, unsigned n)
{
	int ret = wait_bit(vf, CLEAT_MAILBOX_PFSTS, ANSWER_US);

	ret = ret < 0 ? ret : take_memory(vf);
	if (ret < 0)
		return ret;
	for (unsigned i = 0; i < n; i++)
		words[i] = cleat_intel_read(&vf->nic.mac, CLEAT_IGBVF_MEMORY + 4 * i);
	cleat_intel_write(&vf->nic.mac, CLEAT_IGBVF_MAILBOX, CLEAT_MAILBOX_ACK);
	return 0;
}

int cleat_igbvf_ask(struct cleat_igbvf *vf, uint32_t *words, unsigned n, const char *what)
{
	uint32_t kind = words[0] & 0xffffU;
	int ret = say(vf, words, n);

	/* what it says unasked is passed over, its answer carries our message's kind */
	for (int i = 0; ret == 0 && i < 4; i++) {
		ret = hear(vf, words, n < 3 ? 3 : n);
		if (ret == 0 && (words[0] & 0xffffU) == kind &&
			(words[0] & (CLEAT_VF_ACK | CLEAT_VF_NACK)))
			break;
	}
	if (ret == -ENODEV)
		return ret;
	if (ret < 0)
		return cleat_err(ret,
			"%s: its physical function (%s) does not answer; is that bound to igb and "
			"up?",
			vf->nic.port.name, vf->nic.pci->physfn);
	if (words[0] & CLEAT_VF_ACK)
		return 0;
	return cleat_err(-EPERM, "%s: its physical function (%s) does not let it %s",
		vf->nic.port.name, vf->nic.pci->physfn, what);
}
