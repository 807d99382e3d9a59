/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * count - every operation of the data path, alone in one process; check.py counts what it executes.
 * One text, compiled for each side (side.h).
 *
 *   count        one line per operation: NAME BURST ROUNDS, after it was done 2 * ROUNDS times more
 *
 * Under callgrind with --dump-before=counted --dump-after=counted each operation makes four dumps:
 * before and after ROUNDS rounds, before and after 2 * ROUNDS. The difference of the second and
 * the fourth has no set-up in it. ROUNDS times any burst are whole laps of the rings.
 */
#include <stdio.h>

#include "tests/bench/count/world.h"

#define ROUNDS	  1024U
#define MAX_BURST 32U

static struct count_world world;

typedef void operation(uint32_t burst, uint32_t rounds);

/* ---- operations: the loops a worker would write ---- */

cleat_inline void values(struct side_ring *r, enum bench_mode mode, uint32_t burst, uint32_t rounds)
{
	side_value in[MAX_BURST], out[MAX_BURST];

	for (uint32_t i = 0; i < burst; i++)
		in[i] = side_value_of(i + 1);
	for (uint32_t i = 0; i < rounds; i++)
		if (side_put(r, mode, in, burst) != burst || side_get(r, mode, out, burst) != burst)
			bench_fail("count: a ring was full or empty");
}

static void ring_spsc(uint32_t burst, uint32_t rounds)
{
	values(&world.spsc, BENCH_SPSC, burst, rounds);
}

static void ring_mpmc(uint32_t burst, uint32_t rounds)
{
	values(&world.mpmc, BENCH_MPMC, burst, rounds);
}

/* @param kept  they could be kept in between */
cleat_inline void objects(bool kept, uint32_t burst, uint32_t rounds)
{
	side_object got[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		if (!(kept ? side_pool_keep(world.pool, got, burst)
			   : side_pool_get(world.pool, got, burst)))
			bench_fail("count: the pool is empty");
		if (kept)
			side_pool_give(world.pool, got, burst);
		else
			side_pool_put(world.pool, got, burst);
	}
}

static void pool_get_put(uint32_t burst, uint32_t rounds)
{
	objects(false, burst, rounds);
}

static void pool_keep_give(uint32_t burst, uint32_t rounds)
{
	objects(true, burst, rounds);
}

static void mbuf_alloc_free(uint32_t burst, uint32_t rounds)
{
	side_mbuf *mbufs[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		if (!side_alloc(world.pool, mbufs, burst))
			bench_fail("count: the pool is empty");
		side_free(mbufs, burst);
	}
}

cleat_inline void packets(
	struct side_ring *r, enum bench_mode mode, uint32_t burst, uint32_t rounds)
{
	side_mbuf *in[MAX_BURST], *out[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		if (!side_alloc(world.pool, in, burst))
			bench_fail("count: the pool is empty");
		if (side_put_mbufs(r, mode, in, burst) != burst ||
			side_get_mbufs(r, mode, out, burst) != burst)
			bench_fail("count: a ring was full or empty");
		side_free(out, burst);
	}
}

static void pipeline_spsc(uint32_t burst, uint32_t rounds)
{
	packets(&world.spsc, BENCH_SPSC, burst, rounds);
}

static void pipeline_mpmc(uint32_t burst, uint32_t rounds)
{
	packets(&world.mpmc, BENCH_MPMC, burst, rounds);
}

/* net_null allocates what it gives and frees what it takes: mbuf_alloc_free() and two calls. */
static void forward(uint32_t burst, uint32_t rounds)
{
	side_mbuf *mbufs[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		unsigned got = side_rx(world.port, mbufs, burst);

		if (got != burst || side_tx(world.port, mbufs, got) != got)
			bench_fail("count: a port did not give or take all packets");
	}
}

static const struct {
	const char *name;
	operation *run;
	uint32_t bursts[4]; /* up to a 0 */
} OPERATIONS[] = {
	{ "ring-spsc", ring_spsc, { 1, 8, 32 } },
	{ "ring-mpmc", ring_mpmc, { 1, 8, 32 } },
	{ "pool", pool_get_put, { 1, 8, 32 } },
	{ "pool-kept", pool_keep_give, { 1, 8, 32 } },
	{ "mbuf", mbuf_alloc_free, { 1, 8, 32 } },
	{ "pipeline-spsc", pipeline_spsc, { 1, 8, 32 } },
	{ "pipeline-mpmc", pipeline_mpmc, { 1, 8, 32 } },
	{ "port-null", forward, { 1, 8, 32 } },
};

/* ---- what callgrind looks for ---- */

void counted(operation *run, uint32_t burst, uint32_t rounds);

__attribute__((noinline, noclone)) void counted(operation *run, uint32_t burst, uint32_t rounds)
{
	run(burst, rounds);
	__asm__ volatile("" ::: "memory"); /* comes back here: not a jump into run() */
}

int main(void)
{
	count_world_up(&world);
	for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++) {
		for (const uint32_t *burst = OPERATIONS[i].bursts; *burst != 0; burst++) {
			OPERATIONS[i].run(*burst, ROUNDS);
			counted(OPERATIONS[i].run, *burst, ROUNDS);
			counted(OPERATIONS[i].run, *burst, 2 * ROUNDS);
			printf("%s %u %u\n", OPERATIONS[i].name, *burst, ROUNDS);
		}
	}
	count_world_down(&world);
	return 0;
}
