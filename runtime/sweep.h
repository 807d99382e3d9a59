/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep.h - after a death: every mbuf the dead process had goes back to its pool. Primary only, one
 * thread, registered (thread 0).
 *
 *   RECOVER   announced ring claims → tombstones; announced reference changes → finished.
 *             -EAGAIN inside → again at the next step
 *   RECLAIM   caches of its threads, owner PROCESS(dead), queues nobody runs any more → pool
 *   AUDIT     what it had on its way is found in passes (audit.h) → pool
 *   DONE      its threads' lines are at rest
 *
 * The caller has proved the death, reset the queues of the process, set its row to DYING, and
 * leaves its thread rows and slot in place until the sweep is done. Any step may be repeated by the
 * next primary if this one dies.
 */
#ifndef CLEAT_RUNTIME_SWEEP_H
#define CLEAT_RUNTIME_SWEEP_H

#include "runtime/mempool.h"
#include "runtime/thread_set.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_sweep;

/** Begin. @param slot of the dead process. @return NULL with a sentence */
struct cleat_sweep *cleat_sweep_new(uint16_t slot);

/**
 * Do the next step; short enough for an event loop.
 *
 * @return  1: done; 0: call again, in a millisecond or so; negative errno: it cannot go on
 */
int cleat_sweep_step(struct cleat_sweep *s);

/** How many mbufs went back so far. */
uint64_t cleat_sweep_count(const struct cleat_sweep *s);

/** After RECLAIM: all but what was on its way is back. */
int cleat_sweep_reclaimed(const struct cleat_sweep *s);

void cleat_sweep_free(struct cleat_sweep *s);

/** Steps until done. @return mbufs that went back; -ETIMEDOUT; negative errno */
int64_t cleat_sweep_run(uint16_t slot, unsigned timeout_ms);

/**
 * Take back what lies in a device's queue: everything whose owner word is @p owner_id of a queue.
 * The device has come to rest, and the process that had the queue is out of it.
 * @return  how many mbufs; -ENOMEM
 */
int cleat_sweep_queue(uint16_t owner_id);

/**
 * Take everything out of a ring that nobody uses any more, mbufs to their pools.
 * @return  how many mbufs; handles that are none are dropped
 */
uint32_t cleat_sweep_ring(struct cleat_ring *r);

#ifdef __cplusplus
}
#endif

#endif
