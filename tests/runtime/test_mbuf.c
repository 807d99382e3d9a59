/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mbuf.c - one process: headers, room, chains, clones, copies, owner words over rings.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf_ref.h"
#include "tests/runtime/mbuf_help.h"

#define MBUFS 40
#define DATA  256

static struct cleat_mempool *pool;

static void up(void)
{
	mbuf_world_up();
	pool = mbuf_world_pool("p", MBUFS, DATA, 8);
}

/* Every test gives everything back. */
static void down(void)
{
	const char *wrong = mbuf_world_take_all(pool);

	ck_assert_msg(wrong == NULL, "%s", wrong);
	mbuf_world_down();
}

static struct cleat_mbuf *take(void)
{
	struct cleat_mbuf *m = cleat_mbuf_alloc(pool);

	ck_assert_ptr_nonnull(m);
	return m;
}

/* A packet of @p n segments of @p len bytes each, numbered through. */
static struct cleat_mbuf *packet(unsigned n, uint16_t len)
{
	struct cleat_mbuf *first = NULL;
	uint8_t number = 0;

	for (unsigned i = 0; i < n; i++) {
		struct cleat_mbuf *m = take();
		uint8_t *data = cleat_mbuf_append(m, len);

		ck_assert_ptr_nonnull(data);
		for (uint16_t k = 0; k < len; k++)
			data[k] = number++;
		if (first == NULL)
			first = m;
		else
			ck_assert_int_eq(cleat_mbuf_chain(first, m), 0);
	}
	ck_assert_int_eq(cleat_mbuf_check(first), 0);
	return first;
}

static void check_bytes(const struct cleat_mbuf *m, uint32_t len)
{
	uint8_t buf[4096];
	const uint8_t *data;

	ck_assert_uint_eq(m->pkt_len, len);
	data = cleat_mbuf_read(m, 0, len, buf);
	ck_assert_ptr_nonnull(data);
	for (uint32_t i = 0; i < len; i++)
		ck_assert_uint_eq(data[i], i & 0xff);
}

START_TEST(test_fresh)
{
	struct cleat_mbuf *m = take(), *again;

	ck_assert(cleat_owner_is(m->owner, CLEAT_OWNER_PROCESS, 0));
	ck_assert_uint_eq(m->pool, pool->id);
	ck_assert_uint_eq(m->nb_segs, 1);
	ck_assert_uint_eq(m->pkt_len, 0);
	ck_assert_uint_eq(m->port, 0xffff);
	ck_assert_uint_eq(cleat_mbuf_refcnt(m), 1);
	ck_assert_uint_eq(cleat_mbuf_headroom(m), 128);
	ck_assert_uint_eq(cleat_mbuf_tailroom(m), DATA);
	ck_assert_ptr_eq(cleat_mbuf_data(m), (uint8_t *)(m + 1) + 128);
	m->ol_flags = CLEAT_MBUF_VLAN;
	m->vlan_tci = 7;
	m->data_off = 3;
	m->data_len = m->port = m->nb_segs = 9;
	m->pkt_len = m->packet_type = m->rss_hash = 90000;
	cleat_mbuf_free(m);
	ck_assert(cleat_owner_is(m->owner, CLEAT_OWNER_POOL, pool->id));
	m->next = cleat_handle_of(m); /* what a free one says does not count */
	again = take();
	ck_assert_ptr_eq(again, m);
	ck_assert_uint_eq(m->shape, cleat_mbuf_single(pool->id));
	ck_assert_uint_eq(m->data_off, 128);
	ck_assert_uint_eq(m->port, 0xffff);
	ck_assert_uint_eq(
		m->data_len | m->pkt_len | m->ol_flags | m->packet_type | m->rss_hash | m->vlan_tci,
		0);
	cleat_mbuf_free(m);
	cleat_mbuf_free(NULL);
}
END_TEST

/* A number of segments that is no single mbuf's keeps none of them from its pool. */
START_TEST(test_free_odd)
{
	static const uint8_t odd[] = { 0, 1, 1, 2, 255, 1, 1, 0 };
	struct cleat_mbuf *m[8];

	for (unsigned n = 1; n <= 8; n++) {
		ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, n), 0);
		for (unsigned i = 0; i < n; i++)
			m[i]->nb_segs = odd[i];
		cleat_mbuf_free_bulk(m, n);
		ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, pool->count);
	}
}
END_TEST

