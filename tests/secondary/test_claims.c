/* SPDX-License-Identifier: BSD-3-Clause */
/* What one process holds, another is refused, by name of the holder; and it comes back at once. */
#include <check.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/spawn.h"

static struct child primary;

static void setup(void)
{
	primary_start(&primary, 32, "--vdev", "net_null0", NULL);
}

static void teardown(void)
{
	primary_stop(&primary);
}

static void start_holder(struct child *c, const char *option, const char *value)
{
	child_start(c, "cleat-rxtx", "--instance", test_instance(), "--name", "holder", "--mode",
		"rxonly", "--rx", "port:0:0", "--nap", "1000", option, value, "--log-level", "info",
		NULL);
	child_wait_running(c);
	ck_assert_msg(child_is_running(c), "holder ended: %s", child_err(c));
}

static int try_queue(struct child *c)
{
	return child_run(c, "cleat-rxtx", "--instance", test_instance(), "--name", "second",
		"--mode", "rxonly", "--rx", "port:0:0", "--packets", "100", NULL);
}

START_TEST(second_claim_names_the_holder)
{
	struct child a, b;

	start_holder(&a, "--burst", "32");
	ck_assert_int_eq(try_queue(&b), 4);
	ck_assert_msg(strstr(child_err(&b), "holder") != NULL, "said: %s", child_err(&b));
	child_end(&b);
	child_signal(&a, SIGTERM);
	ck_assert_int_eq(child_wait(&a, 5000), 0);
	child_end(&a);
	ck_assert_msg(try_queue(&b) == 0, "after release: %s", child_err(&b));
	child_end(&b);
}
END_TEST

static bool claim_works(void *arg)
{
	struct child *c = arg;
	int status = try_queue(c);

	if (status != 0)
		child_end(c);
	return status == 0;
}

START_TEST(killed_holder_leaves_the_queue_free)
{
	struct child a, b;

	start_holder(&a, "--burst", "32");
	child_end(&a);
	ck_assert(wait_for(claim_works, &b, 5000));
	child_end(&b);
}
END_TEST

START_TEST(stopped_holder_keeps_the_queue)
{
	struct child a, b;

	start_holder(&a, "--burst", "32");
	child_signal(&a, SIGSTOP);
	sleep_us(500000);
	ck_assert_int_eq(try_queue(&b), 4);
	child_end(&b);
	child_signal(&a, SIGCONT);
	child_signal(&a, SIGTERM);
	ck_assert_int_eq(child_wait(&a, 5000), 0);
	child_end(&a);
}
END_TEST

START_TEST(lcores_are_claimed_too)
{
	struct child a, b;
	char text[16];
	cpu_set_t set;
	unsigned cpu = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	while (!CPU_ISSET(cpu, &set))
		cpu++;
	(void)snprintf(text, sizeof(text), "%u", cpu);
	start_holder(&a, "--lcore", text);
	ck_assert_int_eq(child_run(&b, "cleat-rxtx", "--instance", test_instance(), "--attach-only",
				 "--lcore", text, NULL),
		4);
	ck_assert_msg(strstr(child_err(&b), "holder") != NULL, "said: %s", child_err(&b));
	child_end(&b);
	child_end(&a);
}
END_TEST

START_TEST(what_is_not_there_is_named)
{
	static const char *const WRONG[][2] = { { "port:5:0", "there is no port 5" },
		{ "port:net_nill0:0", "net_nill0" } };
	struct child c;

	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(child_run(&c, "cleat-rxtx", "--instance", test_instance(),
					 "--mode", "rxonly", "--rx", WRONG[i][0], NULL),
			1);
		ck_assert_msg(
			strstr(child_err(&c), WRONG[i][1]) != NULL, "said: %s", child_err(&c));
		child_end(&c);
	}
	ck_assert_int_eq(child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--mode",
				 "rxonly", "--rx", "port:0:0", "--pool", "puddle", NULL),
		1);
	ck_assert_msg(strstr(child_err(&c), "puddle") != NULL, "said: %s", child_err(&c));
	child_end(&c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("claims");
	TCase *tc = tcase_create("claims");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, second_claim_names_the_holder);
	tcase_add_test(tc, killed_holder_leaves_the_queue_free);
	tcase_add_test(tc, stopped_holder_keeps_the_queue);
	tcase_add_test(tc, lcores_are_claimed_too);
	tcase_add_test(tc, what_is_not_there_is_named);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
