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
__thread uint64_t cleat_self_tag = CLEAT_THREAD_TAG(CLEAT_THREAD_NONE);
uint16_t cleat_self_slot = CLEAT_SLOT_NONE;

void cleat_self_use(uint16_t thread)
{
	int none = thread >= CLEAT_MAX_THREADS;

	cleat_self = none ? &nobody : &cleat_shared->threads[thread];
	cleat_self_thread = none ? CLEAT_THREAD_NONE : thread;
	cleat_self_tag = CLEAT_THREAD_TAG(cleat_self_thread);
}
