/* SPDX-License-Identifier: BSD-3-Clause */
/* What the data path does with rings, pools and mbufs asks nothing of the kernel, also where a ring
 * is full or empty and where a pool has nothing. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/runtime/mbuf_help.h"
#include "tests/runtime/syscall_help.h"

#define MBUFS 256
#define SLOTS 64
#define N     48 /* more than a cache holds, less than a ring */

static struct cleat_mempool *pool;
static struct cleat_ring ring;
static struct cleat_mbuf *m[MBUFS + 1];
static cleat_handle handles[2 * SLOTS];

static void setup(void)
{
	mbuf_world_up();
	pool = mbuf_world_pool("p", MBUFS, 2048, 32);
}

static void rings(void)
{
	for (unsigned lap = 0; lap < 5; lap++) {
		(void)cleat_ring_dequeue_burst(&ring, handles, SLOTS); /* empty */
		(void)cleat_ring_enqueue_burst(&ring, handles, N);
		(void)cleat_ring_enqueue_bulk(&ring, handles, N); /* does not fit */
		(void)cleat_ring_enqueue_burst(&ring, handles, SLOTS);
		(void)cleat_ring_enqueue_burst(&ring, handles, 1); /* full */
		(void)cleat_ring_dequeue_bulk(&ring, handles, N);
		(void)cleat_ring_dequeue_burst(&ring, handles, SLOTS);
	}
}

static void packets(void)
{
	for (unsigned lap = 0; lap < 5; lap++) {
		(void)cleat_ring_dequeue_mbufs(&ring, m, N);
		(void)cleat_mbuf_alloc_bulk(pool, m, N);
		(void)cleat_ring_enqueue_mbufs(&ring, m, N);
		(void)cleat_ring_dequeue_mbufs(&ring, m, N);
		cleat_mbuf_free_bulk(m, N);
	}
}

static void pools(void)
{
	unsigned n = 0;

	while ((m[n] = cleat_mbuf_alloc(pool)) != NULL)
		n++;
	cleat_mbuf_free_bulk(m, n);
	for (unsigned i = 0; i < 100; i++) {
		(void)cleat_mbuf_alloc_bulk(pool, m, N);
		cleat_mbuf_free_bulk(m, N);
	}
}

static void chains(void)
{
	struct cleat_mbuf *a = cleat_mbuf_alloc(pool), *b = cleat_mbuf_alloc(pool), *clone, *copy;
	uint8_t bytes[200];

	memset(cleat_mbuf_append(a, 100), 1, 100);
	memset(cleat_mbuf_append(b, 100), 2, 100);
	(void)cleat_mbuf_chain(a, b);
	clone = cleat_mbuf_clone(a, pool);
	copy = cleat_mbuf_copy(a, pool);
	(void)cleat_mbuf_prepend(copy, 14);
	(void)cleat_mbuf_read(clone, 0, 200, bytes);
	(void)cleat_mbuf_adj(copy, 14);
	(void)cleat_mbuf_trim(copy, 10);
	cleat_mbuf_free(a);
	cleat_mbuf_free(clone);
	cleat_mbuf_free(copy);
}

START_TEST(over_rings)
{
	mbuf_world_ring(&ring, "r", SLOTS, _i == 0 ? CLEAT_RING_SPSC : CLEAT_RING_MPMC);
	for (unsigned i = 0; i < 2 * SLOTS; i++)
		handles[i] = i + 1;
	syscall_help_none(rings, 1);
}
END_TEST

START_TEST(packets_over_rings)
{
	mbuf_world_ring(&ring, "r", SLOTS, _i == 0 ? CLEAT_RING_SPSC : CLEAT_RING_MPMC);
	syscall_help_none(packets, 1);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, MBUFS);
}
END_TEST

START_TEST(to_and_from_pools)
{
	syscall_help_none(pools, 1);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, MBUFS);
}
END_TEST

START_TEST(chains_and_clones)
{
	syscall_help_none(chains, 1);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, MBUFS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/no_syscalls");
	TCase *tc = tcase_create("no_syscalls");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, mbuf_world_down);
	tcase_add_loop_test(tc, over_rings, 0, 2);
	tcase_add_loop_test(tc, packets_over_rings, 0, 2);
	tcase_add_test(tc, to_and_from_pools);
	tcase_add_test(tc, chains_and_clones);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
