/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ring_threads.c - each mode between threads of one process: for the thread sanitizer, which
 * sees no other process.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "tests/runtime/ring_help.h"

#ifdef __SANITIZE_THREAD__
#define COUNT 20000U
#else
#define COUNT 200000U
#endif

static const struct {
	uint32_t slots;
	uint32_t max;
	uint16_t bulk;
	uint16_t producers;
	uint16_t consumers;
	enum cleat_ring_mode mode;
} cases[] = {
	{ 8, 4, 0, 1, 1, CLEAT_RING_SPSC },
	{ 8, 4, 1, 1, 1, CLEAT_RING_SPSC },
	{ 1024, 64, 0, 1, 1, CLEAT_RING_SPSC },
	{ 8, 4, 0, 2, 2, CLEAT_RING_MPMC },
	{ 8, 4, 1, 2, 2, CLEAT_RING_MPMC },
	{ 1024, 64, 0, 3, 2, CLEAT_RING_MPMC },
	{ 1024, 64, 1, 2, 3, CLEAT_RING_MPMC },
};
#define CASES ((int)(sizeof(cases) / sizeof(*cases)))

static void *produce(void *arg)
{
	ring_produce(arg);
	return NULL;
}

static void *consume(void *arg)
{
	return ring_consume(arg) < 0 ? arg : NULL;
}

START_TEST(test_threads)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, cases[_i].slots, cases[_i].mode);
	uint16_t producers = cases[_i].producers;
	uint16_t workers = (uint16_t)(producers + cases[_i].consumers);
	struct ring_work work[8];
	pthread_t threads[8];
	uint32_t wrong = 0;

	for (uint16_t w = 0; w < workers; w++) {
		work[w] = (struct ring_work){ .world = world,
			.ring = &r,
			.producer = w,
			.producers = producers,
			.to = w < producers ? COUNT : COUNT * producers,
			.max = cases[_i].max,
			.bulk = cases[_i].bulk,
			.thread = (uint16_t)(w + 1) };
		ck_assert_int_eq(pthread_create(&threads[w], NULL,
					 w < producers ? produce : consume, &work[w]),
			0);
	}
	for (uint16_t w = 0; w < workers; w++) {
		void *bad;

		ck_assert_int_eq(pthread_join(threads[w], &bad), 0);
		ck_assert_ptr_null(bad);
	}
	for (uint16_t p = 0; p < producers; p++)
		for (uint32_t seq = 0; seq < COUNT; seq++)
			wrong += world->seen[p][seq] != 1;
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_eq(cleat_ring_count(&r), 0);
	ring_world_free(world, cases[_i].slots);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("threads");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, test_threads, 0, CASES);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
