/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * primary - DPDK's primary: makes what the measured programs use, says so, waits for a signal.
 *
 * --count=N  packet buffers (default: 8191)   --extra=MIB  memory   --hugetlbfs=DIR
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/side_peer.h"

#define RING_SLOTS 1024U
#define CACHE	   256U

#define SPSC (RING_F_SP_ENQ | RING_F_SC_DEQ)
#define RTS  (RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ)
#define HTS  (RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ)

static const struct {
	const char *name;
	unsigned bytes; /* of an element */
	unsigned flags;
} RINGS[] = {
	{ "spsc", 8, SPSC },
	{ "mpmc", 8, 0 },
	{ "rts", 8, RTS },
	{ "hts", 8, HTS },
	{ "spsc4", 4, SPSC },
	{ "mpmc4", 4, 0 },
	{ "rts4", 4, RTS },
	{ "hts4", 4, HTS },
	{ "a", 8, SPSC },
	{ "b", 8, SPSC },
};

static int answer(const struct rte_mp_msg *msg, const void *peer)
{
	struct rte_mp_msg reply;

	memset(&reply, 0, sizeof(reply));
	memcpy(reply.name, msg->name, sizeof(reply.name));
	return rte_mp_reply(&reply, (const char *)peer);
}

static void make(const struct bench_args *a)
{
	/* 2^n - 1, as the peer's manual advises */
	unsigned count = a->count != 0 ? a->count : 8191;

	for (unsigned i = 0; i < sizeof(RINGS) / sizeof(RINGS[0]); i++)
		if (rte_ring_create_elem(RINGS[i].name, RINGS[i].bytes, RING_SLOTS, SOCKET_ID_ANY,
			    RINGS[i].flags) == NULL)
			bench_fail("rte_ring_create_elem: %s", rte_strerror(rte_errno));
	if (rte_pktmbuf_pool_create(
		    SIDE_POOL, count, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY) == NULL)
		bench_fail("rte_pktmbuf_pool_create: %s", rte_strerror(rte_errno));
	if (rte_mp_action_register(SIDE_REQUEST, answer) < 0)
		bench_fail("rte_mp_action_register: %s", rte_strerror(rte_errno));
}

int main(int argc, char **argv)
{
	const char *more[] = { "-m", NULL, "--huge-dir", NULL, NULL };
	struct bench_args a;
	sigset_t ends;
	int which;

	bench_args_parse(&a, argc, argv);
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGTERM);
	(void)sigaddset(&ends, SIGINT);
	(void)sigprocmask(SIG_BLOCK, &ends, NULL);
	more[1] = a.extra;
	more[3] = a.hugetlbfs;
	side_eal(&a, "--proc-type=primary", more);
	if (strcmp(a.role, "bare") != 0)
		make(&a);
	(void)puts("ready");
	(void)fflush(stdout);
	(void)sigwait(&ends, &which);
	return rte_eal_cleanup() == 0 ? 0 : 1;
}
