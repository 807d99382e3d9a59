/* SPDX-License-Identifier: BSD-3-Clause */
/* Claims whose answer comes too late: the device has left, or the claimer has given up. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/mbuf.h"
#include "runtime/port.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "secondary/devices.h"
#include "secondary/ports.h"
#include "secondary/request.h"
#include "tests/support/spawn.h"

static struct child primary, unplugger;
static int tell[2];		      /* a pipe to the unplugger */
static char instance[CLEAT_NAME_LEN]; /* a child's is another */
static int one_cpu;
static uint32_t blocked; /* the control thread is in its event callback */

static uint16_t owner_of_rx0(void)
{
	return __atomic_load_n(
		&cleat_registry->queues[0][CLEAT_RX][0].owner_slot, __ATOMIC_ACQUIRE);
}

static uint16_t state_of_port0(void)
{
	return __atomic_load_n(&cleat_registry->ports[0].state, __ATOMIC_ACQUIRE);
}

static bool is_free(void *arg)
{
	(void)arg;
	return state_of_port0() == CLEAT_PORT_FREE;
}

static bool is_removed(void *arg)
{
	(void)arg;
	return state_of_port0() == CLEAT_PORT_REMOVED;
}

static bool is_unowned(void *arg)
{
	(void)arg;
	return owner_of_rx0() == CLEAT_SLOT_NONE;
}

static bool is_owned(void *arg)
{
	(void)arg;
	return owner_of_rx0() != CLEAT_SLOT_NONE;
}

static void stay_on_one_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)one_cpu, &set);
	ck_assert_int_eq(pthread_setaffinity_np(pthread_self(), sizeof(set), &set), 0);
}

/* In the control thread: reads nothing until the grant and then the removal wait for it. */
static void on_event(const Cleat__Event *event, void *arg)
{
	(void)arg;
	if (event->kind != CLEAT__EVENT_KIND__EVENT_PROC_READY ||
		strcmp(event->text, "unplugger") != 0)
		return;
	stay_on_one_cpu();
	cleat_store_release(&blocked, 1U);
	ck_assert(wait_for(is_removed, NULL, 4000));
	sleep_us(20000); /* from the row to the message */
}

/* Once told to, takes the device away as soon as the queue is granted. */
static int unplug(void *arg)
{
	struct cleat_attach_options options = { .instance = instance, .name = "unplugger" };
	char byte;

	(void)close(tell[1]);
	(void)arg;
	if (read(tell[0], &byte, 1) != 1)
		return 0;
	if (cleat_attach(&options, NULL) < 0 || !wait_for(is_owned, NULL, 4000) ||
		cleat_ctl_device_detach("net_null0") < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		return 1;
	}
	cleat_detach();
	return 0;
}

static void setup(void)
{
	struct cleat_attach_options options = {
		.instance = instance, .name = "claimer", .event = on_event
	};

	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	one_cpu = sched_getcpu();
	ck_assert_int_eq(pipe(tell), 0);
	child_fork(&unplugger, "unplugger", unplug, NULL); /* while this process is not attached */
	primary_start(&primary, 32, "--vdev", "net_null0", NULL);
	ck_assert_msg(cleat_attach(&options, NULL) == 0, "%s", cleat_error());
}

static void teardown(void)
{
	cleat_detach();
	child_end(&unplugger);
	primary_stop(&primary);
}

static bool is_blocked(void *arg)
{
	(void)arg;
	return cleat_load_acquire(&blocked) == 1;
}

/* Idle: as long as the control thread has something to do, this one does not wake. */
static void *claim(void *arg)
{
	struct sched_param none = { 0 };

	stay_on_one_cpu();
	ck_assert_int_eq(pthread_setschedparam(pthread_self(), SCHED_IDLE, &none), 0);
	*(int *)arg = cleat_ctl_queue_claim(0, CLEAT_RX, 0);
	return NULL;
}

/* The stopped holder keeps the port's rows and memory as they were. */
START_TEST(device_leaves_between_grant_and_use)
{
	struct cleat_mbuf *mbufs[4];
	struct child holder;
	pthread_t thread;
	int claimed = 1;

	child_start(&holder, "cleat-rxtx", "--instance", instance, "--name", "holder", "--mode",
		"txonly", "--tx", "port:0:0", "--log-level", "info", NULL);
	child_wait_running(&holder);
	child_signal(&holder, SIGSTOP);
	ck_assert_int_eq(write(tell[1], "x", 1), 1);
	ck_assert_msg(wait_for(is_blocked, NULL, 5000), "said: %s", child_err(&unplugger));
	ck_assert_int_eq(pthread_create(&thread, NULL, claim, &claimed), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(child_wait(&unplugger, 5000) == 0, "said: %s", child_err(&unplugger));
	ck_assert_int_eq(claimed, -ENODEV);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, 4), -ENODEV);
	child_end(&holder);
	ck_assert(wait_for(is_free, NULL, 5000));
	/* the next device with that port id */
	ck_assert_int_eq(cleat_ctl_device_attach("net_null0"), 0);
	ck_assert_msg(cleat_ctl_queue_claim(0, CLEAT_RX, 0) == 0, "%s", cleat_error());
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, 4), 4);
	cleat_mbuf_free_bulk(mbufs, 4);
}
END_TEST

START_TEST(what_was_given_up_is_given_back)
{
	child_signal(&primary, SIGSTOP);
	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_RX, 0), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "did not answer in time"));
	child_signal(&primary, SIGCONT);
	ck_assert_msg(cleat_ctl_queue_claim(0, CLEAT_TX, 0) == 0, "%s", cleat_error());
	ck_assert(wait_for(is_unowned, NULL, 2000)); /* read in order, before that one */
	ck_assert_msg(cleat_ctl_queue_claim(0, CLEAT_RX, 0) == 0, "%s", cleat_error());
}
END_TEST

START_TEST(what_only_the_primary_counts_as_ours)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__QueueClaim body = CLEAT__QUEUE_CLAIM__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_QUEUE_CLAIM;
	env.queue_claim = &body;
	ck_assert_int_eq(cleat_request_call(&env, NULL), 0);
	ck_assert_int_eq(owner_of_rx0(), cleat_self_slot);
	ck_assert_msg(cleat_ctl_queue_release(0, CLEAT_RX, 0) == 0, "%s", cleat_error());
	ck_assert_int_eq(owner_of_rx0(), CLEAT_SLOT_NONE);
	ck_assert_int_eq(cleat_ctl_queue_release(0, CLEAT_RX, 0), -ENOENT);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "not claimed by this process"));
}
END_TEST

/* A second claim must not end in giving back what the first one got. */
START_TEST(own_queue_is_not_asked_for_again)
{
	struct cleat_mbuf *mbufs[4];

	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_RX, 0), 0);
	child_signal(&primary, SIGSTOP);
	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_RX, 0), -EBUSY);
	child_signal(&primary, SIGCONT);
	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_TX, 0), 0);
	ck_assert_int_eq(owner_of_rx0(), cleat_self_slot);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, 4), 4);
	cleat_mbuf_free_bulk(mbufs, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("claim_late");
	TCase *tc = tcase_create("claim_late");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, device_leaves_between_grant_and_use);
	tcase_add_test(tc, what_was_given_up_is_given_back);
	tcase_add_test(tc, what_only_the_primary_counts_as_ours);
	tcase_add_test(tc, own_queue_is_not_asked_for_again);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
