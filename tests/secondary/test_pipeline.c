/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets through several processes: from a capture, over rings, into a capture; nothing gets lost.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/secondary/capture.h"
#include "tests/support/spawn.h"

#define PACKETS	     5000
#define PACKETS_TEXT "5000"

static struct child primary;

static void setup(void)
{
	char rx[256], tx[256];

	capture_write(test_path("in.pcap"), PACKETS);
	(void)snprintf(rx, sizeof(rx), "net_pcap0,rx_pcap=%s", test_path("in.pcap"));
	(void)snprintf(tx, sizeof(tx), "net_pcap1,tx_pcap=%s", test_path("out.pcap"));
	primary_start(&primary, 32, "--vdev", rx, "--vdev", tx, "--vdev", "net_null0", "--vdev",
		"net_null1", "--vdev", "net_ring0", NULL);
}

static void teardown(void)
{
	if (primary.pid != 0) /* a test that failed half way may have ended it */
		primary_stop(&primary);
}

static void ends_well(struct child *c, const char *says)
{
	int status = child_wait(c, 30000);

	ck_assert_msg(status == 0, "exit code %d: %s", status, child_err(c));
	ck_assert_msg(strstr(child_out(c), says) != NULL, "said: %s", child_out(c));
	child_end(c);
}

static void all_adds_up(void)
{
	struct audit_result audit;

	ck_assert(audit_settles(&audit, true, 5000));
	ck_assert_int_eq(audit.in_pool + audit.in_rings + audit.in_queues, audit.size);
}

START_TEST(three_processes_over_two_rings)
{
	static const char SAYS[] =
		"received " PACKETS_TEXT " sent " PACKETS_TEXT " dropped 0 packets";
	struct child a, b, c;

	child_start(&c, "cleat-rxtx", "--instance", test_instance(), "--name", "out", "--rx",
		"ring:two", "--tx", "port:net_pcap1:0", "--mode", "mac", "--packets", PACKETS_TEXT,
		NULL);
	child_start(&b, "cleat-rxtx", "--instance", test_instance(), "--name", "middle", "--rx",
		"ring:one", "--tx", "ring:two", "--ring-size", "64", "--packets", PACKETS_TEXT,
		NULL);
	child_start(&a, "cleat-rxtx", "--instance", test_instance(), "--name", "in", "--rx",
		"port:0:0", "--tx", "ring:one", "--ring-size", "64", "--until-idle", "1000", NULL);
	ends_well(&a, SAYS);
	ends_well(&b, SAYS);
	ends_well(&c, SAYS);
	ck_assert_int_eq(capture_compare(test_path("in.pcap"), test_path("out.pcap"), 12), PACKETS);
	all_adds_up();
}
END_TEST

START_TEST(spsc_ring_between_two)
{
	struct child a, b;

	child_start(&b, "cleat-rxtx", "--instance", test_instance(), "--rx", "ring:s", "--mode",
		"rxonly", "--ring-mode", "spsc", "--packets", "100000", "--json", NULL);
	child_start(&a, "cleat-rxtx", "--instance", test_instance(), "--mode", "txonly", "--tx",
		"ring:s", "--ring-mode", "spsc", "--packets", "100000", NULL);
	ends_well(&a, "sent 100000 dropped 0");
	ends_well(&b, "\"received\": 100000");
	all_adds_up();
}
END_TEST

START_TEST(second_producer_of_an_spsc_ring_is_refused)
{
	struct child a, b;

	child_start(&a, "cleat-rxtx", "--instance", test_instance(), "--name", "first", "--mode",
		"txonly", "--tx", "ring:sp", "--ring-mode", "spsc", "--nap", "1000", "--log-level",
		"info", NULL);
	child_wait_running(&a);
	ck_assert_int_eq(child_run(&b, "cleat-rxtx", "--instance", test_instance(), "--mode",
				 "txonly", "--tx", "ring:sp", NULL),
		4);
	ck_assert_msg(strstr(child_err(&b), "first") != NULL, "said: %s", child_err(&b));
	child_end(&b);
	child_end(&a);
	all_adds_up();
}
END_TEST

START_TEST(retry_drops_when_a_ring_stays_full)
{
	struct child a;

	child_start(&a, "cleat-rxtx", "--instance", test_instance(), "--mode", "txonly", "--tx",
		"ring:full", "--ring-size", "64", "--retry", "3", "--packets", "1000", NULL);
	ends_well(&a, "sent 64 dropped 936");
	all_adds_up();
}
END_TEST

