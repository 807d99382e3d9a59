/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ring_wait.c - who finds a ring empty or full, or nearly so: what it shows the other end, and
 * how long it waits.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/runtime/ring_help.h"

static cleat_handle handles[CLEAT_MAX_BURST];
static cleat_handle out[CLEAT_MAX_BURST];

static void number_handles(void)
{
	for (uint32_t i = 0; i < CLEAT_MAX_BURST; i++)
		handles[i] = i + 1;
}

/* The producer learns of room an eighth of the ring at a time, and of all when nothing is left. */
START_TEST(test_room_is_shown_seldom)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 64, CLEAT_RING_SPSC);

	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 64), 64);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 7), 7);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 64), 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 1), 1);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 64), 8);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 59), 59);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 64), 5);
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, 64), 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 1), 0);
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, 64), 64);
	ring_world_free(world, 64);
}
END_TEST

/* A consumer waits longer while something came during each wait, and not at all where looks are in
 * vain. */
START_TEST(test_consumer_steps_back)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 64, CLEAT_RING_SPSC);

	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
	ck_assert_uint_eq(r.slip, 0);
	for (uint32_t i = 1; i < 3 * CLEAT_RING_SLIP; i = 2 * i + 1) {
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 1), 1);
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 1);
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
		ck_assert_uint_eq(r.slip, i < CLEAT_RING_SLIP ? i : CLEAT_RING_SLIP);
		ck_assert_uint_eq(r.shm->shown, r.shm->tail);
	}
	for (uint32_t i = CLEAT_RING_SLIP; i > 0; i /= 2)
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
	ck_assert_uint_eq(r.slip, 0);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 8), 8);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 8);
	ck_assert_int_eq(memcmp(out, handles, 8 * sizeof(out[0])), 0);
	ring_world_free(world, 64);
}
END_TEST

static int fed;

static void *feed(void *arg)
{
	struct cleat_ring r;
	cleat_handle one = 1;

	if (cleat_ring_open_row(&r, RING_HELP_ID, arg) < 0)
		return arg;
	while (!cleat_load_acquire(&fed))
		(void)cleat_ring_enqueue_spsc_burst(&r, &one, 1);
	return NULL;
}

/* Where a wait brings a burst, the next is not left out. */
START_TEST(test_waiting_pays)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 64, CLEAT_RING_SPSC);
	struct cleat_ring_row_shm row = cleat_registry->rings[RING_HELP_ID];
	time_t end = time(NULL) + 20;
	pthread_t thread;
	void *wrong;

	fed = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, feed, &row), 0);
	do { /* other processes may be in the way */
		while (cleat_ring_dequeue_burst(&r, out, 64) > 0)
			;
		r.skip = 0;
		r.skips = 7;
		cleat_ring_wait_spsc(&r, 16);
	} while (r.skips != 0 && time(NULL) < end);
	cleat_store_release(&fed, 1);
	ck_assert_int_eq(pthread_join(thread, &wrong), 0);
	ck_assert_ptr_null(wrong);
	ck_assert_uint_eq(r.skips, 0);
	ck_assert_uint_eq(r.skip, 0);
	ring_world_free(world, 64);
}
END_TEST

/* A producer short of room waits at its next look if the tail has moved a little since the last,
 * and not again if that brought nothing. */
START_TEST(test_producer_holds_back)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 64, CLEAT_RING_MPMC);

	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 64), 64);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 2), 0);
	ck_assert_uint_eq(r.hold, 0);
	for (uint32_t i = 1; i <= 4; i++) {
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 1), 1);
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 2), 1);
		ck_assert_uint_eq(r.hold, i % 2);
	}
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 1), 1);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 2), 1);
	ck_assert_uint_eq(r.hold, 1);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, r.lag), r.lag); /* far */
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, r.lag), r.lag);
	ck_assert_uint_eq(r.hold, 1);
	r.hold = CLEAT_RING_SLIP;
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 1), 1);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 2), 1);
	ck_assert_uint_eq(r.hold, CLEAT_RING_SLIP / 2);
	ring_world_free(world, 64);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("wait");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, number_handles, NULL);
	tcase_add_test(tcase, test_room_is_shown_seldom);
	tcase_add_test(tcase, test_consumer_steps_back);
	tcase_add_test(tcase, test_waiting_pays);
	tcase_add_test(tcase, test_producer_holds_back);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
