/* SPDX-License-Identifier: BSD-3-Clause */
/* How a loop that finds no packet rests: this program counts the system calls it makes for it. */
#include <check.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/error.h"
#include "secondary/pipeline.h"
#include "tests/runtime/mbuf_help.h"
#include "tests/support/toy.h"

#define LOOK	1024 /* empty rounds before a loop rests */
#define SECONDS 0.3

static struct cleat_queue_shm shm;
static struct cleat_flow flow;
static struct cleat_mempool *pool;
static uint64_t yields, naps;

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
	yields = naps = 0;
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

int main(void)
{
	Suite *s = suite_create("rest");
	TCase *tc = tcase_create("rest");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, yields_are_rare);
	tcase_add_test(tc, naps_follow_each_other);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
