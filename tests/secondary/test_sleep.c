/* SPDX-License-Identifier: BSD-3-Clause */
/* Sleeping on queues: packets wake at once, none is overslept, and sleep costs no processor. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/error.h"
#include "secondary/generate.h"
#include "secondary/sleep.h"
#include "tests/runtime/mbuf_help.h"
#include "tests/support/toy.h"

#define QUEUES 2
#define ROUNDS 10000

static struct cleat_queue_shm shm[QUEUES];
static int device_fds[QUEUES];
static struct cleat_flow flows[QUEUES];
static struct cleat_mempool *pool;

static void install(uint16_t queue, int wakes)
{
	struct cleat_queue_conf conf = { .port = 3,
		.queue = queue,
		.dir = CLEAT_RX,
		.driver = TOY_DRIVER,
		.shm = &shm[queue],
		.pool = pool,
		.removals = cleat_port_removals(3) };

	memset(&shm[queue], 0, sizeof(shm[queue]));
	device_fds[queue] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_ge(device_fds[queue], 0);
	if (wakes) {
		conf.fds[0] = dup(device_fds[queue]);
		conf.n_fds = 1;
	}
	ck_assert_msg(cleat_queue_install(&conf) == 0, "%s", cleat_error());
	flows[queue] = (struct cleat_flow){
		.rx = { .kind = CLEAT_ENDPOINT_PORT, .port = 3, .queue = queue }
	};
	(void)snprintf(flows[queue].rx.name, sizeof(flows[queue].rx.name), "toy0");
}

static void setup(void)
{
	mbuf_world_up();
	toy_data_register();
	pool = mbuf_world_pool("p", 512, 256, 32);
	install(0, 1);
	install(1, 1);
}

static void teardown(void)
{
	cleat_queue_remove_all();
	for (int i = 0; i < QUEUES; i++)
		(void)close(device_fds[i]);
	ck_assert_ptr_null(mbuf_world_take_all(pool));
	mbuf_world_down();
}

static unsigned take(struct cleat_flow *flow)
{
	struct cleat_mbuf *mbufs[32];
	int got = cleat_endpoint_rx(&flow->rx, mbufs, 32);

	ck_assert_int_ge(got, 0);
	cleat_mbuf_free_bulk(mbufs, (unsigned)got);
	return (unsigned)got;
}

/* ---- one sleep ---- */

START_TEST(time_is_over)
{
	uint64_t start_us = now_us();

	ck_assert_int_eq(cleat_sleep(flows, QUEUES, 30), 0);
	ck_assert_uint_ge(now_us() - start_us, 29000);
	ck_assert_int_eq(cleat_sleep(flows, QUEUES, 0), 0);
}
END_TEST

START_TEST(a_packet_before_the_arming)
{
	uint64_t start_us = now_us();

	for (unsigned q = 0; q < QUEUES; q++) {
		toy_packet(&shm[q], device_fds[q]); /* not armed: nothing is signalled */
		ck_assert_int_eq(cleat_sleep(flows, QUEUES, 5000), 1);
		ck_assert_uint_eq(take(&flows[q]), 1);
		ck_assert_int_eq(cleat_sleep(flows, QUEUES, 1), 0); /* and none is left armed */
	}
	ck_assert_uint_lt(now_us() - start_us, 2000000);
}
END_TEST

static uint64_t sent_us;

static void *send_later(void *arg)
{
	unsigned queue = *(unsigned *)arg;

	sleep_us(20000);
	sent_us = now_us();
	toy_packet(&shm[queue], device_fds[queue]);
	return NULL;
}

