/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker is killed in mid traffic KILLS times and started again at once under the same name: it
 * always comes up, traffic goes on, and every mbuf is accounted for.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/secondary/capture.h"
#include "tests/support/spawn.h"

#ifdef __SANITIZE_ADDRESS__ /* slow; the count is the release variant's to show */
#define KILLS  20
#define AUDITS 10
#else
#define KILLS  100
#define AUDITS 40
#endif

static struct child primary;

static void setup(void)
{
	char rx[256];

	capture_write(test_path("in.pcap"), 200);
	(void)snprintf(rx, sizeof(rx), "net_pcap0,rx_pcap=%s,infinite_rx=1", test_path("in.pcap"));
	primary_start(&primary, 32, "--vdev", rx, "--vdev", "net_null0", NULL);
}

static void teardown(void)
{
	primary_stop(&primary);
}

static void start_receiver(struct child *c, const char *ring_mode)
{
	child_start(c, "cleat-rxtx", "--instance", test_instance(), "--name", "receiver", "--rx",
		"port:0:0", "--tx", "ring:r", "--ring-size", "256", "--ring-mode", ring_mode, NULL);
}

static void start_sender(struct child *c, const char *ring_mode)
{
	child_start(c, "cleat-rxtx", "--instance", test_instance(), "--name", "sender", "--rx",
		"ring:r", "--tx", "port:1:0", "--mode", "mac", "--ring-size", "256", "--ring-mode",
		ring_mode, NULL);
}

/* tx_packets of port 1, as the tool shows them. */
static int64_t sent(void)
{
	struct child c;
	const char *text;
	int64_t n = -1;

	ck_assert_int_eq(
		child_run(&c, "cleat", "stats", "--json", "--instance", test_instance(), NULL), 0);
	text = strstr(child_out(&c), "net_null0");
	text = text != NULL ? strstr(text, "\"tx_packets\":") : NULL;
	if (text != NULL)
		n = strtoll(text + strlen("\"tx_packets\":"), NULL, 10);
	child_end(&c);
	return n;
}

static bool traffic_goes_on(void)
{
	int64_t before = sent();
	uint64_t end_us = now_us() + 10000000;

	while (now_us() < end_us) {
		if (sent() > before)
			return true;
		sleep_us(10000);
	}
	return false;
}

/* Kill the one, start it again, look; @p restart starts it. */
static void kill_often(struct child *c, void (*restart)(struct child *, const char *),
	const char *ring_mode, int kills)
{
	struct audit_result audit;

	for (int i = 0; i < kills; i++) {
		child_kill_after(c, (unsigned)(random() % 30000));
		restart(c, ring_mode);
		ck_assert_msg(audit_settles(&audit, false, 10000), "after kill %d", i + 1);
		ck_assert_msg(child_is_running(c), "after kill %d: exit code %d: %s", i + 1,
			c->status, child_err(c));
	}
	ck_assert_msg(traffic_goes_on(), "after %d kills", kills);
}

static void kill_both(const char *ring_mode, int kills)
{
	struct child receiver, sender;
	struct audit_result audit;

	start_sender(&sender, ring_mode);
	start_receiver(&receiver, ring_mode);
	ck_assert(traffic_goes_on());
	kill_often(&receiver, start_receiver, ring_mode, kills / 2);
	kill_often(&sender, start_sender, ring_mode, kills / 2);
	child_end(&receiver);
	child_end(&sender);
	ck_assert(audit_settles(&audit, true, 10000));
	ck_assert_int_eq(audit.in_pool + audit.in_rings + audit.in_queues, audit.size);
}

START_TEST(killed_often_over_an_mpmc_ring)
{
	kill_both("mpmc", KILLS);
}
END_TEST

START_TEST(killed_over_an_spsc_ring)
{
	kill_both("spsc", KILLS / 5);
}
END_TEST

/* Beside the sweep after a death, too: an audit is right the first time. */
START_TEST(audited_at_once)
{
	struct child generator, sink, audit;

	child_start(&sink, "cleat-rxtx", "--instance", test_instance(), "--rx", "ring:g", "--mode",
		"rxonly", NULL);
	for (int i = 0; i < AUDITS; i++) {
		child_start(&generator, "cleat-rxtx", "--instance", test_instance(), "--name",
			"generator", "--tx", "ring:g", "--mode", "txonly", "--retry", "1", NULL);
		child_kill_after(&generator, (unsigned)(20000 + random() % 30000));
		ck_assert_msg(child_run(&audit, "cleat", "audit", "--instance", test_instance(),
				      NULL) == 0,
			"after kill %d: %s%s", i + 1, child_out(&audit), child_err(&audit));
		child_end(&audit);
	}
	child_end(&sink);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kill");
	TCase *tc = tcase_create("kill");
	SRunner *runner;
	int failed;

	need_programs();
	srandom((unsigned)now_us());
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, killed_often_over_an_mpmc_ring);
	tcase_add_test(tc, killed_over_an_spsc_ring);
	tcase_add_test(tc, audited_at_once);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
