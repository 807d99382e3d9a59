/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * shared.h - the small area that every secondary may write: its threads' lines.
 *
 * Each line is written by the one thread it belongs to. The primary and observers read it as
 * untrusted: copy, check bounds, then use.
 */
#ifndef CLEAT_RUNTIME_SHARED_H
#define CLEAT_RUNTIME_SHARED_H

#include "runtime/arch.h"
#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * What a thread is in the middle of.
 *
 *   busy    even: outside any operation; odd: inside one. It goes up by one at each entry and exit.
 *   intent  0: none; else the claim on an MPMC ring's head, announced before it is made
 *           (ring_mpmc.h)
 *   ref     0: none; else the change of a reference count, announced before it is made
 *           (mbuf_ref.h)
 */
struct cleat_thread_shm {
	uint64_t busy;
	uint64_t intent;
	uint64_t ref;	    /* announced: parent handle << 32 | announced number */
	uint64_t ref_clone; /* handle of the clone concerned << 8 | operation */
	uint64_t loops;	    /* once per loop of a pipeline: heartbeat */
	uint64_t reserved[11];
	/* second pair of lines: written by other threads that help (mbuf_ref.h) */
	uint64_t ref_done;
	uint64_t reserved2[15];
} cleat_aligned(CLEAT_FALSE_SHARING);
static_assert(sizeof(struct cleat_thread_shm) == 256, "shared ABI 1");

struct cleat_shared_shm {
	struct cleat_thread_shm threads[CLEAT_MAX_THREADS];
};

/* The shared area in this process; NULL before attach. */
extern struct cleat_shared_shm *cleat_shared;

/* Where owner words (owner.h) have an id and a thread's number: 16 bits, 12 bits. */
#define CLEAT_ID_TAG(id)	 ((uint64_t)(id) << 44)
#define CLEAT_THREAD_TAG(thread) ((uint64_t)((thread)&0xfffU) << 32)

/*
 * The calling thread. Threads that are not registered point at one line of this process and carry
 * CLEAT_THREAD_NONE; they may not touch inter-process rings or pools: what they took would count as
 * lost.
 */
struct cleat_self {
	struct cleat_thread_shm *line;
	uint64_t tag;  /* its number where owner words have it */
	uint64_t mine; /* the same with its process's slot */
	uint16_t thread;
};
extern __thread struct cleat_self cleat_self;
/* Slot of this process; CLEAT_SLOT_NONE before attach. */
extern uint16_t cleat_self_slot;

/** Make the calling thread data-path thread @p thread of cleat_shared; CLEAT_THREAD_NONE: none any
 * more. Borrows cleat_shared until then. Set cleat_self_slot first. */
void cleat_self_use(uint16_t thread);

/*
 * Bracket of one data-path operation. Not nested. The reaper asks: "has every thread been outside
 * an operation since I looked?" (grace.h). It runs membarrier() before it reads `busy`, so the
 * entry needs no fence here: only the compiler must keep the order.
 */
struct cleat_op {
	struct cleat_thread_shm *line;
	uint64_t busy; /* what stands there meanwhile */
};

/** @return for cleat_op_exit() and owner words (owner.h), which so need not look for it */
cleat_inline struct cleat_op cleat_op_enter(void)
{
	struct cleat_thread_shm *line = cleat_self.line;
	uint64_t busy = cleat_load_relaxed(&line->busy) + 1;

	cleat_store_relaxed(&line->busy, busy);
	cleat_fence_compiler();
	return (struct cleat_op){ line, busy };
}

cleat_inline void cleat_op_exit(struct cleat_op op)
{
	/* partner: the acquire load in cleat_grace_poll() */
	cleat_store_release(&op.line->busy, op.busy + 1);
}

#ifdef __cplusplus
}
#endif

#endif