START_TEST(test_room)
{
	struct cleat_mbuf *m = take();
	uint8_t *data = cleat_mbuf_data(m);

	ck_assert_ptr_eq(cleat_mbuf_append(m, 100), data);
	ck_assert_ptr_eq(cleat_mbuf_append(m, 100), data + 100);
	ck_assert_ptr_null(cleat_mbuf_append(m, DATA - 200 + 1));
	ck_assert_uint_eq(cleat_mbuf_tailroom(m), DATA - 200);
	ck_assert_ptr_null(cleat_mbuf_prepend(m, 129));
	ck_assert_ptr_eq(cleat_mbuf_prepend(m, 128), data - 128);
	ck_assert_uint_eq(m->pkt_len, 328);
	ck_assert_ptr_null(cleat_mbuf_adj(m, 329));
	ck_assert_ptr_eq(cleat_mbuf_adj(m, 328), data + 200);
	ck_assert_uint_eq(m->pkt_len, 0);
	ck_assert_int_eq(cleat_mbuf_trim(m, 1), -EINVAL);
	ck_assert_ptr_nonnull(cleat_mbuf_append(m, 10));
	ck_assert_int_eq(cleat_mbuf_trim(m, 10), 0);
	ck_assert_int_eq(cleat_mbuf_check(m), 0);
	m->data_len = DATA;
	ck_assert_int_eq(cleat_mbuf_check(m), -EINVAL);
	cleat_mbuf_free(m);
}
END_TEST

START_TEST(test_chain)
{
	struct cleat_mbuf *m = packet(4, 100);
	struct cleat_mbuf *more = packet(2, 1);
	uint8_t buf[400];

	ck_assert_uint_eq(m->nb_segs, 4);
	check_bytes(m, 400);
	ck_assert_ptr_eq(cleat_mbuf_read(m, 100, 100, buf), cleat_mbuf_data(cleat_mbuf_next(m)));
	ck_assert_ptr_eq(cleat_mbuf_read(m, 99, 2, buf), buf);
	ck_assert_uint_eq(buf[0], 99);
	ck_assert_uint_eq(buf[1], 100);
	ck_assert_ptr_null(cleat_mbuf_read(m, 399, 2, buf));
	ck_assert_ptr_null(cleat_mbuf_read(m, 401, 0, buf));
	ck_assert_ptr_nonnull(cleat_mbuf_append(m, 5));
	ck_assert_uint_eq(cleat_mbuf_last(m)->data_len, 105);
	ck_assert_int_eq(cleat_mbuf_trim(m, 105), 0);
	ck_assert_int_eq(cleat_mbuf_check(m), 0);
	m->nb_segs = CLEAT_MBUF_MAX_SEGS - 1;
	ck_assert_int_eq(cleat_mbuf_chain(m, more), -EOVERFLOW);
	m->nb_segs = 4;
	ck_assert_int_eq(cleat_mbuf_chain(m, more), 0);
	ck_assert_uint_eq(m->nb_segs, 6);
	cleat_mbuf_free(m);
}
END_TEST

START_TEST(test_clone)
{
	struct cleat_mbuf *m = packet(3, 50);
	struct cleat_mbuf *a = cleat_mbuf_clone(m, pool);
	struct cleat_mbuf *b = cleat_mbuf_clone(a, pool); /* of a clone: of its parent */

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_eq(cleat_mbuf_data(b), cleat_mbuf_data(m));
	ck_assert_uint_eq(cleat_mbuf_refcnt(m), 3);
	ck_assert_int_eq(cleat_mbuf_check(b), 0);
	check_bytes(b, 150);
	ck_assert_ptr_nonnull(cleat_mbuf_adj(a, 10)); /* its own offsets */
	check_bytes(m, 150);
	cleat_mbuf_free(m);
	ck_assert(cleat_owner_is(m->owner, CLEAT_OWNER_SHARED, 0));
	ck_assert_uint_eq(mbuf_world_audit(pool).shared, 3);
	check_bytes(b, 150);
	cleat_mbuf_free(a);
	check_bytes(b, 150);
	ck_assert_uint_eq(mbuf_world_audit(pool).shared, 3);
	cleat_mbuf_free(b);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, MBUFS);
}
END_TEST

