/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * count - every operation of the data path, alone in one process; check.py counts what it executes.
 *
 *   count        one line per operation: NAME BURST ROUNDS, after it was done 2 * ROUNDS times more
 *
 * Under callgrind with --dump-before=counted --dump-after=counted each operation makes four dumps:
 * before and after ROUNDS rounds, before and after 2 * ROUNDS. The difference of the second and
 * the fourth has no set-up in it. ROUNDS times any burst are whole laps of the rings.
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "tests/pmd/pmd_help.h"

#define ROUNDS	   1024U
#define RING_SLOTS 1024U
#define MAX_BURST  32U
#define MBUFS	   4096U
#define DATA_BYTES 2048U
#define CACHED	   256U

static struct cleat_ring spsc, mpmc;
static struct cleat_mempool *pool;
static uint16_t port; /* of net_null, its rx and tx queue 0 are ours */

typedef void operation(uint32_t burst, uint32_t rounds);

static void fail(const char *what)
{
	fprintf(stderr, "count: %s\n", what);
	exit(1);
}

/* ---- operations: the loops a worker would write ---- */

static void values(struct cleat_ring *r, uint32_t burst, uint32_t rounds)
{
	cleat_handle in[MAX_BURST], out[MAX_BURST];

	for (uint32_t i = 0; i < burst; i++)
		in[i] = i + 1;
	for (uint32_t i = 0; i < rounds; i++)
		if (cleat_ring_enqueue_burst(r, in, burst) != burst ||
			cleat_ring_dequeue_burst(r, out, burst) != burst)
			fail("a ring was full or empty");
}

static void ring_spsc(uint32_t burst, uint32_t rounds)
{
	values(&spsc, burst, rounds);
}

static void ring_mpmc(uint32_t burst, uint32_t rounds)
{
	values(&mpmc, burst, rounds);
}

static void pool_get_put(uint32_t burst, uint32_t rounds)
{
	cleat_handle handles[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		uint64_t op = cleat_op_enter();

		if (cleat_mempool_get(pool, handles, burst) < 0)
			fail(cleat_error());
		cleat_mempool_put_owned(pool, handles, burst);
		cleat_op_exit(op);
	}
}

static void mbuf_alloc_free(uint32_t burst, uint32_t rounds)
{
	struct cleat_mbuf *mbufs[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		if (cleat_mbuf_alloc_bulk(pool, mbufs, burst) < 0)
			fail(cleat_error());
		cleat_mbuf_free_bulk(mbufs, burst);
	}
}

static void packets(struct cleat_ring *r, uint32_t burst, uint32_t rounds)
{
	struct cleat_mbuf *in[MAX_BURST], *out[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		if (cleat_mbuf_alloc_bulk(pool, in, burst) < 0)
			fail(cleat_error());
		if (cleat_ring_enqueue_mbufs(r, in, burst) != burst ||
			cleat_ring_dequeue_mbufs(r, out, burst) != burst)
			fail("a ring was full or empty");
		cleat_mbuf_free_bulk(out, burst);
	}
}

static void pipeline_spsc(uint32_t burst, uint32_t rounds)
{
	packets(&spsc, burst, rounds);
}

static void pipeline_mpmc(uint32_t burst, uint32_t rounds)
{
	packets(&mpmc, burst, rounds);
}

/* net_null allocates what it gives and frees what it takes: mbuf_alloc_free() and two calls. */
static void forward(uint32_t burst, uint32_t rounds)
{
	struct cleat_mbuf *mbufs[MAX_BURST];

	for (uint32_t i = 0; i < rounds; i++) {
		int got = cleat_rx_burst(port, 0, mbufs, burst);

		if (got != (int)burst || cleat_tx_burst(port, 0, mbufs, (unsigned)got) != got)
			fail("a port did not give or take all packets");
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
	{ "mbuf", mbuf_alloc_free, { 1, 8, 32 } },
	{ "pipeline-spsc", pipeline_spsc, { 1, 8, 32 } },
	{ "pipeline-mpmc", pipeline_mpmc, { 1, 8, 32 } },
	{ "port-null", forward, { 1, 8, 32 } },
};

/* ---- set-up ---- */

static void port_up(void)
{
	int id = pmd_plug("net_null0");

	if (id < 0 || pmd_claim(id, CLEAT_RX, 0, pool) < 0 || pmd_claim(id, CLEAT_TX, 0, NULL) < 0)
		fail(cleat_error());
	port = (uint16_t)id;
}

/* ---- what callgrind looks for ---- */

void counted(operation *run, uint32_t burst, uint32_t rounds);

__attribute__((noinline, noclone)) void counted(operation *run, uint32_t burst, uint32_t rounds)
{
	run(burst, rounds);
	__asm__ volatile("" ::: "memory"); /* comes back here: not a jump into run() */
}

int main(void)
{
	pmd_world_up();
	mbuf_world_ring(&spsc, "spsc", RING_SLOTS, CLEAT_RING_SPSC);
	mbuf_world_ring(&mpmc, "mpmc", RING_SLOTS, CLEAT_RING_MPMC);
	pool = mbuf_world_pool("pool", MBUFS, DATA_BYTES, CACHED);
	port_up();
	for (size_t i = 0; i < sizeof(OPERATIONS) / sizeof(OPERATIONS[0]); i++) {
		for (const uint32_t *burst = OPERATIONS[i].bursts; *burst != 0; burst++) {
			OPERATIONS[i].run(*burst, ROUNDS);
			counted(OPERATIONS[i].run, *burst, ROUNDS);
			counted(OPERATIONS[i].run, *burst, 2 * ROUNDS);
			printf("%s %u %u\n", OPERATIONS[i].name, *burst, ROUNDS);
		}
	}
	pmd_world_down();
	return 0;
}
