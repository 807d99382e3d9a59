/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * side_peer.h - side.h for DPDK: each ring by the functions of its own mode, caches on.
 *
 *   BENCH_PEER_4     values of 4 bytes in rings of such, instead of pointers
 *   BENCH_PEER_STEP  who finds a ring empty behind a burst steps back a little, and packets are
 *                    fetched when they are taken; Cleat's library does such things by itself
 *                    (ring_spsc.h)
 *   BENCH_PEER_HOLD  who finds no room for all waits a little
 *   BENCH_PEER_DEEP  who gets all the packets it wants, but leaves fewer than 8, waits before the
 *                    next look. (Cleat also fetches packets that are still in the ring; by DPDK's
 *                    peek functions that was not tried.)
 *
 * peer/primary.c has made the rings and the pool. An lcore's number is the process's own (two
 * processes with the same one would share a pool's cache), its processor is the one asked for.
 */
#ifndef CLEAT_TESTS_BENCH_SIDE_PEER_H
#define CLEAT_TESTS_BENCH_SIDE_PEER_H

#if __has_include(<rte_ring.h>)

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_memzone.h>
#include <rte_pause.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SIDE_POOL    "bench"
#define SIDE_REQUEST "bench_request"

#ifdef BENCH_PEER_4
typedef uint32_t side_value;
#else
typedef void *side_value;
#endif
typedef struct rte_mbuf side_mbuf;
typedef struct rte_mempool side_pool;
typedef void *side_object;
typedef const struct rte_memzone *side_zone;

struct side_ring {
	struct rte_ring *ring;
	unsigned slip; /* pauses, the next time it is empty behind a burst */
	bool had;      /* something the last time */
	bool close;    /* behind the producer */
};

cleat_inline void side_eal(const struct bench_args *a, const char *type, const char *more[])
{
	char lcores[32], prefix[64];
	char *argv[24] = { (char *)(uintptr_t)a->name, lcores, prefix };
	const char *fixed[] = { "--no-pci", "--log-level=error", type };
	int argc = 3;

	(void)snprintf(lcores, sizeof(lcores), "--lcores=%u@%u", a->id, a->core);
	(void)snprintf(prefix, sizeof(prefix), "--file-prefix=%s", a->instance);
	for (unsigned i = 0; i < 3; i++)
		argv[argc++] = (char *)(uintptr_t)fixed[i];
	for (unsigned i = 0; more != NULL && more[i] != NULL && argc < 23; i++)
		argv[argc++] = (char *)(uintptr_t)more[i];
	if (rte_eal_init(argc, argv) < 0)
		bench_fail("%s: rte_eal_init: %s", a->name, rte_strerror(rte_errno));
}

cleat_inline void side_attach(const struct bench_args *a)
{
	side_eal(a, "--proc-type=secondary", NULL);
}

cleat_inline void side_detach(void)
{
	(void)rte_eal_cleanup();
}

/* ---- rings ---- */

cleat_inline void side_ring_open(
	struct side_ring *r, const char *name, enum bench_mode mode, bool producer, bool consumer)
{
	char full[RTE_RING_NAMESIZE];

	(void)mode;
	(void)producer;
	(void)consumer;
	(void)snprintf(full, sizeof(full), "%s%s", name, sizeof(side_value) == 4 ? "4" : "");
	r->ring = rte_ring_lookup(full);
	if (r->ring == NULL)
		bench_fail("the peer's primary has no ring %s", full);
}

cleat_inline side_value side_value_of(uint32_t number)
{
	return (side_value)(uintptr_t)number;
}

/* After a look at a ring that found @p n. */
cleat_inline unsigned side_step_back(struct side_ring *r, unsigned n)
{
#ifdef BENCH_PEER_STEP
	if (n == 0) {
		r->slip = !r->had ? r->slip / 2 : r->slip < 32 ? 2 * r->slip + 1 : 64;
		for (unsigned i = 0; r->had && i < r->slip; i++)
			rte_pause();
	}
	r->had = n != 0;
#else
	(void)r;
#endif
	return n;
}

/* After @p done of @p n had room. */
cleat_inline unsigned side_hold_back(unsigned done, unsigned n)
{
#ifdef BENCH_PEER_HOLD
	for (unsigned i = 0; done < n && i < 64; i++)
		rte_pause();
#else
	(void)n;
#endif
	return done;
}

#define SIDE_ELEM(call, r, values, n) call##_elem((r)->ring, values, sizeof(side_value), n, NULL)

cleat_inline unsigned side_put(
	struct side_ring *r, enum bench_mode mode, const side_value *values, unsigned n)
{
	switch (mode) {
	case BENCH_SPSC:
		return side_hold_back(SIDE_ELEM(rte_ring_sp_enqueue_burst, r, values, n), n);
	case BENCH_MPMC:
		return side_hold_back(SIDE_ELEM(rte_ring_mp_enqueue_burst, r, values, n), n);
	case BENCH_RTS:
		return side_hold_back(SIDE_ELEM(rte_ring_mp_rts_enqueue_burst, r, values, n), n);
	default:
		return side_hold_back(SIDE_ELEM(rte_ring_mp_hts_enqueue_burst, r, values, n), n);
	}
}

cleat_inline unsigned side_get(
	struct side_ring *r, enum bench_mode mode, side_value *values, unsigned n)
{
	switch (mode) {
	case BENCH_SPSC:
		return side_step_back(r, SIDE_ELEM(rte_ring_sc_dequeue_burst, r, values, n));
	case BENCH_MPMC:
		return side_step_back(r, SIDE_ELEM(rte_ring_mc_dequeue_burst, r, values, n));
	case BENCH_RTS:
		return side_step_back(r, SIDE_ELEM(rte_ring_mc_rts_dequeue_burst, r, values, n));
	default:
		return side_step_back(r, SIDE_ELEM(rte_ring_mc_hts_dequeue_burst, r, values, n));
	}
}

cleat_inline unsigned side_put_mbufs(
	struct side_ring *r, enum bench_mode mode, side_mbuf **mbufs, unsigned n)
{
	void **objects = (void **)mbufs;

	return side_hold_back(mode == BENCH_SPSC
				      ? rte_ring_sp_enqueue_burst(r->ring, objects, n, NULL)
				      : rte_ring_mp_enqueue_burst(r->ring, objects, n, NULL),
		n);
}

/* Before a look for packets. */
cleat_inline void side_keep_distance(struct side_ring *r)
{
#ifdef BENCH_PEER_DEEP
	for (unsigned i = 0; r->close && i < 64; i++)
		rte_pause();
	r->had = r->had && !r->close; /* that was the wait */
#else
	(void)r;
#endif
}

cleat_inline unsigned side_get_mbufs(
	struct side_ring *r, enum bench_mode mode, side_mbuf **mbufs, unsigned n)
{
	unsigned wanted = n, *left = NULL;
#ifdef BENCH_PEER_DEEP
	unsigned behind = 0;

	left = &behind;
#endif
	side_keep_distance(r);
	n = mode == BENCH_SPSC ? rte_ring_sc_dequeue_burst(r->ring, (void **)mbufs, wanted, left)
			       : rte_ring_mc_dequeue_burst(r->ring, (void **)mbufs, wanted, left);
#ifdef BENCH_PEER_DEEP
	r->close = n == wanted && behind < 8;
#endif
#ifdef BENCH_PEER_STEP
	for (unsigned i = 0; i < n; i++) {
		cleat_prefetch_write(mbufs[i]);
		cleat_prefetch_write((char *)(mbufs[i] + 1) + RTE_PKTMBUF_HEADROOM);
	}
#endif
	return side_step_back(r, n);
}

/* ---- pools ---- */

cleat_inline side_pool *side_pool_open(void)
{
	side_pool *pool = rte_mempool_lookup(SIDE_POOL);

	if (pool == NULL)
		bench_fail("the peer's primary has no pool " SIDE_POOL);
	return pool;
}

cleat_inline bool side_pool_get(side_pool *pool, side_object *objects, unsigned n)
{
	return rte_mempool_get_bulk(pool, objects, n) == 0;
}

cleat_inline void side_pool_put(side_pool *pool, side_object *objects, unsigned n)
{
	rte_mempool_put_bulk(pool, objects, n);
}

cleat_inline bool side_pool_keep(side_pool *pool, side_object *objects, unsigned n)
{
	return side_pool_get(pool, objects, n);
}

cleat_inline void side_pool_give(side_pool *pool, side_object *objects, unsigned n)
{
	side_pool_put(pool, objects, n);
}

cleat_inline bool side_alloc(side_pool *pool, side_mbuf **mbufs, unsigned n)
{
	return rte_pktmbuf_alloc_bulk(pool, mbufs, n) == 0;
}

cleat_inline void side_free(side_mbuf **mbufs, unsigned n)
{
	rte_pktmbuf_free_bulk(mbufs, n);
}

cleat_inline void *side_data(const side_mbuf *m)
{
	return rte_pktmbuf_mtod(m, void *);
}

cleat_inline void side_set_len(side_mbuf *m, unsigned bytes)
{
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

/* ---- ports ---- */

cleat_inline unsigned side_rx(uint16_t port, side_mbuf **mbufs, unsigned n)
{
	return rte_eth_rx_burst(port, 0, mbufs, (uint16_t)n);
}

cleat_inline unsigned side_tx(uint16_t port, side_mbuf **mbufs, unsigned n)
{
	return rte_eth_tx_burst(port, 0, mbufs, (uint16_t)n);
}

/* ---- control ---- */

cleat_inline side_zone side_zone_reserve(const char *name, uint64_t len_bytes)
{
	side_zone zone = rte_memzone_reserve(name, len_bytes, SOCKET_ID_ANY, 0);

	if (zone == NULL)
		bench_fail("rte_memzone_reserve %s: %s", name, rte_strerror(rte_errno));
	return zone;
}

cleat_inline void side_zone_free(side_zone zone)
{
	if (rte_memzone_free(zone) != 0)
		bench_fail("rte_memzone_free failed");
}

cleat_inline bool side_zone_find(const char *name)
{
	return rte_memzone_lookup(name) != NULL;
}

/* A zone that does not fit into what is there: the primary maps pages for it, all others follow. */
cleat_inline void side_grow(unsigned nth, uint64_t len_bytes)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "grow%u", nth);
	(void)side_zone_reserve(name, len_bytes);
}

cleat_inline void side_request(void)
{
	struct rte_mp_msg msg;
	struct rte_mp_reply reply;
	const struct timespec patience = { .tv_sec = 5 };

	memset(&msg, 0, sizeof(msg));
	(void)snprintf(msg.name, sizeof(msg.name), "%s", SIDE_REQUEST);
	if (rte_mp_request_sync(&msg, &reply, &patience) < 0 || reply.nb_received != 1)
		bench_fail("rte_mp_request_sync: %s", rte_strerror(rte_errno));
	free(reply.msgs);
}

#ifdef __cplusplus
}
#endif

#endif

#endif
