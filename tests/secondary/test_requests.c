/* SPDX-License-Identifier: BSD-3-Clause */
/* The library's requests, from a process that attaches: zones, rings, pools, threads, growth. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mempool.h"
#include "runtime/row.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/rings.h"
#include "secondary/threads.h"
#include "secondary/zones.h"
#include "tests/support/spawn.h"

static struct child primary;

static void setup(void)
{
	primary_start(&primary, 64, NULL);
	attach_as("asker");
}

static void teardown(void)
{
	cleat_detach();
	if (primary.pid != 0) /* a test that failed half way may have ended it */
		primary_stop(&primary);
}

START_TEST(zone_comes_and_goes)
{
	struct cleat_zone_request req = {
		.name = "mine", .len_bytes = 100000, .align = 4096, .node = CLEAT_NODE_ANY
	};
	struct cleat_zone_shm zone;
	uint64_t *data;

	ck_assert_msg(cleat_ctl_zone_reserve(&req, &zone) >= 0, "%s", cleat_error());
	ck_assert_int_eq(zone.owner_slot, cleat_self_slot);
	data = cleat_zone_ptr(&zone);
	ck_assert_ptr_nonnull(data);
	ck_assert_int_eq((uintptr_t)data % 4096, 0);
	ck_assert_uint_eq(data[0], 0);
	data[0] = 42;
	ck_assert_int_eq(cleat_ctl_zone_reserve(&req, NULL), -EEXIST);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "mine"));
	ck_assert_int_eq(cleat_ctl_zone_free("mine"), 0);
	ck_assert_int_eq(cleat_ctl_zone_free("mine"), -ENOENT);
	ck_assert_int_eq(cleat_zone_lookup("mine", NULL), -ENOENT);
}
END_TEST

START_TEST(bad_zones_are_refused)
{
	struct cleat_zone_request req = {
		.name = "big", .len_bytes = 1ULL << 36, .node = CLEAT_NODE_ANY
	};

	ck_assert_int_lt(cleat_ctl_zone_reserve(&req, NULL), 0);
	ck_assert_str_ne(cleat_error(), "");
	req.len_bytes = 0;
	ck_assert_int_lt(cleat_ctl_zone_reserve(&req, NULL), 0);
	req.len_bytes = 64;
	req.name = "a/b";
	ck_assert_int_lt(cleat_ctl_zone_reserve(&req, NULL), 0);
	req.name = "a-name-that-is-longer-than-thirty-one-characters";
	ck_assert_int_lt(cleat_ctl_zone_reserve(&req, NULL), 0);
	ck_assert_int_lt(cleat_ctl_zone_free("default"), 0);
}
END_TEST

START_TEST(ring_carries_handles)
{
	struct cleat_ring ring;
	cleat_handle in[3] = { 7, 8, 9 }, out[3];

	ck_assert_msg(cleat_ctl_ring_create("r", 64, CLEAT_RING_MPMC, 0) >= 0, "%s", cleat_error());
	ck_assert_int_eq(cleat_ctl_ring_create("r", 64, CLEAT_RING_MPMC, 0), -EEXIST);
	ck_assert_int_ge(cleat_ctl_ring_create("r", 64, CLEAT_RING_MPMC, 1), 0);
	ck_assert_int_lt(cleat_ctl_ring_create("r3", 63, CLEAT_RING_MPMC, 0), 0);
	ck_assert_int_eq(cleat_ctl_ring_open("none", CLEAT_RING_BOTH, &ring), -ENOENT);
	ck_assert_int_eq(cleat_ctl_ring_open("r", CLEAT_RING_BOTH, &ring), 0);
	ck_assert_int_eq(cleat_ring_enqueue_bulk(&ring, in, 3), 3);
	ck_assert_int_eq(cleat_ring_dequeue_burst(&ring, out, 3), 3);
	ck_assert_int_eq(memcmp(in, out, sizeof(in)), 0);
	ck_assert_uint_eq(ring.far, 0);
	ck_assert_int_eq(cleat_ctl_ring_close(&ring, CLEAT_RING_BOTH), 0);
	ck_assert_msg(cleat_ctl_ring_free("r") == 0, "%s", cleat_error());
	ck_assert_int_eq(cleat_ctl_ring_free("r"), -ENOENT);
}
END_TEST

