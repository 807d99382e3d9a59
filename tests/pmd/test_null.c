/* SPDX-License-Identifier: BSD-3-Clause */
/* net_null: packets of the size asked for, nothing kept, wrong arguments refused by name. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/pmd_help.h"

static struct cleat_mempool *pool;

static void setup(void)
{
	pmd_world_up();
	pool = mbuf_world_pool("p", 256, 2048, 32);
}

START_TEST(receives_and_sends)
{
	struct cleat_mbuf *mbufs[32];
	struct cleat_port_stats stats;
	int port = pmd_plug("net_null0,size=100,copy=1,queues=2");

	ck_assert_int_ge(port, 0);
	ck_assert_int_eq(pmd_port(port)->max_rx_queues, 2);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 1, mbufs, 32), -EPERM);
	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 1, pool), 0);
	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 1, mbufs, 32), 32);
		ck_assert_uint_eq(mbufs[31]->pkt_len, 100);
		ck_assert_int_eq(mbufs[31]->port, port);
		ck_assert_int_eq(cleat_mbuf_check(mbufs[31]), 0);
		ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, 32), 32);
	}
	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	ck_assert_uint_eq(stats.rx_packets, 3200);
	ck_assert_uint_eq(stats.tx_packets, 3200);
	ck_assert_uint_eq(stats.tx_bytes, 320000);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, 256);
}
END_TEST

START_TEST(empty_pool_is_no_packets)
{
	struct cleat_mbuf *mbufs[256], *more[1];
	int port = pmd_plug("net_null0");

	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), 0);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, mbufs, 256), 256);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, more, 1), 0);
	cleat_mbuf_free_bulk(mbufs, 256);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, more, 1), 1);
	cleat_mbuf_free(more[0]);
}
END_TEST

START_TEST(wrong_arguments)
{
	static const char *const specs[][2] = {
		{ "net_null0,sise=3", "'sise'" },
		{ "net_null0,size=64,size=65", "'size'" },
		{ "net_null0,size=13", "size=13" },
		{ "net_null0,size=-1", "size=-1" },
		{ "net_null0,queues=17", "queues=17" },
		{ "net_null0,copy=maybe", "copy=maybe" },
		{ "net_null0,size=", "'size'" },
	};

	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		ck_assert_int_eq(pmd_plug(specs[i][0]), -EINVAL);
		ck_assert_ptr_nonnull(strstr(cleat_error(), specs[i][1]));
	}
}
END_TEST

START_TEST(too_large_for_the_pool)
{
	int port = pmd_plug("net_null0,size=4000");

	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "pool p"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/null");
	TCase *tc = tcase_create("null");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, pmd_world_down);
	tcase_add_test(tc, receives_and_sends);
	tcase_add_test(tc, empty_pool_is_no_packets);
	tcase_add_test(tc, wrong_arguments);
	tcase_add_test(tc, too_large_for_the_pool);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
