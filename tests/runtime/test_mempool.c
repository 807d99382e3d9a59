/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_mempool.c - layout, opening, caches, exhaustion, tombstones in the free list, bad rows.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/row.h"
#include "tests/runtime/mbuf_help.h"

static void up(void)
{
	mbuf_world_up();
}

static void down(void)
{
	mbuf_world_down();
}

START_TEST(test_layout)
{
	struct cleat_mempool_layout l;

	ck_assert_int_eq(cleat_mempool_layout(&l, 100, 2048, 128, 32), 0);
	ck_assert_uint_eq(l.elt_bytes, 64 + 128 + 2048);
	ck_assert_uint_ge(l.ring_slots, 100 + CLEAT_MAX_BURST);
	ck_assert_uint_eq(l.bytes, l.mbufs_off + 100ULL * l.elt_bytes);
	ck_assert_int_eq(cleat_mempool_layout(&l, 0, 2048, 128, 32), -EINVAL);
	ck_assert_int_eq(cleat_mempool_layout(&l, CLEAT_MAX_RING, 2048, 128, 32), -EINVAL);
	ck_assert_int_eq(cleat_mempool_layout(&l, 100, 65535, 128, 32), -EINVAL);
	ck_assert_int_eq(cleat_mempool_layout(&l, 100, 0, 128, 32), -EINVAL);
	ck_assert_int_eq(cleat_mempool_layout(&l, 100, 64, 0, CLEAT_MAX_CACHE + 1), -EINVAL);
	ck_assert_int_eq(cleat_mempool_layout(&l, CLEAT_MAX_RING - 1, 64, 0, 0), 0);
	ck_assert_uint_eq(l.ring_slots, CLEAT_MAX_RING);
}
END_TEST

/* caches: none, smaller than a burst, larger */
static const uint32_t cache_sizes[] = { 0, 1, 8, 64, 512 };

START_TEST(test_take_all)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 300, 256, cache_sizes[_i]);

	for (int i = 0; i < 5; i++)
		ck_assert_ptr_null(mbuf_world_take_all(mp));
	ck_assert_uint_eq(cleat_mempool_available(mp), 300);
}
END_TEST

START_TEST(test_bulk)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 600, 256, cache_sizes[_i]);
	struct cleat_mbuf *m[CLEAT_MAX_BURST];

	for (unsigned n = 1; n <= CLEAT_MAX_BURST; n = n * 3 + 1) {
		ck_assert_int_eq(cleat_mbuf_alloc_bulk(mp, m, n), 0);
		for (unsigned i = 0; i < n; i++) {
			ck_assert_uint_eq(m[i]->owner >> 44, 2U << 16); /* PROCESS(0) */
			ck_assert_uint_eq(m[i]->data_off, 128);
		}
		ck_assert_uint_eq(cleat_mempool_available(mp), 600 - n);
		cleat_mbuf_free_bulk(m, n);
	}
	ck_assert_uint_eq(cleat_mempool_available(mp), 600);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(mp, m, 0), -EINVAL);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(mp, m, CLEAT_MAX_BURST + 1), -EINVAL);
	cleat_self_use(CLEAT_THREAD_NONE);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(mp, m, 1), -EPERM);
	ck_assert_ptr_null(cleat_mbuf_alloc(mp));
	mbuf_world_be(0);
	ck_assert_ptr_null(mbuf_world_take_all(mp));
}
END_TEST

/* One of each kind a burst can hold: nothing, a plain mbuf, a chain, a clone with its parent freed
 * before or after it, an mbuf of another pool. */
static unsigned one_of_kind(unsigned kind, struct cleat_mempool *mp, struct cleat_mempool *other,
	struct cleat_mbuf **out)
{
	out[0] = kind == 0 ? NULL : cleat_mbuf_alloc(kind == 5 ? other : mp);
	if (kind == 2)
		ck_assert_int_eq(cleat_mbuf_chain(out[0], cleat_mbuf_alloc(other)), 0);
	if (kind < 3 || kind > 4)
		return 1;
	out[1] = cleat_mbuf_clone(out[0], other);
	ck_assert_ptr_nonnull(out[1]);
	if (kind == 4) {
		struct cleat_mbuf *parent = out[0];

		out[0] = out[1];
		out[1] = parent;
	}
	return 2;
}

/* Every order of four kinds among plain ones; a burst longer than one operation takes, too. */
START_TEST(test_free_mixed)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 700, 64, cache_sizes[_i]);
	struct cleat_mempool *other = mbuf_world_pool("q", 100, 64, cache_sizes[_i]);
	struct cleat_mbuf *m[CLEAT_MAX_BURST + 100];

	for (unsigned order = 0; order < 6 * 6 * 6 * 6; order++) {
		unsigned n = 0;

		for (unsigned kinds = order, i = 0; i < 4; i++, kinds /= 6) {
			for (unsigned plain = 0; plain < 5 * i; plain++)
				m[n++] = cleat_mbuf_alloc(mp);
			n += one_of_kind(kinds % 6, mp, other, m + n);
		}
		cleat_mbuf_free_bulk(m, n);
		if (cleat_mempool_available(mp) != 700 || cleat_mempool_available(other) != 100)
			ck_abort_msg("order %u: %u and %u came back", order,
				cleat_mempool_available(mp), cleat_mempool_available(other));
	}
	for (unsigned i = 0; i < CLEAT_MAX_BURST + 100; i++)
		m[i] = cleat_mbuf_alloc(mp);
	cleat_mbuf_free_bulk(m, CLEAT_MAX_BURST + 100);
	cleat_mbuf_free_bulk(m, 0);
	ck_assert_ptr_null(mbuf_world_take_all(mp));
	ck_assert_ptr_null(mbuf_world_take_all(other));
	ck_assert_uint_eq(mbuf_world_audit(mp).in_pool, 700);
	ck_assert_uint_eq(mbuf_world_audit(other).in_pool, 100);
}
END_TEST

