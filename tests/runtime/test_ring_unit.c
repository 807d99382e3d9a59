/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ring_unit.c - one thread: full, empty, wrap, bulk and burst, tombstones, bad rows, recovery
 * of hand-made claims.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/ring_recover.h"
#include "tests/runtime/ring_help.h"

static const enum cleat_ring_mode modes[] = { CLEAT_RING_SPSC, CLEAT_RING_MPMC };

/* Start positions: the first slot, the middle, both sides of a wrap, of 32 bits, of an intent's 40;
 * then of 64, which no ring lives to see and only unrecovered use is tried at. */
static uint64_t start_of(int i, uint32_t slots)
{
	const uint64_t starts[] = { 0, slots / 2, slots - 1, slots, 2 * slots - 1, (1ULL << 32) - 3,
		(1ULL << 40) - 2, 0ULL - 3 };

	return starts[i];
}
#define STARTS	       8
#define RECOVER_STARTS 7

static cleat_handle handles[CLEAT_MAX_BURST + 1];
static cleat_handle out[CLEAT_MAX_BURST + 1];

static void number_handles(void)
{
	for (uint32_t i = 0; i < CLEAT_MAX_BURST + 1; i++)
		handles[i] = i + 1;
}

static void check_out(uint32_t first, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) /* an assertion that holds is a write to a pipe */
		if (out[i] != first + i)
			ck_abort_msg("%u. is %u, not %u", i, out[i], first + i);
}

START_TEST(test_full_and_empty)
{
	enum cleat_ring_mode mode = modes[_i / STARTS];
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, mode);

	number_handles();
	ring_world_start_at(&r, start_of(_i % STARTS, 8));
	for (int lap = 0; lap < 5; lap++) {
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 5), 5);
		ck_assert_uint_eq(cleat_ring_count(&r), 5);
		ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles + 5, 4), 0);
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles + 5, 4), 3);
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 1), 0);
		ck_assert_uint_eq(cleat_ring_count(&r), 8);
		ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, 9), 0);
		ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, 3), 3);
		check_out(1, 3);
		ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, 6), 0);
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 6), 5);
		check_out(4, 5);
		ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, 8), 8);
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 512), 8);
		check_out(1, 8);
		ck_assert_uint_eq(cleat_ring_count(&r), 0);
	}
	ck_assert_uint_eq(world->shared.threads[0].intent, 0);
	ck_assert_uint_eq(world->shared.threads[0].busy % 2, 0);
	ring_world_free(world, 8);
}
END_TEST

START_TEST(test_every_size_of_burst)
{
	enum cleat_ring_mode mode = modes[_i / 2];
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 1024, mode);

	number_handles();
	r.far = _i % 2;
	for (uint32_t n = 0; n <= CLEAT_MAX_BURST; n++) {
		ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, n), n);
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, n), n);
		ck_assert_uint_eq(world->shared.threads[0].intent, 0);
		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, n), n);
		check_out(1, n);
		ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, n), n);
		check_out(1, n);
	}
	/* longer than the longest: a burst is cut, a bulk refused */
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, CLEAT_MAX_BURST + 1), 0);
	ck_assert_uint_eq(
		cleat_ring_enqueue_burst(&r, handles, CLEAT_MAX_BURST + 1), CLEAT_MAX_BURST);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 1), 1);
	ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, CLEAT_MAX_BURST + 1), 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, CLEAT_MAX_BURST + 1), CLEAT_MAX_BURST);
	check_out(1, CLEAT_MAX_BURST);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 2), 1);
	ring_world_free(world, 1024);
}
END_TEST

START_TEST(test_smallest_ring)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 2, modes[_i]);

	number_handles();
	for (uint32_t i = 0; i < 20; i++) {
		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 1 + i % 3),
			1 + i % 3 > 2 ? 2 : 1 + i % 3);
		ck_assert_uint_ge(cleat_ring_dequeue_burst(&r, out, 512), 1);
		ck_assert_uint_eq(out[0], 1);
	}
	ring_world_free(world, 2);
}
END_TEST

START_TEST(test_tombstones_are_skipped)
{
	const cleat_handle some[] = { 0, 1, 0, 0, 2, 3, 0, 0 };
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, modes[_i / STARTS]);
	struct cleat_ring_cursor cursor;

	number_handles();
	ring_world_start_at(&r, start_of(_i % STARTS, 8));
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, some, 8), 8);
	cleat_ring_peek_start(&r, &cursor);
	ck_assert_uint_eq(cleat_ring_peek(&r, &cursor, out, 2), 2);
	ck_assert_uint_eq(cleat_ring_peek(&r, &cursor, out + 2, 2), 1);
	ck_assert_uint_eq(cleat_ring_peek(&r, &cursor, out, 2), 0);
	check_out(1, 3);

	memset(out, 0, sizeof(out));
	ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, 4), 0);
	/* even a bulk that gets nothing passes those in front */
	ck_assert_uint_eq(cleat_ring_count(&r), 7);
	ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, 2), 2);
	check_out(1, 2);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 1);
	check_out(3, 1);
	ck_assert_uint_le(cleat_ring_count(&r), 2);

	/* nothing but tombstones */
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
	ck_assert_uint_eq(cleat_ring_count(&r), 0);
	memset(handles, 0, sizeof(handles));
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, 8), 8);
	ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, 1), 0);
	ck_assert_uint_eq(cleat_ring_count(&r), 0);
	ring_world_free(world, 8);
}
END_TEST

