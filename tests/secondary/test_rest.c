/* SPDX-License-Identifier: BSD-3-Clause */
/* How a loop rests that finds no packet, and how often it looks at the clock: this program counts
 * the system calls it makes for it. */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "secondary/pipeline.h"
#include "tests/runtime/mbuf_help.h"
#include "tests/support/toy.h"

#define LOOK	1024 /* empty rounds before a loop rests */
#define SECONDS 0.3

static struct cleat_queue_shm shm;
static struct cleat_flow flow;
static struct cleat_mempool *pool;
static uint64_t yields, naps, looks;

/* In place of libc's. */
int sched_yield(void)
{
	yields++;
	return 0;
}

int nanosleep(const struct timespec *wanted, struct timespec *left)
{
	naps++;
	return clock_nanosleep(CLOCK_MONOTONIC, 0, wanted, left);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	looks++;
	return (int)syscall(SYS_clock_gettime, clock, now);
}

static void setup(void)
{
	struct cleat_queue_conf conf = { .dir = CLEAT_RX,
		.driver = TOY_DRIVER,
		.shm = &shm,
		.removals = cleat_port_removals(0) };

	mbuf_world_up();
	toy_data_register();
	memset(&shm, 0, sizeof(shm));
	conf.pool = pool = mbuf_world_pool("p", 64, 256, 0);
	ck_assert_msg(cleat_queue_install(&conf) == 0, "%s", cleat_error());
	flow = (struct cleat_flow){ .rx = { .kind = CLEAT_ENDPOINT_PORT, .name = "toy0" } };
	yields = naps = looks = 0;
}

static void teardown(void)
{
	cleat_queue_remove_all();
	ck_assert_ptr_null(mbuf_world_take_all(pool));
	mbuf_world_down();
}

/* A yield is fair to others, and a system call that may lead out of a virtual machine: it comes
 * once in so many rounds, however long nothing comes. */
START_TEST(yields_are_rare)
{
	struct cleat_pipeline p = {
		.flows = &flow, .n_flows = 1, .burst = 32, .max_seconds = SECONDS
	};

	ck_assert_int_eq(cleat_pipeline_run(&p), CLEAT_END_SECONDS);
	ck_assert_uint_ge(p.loops, LOOK);
	ck_assert_uint_eq(yields, p.loops / LOOK);
	ck_assert_uint_eq(naps, 0);
}
END_TEST

START_TEST(naps_follow_each_other)
{
	struct cleat_pipeline p = {
		.flows = &flow, .n_flows = 1, .burst = 32, .max_seconds = SECONDS, .nap_us = 1000
	};

	ck_assert_int_eq(cleat_pipeline_run(&p), CLEAT_END_SECONDS);
	ck_assert_uint_gt(naps, 0);
	ck_assert_uint_eq(naps, p.loops - LOOK + 1);
	ck_assert_uint_eq(yields, 0);
}
END_TEST

/* ---- the clock ---- */

/* What the source does: packets for @p busy_ms, each round taking @p round_us. */
static struct {
	uint64_t start_ms, busy_ms;
	useconds_t round_us;
	uint64_t last_ms; /* when it gave a packet */
} source;

static int give(struct cleat_mbuf **mbufs, unsigned n, void *arg)
{
	(void)n;
	(void)arg;
	if (source.round_us != 0)
		(void)usleep(source.round_us);
	if (source.busy_ms != 0) {
		uint64_t now_ms = cleat_now_ms();

		if (now_ms - source.start_ms >= source.busy_ms)
			return 0;
		source.last_ms = now_ms;
	}
	return cleat_mbuf_alloc_bulk(pool, mbufs, 1) == 0;
}

static enum cleat_pipeline_end run_source(
	struct cleat_pipeline *p, uint64_t busy_ms, useconds_t round_us)
{
	flow.source = give;
	flow.tx.kind = CLEAT_ENDPOINT_NONE;
	source.start_ms = source.last_ms = cleat_now_ms();
	source.busy_ms = busy_ms;
	source.round_us = round_us;
	p->flows = &flow;
	p->n_flows = 1;
	p->burst = 32;
	return cleat_pipeline_run(p);
}

START_TEST(looks_at_the_clock_are_rare)
{
	struct cleat_pipeline p = { .max_seconds = SECONDS };

	ck_assert_int_eq(run_source(&p, 0, 0), CLEAT_END_SECONDS);
	ck_assert_uint_gt(p.loops, 10000);
	ck_assert_msg(looks < 10 + p.loops / 1000, "%llu looks in %llu rounds",
		(unsigned long long)looks, (unsigned long long)p.loops);
}
END_TEST

static void count(const struct cleat_pipeline *p, void *arg)
{
	(void)p;
	++*(unsigned *)arg;
}

/* Also where each round takes its time. */
START_TEST(ticks_are_kept)
{
	unsigned ticks = 0;
	struct cleat_pipeline p = {
		.max_seconds = 1, .tick = count, .tick_arg = &ticks, .tick_ms = 50
	};
	uint64_t start_ms = cleat_now_ms();

	ck_assert_int_eq(run_source(&p, 0, 1000), CLEAT_END_SECONDS);
	ck_assert_uint_ge(ticks, (cleat_now_ms() - start_ms) / 200);
	ck_assert_uint_le(ticks, 20);
}
END_TEST

START_TEST(idle_is_not_told_early)
{
	struct cleat_pipeline p = { .idle_ms = 5 };

	ck_assert_int_eq(run_source(&p, 41 + 2 * (uint64_t)_i, 700), CLEAT_END_IDLE);
	ck_assert_uint_ge(cleat_now_ms() - source.last_ms, 4); /* both are cut */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rest");
	TCase *tc = tcase_create("rest");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, yields_are_rare);
	tcase_add_test(tc, naps_follow_each_other);
	tcase_add_test(tc, looks_at_the_clock_are_rare);
	tcase_add_test(tc, ticks_are_kept);
	tcase_add_loop_test(tc, idle_is_not_told_early, 0, 8);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
