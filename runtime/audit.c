/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit.c - passes and grace periods, then the count.
 */
#include "runtime/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/audit_scan.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/grace.h"

#define PASSES	  3
#define POLL_USEC 200

struct cleat_auditor {
	struct cleat_scan scan;
	struct cleat_grace grace;
	int waiting; /* for the grace period after a pass */
	int done;
	struct cleat_audit results[CLEAT_MAX_POOLS]; /* by pool id */
};

struct cleat_auditor *cleat_auditor_new(void)
{
	struct cleat_auditor *a;

	if (cleat_registry == NULL || cleat_shared == NULL) {
		cleat_err(-ENOTCONN, "this process has not mapped the shared memory");
		return NULL;
	}
	a = aligned_alloc(CLEAT_FALSE_SHARING, cleat_align_up(sizeof(*a), CLEAT_FALSE_SHARING));
	if (a == NULL) {
		cleat_err(-ENOMEM, "no memory for an audit");
		return NULL;
	}
	memset(a, 0, sizeof(*a));
	if (cleat_scan_open(&a->scan, 1) < 0) {
		free(a);
		return NULL;
	}
	return a;
}

static void count_one(const struct cleat_scan_pool *pool, uint32_t index, struct cleat_audit *out)
{
	const struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(&pool->mp, index));
	uint64_t owner = cleat_load_acquire(&m->owner);
	int lost = cleat_scan_is_lost(pool, index);

	out->size++;
	out->duplicate += (uint64_t)cleat_scan_is_duplicate(pool, index);
	if (lost) {
		out->lost++;
		return;
	}
	switch (cleat_owner_kind_of(owner)) {
	case CLEAT_OWNER_POOL:
		out->in_pool++;
		break;
	case CLEAT_OWNER_PROCESS:
		out->in_processes++;
		break;
	case CLEAT_OWNER_RING:
		out->in_rings++;
		break;
	case CLEAT_OWNER_QUEUE:
		out->in_queues++;
		break;
	case CLEAT_OWNER_SHARED:
		out->shared++;
		break;
	default:
		out->lost++;
	}
}

static void count(struct cleat_auditor *a)
{
	cleat_scan_drop_changed(&a->scan);
	memset(a->results, 0, sizeof(a->results));
	for (unsigned p = 0; p < a->scan.n; p++) {
		const struct cleat_scan_pool *pool = &a->scan.pools[p];

		for (uint32_t i = 0; i < pool->mp.count; i++)
			count_one(pool, i, &a->results[pool->mp.id]);
	}
	a->done = 1;
}

int cleat_auditor_step(struct cleat_auditor *a)
{
	struct cleat_thread_set gone;
	int rc;

	if (a->done)
		return 1;
	if (a->waiting) {
		cleat_scan_gone(&gone);
		if (!cleat_grace_poll(&a->grace, &gone))
			return 0;
		a->waiting = 0;
		if (a->scan.passes == PASSES) {
			count(a);
			return 1;
		}
	}
	cleat_scan_pass(&a->scan);
	rc = cleat_grace_begin(&a->grace);
	if (rc < 0)
		return rc;
	a->waiting = 1;
	return 0;
}

int cleat_auditor_result(const struct cleat_auditor *a, uint16_t pool, struct cleat_audit *out)
{
	if (pool >= CLEAT_MAX_POOLS || a->results[pool].size == 0)
		return -ENOENT;
	*out = a->results[pool];
	return 0;
}

void cleat_auditor_lost(struct cleat_auditor *a, cleat_auditor_visit visit, void *arg)
{
	for (unsigned p = 0; a->done && p < a->scan.n; p++) {
		struct cleat_scan_pool *pool = &a->scan.pools[p];

		for (uint32_t i = 0; i < pool->mp.count; i++)
			if (cleat_scan_is_lost(pool, i))
				visit(arg, &pool->mp, cleat_mempool_handle(&pool->mp, i));
	}
}

void cleat_auditor_free(struct cleat_auditor *a)
{
	if (a == NULL)
		return;
	cleat_scan_close(&a->scan);
	free(a);
}

static int run_once(struct cleat_audit out[CLEAT_MAX_POOLS], uint64_t end_ms)
{
	struct cleat_auditor *a = cleat_auditor_new();
	int rc;

	if (a == NULL)
		return -ENOMEM;
	while ((rc = cleat_auditor_step(a)) == 0) {
		if (cleat_now_ms() > end_ms) {
			rc = -ETIMEDOUT;
			break;
		}
		usleep(POLL_USEC);
	}
	if (rc > 0)
		memcpy(out, a->results, sizeof(a->results));
	cleat_auditor_free(a);
	return rc < 0 ? rc : 0;
}

static int all_ok(const struct cleat_audit audits[CLEAT_MAX_POOLS])
{
	for (unsigned i = 0; i < CLEAT_MAX_POOLS; i++)
		if (!cleat_audit_ok(&audits[i]))
			return 0;
	return 1;
}

static uint64_t reaped_procs(void)
{
	return cleat_registry == NULL ? 0
				      : cleat_load_acquire(&cleat_registry->header.reaped_procs);
}

/* Does a sweep go on, or did one end since @p reaped? Its end is counted, then the row freed. */
static int swept_since(uint64_t reaped)
{
	for (unsigned i = 0; i < CLEAT_MAX_PROCS; i++)
		if (cleat_load_acquire(&cleat_registry->procs[i].state) == CLEAT_PROC_DYING)
			return 1;
	return reaped_procs() != reaped;
}

int cleat_audit_run(struct cleat_audit out[CLEAT_MAX_POOLS], unsigned timeout_ms)
{
	uint64_t end_ms = cleat_now_ms() + timeout_ms;
	int sweeping = 0, rc;

	do {
		uint64_t reaped = reaped_procs();

		rc = run_once(out, end_ms);
		if (rc == 0) {
			if (all_ok(out) || !swept_since(reaped))
				return 0;
			sweeping = 1;
			rc = -ETIMEDOUT;
			usleep(POLL_USEC);
		}
	} while (rc == -ETIMEDOUT && cleat_now_ms() <= end_ms);
	if (rc != -ETIMEDOUT)
		return rc;
	if (sweeping)
		return cleat_err(rc,
			"after %u ms the primary still takes back what a dead process held; try "
			"again, or is a process stopped?",
			timeout_ms);
	return cleat_err(rc,
		"a thread stayed inside one operation for %u ms; is a process stopped?",
		timeout_ms);
}

int cleat_audit_ok(const struct cleat_audit *audit)
{
	return audit->lost == 0 && audit->duplicate == 0 &&
	       audit->size == audit->in_pool + audit->in_processes + audit->in_rings +
				      audit->in_queues + audit->shared;
}
