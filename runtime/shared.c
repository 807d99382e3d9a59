/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shared.c - where the shared area is in this process, and which line is this thread's.
 */
#include "runtime/shared.h"

struct cleat_shared_shm *cleat_shared;

/* Of all threads that are not registered. */
static struct cleat_thread_shm nobody;

__thread struct cleat_self cleat_self = {
	.line = &nobody,
	.tag = CLEAT_THREAD_TAG(CLEAT_THREAD_NONE),
	.mine = CLEAT_ID_TAG(CLEAT_SLOT_NONE) | CLEAT_THREAD_TAG(CLEAT_THREAD_NONE),
	.thread = CLEAT_THREAD_NONE,
};
uint16_t cleat_self_slot = CLEAT_SLOT_NONE;

void cleat_self_use(uint16_t thread)
{
	int none = thread >= CLEAT_MAX_THREADS;

	cleat_self.line = none ? &nobody : &cleat_shared->threads[thread];
	cleat_self.thread = none ? CLEAT_THREAD_NONE : thread;
	cleat_self.tag = CLEAT_THREAD_TAG(cleat_self.thread);
	cleat_self.mine = CLEAT_ID_TAG(cleat_self_slot) | cleat_self.tag;
}
