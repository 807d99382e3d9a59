/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_ref.h - how many hold an mbuf's data: its direct holder and its clones.
 *
 * ref word: count 16 | thread + 1 of the last change 16 | that thread's number of the change 32.
 * The count is never below 1: whoever finds 1 is the only holder, and frees without a change.
 *
 * A change is announced in the thread's line (shared.h) before it is made: ref = parent << 32 |
 * number, ref_clone = clone << 8 | operation. Before a thread overwrites another's tag it stores
 * the number into that thread's ref_done ("helps"). So after a death it can be told whether an
 * announced change took effect: its tag is in the word, or ref_done has reached its number.
 *
 *   operation  steps after the announcement          the reaper, if the announcement still stands
 *   ATTACH     count + 1; clone names parent         took effect: make the clone a clone
 *   DETACH     count - 1; clone forgets parent       took effect: make it forget
 *   ADOPT      (count is 1, owner SHARED)
 *              parent's owner = PROCESS; forget      do the same again
 *   DROP       parent's owner = SHARED; count - 1,   owner SHARED and no effect: do the rest
 *              or if it is 1: owner = PROCESS again
 *
 * What a thread gives up says PROCESS before it is announced: a clone (ATTACH: it is fresh; DETACH:
 * one that was sent said QUEUE), or the mbuf of a DROP. The reaper touches no clone that does not
 * say PROCESS(dead).
 *
 * Each ends with parent = 0 in `ref`; the number stays, and goes on when the line gets another
 * thread: lines are never zeroed. After the reaper, everything the dead held says PROCESS(dead),
 * and can be freed as usual.
 */
#ifndef CLEAT_RUNTIME_MBUF_REF_H
#define CLEAT_RUNTIME_MBUF_REF_H

#include "runtime/mbuf.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_ref_op {
	CLEAT_REF_ATTACH = 1,
	CLEAT_REF_DETACH = 2,
	CLEAT_REF_ADOPT = 3,
	CLEAT_REF_DROP = 4,
};

#define CLEAT_REF_MAX 0xffffU

/* The word of an mbuf that only its holder holds. */
#define CLEAT_REF_ONE (1ULL << 48)

cleat_inline uint32_t cleat_ref_count(uint64_t word)
{
	return (uint32_t)(word >> 48);
}

cleat_inline uint32_t cleat_mbuf_refcnt(const struct cleat_mbuf *m)
{
	/* partner: the CAS of whoever held it too: it no longer reads the data */
	return cleat_ref_count(cleat_load_acquire(&m->ref));
}

/* Nobody else has to do with it: neither clone nor parent. */
cleat_inline int cleat_mbuf_is_plain(const struct cleat_mbuf *m)
{
	return !m->clone && cleat_mbuf_refcnt(m) == 1;
}

/* All inside an operation. */

/** Make @p clone, a fresh mbuf of the caller, a clone of @p parent. @return 0, -EOVERFLOW */
int cleat_ref_attach(struct cleat_mbuf *parent, struct cleat_mbuf *clone);

/** Make @p clone, whose parent is @p parent, a plain mbuf again. @return the parent if the caller
 * now is its only holder, and must free it; else NULL */
struct cleat_mbuf *cleat_ref_detach(struct cleat_mbuf *parent, struct cleat_mbuf *clone);

/** The direct holder gives @p m up. @return 1: nobody else holds it, the caller frees it; 0: done
 */
int cleat_ref_drop(struct cleat_mbuf *m);

/** Is it an mbuf? Handles in a dead thread's line are not trusted. */
typedef struct cleat_mbuf *(*cleat_ref_check)(void *arg, cleat_handle handle);

/** Finish what dead thread @p thread of the process in @p slot had announced. Primary only. */
void cleat_ref_resolve(uint16_t thread, uint16_t slot, cleat_ref_check check, void *arg);

/** Set the count to 1, whatever it was: for an mbuf that is proved to be held by nobody. */
void cleat_ref_force_one(struct cleat_mbuf *m);

#ifdef __cplusplus
}
#endif

#endif
