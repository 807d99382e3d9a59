/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * side_cleat.h - side.h for Cleat: the worker library as a user's program calls it.
 */
#ifndef CLEAT_TESTS_BENCH_SIDE_CLEAT_H
#define CLEAT_TESTS_BENCH_SIDE_CLEAT_H

#include "runtime/error.h"
#include "runtime/mbuf_ring.h"
#include "runtime/mempool.h"
#include "runtime/port.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/request.h"
#include "secondary/rings.h"
#include "secondary/zones.h"
#include "tests/bench/bench.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SIDE_RING_SLOTS 1024U

typedef cleat_handle side_value;
typedef struct cleat_mbuf side_mbuf;
typedef struct cleat_mempool side_pool;
typedef cleat_handle side_object;
typedef const char *side_zone;

struct side_ring {
	struct cleat_ring ring;
	enum cleat_ring_end end;
};

cleat_inline void side_attach(const struct bench_args *a)
{
	const struct cleat_attach_options options = { a->instance, a->name, 0, NULL, NULL, 1 };

	if (cleat_attach(&options, NULL) < 0)
		bench_fail("%s", cleat_error());
}

cleat_inline void side_detach(void)
{
	cleat_detach();
}

/* ---- rings ---- */

cleat_inline void side_ring_open(
	struct side_ring *r, const char *name, enum bench_mode mode, bool producer, bool consumer)
{
	enum cleat_ring_mode ring_mode = mode == BENCH_SPSC ? CLEAT_RING_SPSC : CLEAT_RING_MPMC;

	r->end = producer && consumer ? CLEAT_RING_BOTH
		 : producer	      ? CLEAT_RING_PRODUCER
				      : CLEAT_RING_CONSUMER;
	if (cleat_ctl_ring_create(name, SIDE_RING_SLOTS, ring_mode, 1) < 0 ||
		cleat_ctl_ring_open(name, r->end, &r->ring) < 0)
		bench_fail("%s", cleat_error());
}

cleat_inline side_value side_value_of(uint32_t number)
{
	return number;
}

cleat_inline unsigned side_put(
	struct side_ring *r, enum bench_mode mode, const side_value *values, unsigned n)
{
	(void)mode;
	return cleat_ring_enqueue_burst(&r->ring, values, n);
}

cleat_inline unsigned side_get(
	struct side_ring *r, enum bench_mode mode, side_value *values, unsigned n)
{
	(void)mode;
	return cleat_ring_dequeue_burst(&r->ring, values, n);
}

cleat_inline unsigned side_put_mbufs(
	struct side_ring *r, enum bench_mode mode, side_mbuf **mbufs, unsigned n)
{
	(void)mode;
	return cleat_ring_enqueue_mbufs(&r->ring, mbufs, n);
}

cleat_inline unsigned side_get_mbufs(
	struct side_ring *r, enum bench_mode mode, side_mbuf **mbufs, unsigned n)
{
	(void)mode;
	return cleat_ring_dequeue_mbufs(&r->ring, mbufs, n);
}

/* ---- pools ---- */

cleat_inline side_pool *side_pool_open(void)
{
	side_pool *pool = cleat_mempool_by_name(CLEAT_POOL_DEFAULT);

	if (pool == NULL)
		bench_fail("%s", cleat_error());
	return pool;
}

/* As a driver has it: get and put are one operation, so whose the objects are in between need not
 * be written. */
cleat_inline bool side_pool_get(side_pool *pool, side_object *objects, unsigned n)
{
	struct cleat_op op = cleat_op_enter();

	if (cleat_mempool_get(pool, objects, n) == 0)
		return true;
	cleat_op_exit(op);
	return false;
}

/* Ends what side_pool_get() began. */
cleat_inline void side_pool_put(side_pool *pool, side_object *objects, unsigned n)
{
	const struct cleat_op op = { cleat_self.line, cleat_load_relaxed(&cleat_self.line->busy) };

	cleat_mempool_put_owned(pool, objects, n);
	cleat_op_exit(op);
}

cleat_inline bool side_pool_keep(side_pool *pool, side_object *objects, unsigned n)
{
	struct cleat_op op = cleat_op_enter();
	bool got = cleat_mempool_get(pool, objects, n) == 0;

	if (cleat_likely(got))
		cleat_mempool_own(objects, n, cleat_owner_mine_in(op));
	cleat_op_exit(op);
	return got;
}

cleat_inline void side_pool_give(side_pool *pool, side_object *objects, unsigned n)
{
	struct cleat_op op = cleat_op_enter();

	cleat_mempool_put(pool, objects, n);
	cleat_op_exit(op);
}

cleat_inline bool side_alloc(side_pool *pool, side_mbuf **mbufs, unsigned n)
{
	return cleat_mbuf_alloc_bulk(pool, mbufs, n) == 0;
}

cleat_inline void side_free(side_mbuf **mbufs, unsigned n)
{
	cleat_mbuf_free_bulk(mbufs, n);
}

cleat_inline void *side_data(const side_mbuf *m)
{
	return cleat_mbuf_data(m);
}

cleat_inline void side_set_len(side_mbuf *m, unsigned bytes)
{
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

/* ---- ports ---- */

cleat_inline unsigned side_rx(uint16_t port, side_mbuf **mbufs, unsigned n)
{
	int got = cleat_rx_burst(port, 0, mbufs, n);

	return got > 0 ? (unsigned)got : 0;
}

cleat_inline unsigned side_tx(uint16_t port, side_mbuf **mbufs, unsigned n)
{
	int sent = cleat_tx_burst(port, 0, mbufs, n);

	return sent > 0 ? (unsigned)sent : 0;
}

/* ---- control ---- */

cleat_inline side_zone side_zone_reserve(const char *name, uint64_t len_bytes)
{
	struct cleat_zone_request req;

	req.name = name;
	req.len_bytes = len_bytes;
	req.align = 0;
	req.boundary = 0;
	req.flags = 0;
	req.node = CLEAT_NODE_ANY;
	req.owner_slot = 0;
	if (cleat_ctl_zone_reserve(&req, NULL) < 0)
		bench_fail("%s", cleat_error());
	return name;
}

cleat_inline void side_zone_free(side_zone zone)
{
	if (cleat_ctl_zone_free(zone) < 0)
		bench_fail("%s", cleat_error());
}

cleat_inline bool side_zone_find(const char *name)
{
	return cleat_zone_lookup(name, NULL) >= 0;
}

cleat_inline void side_grow(unsigned nth, uint64_t len_bytes)
{
	if (cleat_ctl_memory_grow(len_bytes, CLEAT_NODE_ANY) < 0)
		bench_fail("growth %u: %s", nth, cleat_error());
}

cleat_inline void side_request(void)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Ping body = CLEAT__PING__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &body;
	if (cleat_request_call(&env, NULL) < 0)
		bench_fail("%s", cleat_error());
}

#ifdef __cplusplus
}
#endif

#endif
