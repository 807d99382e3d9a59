/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_intel_wait.c - waiting for a register ends in time, also where a short sleep takes long.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "pmd/common/intel_mac.h"
#include "runtime/clock.h"
#include "tests/pmd/pmd_help.h"

#define SLACK_NS 5000000UL /* what a sleep may take longer */
#define WAIT_US	 40000U
#define LATE_US	 1000000U /* sleeps counted as if they were short would take ten times as long */

static uint32_t registers[4];
static struct cleat_port_ctrl port;
static const struct cleat_intel_mac mac = { .bar = registers, .port = &port };

START_TEST(test_ends_in_time)
{
	uint64_t start_us = cleat_now_us(), took_us;

	ck_assert_int_eq(prctl(PR_SET_TIMERSLACK, SLACK_NS), 0);
	ck_assert_int_eq(cleat_intel_wait(&mac, 4, 1, 1, WAIT_US), -ETIMEDOUT);
	took_us = cleat_now_us() - start_us;
	ck_assert_uint_ge(took_us, WAIT_US);
	ck_assert_uint_lt(took_us, LATE_US);
}
END_TEST

START_TEST(test_looks_before_it_gives_up)
{
	registers[2] = 6;
	ck_assert_int_eq(cleat_intel_wait(&mac, 8, 6, 6, 0), 0);
	ck_assert_int_eq(cleat_intel_wait(&mac, 8, 6, 2, 0), -ETIMEDOUT);
	registers[2] = CLEAT_MMIO_GONE;
	ck_assert_int_eq(cleat_intel_wait(&mac, 8, 6, 2, WAIT_US), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intel_wait");
	TCase *tcase = tcase_create("intel_wait");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_ends_in_time);
	tcase_add_test(tcase, test_looks_before_it_gives_up);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