START_TEST(l2fwd_between_null_ports)
{
	struct child a;

	child_start(&a, "cleat-l2fwd", "--instance", test_instance(), "-p", "net_null0:net_null1",
		"--packets", "50000", "-T", "1", NULL);
	ends_well(&a, "received 50000 sent 50000 dropped 0");
	all_adds_up();
}
END_TEST

/* net_ring0 receives what it sends: packets go round, and without any nothing comes. */
START_TEST(l2fwd_begins_with_packets_of_its_own)
{
	struct child a;

	child_start(&a, "cleat-l2fwd", "--instance", test_instance(), "-p", "net_ring0",
		"--until-idle", "200", NULL);
	ends_well(&a, "ended by: idle");
	child_start(&a, "cleat-l2fwd", "--instance", test_instance(), "-p", "net_ring0",
		"--tx-first", "24", "--packets", "10000", NULL);
	ends_well(&a, "ended by: packets");
	ck_assert_int_eq(child_run(&a, "cleat-l2fwd", "--instance", test_instance(), "-p",
				 "net_ring0", "--tx-first", "513", NULL),
		2);
	ck_assert_msg(strstr(child_err(&a), "--tx-first") != NULL, "said: %s", child_err(&a));
	child_end(&a);
	all_adds_up();
}
END_TEST

START_TEST(l2fwd_names_what_is_wrong)
{
	static const char *const WRONG[][2] = { { "7", "there is no port 7" },
		{ "2:", "it looks like" }, { "2:3,2:3", "twice" }, { "2,", "is wrong" },
		{ "0:0", "neither" } };
	struct child c;

	for (unsigned i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
		ck_assert_int_ne(child_run(&c, "cleat-l2fwd", "--instance", test_instance(), "-p",
					 WRONG[i][0], NULL),
			0);
		ck_assert_msg(strstr(child_err(&c), WRONG[i][1]) != NULL, "-p %s said: %s",
			WRONG[i][0], child_err(&c));
		child_end(&c);
	}
}
END_TEST

START_TEST(workers_end_when_the_primary_ends)
{
	struct child a;

	child_start(&a, "cleat-rxtx", "--instance", test_instance(), "--rx", "port:net_null0:0",
		"--mode", "rxonly", "--log-level", "info", NULL);
	child_wait_running(&a);
	primary_stop(&primary);
	ends_well(&a, "ended by: shutdown");
	setup(); /* for teardown */
}
END_TEST

START_TEST(workers_go_on_when_the_primary_is_killed)
{
	struct child a, b;

	child_start(&a, "cleat-rxtx", "--instance", test_instance(), "--rx", "port:net_null0:0",
		"--tx", "ring:on", "--log-level", "info", NULL);
	child_start(&b, "cleat-rxtx", "--instance", test_instance(), "--rx", "ring:on", "--tx",
		"port:net_null1:0", "--seconds", "2", "--log-level", "info", NULL);
	child_wait_running(&a);
	child_wait_running(&b);
	child_end(&primary);
	sleep_us(300000);
	ck_assert_msg(child_is_running(&a), "exit code %d: %s", a.status, child_err(&a));
	ends_well(&b, "ended by: seconds");
	child_signal(&a, SIGINT);
	ends_well(&a, "ended by: stopped");
	setup(); /* for teardown; over the files that the killed one left */
}
END_TEST

/* It asks once to give back its four queues, not four times, and leaves the rest to detaching. */
START_TEST(workers_end_soon_when_the_primary_is_stopped)
{
	struct child worker;
	uint64_t stopped_us;

	child_start(&worker, "cleat-l2fwd", "--instance", test_instance(), "-p",
		"net_null0:net_null1", "--log-level", "info", NULL);
	child_wait_running(&worker);
	child_signal(&primary, SIGSTOP);
	child_signal(&worker, SIGTERM);
	stopped_us = now_us();
	ends_well(&worker, "ended by: stopped");
	child_signal(&primary, SIGCONT);
	ck_assert_uint_lt(now_us() - stopped_us, 9000000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pipeline");
	TCase *tc = tcase_create("pipeline");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, three_processes_over_two_rings);
	tcase_add_test(tc, spsc_ring_between_two);
	tcase_add_test(tc, second_producer_of_an_spsc_ring_is_refused);
	tcase_add_test(tc, retry_drops_when_a_ring_stays_full);
	tcase_add_test(tc, l2fwd_between_null_ports);
	tcase_add_test(tc, l2fwd_begins_with_packets_of_its_own);
	tcase_add_test(tc, l2fwd_names_what_is_wrong);
	tcase_add_test(tc, workers_end_when_the_primary_ends);
	tcase_add_test(tc, workers_go_on_when_the_primary_is_killed);
	tcase_add_test(tc, workers_end_soon_when_the_primary_is_stopped);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
