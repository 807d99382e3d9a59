/* SPDX-License-Identifier: BSD-3-Clause */
/* A device is taken away under workers: they go on with what is left, and nothing is lost. */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf.h"
#include "runtime/port.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "secondary/devices.h"
#include "secondary/ports.h"
#include "tests/support/spawn.h"

static struct child primary;

static void setup(void)
{
	primary_start(&primary, 32, "--vdev", "net_null0", "--vdev", "net_null1", "--vdev",
		"net_ring0", NULL);
	attach_as("chief");
}

static void teardown(void)
{
	cleat_detach();
	primary_stop(&primary);
}

static bool port_is_free(void *arg)
{
	return cleat_registry->ports[*(unsigned *)arg].state == CLEAT_PORT_FREE;
}

static bool zone_is_gone(void *arg)
{
	return cleat_registry_find_zone(arg, NULL) == -ENOENT;
}

START_TEST(worker_goes_on_with_its_other_flow)
{
	unsigned gone = 1;
	struct audit_result audit;
	struct child c;

	/* 0 with 2, and 1 with itself */
	child_start(&c, "cleat-l2fwd", "--instance", test_instance(), "--name", "fwd", "--ports",
		"0,2,1", "--log-level", "info", NULL);
	child_wait_running(&c);
	ck_assert_msg(cleat_ctl_device_detach("net_null1") == 0, "%s", cleat_error());
	ck_assert(wait_for(port_is_free, &gone, 5000));
	ck_assert(child_is_running(&c));
	ck_assert_msg(audit_settles(&audit, false, 5000), "mbufs are lost");
	child_signal(&c, SIGTERM);
	ck_assert_int_eq(child_wait(&c, 5000), 0);
	ck_assert_msg(strstr(child_err(&c), "No such device") != NULL, "said: %s", child_err(&c));
	child_end(&c);
	ck_assert_msg(audit_settles(&audit, true, 5000), "mbufs are lost");
}
END_TEST

START_TEST(worker_of_that_port_alone_ends_with_a_sentence)
{
	unsigned gone = 0;
	struct child c;

	child_start(&c, "cleat-rxtx", "--instance", test_instance(), "--name", "w", "--mode",
		"rxonly", "--rx", "port:0:0", "--log-level", "info", NULL);
	child_wait_running(&c);
	ck_assert_int_eq(cleat_ctl_device_detach("net_null0"), 0);
	ck_assert(wait_for(port_is_free, &gone, 5000));
	ck_assert_int_ne(child_wait(&c, 5000), 0);
	ck_assert_msg(strstr(child_err(&c), "receiving from 0") != NULL, "said: %s", child_err(&c));
	child_end(&c);
}
END_TEST

/* What a stopped process may still touch is not given to somebody else. */
START_TEST(memory_stays_while_a_holder_is_stopped)
{
	struct audit_result audit;
	unsigned gone = 2;
	struct child c;
	int port;

	child_start(&c, "cleat-rxtx", "--instance", test_instance(), "--name", "w", "--mode",
		"txonly", "--tx", "port:2:0", "--log-level", "info", NULL);
	child_wait_running(&c);
	child_signal(&c, SIGSTOP);
	sleep_us(50000);
	ck_assert_int_eq(cleat_ctl_device_detach("net_ring0"), 0);
	sleep_us(50000);
	ck_assert_int_eq(cleat_registry->ports[2].state, CLEAT_PORT_REMOVED);
	ck_assert_int_ge(cleat_registry_find_zone("cleat.port.2", NULL), 0);
	ck_assert_int_ge(cleat_registry_find_ring("net_ring0_q0", NULL), 0);
	/* a new device takes another place */
	port = cleat_ctl_device_attach("net_null7");
	ck_assert_msg(port == 3, "%d: %s", port, cleat_error());
	child_signal(&c, SIGKILL);
	ck_assert(wait_for(port_is_free, &gone, 5000));
	ck_assert(wait_for(zone_is_gone, "cleat.port.2", 5000));
	ck_assert_int_eq(cleat_registry_find_ring("net_ring0_q0", NULL), -ENOENT);
	child_end(&c);
	ck_assert_msg(audit_settles(&audit, true, 5000), "mbufs are lost");
}
END_TEST

START_TEST(bursts_of_this_process_say_so)
{
	struct cleat_mbuf *mbufs[4];
	unsigned gone = 0;

	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_RX, 0), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, 4), 4);
	cleat_mbuf_free_bulk(mbufs, 4);
	ck_assert_int_eq(cleat_ctl_device_detach("net_null0"), 0);
	ck_assert(wait_for(port_is_free, &gone, 5000));
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, 4), -ENODEV);
	ck_assert_int_eq(cleat_ctl_device_detach("net_null0"), -ENOENT);
	ck_assert_int_eq(cleat_ctl_device_attach("net_null0"), 0);
	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_RX, 0), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, 4), 4);
	cleat_mbuf_free_bulk(mbufs, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("port_gone");
	TCase *tc = tcase_create("removal");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, worker_goes_on_with_its_other_flow);
	tcase_add_test(tc, worker_of_that_port_alone_ends_with_a_sentence);
	tcase_add_test(tc, memory_stays_while_a_holder_is_stopped);
	tcase_add_test(tc, bursts_of_this_process_say_so);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