/* A clone that cannot be had changes nothing. */
START_TEST(test_clone_refused)
{
	struct cleat_mbuf *m = packet(3, 50);
	struct cleat_mbuf *all[MBUFS];
	unsigned n = 0;
	uint64_t ref;

	while ((all[n] = cleat_mbuf_alloc(pool)) != NULL)
		n++;
	cleat_mbuf_free_bulk(all, 2);
	ck_assert_ptr_null(cleat_mbuf_clone(m, pool));
	cleat_mbuf_free_bulk(all + 2, n - 2);
	ref = cleat_mbuf_last(m)->ref;
	cleat_mbuf_last(m)->ref = 0xffffULL << 48;
	ck_assert_ptr_null(cleat_mbuf_clone(m, pool));
	cleat_mbuf_last(m)->ref = ref;
	ck_assert_uint_eq(cleat_mbuf_refcnt(m), 1);
	cleat_mbuf_free(m);
}
END_TEST

START_TEST(test_copy)
{
	struct cleat_mbuf *m = packet(5, 200);
	struct cleat_mbuf *copy;

	m->ol_flags = CLEAT_MBUF_VLAN;
	m->vlan_tci = 42;
	copy = cleat_mbuf_copy(m, pool);
	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(cleat_mbuf_check(copy), 0);
	ck_assert_uint_eq(copy->nb_segs, 4); /* 1000 bytes in buffers of 256 */
	ck_assert_uint_eq(copy->vlan_tci, 42);
	cleat_mbuf_free(m);
	check_bytes(copy, 1000);
	copy->pkt_len = 1001;
	ck_assert_ptr_null(cleat_mbuf_copy(copy, pool));
	cleat_mbuf_free(copy);
}
END_TEST

START_TEST(test_ring_owner)
{
	struct cleat_mbuf *m[3] = { packet(1, 10), packet(2, 10), packet(1, 10) };
	struct cleat_mbuf *out[4];
	struct cleat_audit audit;
	struct cleat_ring r;

	mbuf_world_ring(&r, "r", 4, (enum cleat_ring_mode)_i);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs_bulk(&r, m, 3), 3);
	ck_assert(cleat_owner_is(cleat_mbuf_next(m[1])->owner, CLEAT_OWNER_RING, r.id));
	audit = mbuf_world_audit(pool);
	ck_assert_int_eq(cleat_audit_ok(&audit), 1);
	ck_assert_uint_eq(audit.in_rings, 4);
	mbuf_world_be(2);
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(&r, out, 2), 2);
	ck_assert_ptr_eq(out[1], m[1]);
	ck_assert(cleat_owner_is(cleat_mbuf_next(m[1])->owner, CLEAT_OWNER_PROCESS, 2));
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs_bulk(&r, out, 2), 0);
	cleat_mbuf_free_bulk(m, 2);
	mbuf_world_be(0);
	ck_assert_uint_eq(cleat_sweep_ring(&r), 1);
	mbuf_world_sweep(2);
}
END_TEST

#define TEN (CLEAT_RING_FETCHED + 2)

static void send_some(struct cleat_ring *r, struct cleat_mbuf *m[TEN])
{
	for (uint32_t i = 0; i < TEN; i++)
		m[i] = packet(1, 10);
	ck_assert_uint_eq(cleat_ring_enqueue_mbufs_bulk(r, m, TEN), TEN);
}

static struct cleat_mbuf *take_one(struct cleat_ring *r)
{
	struct cleat_mbuf *m;

	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(r, &m, 1), 1);
	return m;
}

/* A consumer that leaves fewer than CLEAT_RING_FETCHED packets behind waits before its next look,
 * if the producer is another process; ever less often, where that brings nothing. */
