/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

static char longest[3001]; /* of a path, say */

START_TEST(one_sentence_for_each_thread)
{
	ck_assert_str_eq(cleat_error(), "");
	ck_assert_int_eq(cleat_err(-ENOSPC, "zone %s is full", "a"), -ENOSPC);
	ck_assert_str_eq(cleat_error(), "zone a is full");
	ck_assert_int_eq(cleat_err(-EIO, "again: %s", cleat_error()), -EIO);
	ck_assert_str_eq(cleat_error(), "again: zone a is full");
	ck_assert_int_eq(cleat_err_prefix(-EIO, "port %d", 7), -EIO);
	ck_assert_str_eq(cleat_error(), "port 7: again: zone a is full");
	cleat_error_clear();
	ck_assert_str_eq(cleat_error(), "");
}
END_TEST

static void *look(void *arg)
{
	*(size_t *)arg = strlen(cleat_error());
	(void)cleat_err(-EIO, "the other's");
	return NULL;
}

START_TEST(threads_do_not_see_each_others)
{
	pthread_t thread;
	size_t seen = 1;

	(void)cleat_err(-EIO, "mine");
	ck_assert_int_eq(pthread_create(&thread, NULL, look, &seen), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(seen, 0);
	ck_assert_str_eq(cleat_error(), "mine");
}
END_TEST

static void expect_cut(const char *start, const char *end)
{
	const char *text = cleat_error();
	size_t len = strlen(text);

	ck_assert_uint_lt(len, CLEAT_ERROR_LEN);
	ck_assert_uint_gt(len, CLEAT_ERROR_LEN - 8);
	ck_assert_msg(strncmp(text, start, strlen(start)) == 0, "starts: %s", text);
	ck_assert_msg(strcmp(text + len - strlen(end), end) == 0, "ends: %s", text);
	ck_assert_ptr_nonnull(strstr(text, "\u2026"));
}

START_TEST(what_is_too_long_loses_its_middle)
{
	memset(longest, 'x', sizeof(longest) - 1);
	(void)cleat_err(-ENOENT, "file %s: no such file", longest);
	expect_cut("file xxx", "xxx: no such file");
	(void)cleat_err_prefix(-ENOENT, "device %s", "d");
	expect_cut("device d: file xxx", "xxx: no such file");
	(void)cleat_err(-ENOENT, "it is not there");
	(void)cleat_err_prefix(-ENOENT, "device %s", longest);
	expect_cut("device xxx", "xxx: it is not there");
}
END_TEST

/* Wherever the cuts fall, no character is cut in two. */
START_TEST(characters_stay_whole)
{
	const char *text;

	for (size_t i = 0; i + 3 < sizeof(longest); i += 3)
		memcpy(longest + i, "\u20ac", 3);
	for (int shift = 0; shift < 3; shift++) {
		(void)cleat_err(-ENOENT, "%.*s%s%.*s", shift, "ab", longest, shift, "yz");
		text = cleat_error() + shift;
		while (strncmp(text, "\u20ac", 3) == 0 || strncmp(text, "\u2026", 3) == 0)
			text += 3;
		ck_assert_int_eq(strncmp(text, "yz", (size_t)shift), 0);
		ck_assert_uint_eq(strlen(text), (size_t)shift);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tcase = tcase_create("error");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, one_sentence_for_each_thread);
	tcase_add_test(tcase, threads_do_not_see_each_others);
	tcase_add_test(tcase, what_is_too_long_loses_its_middle);
	tcase_add_test(tcase, characters_stay_whole);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
