/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_primary.c - cleat-primary as its user sees it: options, exit codes, what it leaves behind.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "tests/support/spawn.h"

#define START "cleat-primary", "--instance", test_instance(), "--no-pci", "--no-huge", "-m", "16"

static void expect(struct child *c, int status, int wanted, const char *said)
{
	ck_assert_msg(status == wanted, "exit code %d, not %d: %s", status, wanted, child_err(c));
	ck_assert_msg(
		strstr(child_err(c), said) != NULL, "\"%s\" is not in: %s", said, child_err(c));
	child_end(c);
}

static void expect_nothing_left(void)
{
	struct cleat_rundir rd;

	ck_assert_int_eq(cleat_rundir_paths(&rd, test_instance()), 0);
	ck_assert_int_ne(access(rd.dir, F_OK), 0);
}

START_TEST(wrong_options_are_usage)
{
	static const char *const WRONG[][3] = {
		{ "--memory", "0", "--memory 0" },
		{ "--memory", "much", "--memory much" },
		{ "--huge-size", "3M", "--huge-size 3M" },
		{ "--iova-mode", "xa", "--iova-mode xa" },
		{ "--base-virtaddr", "0x200000000001", "multiple of 1 GiB" },
		{ "--mbufs", "-5", "--mbufs -5" },
		{ "--instance", "a/b", "instance name" },
		{ "--log-level", "loud", "--log-level loud" },
		{ "--allow-user", "no-such-user-here", "no-such-user-here" },
		{ "--vdev", "net_nothing0", "net_nothing0" },
		{ "--vdev", "net_null0,colour=red", "colour" },
		{ "--vdev", "net_pcap0", "net_pcap0" },
		{ "stray", NULL, "stray" },
	};

	for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		struct child c;
		int status = child_run(&c, START, WRONG[i][0], WRONG[i][1], NULL);

		expect(&c, status, 2, WRONG[i][2]);
	}
	expect_nothing_left();
}
END_TEST

START_TEST(help_tells_the_exit_codes)
{
	struct child c;

	ck_assert_int_eq(child_run(&c, "cleat-primary", "--help", NULL), 0);
	ck_assert_ptr_nonnull(strstr(child_out(&c), "Exit codes"));
	ck_assert_ptr_nonnull(strstr(child_out(&c), "--vdev"));
	child_end(&c);
}
END_TEST

START_TEST(too_little_memory_is_4)
{
	struct child c;

	expect(&c, child_run(&c, START, "--mbufs", "500000", NULL), 4, "(-m)");
	expect(&c,
		child_run(&c, "cleat-primary", "--instance", test_instance(), "--no-pci", "-m",
			"120000", "--huge-size", "2M", NULL),
		4, "hugepages");
	expect_nothing_left();
}
END_TEST

START_TEST(a_missing_capture_is_said)
{
	struct child c;
	int status = child_run(&c, START, "--vdev", "net_pcap0,rx_pcap=/nowhere/in.pcap", NULL);

	ck_assert_int_ne(status, 0);
	expect(&c, status, status, "/nowhere/in.pcap");
	expect_nothing_left();
}
END_TEST

START_TEST(second_is_refused_naming_the_first)
{
	struct child first, second;
	char pid[32];

	primary_start(&first, 16, NULL);
	(void)snprintf(pid, sizeof(pid), "pid %d", (int)first.pid);
	expect(&second, child_run(&second, START, NULL), 3, pid);
	ck_assert(child_is_running(&first));
	primary_stop(&first);
}
END_TEST

START_TEST(signals_end_in_order)
{
	struct child c;

	primary_start(&c, 16, "--vdev", "net_null0", NULL);
	child_signal(&c, SIGINT);
	ck_assert_int_eq(child_wait(&c, 10000), 0);
	child_end(&c);
	expect_nothing_left();
}
END_TEST

START_TEST(killed_one_is_in_nobodys_way)
{
	struct child c;

	primary_start(&c, 16, NULL);
	child_signal(&c, SIGKILL);
	ck_assert_int_eq(child_wait(&c, 10000), 128 + SIGKILL);
	child_end(&c);
	primary_start(&c, 16, NULL);
	primary_stop(&c);
}
END_TEST

START_TEST(systemd_hears_ready_and_stopping)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct child c;
	char text[512] = { 0 };

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", test_path("notify"));
	ck_assert_int_eq(bind(sock, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", at.sun_path, 1), 0);
	primary_start(&c, 16, NULL);
	ck_assert_int_gt(recv(sock, text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(text, "READY=1"));
	primary_stop(&c);
	memset(text, 0, sizeof(text));
	ck_assert_int_gt(recv(sock, text, sizeof(text) - 1, 0), 0);
	ck_assert_ptr_nonnull(strstr(text, "STOPPING=1"));
	(void)close(sock);
	(void)unlink(at.sun_path);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("primary");
	TCase *tcase = tcase_create("primary");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, wrong_options_are_usage);
	tcase_add_test(tcase, help_tells_the_exit_codes);
	tcase_add_test(tcase, too_little_memory_is_4);
	tcase_add_test(tcase, a_missing_capture_is_said);
	tcase_add_test(tcase, second_is_refused_naming_the_first);
	tcase_add_test(tcase, signals_end_in_order);
	tcase_add_test(tcase, killed_one_is_in_nobodys_way);
	tcase_add_test(tcase, systemd_hears_ready_and_stopping);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