/* Bursts too short for four at once, wherever they begin. */
START_TEST(test_tombstones_and_short_bursts)
{
	const cleat_handle some[] = { 0, 1, 0, 0, 2, 3, 0, 0 };
	uint32_t n = 1 + (uint32_t)_i % 3;
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, modes[_i / 3 / STARTS]);

	ring_world_start_at(&r, start_of(_i / 3 % STARTS, 8));
	for (uint32_t i = 0; i < 8;) {
		uint32_t now = 8 - i < n ? 8 - i : n;

		ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, some + i, now), now);
		i += now;
	}
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, some, n), 0);
	for (uint32_t got = 0; got < 3;) {
		uint32_t now = 3 - got < n ? 3 - got : n;

		ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, n), now);
		check_out(got + 1, now);
		got += now;
	}
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, n), 0);
	ck_assert_uint_eq(cleat_ring_count(&r), 0);
	ring_world_free(world, 8);
}
END_TEST

START_TEST(test_bad_rows)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);
	const struct cleat_ring_row_shm good = cleat_registry->rings[RING_HELP_ID];
	struct cleat_ring_row_shm row = good;

	ck_assert_int_eq(cleat_ring_open_row(&r, 0, &cleat_registry->rings[0]), -ENOENT);
	ck_assert_int_eq(cleat_ring_open_row(&r, CLEAT_MAX_RINGS, &row), -EINVAL);
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), 0);
	row.slots = 12;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "power of two"));
	row.slots = 0;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	row.slots = CLEAT_MAX_RING * 2;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	row = good;
	row.off = cleat_window_len - 128;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	row.off = UINT64_MAX - 127;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	row.off = good.off + 4;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	row = good;
	row.mode = 2;
	ck_assert_int_eq(cleat_ring_open_row(&r, 1, &row), -EINVAL);
	ring_world_free(world, 8);
}
END_TEST

/* A tail beyond head for good: only a broken process can leave that. Nobody may hang. */
START_TEST(test_scribbled_indexes)
{
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, modes[_i]);

	number_handles();
	r.shm->tail = 1000;
	r.shm->shown = 1000;
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 9), 0);
	ck_assert_uint_eq(cleat_ring_count(&r), 0);
	r.shm->tail = 0;
	r.shm->shown = 0;
	r.shm->head = 1ULL << 60;
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 9), 0);
	ck_assert_uint_le(cleat_ring_count(&r), 8);
	cleat_ring_dequeue_burst(&r, out, 9);
	/* a producer that knows of more room than there are slots stays within them */
	ring_world_start_at(&r, 5000);
	r.shm->head = 0;
	cleat_ring_enqueue_burst(&r, handles, 20);
	r.shm->head = 3;
	cleat_ring_enqueue_burst(&r, handles, 20);
	for (uint32_t i = 8; i < 32; i++)
		ck_assert_uint_eq(r.slots[i], 0);
	ring_world_free(world, 8);
}
END_TEST

/* Claims as thread @p thread would, and stores only the first @p stored. */
static uint64_t half_enqueue(struct cleat_ring *r, uint16_t thread, uint32_t n, uint32_t stored)
{
	uint64_t pos = 0;

	cleat_self_use(thread);
	ck_assert_uint_eq(cleat_ring_claim_mpmc(r, n, 1, &pos), n);
	cleat_slots_fill(cleat_ring_slots(r), pos, handles, stored);
	cleat_self_use(0);
	return pos;
}

START_TEST(test_recover_half_claims)
{
	struct cleat_thread_set dead = { 0 };
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);

	number_handles();
	ring_world_start_at(&r, start_of(_i, 8));
	half_enqueue(&r, 1, 3, 2);
	half_enqueue(&r, 2, 2, 0);
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles + 2, 2), 2);
	cleat_thread_set_add(&dead, 1);
	cleat_thread_set_add(&dead, 2);

	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 2);
	check_out(1, 2);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
	ck_assert_int_eq(cleat_ring_recover(&dead), 0);
	ck_assert_uint_eq(world->shared.threads[1].intent, 0);
	ck_assert_uint_eq(world->shared.threads[2].intent, 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 2);
	check_out(3, 2);
	ck_assert_int_eq(cleat_ring_recover(&dead), 0);
	ring_world_free(world, 8);
}
END_TEST