START_TEST(a_packet_wakes_within_milliseconds)
{
	uint64_t best_us = UINT64_MAX;

	for (unsigned i = 0; i < 20; i++) {
		unsigned queue = i % QUEUES;
		pthread_t thread;
		uint64_t took_us;

		ck_assert_int_eq(pthread_create(&thread, NULL, send_later, &queue), 0);
		ck_assert_int_eq(cleat_sleep(flows, QUEUES, 5000), 1);
		took_us = now_us() - sent_us;
		best_us = took_us < best_us ? took_us : best_us;
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		ck_assert_uint_eq(take(&flows[queue]), 1);
	}
	ck_assert_msg(best_us < 2000, "%llu us", (unsigned long long)best_us);
}
END_TEST

/* ---- none is overslept ---- */

static uint32_t asked, answered;

/* One packet per round, at a moment that wanders over the arming. */
static void *send_in_rounds(void *arg)
{
	(void)arg;
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		while (cleat_load_acquire(&asked) < i)
			cleat_pause();
		for (volatile uint32_t spin = 0; spin < i % 997; spin++)
			;
		toy_packet(&shm[0], device_fds[0]);
		cleat_store_release(&answered, i);
	}
	return NULL;
}

START_TEST(no_packet_is_overslept)
{
	pthread_t thread;

	asked = answered = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, send_in_rounds, NULL), 0);
	for (uint32_t i = 1; i <= ROUNDS; i++) {
		unsigned got = 0;

		cleat_store_release(&asked, i);
		while (got == 0) {
			int woke;

			got = take(&flows[0]);
			if (got > 0)
				break;
			woke = cleat_sleep(flows, 1, 5000);
			ck_assert_msg(woke == 1, "round %u: %d", i, woke);
		}
		ck_assert_uint_eq(got, 1);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

/* ---- who cannot be woken ---- */

START_TEST(who_cannot_be_woken_is_told)
{
	struct cleat_flow ring = { .rx = { .kind = CLEAT_ENDPOINT_RING, .name = "a" } };
	struct cleat_flow source = { .source = cleat_generate };

	ck_assert_int_eq(cleat_sleep_check(flows, QUEUES), 0);
	ck_assert_int_eq(cleat_sleep_check(&ring, 1), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "ring a cannot wake anybody"));
	ck_assert_int_eq(cleat_sleep_check(&source, 1), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "makes its packets"));
	ck_assert_int_eq(cleat_queue_remove(3, CLEAT_RX, 1), 0);
	ck_assert_int_eq(cleat_sleep_check(flows, QUEUES), -EPERM);
	(void)close(device_fds[1]);
	install(1, 0);
	ck_assert_int_eq(cleat_sleep_check(flows, QUEUES), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "port 3 rx queue 1 cannot wake anybody"));
	ck_assert_int_eq(cleat_sleep(flows, QUEUES, 1000), -ENOTSUP);
	ck_assert_int_eq(cleat_sleep(flows, 1, 1), 0); /* the first was disarmed */
}
END_TEST

static void *pull_out(void *arg)
{
	(void)arg;
	sleep_us(20000);
	cleat_port_gone(3);
	return NULL;
}

START_TEST(a_port_that_goes_is_noticed)
{
	struct cleat_mbuf *mbufs[4];
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, pull_out, NULL), 0);
	ck_assert_int_ge(cleat_sleep(flows, QUEUES, 100), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(cleat_sleep(flows, QUEUES, 5000), 1); /* the burst says why */
	ck_assert_int_eq(cleat_endpoint_rx(&flows[0].rx, mbufs, 4), -ENODEV);
}
END_TEST

/* ---- in a pipeline ---- */