START_TEST(test_consumer_close_behind)
{
	const uint32_t skips[TEN] = { 0, 0, 0, 1, 1, 3, 3, 3, 3, 7 }; /* after each look */
	struct cleat_mbuf *m[TEN];
	uint32_t far = (uint32_t)_i;
	struct cleat_ring r;

	mbuf_world_ring(&r, "r", 64, CLEAT_RING_SPSC);
	r.far = far;
	send_some(&r, m);
	for (uint32_t i = 0; i < TEN; i++) {
		struct cleat_mbuf *out = take_one(&r);

		ck_assert_ptr_eq(out, m[i]);
		ck_assert_uint_eq(r.close, far && i >= 2);
		ck_assert_uint_eq(r.skips, far ? skips[i] : 0);
		if (far && skips[i] != skips[i == 0 ? 0 : i - 1]) /* it waited, and said where */
			ck_assert_uint_eq(r.shm->shown, i);
		cleat_mbuf_free(out);
	}
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(&r, m, 1), 0);
	ck_assert_uint_eq(r.close, 0);
	ck_assert_uint_eq(r.skip, far ? 6 : 0);
}
END_TEST

/* It does not wait for what came while it was elsewhere, nor where it found less than it wanted. */
START_TEST(test_no_wait_with_packets_at_hand)
{
	struct cleat_mbuf *m[2 * TEN];
	struct cleat_ring r;

	mbuf_world_ring(&r, "r", 64, CLEAT_RING_SPSC);
	r.far = 1;
	send_some(&r, m);
	for (uint32_t i = 0; i < 3; i++)
		cleat_mbuf_free(take_one(&r));
	ck_assert_uint_eq(r.close, 1);
	send_some(&r, m);
	cleat_mbuf_free(take_one(&r));
	ck_assert_uint_eq(r.close, 0);
	ck_assert_uint_eq(r.skips, 0);
	ck_assert_uint_eq(r.fetched, 4 + CLEAT_RING_FETCHED);
	ck_assert_uint_eq(cleat_ring_dequeue_mbufs(&r, m, 2 * TEN), 2 * TEN - 4);
	cleat_mbuf_free_bulk(m, 2 * TEN - 4);
	ck_assert_uint_eq(r.close, 0);
}
END_TEST

/* Nobody looks further ahead than the ring is long: the lap bit there says the opposite. */
START_TEST(test_ahead_in_small_rings)
{
	struct cleat_ring r;

	for (uint32_t slots = 2; slots <= 64; slots *= 2) {
		char name[8];

		(void)snprintf(name, sizeof(name), "r%u", slots);
		mbuf_world_ring(&r, name, slots, CLEAT_RING_SPSC);
		ck_assert_uint_eq(
			r.ahead, slots / 2 < CLEAT_RING_FETCHED ? slots / 2 : CLEAT_RING_FETCHED);
		r.far = 1;
		for (uint32_t i = 0; i < 6 * slots; i++) {
			uint32_t n = i % (slots < 8 ? slots : 8) + 1;
			struct cleat_mbuf *m[8], *out[8];

			for (uint32_t k = 0; k < n; k++)
				m[k] = packet(1, 10);
			ck_assert_uint_eq(cleat_ring_enqueue_mbufs(&r, m, n), n);
			ck_assert_uint_eq(cleat_ring_dequeue_mbufs(&r, out, n), n);
			ck_assert_int_eq(memcmp(m, out, n * sizeof(m[0])), 0);
			ck_assert_uint_eq(r.fetched, r.shm->tail); /* nothing is behind them */
			ck_assert_uint_eq(r.close, 1);
			cleat_mbuf_free_bulk(m, n);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mbuf");
	TCase *t = tcase_create("mbuf");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, test_fresh);
	tcase_add_test(t, test_free_odd);
	tcase_add_test(t, test_room);
	tcase_add_test(t, test_chain);
	tcase_add_test(t, test_clone);
	tcase_add_test(t, test_clone_refused);
	tcase_add_test(t, test_copy);
	tcase_add_loop_test(t, test_ring_owner, 0, 2);
	tcase_add_loop_test(t, test_consumer_close_behind, 0, 2);
	tcase_add_test(t, test_no_wait_with_packets_at_hand);
	tcase_add_test(t, test_ahead_in_small_rings);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
