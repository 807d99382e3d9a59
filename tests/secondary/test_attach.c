/* SPDX-License-Identifier: BSD-3-Clause */
/* Attaching: by anybody the policy allows, many at once, quickly, and refused with a sentence. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/handle.h"
#include "runtime/limits.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "tests/support/spawn.h"

#define AT_ONCE	 32
#define ATTACHES 50

static struct child primary;

static void setup(void)
{
	primary_start(&primary, 32, "--vdev", "net_null0", "--allow-user", "nobody", NULL);
}

static void teardown(void)
{
	primary_stop(&primary);
}

static int compare(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

/* The time is told, not judged: a test would fail for a busy machine. */
START_TEST(fifty_in_a_row)
{
	static long us[ATTACHES];
	struct child c;

	for (int i = 0; i < ATTACHES; i++) {
		const char *text;

		ck_assert_int_eq(child_run(&c, "cleat-rxtx", "--instance", test_instance(),
					 "--attach-only", "--json", NULL),
			0);
		text = strstr(child_out(&c), "\"attach_us\": ");
		ck_assert_ptr_nonnull(text);
		us[i] = strtol(text + strlen("\"attach_us\": "), NULL, 10);
		child_end(&c);
	}
	qsort(us, ATTACHES, sizeof(us[0]), compare);
	printf("attach: median %ld us, fastest %ld us, slowest %ld us of %d\n", us[ATTACHES / 2],
		us[0], us[ATTACHES - 1], ATTACHES);
	ck_assert_int_gt(us[0], 0);
}
END_TEST

START_TEST(thirty_two_at_once)
{
	static struct child c[AT_ONCE];
	struct audit_result audit;

	for (int i = 0; i < AT_ONCE; i++)
		child_start(&c[i], "cleat-rxtx", "--instance", test_instance(), "--rx",
			"ring:crowd", "--mode", "rxonly", "--until-idle", "1500", "--nap", "1000",
			NULL);
	for (int i = 0; i < AT_ONCE; i++) {
		int status = child_wait(&c[i], 30000);

		ck_assert_msg(
			status == 0, "worker %d: exit code %d: %s", i, status, child_err(&c[i]));
		child_end(&c[i]);
	}
	ck_assert(audit_settles(&audit, true, 5000));
}
END_TEST

START_TEST(nobody_attaches_and_forwards)
{
	struct child c;

	if (geteuid() != 0)
		return; /* main() says so */
	child_start_as_nobody(&c, "cleat-rxtx", "--instance", test_instance(), "--rx", "port:0:0",
		"--mode", "rxonly", "--packets", "10000", NULL);
	ck_assert_msg(child_wait(&c, 20000) == 0, "exit code %d: %s", c.status, child_err(&c));
	ck_assert_ptr_nonnull(strstr(child_out(&c), "received 10000 "));
	child_end(&c);
}
END_TEST

START_TEST(two_of_one_name_are_refused)
{
	struct child first, second;

	child_start(&first, "cleat-rxtx", "--instance", test_instance(), "--name", "twin", "--rx",
		"ring:t", "--mode", "rxonly", "--nap", "1000", "--log-level", "info", NULL);
	child_wait_running(&first);
	ck_assert(child_is_running(&first));
	ck_assert_int_eq(child_run(&second, "cleat-rxtx", "--instance", test_instance(), "--name",
				 "twin", "--attach-only", NULL),
		3);
	ck_assert_msg(strstr(child_err(&second), "twin") != NULL, "said: %s", child_err(&second));
	child_end(&second);
	child_signal(&first, SIGTERM);
	ck_assert_int_eq(child_wait(&first, 5000), 0);
	ck_assert_ptr_nonnull(strstr(child_out(&first), "ended by: stopped"));
	child_end(&first);
}
END_TEST

