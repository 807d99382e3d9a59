/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pmd/doorbell_help.h"

#include <check.h>
#include <string.h>

#include "runtime/port.h"
#include "tests/runtime/step_help.h"

#define MOST 8 /* bytes of a register */

static const unsigned char UNTOUCHED[MOST] = { 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee };

/* The child's thread is known to liburcu when it starts: making it known takes long by steps. */
static void warm_up(void)
{
	struct cleat_mbuf *m;

	(void)cleat_rx_burst(0, CLEAT_MAX_QUEUES - 1, &m, 1);
}

unsigned doorbell_writes(void (*burst)(void), volatile void *reg, unsigned bytes)
{
	unsigned char *at = (unsigned char *)(uintptr_t)reg, last[MOST];
	unsigned n = 0;
	pid_t pid;

	ck_assert_uint_le(bytes, MOST);
	warm_up();
	memcpy(last, at, bytes);
	memcpy(at, UNTOUCHED, bytes);
	pid = step_help_start(burst, DOORBELL_SLOT);
	do {
		if (memcmp(at, UNTOUCHED, bytes) == 0)
			continue;
		n++;
		memcpy(last, at, bytes);
		memcpy(at, UNTOUCHED, bytes);
	} while (step_help_step(pid));
	step_help_end(pid);
	memcpy(at, last, bytes);
	return n;
}