static uint64_t thread_cpu_us(void)
{
	struct rusage use;

	ck_assert_int_eq(getrusage(RUSAGE_THREAD, &use), 0);
	return (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static void count_ticks(const struct cleat_pipeline *p, void *arg)
{
	(void)p;
	(*(unsigned *)arg)++;
}

START_TEST(an_idle_pipeline_costs_nothing)
{
	unsigned ticks = 0;
	struct cleat_pipeline p = { .flows = flows,
		.n_flows = QUEUES,
		.burst = 32,
		.max_seconds = 1,
		.interrupt = 1,
		.tick = count_ticks,
		.tick_arg = &ticks,
		.tick_ms = 300 };
	uint64_t start_us = now_us(), cpu_us = thread_cpu_us();

	ck_assert_int_eq(cleat_pipeline_run(&p), CLEAT_END_SECONDS);
	cpu_us = thread_cpu_us() - cpu_us;
	ck_assert_uint_lt(now_us() - start_us, 1500000);
	ck_assert_msg(cpu_us < 100000, "%llu us of processor", (unsigned long long)cpu_us);
	ck_assert_uint_ge(p.sleeps, 3);
	ck_assert_uint_le(p.sleeps, 40);
	ck_assert_uint_eq(ticks, 3);
}
END_TEST

START_TEST(an_idle_pipeline_ends_when_asked)
{
	struct cleat_pipeline p = {
		.flows = flows, .n_flows = QUEUES, .burst = 32, .idle_ms = 250, .interrupt = 1
	};
	uint64_t start_us = now_us();

	ck_assert_int_eq(cleat_pipeline_run(&p), CLEAT_END_IDLE);
	ck_assert_uint_ge(now_us() - start_us, 250000);
	ck_assert_uint_lt(now_us() - start_us, 800000);
}
END_TEST

#define TRICKLE 500

static void *trickle(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < TRICKLE; i++) {
		toy_packet(&shm[i % QUEUES], device_fds[i % QUEUES]);
		if (i % 7 == 0)
			sleep_us(1000);
	}
	return NULL;
}

START_TEST(a_pipeline_takes_all_that_trickles)
{
	struct cleat_pipeline p = { .flows = flows,
		.n_flows = QUEUES,
		.burst = 32,
		.max_packets = TRICKLE,
		.max_seconds = 30,
		.interrupt = 1 };
	struct cleat_flow_counts counts;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, trickle, NULL), 0);
	ck_assert_int_eq(cleat_pipeline_run(&p), CLEAT_END_PACKETS);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	cleat_pipeline_counts(&p, &counts);
	ck_assert_uint_eq(counts.rx_packets, TRICKLE);
	ck_assert_uint_gt(p.sleeps, 0);
}
END_TEST

/* ---- the programs ---- */

START_TEST(workers_say_who_cannot_wake_them)
{
	struct child primary, c;

	primary_start(&primary, 32, "--vdev", "net_null0", "--vdev", "net_null1", NULL);
	ck_assert_int_eq(
		child_run(&c, "cleat-l2fwd", "--instance", test_instance(), "--interrupt", NULL),
		1);
	ck_assert_msg(
		strstr(child_err(&c), "--interrupt: port 0 rx queue 0 cannot wake anybody") != NULL,
		"%s", child_err(&c));
	child_end(&c);
	ck_assert_int_eq(child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--rx",
				 "ring:a", "--tx", "port:0:0", "--interrupt", NULL),
		1);
	ck_assert_msg(strstr(child_err(&c), "--interrupt: ring a cannot wake anybody") != NULL,
		"%s", child_err(&c));
	child_end(&c);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sleep");
	TCase *tc = tcase_create("sleep"), *programs = tcase_create("programs");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, time_is_over);
	tcase_add_test(tc, a_packet_before_the_arming);
	tcase_add_test(tc, a_packet_wakes_within_milliseconds);
	tcase_add_test(tc, no_packet_is_overslept);
	tcase_add_test(tc, who_cannot_be_woken_is_told);
	tcase_add_test(tc, a_port_that_goes_is_noticed);
	tcase_add_test(tc, an_idle_pipeline_costs_nothing);
	tcase_add_test(tc, an_idle_pipeline_ends_when_asked);
	tcase_add_test(tc, a_pipeline_takes_all_that_trickles);
	tcase_set_timeout(programs, 60);
	tcase_add_test(programs, workers_say_who_cannot_wake_them);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, programs);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
