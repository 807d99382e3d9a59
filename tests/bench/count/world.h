/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world.h - what count.c works on: rings, a pool, a port, all of one process without a primary's
 * sockets. world_cleat.c makes it for Cleat, world_peer.c for DPDK.
 */
#ifndef CLEAT_TESTS_BENCH_COUNT_WORLD_H
#define CLEAT_TESTS_BENCH_COUNT_WORLD_H

#include "tests/bench/side.h"

#define COUNT_RING_SLOTS 1024U
#define COUNT_MBUFS	 4096U
#define COUNT_CACHED	 256U
#define COUNT_DATA_BYTES 2048U
#define COUNT_PORT	 "net_null0"

struct count_world {
	struct side_ring spsc, mpmc;
	side_pool *pool;
	uint16_t port; /* of net_null; rx and tx queue 0 are ours */
};

/** Make it; ends the program with a sentence if it cannot. */
void count_world_up(struct count_world *world);

/** Give all of it back. */
void count_world_down(struct count_world *world);

#endif
