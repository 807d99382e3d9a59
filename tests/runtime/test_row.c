/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/row.h"

/* seq in the middle of a word pair, first half of its word, like the registry's rows */
struct row {
	uint64_t a[5];
	uint32_t seq;
	uint32_t b;
	uint64_t c[6];
};

static void fill(struct row *row, uint32_t value)
{
	for (int i = 0; i < 5; i++)
		row->a[i] = value;
	row->seq = 0xdead;
	row->b = value;
	for (int i = 0; i < 6; i++)
		row->c[i] = value;
}

static int is_whole(const struct row *row)
{
	for (int i = 0; i < 5; i++)
		if (row->a[i] != row->b)
			return 0;
	for (int i = 0; i < 6; i++)
		if (row->c[i] != row->b)
			return 0;
	return 1;
}

START_TEST(test_write_and_read)
{
	struct row row = { .seq = 0 }, from, copy;

	for (uint32_t i = 1; i < 10; i++) {
		fill(&from, i);
		CLEAT_ROW_WRITE(&row, &from);
		ck_assert_uint_eq(row.seq, 2 * i);
		ck_assert_int_eq(CLEAT_ROW_READ(&copy, &row), 0);
		ck_assert_uint_eq(copy.b, i);
		ck_assert(is_whole(&copy));
	}
}
END_TEST

START_TEST(test_seq_in_second_half_of_a_word)
{
	struct {
		uint32_t b, seq;
		uint64_t c;
	} row = { 0 }, from = { 5, 99, 7 }, copy;

	CLEAT_ROW_WRITE(&row, &from);
	ck_assert_int_eq(CLEAT_ROW_READ(&copy, &row), 0);
	ck_assert_uint_eq(copy.b, 5);
	ck_assert_uint_eq(copy.c, 7);
	ck_assert_uint_eq(copy.seq, 2);
}
END_TEST

/* The writer died in the middle: readers say so, and the next write mends it. */
START_TEST(test_half_written)
{
	struct row row = { .seq = 7 }, from, copy;

	ck_assert_int_eq(CLEAT_ROW_READ(&copy, &row), -EAGAIN);
	fill(&from, 3);
	CLEAT_ROW_WRITE(&row, &from);
	ck_assert_uint_eq(row.seq, 8);
	ck_assert_int_eq(CLEAT_ROW_READ(&copy, &row), 0);
	ck_assert(is_whole(&copy));
}
END_TEST

static struct row shared;
static uint32_t stop;

/* Sometimes at once again, sometimes after longer than a reader needs, however slow the machine is.
 */
static void *writer(void *arg)
{
	struct row from;

	for (uint32_t i = 1; !cleat_load_relaxed(&stop); i++) {
		fill(&from, i);
		CLEAT_ROW_WRITE(&shared, &from);
		for (uint32_t rest = 0; rest < i % 256; rest++)
			cleat_pause();
	}
	return arg;
}

/* The primary has lost its processor while it writes. */
static void *end_late(void *arg)
{
	struct row *row = arg, from;

	fill(&from, 2);
	usleep(5000);
	CLEAT_ROW_WRITE(row, &from);
	return NULL;
}

START_TEST(test_wait_for_a_late_writer)
{
	struct row row = { .seq = 1 }, copy;
	pthread_t writer;

	ck_assert_int_eq(pthread_create(&writer, NULL, end_late, &row), 0);
	ck_assert_int_eq(CLEAT_ROW_READ(&copy, &row), 0);
	ck_assert_uint_eq(copy.b, 2);
	ck_assert(is_whole(&copy));
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
}
END_TEST

START_TEST(test_readers_see_whole_rows)
{
	pthread_t thread;
	uint32_t whole = 0, seen = 0, last = 0;

	ck_assert_int_eq(pthread_create(&thread, NULL, writer, NULL), 0);
	while (whole < 20000 || seen < 100) {
		struct row copy;

		if (CLEAT_ROW_READ(&copy, &shared) < 0)
			continue;
		ck_assert(is_whole(&copy));
		ck_assert_uint_ge(copy.b, last);
		whole++;
		seen += copy.b != last;
		last = copy.b;
	}
	cleat_store_relaxed(&stop, 1);
	pthread_join(thread, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("row");
	TCase *tcase = tcase_create("row");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_write_and_read);
	tcase_add_test(tcase, test_seq_in_second_half_of_a_word);
	tcase_add_test(tcase, test_half_written);
	tcase_add_test(tcase, test_wait_for_a_late_writer);
	tcase_add_test(tcase, test_readers_see_whole_rows);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
