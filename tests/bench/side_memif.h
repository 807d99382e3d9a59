/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * side_memif.h - side.h for two DPDK processes that share nothing but a net_memif: each a primary
 * of its own, the packets' way is the port.
 *
 * --extra=no|yes: zero-copy for the sender, the port's client. --in or --out is the socket.
 */
#ifndef CLEAT_TESTS_BENCH_SIDE_MEMIF_H
#define CLEAT_TESTS_BENCH_SIDE_MEMIF_H

#if __has_include(<rte_ethdev.h>)

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "tests/bench/side_peer.h"

#ifdef __cplusplus
extern "C" {
#endif

#define MEMIF_PORT   0
#define MEMIF_CACHE  256U
#define MEMIF_MBUFS  8191U
#define MEMIF_WAIT_S 20ULL

static struct rte_mempool *memif_pool;

cleat_inline void memif_attach(const struct bench_args *a)
{
	bool source = a->out[0] != '\0';
	const char *more[] = { "-m", "64", "--huge-dir", a->hugetlbfs, "--single-file-segments",
		NULL, NULL };
	char vdev[256];

	(void)snprintf(vdev, sizeof(vdev),
		"--vdev=net_memif0,role=%s,id=0,socket-abstract=no,socket=%s%s",
		source ? "client" : "server", source ? a->out : a->in,
		source && strcmp(a->extra, "yes") == 0 ? ",zero-copy=yes" : "");
	more[5] = vdev;
	side_eal(a, "--proc-type=primary", more);
	memif_pool = rte_pktmbuf_pool_create(
		SIDE_POOL, MEMIF_MBUFS, MEMIF_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (memif_pool == NULL)
		bench_fail("rte_pktmbuf_pool_create: %s", rte_strerror(rte_errno));
}

/* The client's start fails until the server listens. */
cleat_inline void memif_wait_for_link(void)
{
	uint64_t end_ns = bench_now_ns() + MEMIF_WAIT_S * 1000000000ULL;
	struct rte_eth_link link;

	while (rte_eth_dev_start(MEMIF_PORT) < 0 && bench_now_ns() < end_ns)
		rte_delay_us_sleep(10000);
	do {
		if (rte_eth_link_get_nowait(MEMIF_PORT, &link) < 0 || bench_now_ns() > end_ns)
			bench_fail("net_memif does not connect");
	} while (link.link_status != RTE_ETH_LINK_UP);
}

cleat_inline void memif_open(void)
{
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	if (rte_eth_dev_configure(MEMIF_PORT, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(MEMIF_PORT, 0, 1024, 0, NULL, memif_pool) < 0 ||
		rte_eth_tx_queue_setup(MEMIF_PORT, 0, 1024, 0, NULL) < 0)
		bench_fail("net_memif cannot be set up");
	memif_wait_for_link();
}

cleat_inline unsigned memif_put(side_mbuf **mbufs, unsigned n)
{
	return rte_eth_tx_burst(MEMIF_PORT, 0, mbufs, (uint16_t)n);
}

cleat_inline unsigned memif_get(side_mbuf **mbufs, unsigned n)
{
	return rte_eth_rx_burst(MEMIF_PORT, 0, mbufs, (uint16_t)n);
}

/* Nothing at the end: a zero-copy port does not survive being stopped. The driver removes files. */
#define side_attach(a)			    memif_attach(a)
#define side_detach()			    ((void)0)
#define side_pool_open()		    memif_pool
#define side_ring_open(r, name, mode, p, c) memif_open()
#define side_put_mbufs(r, mode, mbufs, n)   memif_put(mbufs, n)
#define side_get_mbufs(r, mode, mbufs, n)   memif_get(mbufs, n)

#ifdef __cplusplus
}
#endif

#endif

#endif