/* The free list as full of tombstones as can be: freeing must find room. */
START_TEST(test_tombstones)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 300, 64, cache_sizes[_i]);
	struct cleat_mbuf *m[300];
	uint32_t room;
	uint64_t pos;

	ck_assert_int_eq(cleat_mbuf_alloc_bulk(mp, m, 100), 0);
	room = (uint32_t)mp->ring.size - cleat_ring_count(&mp->ring);
	while (room > 0) {
		uint32_t n = cleat_ring_claim_mpmc(&mp->ring, room > 500 ? 500 : room, 0, &pos);

		for (uint32_t i = 0; i < n; i++)
			cleat_ring_store(&mp->ring, pos + i, CLEAT_RING_TOMBSTONE);
		cleat_ring_claim_end_mpmc(&mp->ring);
		room -= n;
	}
	cleat_mbuf_free_bulk(m, 100);
	ck_assert_ptr_null(mbuf_world_take_all(mp));
	ck_assert_uint_eq(mbuf_world_audit(mp).in_pool, 300);
}
END_TEST

START_TEST(test_bad_rows)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 16, 64, 4);
	struct cleat_pool_row_shm good = cleat_registry->pools[0];
	struct cleat_pool_row_shm row;
	struct cleat_mempool out;

	ck_assert_int_eq(cleat_mempool_open_row(&out, 0, &good), 0);
	ck_assert_int_eq(cleat_mempool_same(&out, mp), 1);
	ck_assert_int_eq(cleat_mempool_open_row(&out, CLEAT_MAX_POOLS, &good), -EINVAL);
#define BAD(field, value, rc)                                                \
	do {                                                                 \
		row = good;                                                  \
		row.field = (value);                                         \
		ck_assert_int_eq(cleat_mempool_open_row(&out, 0, &row), rc); \
	} while (0)
	BAD(name[0], 0, -ENOENT);
	BAD(count, 0, -EINVAL);
	BAD(count, CLEAT_MAX_RING - 1, -EINVAL);
	BAD(count, UINT32_MAX, -EINVAL);
	BAD(elt_bytes, 64, -EINVAL);
	BAD(elt_bytes, 100, -EINVAL);
	BAD(elt_bytes, UINT32_MAX & ~63U, -EINVAL);
	BAD(first_off, MBUF_HELP_BYTES, -EINVAL);
	BAD(first_off, UINT64_MAX & ~63ULL, -EINVAL);
	BAD(first_off, 0, -EINVAL);
	BAD(caches_off, MBUF_HELP_BYTES - 64, -EINVAL);
	BAD(cache_handles, 4000, -EINVAL);
	BAD(cache_stride, 64, -EINVAL);
	BAD(ring, 5, -ENOENT);
	BAD(ring, 0xffff, -EINVAL);
	ck_assert_ptr_null(cleat_mempool_by_id(7));
	ck_assert_ptr_null(cleat_mempool_by_id(0xffff));
	ck_assert_ptr_null(cleat_mempool_by_name("nobody"));
}
END_TEST

START_TEST(test_index)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 16, 64, 4);

	for (uint32_t i = 0; i < 16; i++)
		ck_assert_int_eq(cleat_mempool_index(mp, cleat_mempool_handle(mp, i)), i);
	ck_assert_int_eq(cleat_mempool_index(mp, mp->first + 1), -1);
	ck_assert_int_eq(cleat_mempool_index(mp, mp->first - mp->stride_units), -1);
	ck_assert_int_eq(cleat_mempool_index(mp, cleat_mempool_handle(mp, 16)), -1);
	ck_assert_int_eq(cleat_mempool_index(mp, 0), -1);
}
END_TEST

/* Same row, other pool: whoever looks it up again gets the new one. */
START_TEST(test_row_reused)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", 16, 64, 4);

	ck_assert_uint_eq(mp->count, 16);
	CLEAT_ROW_WRITE(&cleat_registry->pools[0], &(struct cleat_pool_row_shm){ .seq = 0 });
	ck_assert_ptr_null(cleat_mempool_by_id(0));
	mbuf_world_clear();
	mp = mbuf_world_pool("q", 20, 64, 0);
	ck_assert_ptr_eq(cleat_mempool_by_id(0), mp);
	ck_assert_uint_eq(mp->count, 20);
	ck_assert_ptr_null(mbuf_world_take_all(mp));
}
END_TEST

int main(void)
{
	const int caches = (int)(sizeof(cache_sizes) / sizeof(cache_sizes[0]));
	Suite *s = suite_create("mempool");
	TCase *t = tcase_create("mempool");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(t, up, down);
	tcase_add_test(t, test_layout);
	tcase_add_loop_test(t, test_take_all, 0, caches);
	tcase_add_loop_test(t, test_bulk, 0, caches);
	tcase_add_loop_test(t, test_free_mixed, 0, caches);
	tcase_add_loop_test(t, test_tombstones, 0, caches);
	tcase_add_test(t, test_bad_rows);
	tcase_add_test(t, test_index);
	tcase_add_test(t, test_row_reused);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
