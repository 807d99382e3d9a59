/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit.h - where every mbuf of every pool is, counted beside living traffic.
 *
 * One pass looks into all rings, then all caches, then at all owner words. An mbuf is suspicious if
 * its owner word names a place where the pass did not see it: it may be on its way, or lost. By
 * owner.h an mbuf whose word stays the same moves in one direction only, each step within one
 * operation; so after pass, grace, pass, grace, pass, grace (grace.h) an mbuf that was suspicious
 * in all three passes and still has the same word is in no step: it is lost.
 *
 *   pass 1, 2, 3 → (each followed by) grace → count → done
 *
 * Reads only, so an observer may do it. Everything read is untrusted and checked.
 */
#ifndef CLEAT_RUNTIME_AUDIT_H
#define CLEAT_RUNTIME_AUDIT_H

#include "runtime/mempool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One pool: size == in_pool + in_processes + in_rings + in_queues + shared + lost. */
struct cleat_audit {
	uint64_t size;
	uint64_t in_pool; /* ring and caches */
	uint64_t in_processes;
	uint64_t in_rings;
	uint64_t in_queues;
	uint64_t shared; /* given up by their holders, read by clones */
	uint64_t lost;
	uint64_t duplicate; /* of all these: seen in two places, or in a ring without being its */
};

struct cleat_auditor;

/** Begin an audit of all pools of the registry. @return NULL with a sentence */
struct cleat_auditor *cleat_auditor_new(void);

/**
 * Do the next step.
 *
 * @return  1: done, results are there; 0: a thread is still inside an operation, call again in a
 *          moment (or at once: the next pass is due); negative errno
 */
int cleat_auditor_step(struct cleat_auditor *a);

/** @return 0; -ENOENT: no such pool */
int cleat_auditor_result(const struct cleat_auditor *a, uint16_t pool, struct cleat_audit *out);

/** Each lost mbuf, after the last step. */
typedef void (*cleat_auditor_visit)(void *arg, struct cleat_mempool *mp, cleat_handle handle);
void cleat_auditor_lost(struct cleat_auditor *a, cleat_auditor_visit visit, void *arg);

void cleat_auditor_free(struct cleat_auditor *a);

/**
 * A whole audit, waiting as long as it takes, at most @p timeout_ms. What a dead process had in
 * hand is in no place until the sweep returns it: an audit beside a sweep that does not add up is
 * done again.
 *
 * @param out  one per pool row; size 0: no such pool
 * @return     0; -ETIMEDOUT: a thread stays inside an operation (a stopped process?), or a sweep
 * goes on; negative errno
 */
int cleat_audit_run(struct cleat_audit out[CLEAT_MAX_POOLS], unsigned timeout_ms);

/** Does it add up, with none lost and none duplicate? */
int cleat_audit_ok(const struct cleat_audit *audit);

#ifdef __cplusplus
}
#endif

#endif