/* The other end is another process's, unless it is ours. */
START_TEST(rings_are_far)
{
	struct cleat_ring producer, consumer;

	ck_assert_int_ge(cleat_ctl_ring_create("r", 64, CLEAT_RING_SPSC, 0), 0);
	ck_assert_int_eq(cleat_ctl_ring_open("r", CLEAT_RING_CONSUMER, &consumer), 0);
	ck_assert_uint_eq(consumer.far, 1);
	ck_assert_int_eq(cleat_ctl_ring_open("r", CLEAT_RING_PRODUCER, &producer), 0);
	ck_assert_uint_eq(producer.far, 0);
	ck_assert_int_eq(cleat_ctl_ring_close(&producer, CLEAT_RING_PRODUCER), 0);
	ck_assert_int_eq(cleat_ctl_ring_close(&consumer, CLEAT_RING_CONSUMER), 0);
	ck_assert_int_eq(cleat_ctl_ring_open("r", CLEAT_RING_PRODUCER, &producer), 0);
	ck_assert_uint_eq(producer.far, 1);
	ck_assert_int_eq(cleat_ctl_ring_close(&producer, CLEAT_RING_PRODUCER), 0);
	ck_assert_int_eq(cleat_ctl_ring_free("r"), 0);
}
END_TEST

START_TEST(pool_of_ones_own)
{
	struct cleat_pool_request req = {
		.name = "own", .count = 512, .cache_handles = 32, .node = -1
	};
	struct cleat_mbuf *mbufs[16];
	struct cleat_mempool *pool;

	ck_assert_msg(cleat_ctl_pool_create(&req) >= 0, "%s", cleat_error());
	ck_assert_int_eq(cleat_ctl_pool_create(&req), -EEXIST);
	pool = cleat_mempool_by_name("own");
	ck_assert_ptr_nonnull(pool);
	ck_assert_int_eq(cleat_mempool_available(pool), 512);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, mbufs, 16), 0);
	ck_assert_int_eq(cleat_mempool_available(pool), 496);
	cleat_mbuf_free_bulk(mbufs, 16);
	ck_assert_int_eq(cleat_mempool_available(pool), 512);
	ck_assert_msg(cleat_ctl_pool_free("own") == 0, "%s", cleat_error());
}
END_TEST

static void *second_thread(void *arg)
{
	struct cleat_mempool *pool = cleat_mempool_by_name("default");
	struct cleat_mbuf *m;

	*(int *)arg = -1;
	if (cleat_mbuf_alloc(pool) != NULL)
		return NULL; /* not registered: must be refused */
	if (cleat_thread_register() < 0)
		return NULL;
	m = cleat_mbuf_alloc(pool);
	if (m == NULL)
		return NULL;
	cleat_mbuf_free(m);
	*(int *)arg = cleat_thread_release();
	return NULL;
}

START_TEST(threads_register)
{
	pthread_t thread;
	int result = -1;

	ck_assert_int_eq(cleat_thread_register(), -EALREADY);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, second_thread, &result), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_msg(result == 0, "round %d", i);
	}
}
END_TEST

START_TEST(memory_grows_for_everybody)
{
	struct cleat_zone_request req = {
		.name = "large", .len_bytes = 48ULL << 20, .node = CLEAT_NODE_ANY
	};
	struct cleat_zone_shm zone;
	struct child other;
	char *data;

	child_start(&other, "cleat-rxtx", "--instance", test_instance(), "--rx", "ring:g", "--mode",
		"rxonly", "--nap", "1000", "--log-level", "info", NULL);
	child_wait_running(&other);
	ck_assert_int_eq(cleat_ctl_zone_reserve(&req, &zone), -ENOSPC);
	ck_assert_msg(cleat_ctl_memory_grow(64ULL << 20, CLEAT_NODE_ANY) > 0, "%s", cleat_error());
	ck_assert_msg(cleat_ctl_zone_reserve(&req, &zone) >= 0, "%s", cleat_error());
	data = cleat_zone_ptr(&zone);
	memset(data, 1, zone.len_bytes);
	ck_assert(child_is_running(&other));
	child_end(&other);
	ck_assert_int_eq(cleat_ctl_zone_free("large"), 0);
}
END_TEST

static bool is_lost(void *arg)
{
	(void)arg;
	return cleat_attach_state() == CLEAT_LOST;
}

START_TEST(requests_fail_when_the_primary_is_gone)
{
	struct cleat_zone_request req = { .name = "late", .len_bytes = 64, .node = CLEAT_NODE_ANY };
	uint64_t start_us = now_us();

	child_end(&primary);
	ck_assert_int_eq(cleat_ctl_zone_reserve(&req, NULL), -ESTALE);
	ck_assert_uint_lt(now_us() - start_us, 2000000);
	ck_assert(wait_for(is_lost, NULL, 2000));		 /* the control thread reads it */
	ck_assert_ptr_nonnull(cleat_mempool_by_name("default")); /* what is mapped stays */
	primary_start(&primary, 32, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("requests");
	TCase *tc = tcase_create("requests");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, zone_comes_and_goes);
	tcase_add_test(tc, bad_zones_are_refused);
	tcase_add_test(tc, ring_carries_handles);
	tcase_add_test(tc, rings_are_far);
	tcase_add_test(tc, pool_of_ones_own);
	tcase_add_test(tc, threads_register);
	tcase_add_test(tc, memory_grows_for_everybody);
	tcase_add_test(tc, requests_fail_when_the_primary_is_gone);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
