/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets to begin with: made once there is a link, for each flow, from the pool named. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/error.h"
#include "runtime/shared.h"
#include "secondary/generate.h"
#include "secondary/tx_first.h"
#include "tests/runtime/mbuf_help.h"
#include "tests/support/toy.h"

#define FLOWS	2
#define BUFFERS 256
#define SOON_MS 20    /* until something is seen to be missing */
#define LATE_MS 20000 /* until something that comes must have come */

static struct cleat_queue_shm shm[FLOWS];
static struct cleat_flow flows[FLOWS];
static struct cleat_mempool *pool;
static volatile sig_atomic_t stop;

static void install(uint16_t port)
{
	struct cleat_queue_conf conf = { .port = port,
		.dir = CLEAT_RX,
		.driver = TOY_DRIVER,
		.shm = &shm[port],
		.pool = pool,
		.removals = cleat_port_removals(port) };

	memset(&shm[port], 0, sizeof(shm[port]));
	ck_assert_msg(cleat_queue_install(&conf) == 0, "%s", cleat_error());
}

/* Flow i receives at port i and sends at the other one. */
static void setup(void)
{
	mbuf_world_up();
	toy_data_register();
	pool = mbuf_world_pool("default", BUFFERS, 256, 0);
	stop = 0;
	for (uint16_t i = 0; i < FLOWS; i++) {
		install(i);
		flows[i] = (struct cleat_flow){
			.rx = { .kind = CLEAT_ENDPOINT_PORT, .port = i },
			.tx = { .kind = CLEAT_ENDPOINT_PORT, .port = (uint16_t)(1 - i) },
		};
		(void)snprintf(flows[i].rx.name, sizeof(flows[i].rx.name), "toy%u", i);
		(void)snprintf(flows[i].tx.name, sizeof(flows[i].tx.name), "toy%u", 1 - i);
		cleat_registry->ports[i].numa_node = 0xffff;
		cleat_registry->ports[i].link_up = 1;
	}
}

static void teardown(void)
{
	for (unsigned i = 0; i < FLOWS; i++)
		cleat_mbuf_free_bulk(flows[i].mbufs + flows[i].first, flows[i].n);
	cleat_queue_remove_all();
	ck_assert_ptr_null(mbuf_world_take_all(pool));
	mbuf_world_down();
}

static void none_is_made(void)
{
	for (unsigned i = 0; i < FLOWS; i++)
		ck_assert_uint_eq(flows[i].n, 0);
}

START_TEST(each_flow_has_its_own)
{
	ck_assert_int_eq(cleat_tx_first(flows, FLOWS, 48, SOON_MS, NULL, NULL), 0);
	for (unsigned i = 0; i < FLOWS; i++) {
		ck_assert_uint_eq(flows[i].n, 48);
		ck_assert_uint_eq(flows[i].first, 0);
		ck_assert_uint_eq(shm[i].driver[TOY_LOOKS], 1); /* its device has buffers */
		for (unsigned k = 0; k < 48; k++)
			ck_assert_uint_eq(flows[i].mbufs[k]->pkt_len, CLEAT_GENERATE_MIN);
	}
}
END_TEST

START_TEST(without_a_link)
{
	cleat_registry->ports[_i].link_up = 0;
	ck_assert_int_eq(cleat_tx_first(flows, FLOWS, 8, SOON_MS, NULL, &stop), -ENETDOWN);
	ck_assert_msg(strstr(cleat_error(), _i == 0 ? "toy0 has no link" : "toy1 has no link"),
		"said: %s", cleat_error());
	none_is_made();
}
END_TEST

static void *plug_in(void *port)
{
	static const struct timespec WHILE = { .tv_nsec = 50000000 };

	(void)nanosleep(&WHILE, NULL);
	cleat_store_relaxed(&cleat_registry->ports[*(const int *)port].link_up, 1);
	return NULL;
}

START_TEST(a_link_is_waited_for)
{
	pthread_t thread;

	cleat_registry->ports[_i].link_up = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, plug_in, &_i), 0);
	ck_assert_int_eq(cleat_tx_first(flows, FLOWS, 8, LATE_MS, NULL, NULL), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_uint_eq(flows[1].n, 8);
}
END_TEST

START_TEST(stop_ends_the_wait)
{
	stop = 1;
	cleat_registry->ports[0].link_up = 0;
	ck_assert_int_eq(cleat_tx_first(flows, FLOWS, 8, LATE_MS, NULL, &stop), 0);
	none_is_made();
}
END_TEST

START_TEST(pools)
{
	ck_assert_int_eq(cleat_tx_first(flows, FLOWS, 8, SOON_MS, "none", NULL), -ENOENT);
	none_is_made();
	ck_assert_int_eq(cleat_tx_first(flows, FLOWS, BUFFERS, SOON_MS, NULL, NULL), -ENOMEM);
	ck_assert_msg(strstr(cleat_error(), "default has not 256"), "said: %s", cleat_error());
	ck_assert_uint_eq(flows[0].n, BUFFERS); /* freed by teardown */
	ck_assert_uint_eq(flows[1].n, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tx_first");
	TCase *tc = tcase_create("tx_first");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, each_flow_has_its_own);
	tcase_add_loop_test(tc, without_a_link, 0, FLOWS);
	tcase_add_loop_test(tc, a_link_is_waited_for, 0, FLOWS);
	tcase_add_test(tc, stop_ends_the_wait);
	tcase_add_test(tc, pools);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
