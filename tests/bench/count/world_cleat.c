/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world_cleat.c - world.h by Cleat: the world that the drivers' tests have.
 */
#include "runtime/error.h"
#include "tests/bench/count/world.h"
#include "tests/pmd/pmd_help.h"

void count_world_up(struct count_world *world)
{
	int port;

	pmd_world_up();
	mbuf_world_ring(&world->spsc.ring, "spsc", COUNT_RING_SLOTS, CLEAT_RING_SPSC);
	mbuf_world_ring(&world->mpmc.ring, "mpmc", COUNT_RING_SLOTS, CLEAT_RING_MPMC);
	world->pool = mbuf_world_pool("pool", COUNT_MBUFS, COUNT_DATA_BYTES, COUNT_CACHED);
	port = pmd_plug(COUNT_PORT);
	if (port < 0 || pmd_claim(port, CLEAT_RX, 0, world->pool) < 0 ||
		pmd_claim(port, CLEAT_TX, 0, NULL) < 0)
		bench_fail("count: %s", cleat_error());
	world->port = (uint16_t)port;
}

void count_world_down(struct count_world *world)
{
	(void)world;
	pmd_world_down();
}
