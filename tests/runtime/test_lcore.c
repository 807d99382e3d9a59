/* SPDX-License-Identifier: BSD-3-Clause */
/* Processor lists and pinning. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/lcore.h"

START_TEST(lists)
{
	struct cleat_cpuset set;
	char text[64];

	ck_assert_int_eq(cleat_cpuset_parse("0-3,8,10-11,9", &set), 0);
	ck_assert_uint_eq(cleat_cpuset_count(&set), 8);
	ck_assert_int_eq(cleat_cpuset_next(&set, 4), 8);
	ck_assert_int_eq(cleat_cpuset_next(&set, 12), -1);
	ck_assert_str_eq(cleat_cpuset_format(&set, text, sizeof(text)), "0-3,8-11");
	ck_assert_int_eq(cleat_cpuset_parse("255", &set), 0);
	ck_assert(cleat_cpuset_has(&set, 255));
}
END_TEST

static const char *const wrong[] = { "", "a", "1,", "3-1", "-1", "1-", "256", "1;2", "1,,2", " 1" };

START_TEST(wrong_lists)
{
	struct cleat_cpuset set;

	ck_assert_int_eq(cleat_cpuset_parse(wrong[_i], &set), -EINVAL);
}
END_TEST

START_TEST(pins)
{
	struct cleat_cpuset set;
	int cpu;

	ck_assert_int_eq(cleat_lcore_available(&set), 0);
	cpu = cleat_cpuset_next(&set, 0);
	ck_assert_int_ge(cpu, 0);
	ck_assert_int_eq(cleat_lcore_pin((unsigned)cpu), 0);
	ck_assert_int_eq(sched_getcpu(), cpu);
	ck_assert_int_eq(cleat_lcore_pin(CLEAT_MAX_LCORES), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "it may on"));
	ck_assert_int_ge(cleat_lcore_node((unsigned)cpu), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/lcore");
	TCase *tc = tcase_create("lcore");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, lists);
	tcase_add_loop_test(tc, wrong_lists, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(tc, pins);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
