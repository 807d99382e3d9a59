/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * world_peer.c - world.h by DPDK: a primary of its own, on ordinary pages, which instructions do
 * not depend on.
 */
#include <rte_ethdev.h>

#include "tests/bench/count/world.h"

static struct rte_ring *make_ring(const char *name, unsigned flags)
{
	struct rte_ring *ring = rte_ring_create_elem(
		name, sizeof(side_value), COUNT_RING_SLOTS, SOCKET_ID_ANY, flags);

	if (ring == NULL)
		bench_fail("rte_ring_create_elem: %s", rte_strerror(rte_errno));
	return ring;
}

void count_world_up(struct count_world *world)
{
	const struct bench_args a = { .name = "count", .instance = "count" };
	const char *more[] = { "--no-huge", "--no-shconf", "-m", "64", "--vdev", COUNT_PORT, NULL };
	struct rte_eth_conf conf;

	side_eal(&a, "--proc-type=primary", more);
	world->spsc.ring = make_ring("spsc", RING_F_SP_ENQ | RING_F_SC_DEQ);
	world->mpmc.ring = make_ring("mpmc", 0);
	world->pool = rte_pktmbuf_pool_create(SIDE_POOL, COUNT_MBUFS - 1, COUNT_CACHED, 0,
		RTE_PKTMBUF_HEADROOM + COUNT_DATA_BYTES, SOCKET_ID_ANY);
	memset(&conf, 0, sizeof(conf));
	world->port = 0;
	if (world->pool == NULL || rte_eth_dev_configure(0, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(0, 0, 512, 0, NULL, world->pool) < 0 ||
		rte_eth_tx_queue_setup(0, 0, 512, 0, NULL) < 0 || rte_eth_dev_start(0) < 0)
		bench_fail("count: the peer's pool or port cannot be made");
}

void count_world_down(struct count_world *world)
{
	(void)rte_eth_dev_stop(world->port);
	(void)rte_eth_dev_close(world->port);
	(void)rte_eal_cleanup();
}
