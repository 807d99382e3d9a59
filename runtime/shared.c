/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shared.c - where the shared area is in this process, and which line is this thread's.
 */
#include "runtime/shared.h"

struct cleat_shared_shm *cleat_shared;

/* Of all threads that are not registered. */
static struct cleat_thread_shm nobody;

__thread struct cleat_thread_shm *cleat_self = &nobody;
__thread uint16_t cleat_self_thread = CLEAT_THREAD_NONE;
uint16_t cleat_self_slot = CLEAT_SLOT_NONE;

void cleat_self_use(uint16_t thread)
{
	if (thread >= CLEAT_MAX_THREADS) {
		cleat_self = &nobody;
		cleat_self_thread = CLEAT_THREAD_NONE;
		return;
	}
	cleat_self = &cleat_shared->threads[thread];
	cleat_self_thread = thread;
}
