/* SPDX-License-Identifier: BSD-3-Clause */
/* Many requests to a real primary: its death and its stop among them, and the rest that follows. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "runtime/error.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "secondary/request.h"
#include "tests/support/spawn.h"

static struct child primary;

static void setup(void)
{
	primary_start(&primary, 16, NULL);
	attach_as("asker");
}

static void teardown(void)
{
	cleat_detach();
	if (primary.pid != 0)
		primary_stop(&primary);
}

static int ask(void)
{
	Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	uint64_t epoch = 0;
	int rc;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	rc = cleat_request_call(&env, &epoch);
	if (rc == 0)
		ck_assert_uint_eq(epoch, cleat_registry->header.epoch);
	return rc;
}

static void ask_often(int n)
{
	while (n-- > 0)
		ck_assert_msg(ask() == 0, "%s", cleat_error());
}

static uint64_t cpu_us(clockid_t clock)
{
	struct timespec ts;

	ck_assert_int_eq(clock_gettime(clock, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

START_TEST(nobody_works_when_nothing_is_asked)
{
	uint64_t mine_us, theirs_us;
	clockid_t theirs;

	ck_assert_int_eq(clock_getcpuclockid(primary.pid, &theirs), 0);
	ask_often(2000);
	sleep_us(2000);
	mine_us = cpu_us(CLOCK_PROCESS_CPUTIME_ID);
	theirs_us = cpu_us(theirs);
	sleep_us(1000000);
	ck_assert_uint_lt(cpu_us(CLOCK_PROCESS_CPUTIME_ID) - mine_us, 5000);
	ck_assert_uint_lt(cpu_us(theirs) - theirs_us, 5000);
}
END_TEST

static void *kill_soon(void *us)
{
	child_kill_after(&primary, *(unsigned *)us);
	return NULL;
}

START_TEST(primary_is_killed_among_requests)
{
	unsigned us = 500 + (unsigned)_i * 777;
	pthread_t killer;
	uint64_t start_us = now_us();
	int rc;

	ck_assert_int_eq(pthread_create(&killer, NULL, kill_soon, &us), 0);
	while ((rc = ask()) == 0)
		;
	ck_assert_int_eq(rc, -ESTALE);
	ck_assert_int_eq(ask(), -ESTALE);
	ck_assert_uint_lt(now_us() - start_us, 2000000);
	pthread_join(killer, NULL);
	child_end(&primary);
	primary_start(&primary, 16, NULL);
}
END_TEST

static void *stop_soon(void *arg)
{
	(void)arg;
	sleep_us(5000);
	child_signal(&primary, SIGSTOP);
	return NULL;
}

START_TEST(primary_is_stopped_among_requests)
{
	pthread_t stopper;
	int rc;

	ck_assert_int_eq(pthread_create(&stopper, NULL, stop_soon, NULL), 0);
	while ((rc = ask()) == 0)
		;
	ck_assert_int_eq(rc, -ETIMEDOUT);
	pthread_join(stopper, NULL);
	child_signal(&primary, SIGCONT);
	ask_often(100);
}
END_TEST

START_TEST(primary_ends_in_order_while_it_is_asked)
{
	int rc;

	ask_often(10);
	child_signal(&primary, SIGTERM);
	while ((rc = ask()) == 0)
		;
	ck_assert_int_eq(rc, -ESTALE);
	ck_assert_int_eq(child_wait(&primary, 5000), 0);
	child_end(&primary);
	primary_start(&primary, 16, NULL);
}
END_TEST

static void *ask_main(void *arg)
{
	(void)arg;
	ask_often(2000);
	return NULL;
}

START_TEST(threads_ask_at_once)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_main, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request burst");
	TCase *tc = tcase_create("request burst");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nobody_works_when_nothing_is_asked);
	tcase_add_loop_test(tc, primary_is_killed_among_requests, 0, 8);
	tcase_add_test(tc, primary_is_stopped_among_requests);
	tcase_add_test(tc, primary_ends_in_order_while_it_is_asked);
	tcase_add_test(tc, threads_ask_at_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
