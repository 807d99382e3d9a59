/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grace.h - has every living thread been outside an operation since I looked?
 *
 * Threads bracket each data-path operation with cleat_op_enter()/cleat_op_exit() (shared.h),
 * without a fence. The asker pays instead: membarrier() makes every registered process pass a full
 * fence before the counters are read.
 *
 *   1. change something            (clear a name, note what was found)
 *   2. cleat_grace_begin()
 *   3. cleat_grace_poll() on a timer until it says 1
 *   4. no operation that began before 1 still runs
 *
 * A stopped process (SIGSTOP) inside an operation holds the grace period up; it is never guessed
 * dead.
 */
#ifndef CLEAT_RUNTIME_GRACE_H
#define CLEAT_RUNTIME_GRACE_H

#include "runtime/shared.h"
#include "runtime/thread_set.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_grace {
	uint64_t busy[CLEAT_MAX_THREADS]; /* as they were at the start */
	struct cleat_thread_set waiting;  /* those that were inside */
};

/** Let this process take part; once, before its first operation on shared memory. @return 0 or
 * -ENOSYS on kernels without membarrier (before 4.16). */
int cleat_grace_register(void);

/** Start a grace period over all threads of cleat_shared. @return 0 or negative errno */
int cleat_grace_begin(struct cleat_grace *grace);

/**
 * @param gone  threads not to wait for: dead (proved) or not in use; NULL: none
 * @return      1: over; 0: some thread is still inside its operation
 */
int cleat_grace_poll(struct cleat_grace *grace, const struct cleat_thread_set *gone);

#ifdef __cplusplus
}
#endif

#endif