START_TEST(wrong_options_have_exit_code_2)
{
	static const char *const WRONG[][2] = { { "--rx", "port:x:99" }, { "--rx", "rung:a" },
		{ "--burst", "0" }, { "--burst", "513" }, { "--mode", "loop" },
		{ "--seconds", "-1" }, { "--ring-size", "1000" }, { "--name", "" },
		{ "--name", "a-name-that-is-longer-than-thirty-one" }, { "--retry", "x" } };
	struct child c;

	for (unsigned i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		int status = child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--mode",
			"rxonly", WRONG[i][0], WRONG[i][1], NULL);

		ck_assert_msg(status == 2, "%s %s: exit code %d", WRONG[i][0], WRONG[i][1], status);
		ck_assert_msg(
			strchr(child_err(&c), '\n') == child_err(&c) + strlen(child_err(&c)) - 1,
			"%s %s: not one line: %s", WRONG[i][0], WRONG[i][1], child_err(&c));
		child_end(&c);
	}
}
END_TEST

START_TEST(no_primary_is_said)
{
	struct child c;

	ck_assert_int_eq(
		child_run(&c, "cleat-rxtx", "--instance", "no-such", "--attach-only", NULL), 3);
	ck_assert_msg(strstr(child_err(&c), "no-such") != NULL, "said: %s", child_err(&c));
	child_end(&c);
}
END_TEST

/* In a child of this process, as the window is at one address. @return exit code */
static int in_child(int (*fn)(void))
{
	pid_t pid;
	int status;

	(void)test_instance(); /* the parent's name stays */
	pid = fork();
	if (pid == 0)
		_exit(fn());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "died of signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static char instance[32];

static int occupied(void)
{
	struct cleat_attach_options options = { .instance = instance, .name = "occupied" };
	void *at = mmap((void *)(CLEAT_WINDOW_BASE_DEFAULT + (1UL << 32)), 4096, PROT_READ,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int fds = fd_count();

	if (at == MAP_FAILED)
		return 1;
	if (cleat_attach(&options, NULL) != -EEXIST)
		return 2;
	if (strstr(cleat_error(), "20010000") == NULL) /* the line of /proc/self/maps */
		return 3;
	if (fd_count() != fds || cleat_registry != NULL)
		return 4;
	(void)munmap(at, 4096);
	return cleat_attach(&options, NULL) == 0 ? 0 : 5;
}

START_TEST(occupied_window_is_said_and_can_be_retried)
{
	ck_assert_int_eq(in_child(occupied), 0);
}
END_TEST

static int again_and_again(void)
{
	struct cleat_attach_options options = { .instance = instance, .name = "again" };
	struct cleat_attach_times times;
	int fds = fd_count();

	for (int i = 0; i < 20; i++) {
		if (cleat_attach(&options, &times) != 0)
			return 1;
		if (cleat_attach(&options, NULL) != -EALREADY)
			return 2;
		if (cleat_attach_state() != CLEAT_ATTACHED || times.total_us == 0)
			return 3;
		cleat_detach();
		if (cleat_attach_state() != CLEAT_DETACHED || cleat_registry != NULL)
			return 4;
		if (fd_count() != fds)
			return 5;
	}
	return 0;
}

START_TEST(detach_leaves_nothing)
{
	ck_assert_int_eq(in_child(again_and_again), 0);
}
END_TEST

static int registry_write_faults(void)
{
	struct cleat_attach_options options = { .instance = instance, .name = "writer" };

	if (cleat_attach(&options, NULL) != 0)
		return 1;
	/* neither by a store nor by asking the kernel to allow one */
	return mprotect(cleat_registry, 4096, PROT_READ | PROT_WRITE) == -1 && errno == EACCES ? 0
											       : 2;
}

START_TEST(registry_is_read_only)
{
	ck_assert_int_eq(in_child(registry_write_faults), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attach");
	TCase *tc = tcase_create("attach");
	SRunner *runner;
	int failed;

	need_programs();
	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, setup, teardown);
	tcase_add_test(tc, fifty_in_a_row);
	tcase_add_test(tc, thirty_two_at_once);
	tcase_add_test(tc, nobody_attaches_and_forwards);
	tcase_add_test(tc, two_of_one_name_are_refused);
	tcase_add_test(tc, wrong_options_have_exit_code_2);
	tcase_add_test(tc, no_primary_is_said);
	tcase_add_test(tc, occupied_window_is_said_and_can_be_retried);
	tcase_add_test(tc, detach_leaves_nothing);
	tcase_add_test(tc, registry_is_read_only);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return code_where_root_is_needed(failed == 0 ? 0 : 1);
}
