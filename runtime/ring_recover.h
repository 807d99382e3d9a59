/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_recover.h - what a dead producer left in a ring, made passable. Primary only, one thread.
 *
 * Everything here may run again from the start: if the reaper dies in the middle, the next one does
 * the same once more.
 */
#ifndef CLEAT_RUNTIME_RING_RECOVER_H
#define CLEAT_RUNTIME_RING_RECOVER_H

#include "runtime/ring.h"
#include "runtime/thread_set.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Resolve the intents of dead threads, in whatever rings they name, and clear them.
 *
 * @param dead  threads whose death is proved
 * @return      0: no dead thread has an intent left; -EAGAIN: a living thread is in the middle of
 *              an enqueue that may be to the same slots, try again in a moment
 */
int cleat_ring_recover(const struct cleat_thread_set *dead);

/** The same for one announced claim in one ring: empty slots of the claim become tombstones.
 * @return 0 or -EAGAIN */
int cleat_ring_recover_claim(
	struct cleat_ring *r, uint64_t intent, const struct cleat_thread_set *dead);

/** After the death of an SPSC ring's producer, before the next: head goes past the slots it had
 * stored. The consumer may be at work meanwhile. */
void cleat_ring_recover_producer(struct cleat_ring *r);

#ifdef __cplusplus
}
#endif

#endif