/* The dead one announced what a living one then claimed: not its slots. */
START_TEST(test_recover_waits_for_the_living)
{
	struct cleat_thread_set dead = { 0 };
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);
	uint64_t pos;

	number_handles();
	ring_world_start_at(&r, start_of(_i, 8));
	pos = half_enqueue(&r, 2, 4, 1);
	world->shared.threads[1].intent = cleat_intent(RING_HELP_ID, pos, 2);
	cleat_thread_set_add(&dead, 1);
	ck_assert_int_eq(cleat_ring_recover(&dead), -EAGAIN);
	ck_assert_uint_ne(world->shared.threads[1].intent, 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 1);

	/* another ring's intent at the same positions is no reason to wait */
	cleat_slots_fill(cleat_ring_slots(&r), pos + 1, handles + 1, 3);
	world->shared.threads[2].intent = cleat_intent(RING_HELP_ID + 1, pos, 4);
	ck_assert_int_eq(cleat_ring_recover(&dead), 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 3);
	check_out(2, 3);
	ring_world_free(world, 8);
}
END_TEST

/* Consumers passed the stored front of the claim, and others filled the ring behind it: the claim
 * begins more than a ring's size before head. */
START_TEST(test_recover_far_behind)
{
	struct cleat_thread_set dead = { 0 };
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);

	number_handles();
	ring_world_start_at(&r, start_of(_i, 8));
	half_enqueue(&r, 1, 4, 3);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 3);
	ck_assert_uint_eq(cleat_ring_enqueue_burst(&r, handles, 8), 7);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 0);
	cleat_thread_set_add(&dead, 1);
	ck_assert_int_eq(cleat_ring_recover(&dead), 0);
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 8), 7);
	check_out(1, 7);
	ring_world_free(world, 8);
}
END_TEST

/* Old intents, intents of rings that are gone, and garbage change nothing. */
START_TEST(test_recover_idle_intents)
{
	struct cleat_thread_set dead = { 0 };
	struct cleat_ring r;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_MPMC);
	const uint64_t intents[] = { cleat_intent(RING_HELP_ID, 1000 - 9, 4),
		cleat_intent(RING_HELP_ID, 1000 - 2, 3), cleat_intent(RING_HELP_ID, 1000, 4),
		cleat_intent(RING_HELP_ID, 5000, 4), cleat_intent(RING_HELP_ID, 992, 4095),
		cleat_intent(3, 992, 8), cleat_intent(CLEAT_MAX_RINGS + 9, 0, 1), 5, UINT64_MAX };

	number_handles();
	cleat_thread_set_add(&dead, 255);
	ring_world_start_at(&r, 992);
	ck_assert_uint_eq(cleat_ring_enqueue_bulk(&r, handles, 8), 8);
	for (size_t i = 0; i < sizeof(intents) / sizeof(*intents); i++) {
		world->shared.threads[255].intent = intents[i];
		ck_assert_int_eq(cleat_ring_recover(&dead), 0);
		ck_assert_uint_eq(world->shared.threads[255].intent, 0);
	}
	ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 9), 8);
	check_out(1, 8);
	ring_world_free(world, 8);
}
END_TEST

START_TEST(test_recover_producer)
{
	struct cleat_ring r, next;
	struct ring_world *world = ring_world_new(&r, 8, CLEAT_RING_SPSC);
	uint64_t start = start_of(_i, 8);

	number_handles();
	for (uint32_t stored = 0; stored <= 8; stored++) {
		for (uint32_t taken = 0; taken <= stored; taken++) {
			ring_world_start_at(&r, start);
			cleat_slots_fill(cleat_ring_slots(&r), start, handles, stored);
			ck_assert_uint_eq(cleat_ring_dequeue_bulk(&r, out, taken), taken);
			cleat_ring_recover_producer(&r);
			ck_assert_uint_eq(cleat_ring_count(&r), stored - taken);
			ck_assert_int_eq(cleat_ring_open(&next, r.shm, 8, 1, CLEAT_RING_SPSC), 0);
			ck_assert_uint_eq(cleat_ring_enqueue_burst(&next, handles + stored, 8),
				8 - (stored - taken));
			ck_assert_uint_eq(cleat_ring_dequeue_burst(&r, out, 9), 8);
			check_out(taken + 1, 8);
		}
	}
	ring_world_free(world, 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("unit");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, test_full_and_empty, 0, 2 * STARTS);
	tcase_add_loop_test(tcase, test_every_size_of_burst, 0, 4);
	tcase_add_loop_test(tcase, test_smallest_ring, 0, 2);
	tcase_add_loop_test(tcase, test_tombstones_are_skipped, 0, 2 * STARTS);
	tcase_add_loop_test(tcase, test_tombstones_and_short_bursts, 0, 3 * 2 * STARTS);
	tcase_add_test(tcase, test_bad_rows);
	tcase_add_loop_test(tcase, test_scribbled_indexes, 0, 2);
	tcase_add_loop_test(tcase, test_recover_half_claims, 0, RECOVER_STARTS);
	tcase_add_loop_test(tcase, test_recover_waits_for_the_living, 0, RECOVER_STARTS);
	tcase_add_loop_test(tcase, test_recover_far_behind, 0, RECOVER_STARTS);
	tcase_add_test(tcase, test_recover_idle_intents);
	tcase_add_loop_test(tcase, test_recover_producer, 0, RECOVER_STARTS);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
