/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * fwd - what comes in at port 0 goes out at port 0, --count packets; a primary, as testpmd is one.
 *
 * --extra=VDEV  the port   --burst=N  --hugetlbfs=DIR
 */
#include <rte_ethdev.h>

#include "tests/bench/side_peer.h"

#define MBUFS 8191U
#define CACHE 256U

static void open_port(void)
{
	struct rte_mempool *pool = rte_pktmbuf_pool_create(
		SIDE_POOL, MBUFS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	struct rte_eth_conf conf;

	memset(&conf, 0, sizeof(conf));
	if (pool == NULL || rte_eth_dev_configure(0, 1, 1, &conf) < 0 ||
		rte_eth_rx_queue_setup(0, 0, 512, 0, NULL, pool) < 0 ||
		rte_eth_tx_queue_setup(0, 0, 512, 0, NULL) < 0 || rte_eth_dev_start(0) < 0)
		bench_fail("the peer's port cannot be started");
}

static void forward(const struct bench_args *a, struct bench_result *result)
{
	struct rte_mbuf *mbufs[BENCH_MAX_BURST];
	uint64_t start_ns = bench_now_ns();

	while (result->total < a->count) {
		uint16_t n = rte_eth_rx_burst(0, 0, mbufs, (uint16_t)a->burst);

		for (uint16_t done = 0; done < n;)
			done = (uint16_t)(done + rte_eth_tx_burst(
							 0, 0, mbufs + done, (uint16_t)(n - done)));
		result->total += n;
	}
	result->ns = bench_now_ns() - start_ns;
	result->elements = result->total;
}

int main(int argc, char **argv)
{
	const char *more[] = { "-m", "64", "--huge-dir", NULL, "--vdev", NULL, NULL };
	struct bench_result result = { 0 };
	struct bench_args a;

	bench_args_parse(&a, argc, argv);
	more[3] = a.hugetlbfs;
	more[5] = a.extra;
	side_eal(&a, "--proc-type=primary", more);
	bench_pin(&a);
	open_port();
	forward(&a, &result);
	(void)rte_eth_dev_stop(0);
	(void)rte_eth_dev_close(0);
	(void)rte_eal_cleanup();
	return bench_print(&result);
}
