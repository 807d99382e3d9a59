/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * local - one process on one processor: put some in and take them out again.
 *
 * --role=ring   values, through a ring; each is compared
 * --role=pool   objects, out of the pool and back at once
 * --role=keep   the same, but they could be kept in between
 * --role=mbuf   packets, allocated and freed
 */
#include <string.h>

#include "tests/bench/both/sequence.h"

cleat_inline void ring_loop(struct side_ring *r, enum bench_mode mode, const struct bench_args *a,
	struct bench_result *result)
{
	side_value out[BENCH_MAX_BURST];
	struct sequence sequence;
	struct bench_watch watch;
	unsigned n = a->burst;
	uint64_t done = 0;

	sequence_start(&sequence);
	bench_watch_start(&watch, a, result);
	while (!bench_watch(&watch, done)) {
		if (side_put(r, mode, sequence_next(&sequence), n) != n ||
			side_get(r, mode, out, n) != n)
			bench_fail("a ring of one process was full or empty");
		result->bad += !sequence_is_next(&sequence, out, n);
		sequence_skip(&sequence, n);
		done += n;
	}
	result->total = done;
}

static void ring(const struct bench_args *a, struct bench_result *result)
{
	static struct side_ring r;

	side_ring_open(&r, a->in, a->mode, true, true);
	if (a->mode == BENCH_SPSC)
		ring_loop(&r, BENCH_SPSC, a, result);
	else
		ring_loop(&r, BENCH_MPMC, a, result);
}

cleat_inline void pool_loop(bool keep, const struct bench_args *a, struct bench_result *result)
{
	side_pool *p = side_pool_open();
	side_object objects[BENCH_MAX_BURST];
	struct bench_watch watch;
	uint64_t done = 0;

	bench_watch_start(&watch, a, result);
	while (!bench_watch(&watch, done)) {
		if (!(keep ? side_pool_keep(p, objects, a->burst)
			   : side_pool_get(p, objects, a->burst)))
			bench_fail("the pool is empty");
		if (keep)
			side_pool_give(p, objects, a->burst);
		else
			side_pool_put(p, objects, a->burst);
		done += a->burst;
	}
	result->total = done;
}

static void mbuf(const struct bench_args *a, struct bench_result *result)
{
	side_pool *p = side_pool_open();
	side_mbuf *mbufs[BENCH_MAX_BURST];
	struct bench_watch watch;
	uint64_t done = 0;

	bench_watch_start(&watch, a, result);
	while (!bench_watch(&watch, done)) {
		if (!side_alloc(p, mbufs, a->burst))
			bench_fail("the pool is empty");
		side_free(mbufs, a->burst);
		done += a->burst;
	}
	result->total = done;
}

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	struct bench_args a;

	bench_args_parse(&a, argc, argv);
	side_attach(&a);
	bench_pin(&a);
	if (strcmp(a.role, "ring") == 0)
		ring(&a, &result);
	else if (strcmp(a.role, "pool") == 0)
		pool_loop(false, &a, &result);
	else if (strcmp(a.role, "keep") == 0)
		pool_loop(true, &a, &result);
	else if (strcmp(a.role, "mbuf") == 0)
		mbuf(&a, &result);
	else
		bench_fail("--role=%s: give ring, pool, keep or mbuf", a.role);
	side_detach();
	return bench_print(&result);
}
