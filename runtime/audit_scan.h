/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit_scan.h - one look at everything that can hold mbufs; the eyes of audit.h and sweep.h.
 */
#ifndef CLEAT_RUNTIME_AUDIT_SCAN_H
#define CLEAT_RUNTIME_AUDIT_SCAN_H

#include "runtime/mempool.h"
#include "runtime/thread_set.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a pass noted about one mbuf. */
#define CLEAT_SCAN_FOUND      0x1U /* in a ring or a cache */
#define CLEAT_SCAN_TWICE      0x2U /* in two places */
#define CLEAT_SCAN_HELD	      0x4U /* a living clone names it as parent */
#define CLEAT_SCAN_SUSPICIOUS 0x8U /* in every pass so far, with the same word */
#define CLEAT_SCAN_DUPLICATE  0x10U

struct cleat_scan_pool {
	struct cleat_mempool mp;
	uint8_t *notes;	 /* one per mbuf */
	uint64_t *words; /* owner (and ref, if SHARED) at the first pass */
};

struct cleat_scan {
	unsigned n;
	unsigned passes;
	struct cleat_scan_pool pools[CLEAT_MAX_POOLS];
};

/** All pools of the registry. @p notes: memory for passes, too. @return 0, -ENOMEM */
int cleat_scan_open(struct cleat_scan *scan, int notes);
void cleat_scan_close(struct cleat_scan *scan);

/** Leave out pools that are gone, or others now, since cleat_scan_open(). */
void cleat_scan_drop_changed(struct cleat_scan *scan);

/** The pool and mbuf that a handle names; NULL if it names none. @p index may be NULL */
struct cleat_scan_pool *cleat_scan_find(
	struct cleat_scan *scan, cleat_handle handle, uint32_t *index);

/** One pass: look into rings, caches, owner words, in this order. */
void cleat_scan_pass(struct cleat_scan *scan);

/** Is mbuf @p index in no place its word names, in all passes and still with the same word? */
int cleat_scan_is_lost(const struct cleat_scan_pool *pool, uint32_t index);
int cleat_scan_is_duplicate(const struct cleat_scan_pool *pool, uint32_t index);

/** Threads that cannot be inside an operation: of no process, or of a dead one. */
void cleat_scan_gone(struct cleat_thread_set *gone);

/** Does some process run this queue by the claim of the id? @param id as in owner words */
int cleat_scan_queue_owner(uint16_t id, uint16_t *slot);

#ifdef __cplusplus
}
#endif

#endif
