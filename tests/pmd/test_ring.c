/* SPDX-License-Identifier: BSD-3-Clause */
/* net_ring: loopback and wire; rings made and freed with the devices that use them. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/pmd_help.h"

static struct cleat_mempool *pool;

static void setup(void)
{
	pmd_world_up();
	pool = mbuf_world_pool("p", 256, 256, 32);
}

static void send_numbered(int port, unsigned queue, unsigned n)
{
	struct cleat_mbuf *m[64];

	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, n), 0);
	for (unsigned i = 0; i < n; i++)
		memcpy(cleat_mbuf_append(m[i], 60), &i, sizeof(i));
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, (uint16_t)queue, m, n), (int)n);
}

static void receive_numbered(int port, unsigned queue, unsigned n)
{
	struct cleat_mbuf *m[64];

	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, (uint16_t)queue, m, 64), (int)n);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(memcmp(cleat_mbuf_data(m[i]), &i, sizeof(i)), 0);
		ck_assert_int_eq(m[i]->port, port);
	}
	cleat_mbuf_free_bulk(m, n);
}

START_TEST(loopback)
{
	int port = pmd_plug("net_ring0,queues=2,size=64");
	struct cleat_port_stats stats;

	for (unsigned q = 0; q < 2; q++) {
		ck_assert_int_eq(pmd_claim(port, CLEAT_RX, q, pool), 0);
		ck_assert_int_eq(pmd_claim(port, CLEAT_TX, q, NULL), 0);
	}
	send_numbered(port, 0, 10);
	send_numbered(port, 1, 20);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_rings, 30);
	receive_numbered(port, 1, 20);
	receive_numbered(port, 0, 10);
	cleat_port_stats((uint16_t)port, &stats);
	ck_assert_uint_eq(stats.rx_bytes, 30 * 60);
	ck_assert_uint_eq(stats.tx_bytes, 30 * 60);
}
END_TEST

START_TEST(full_ring_takes_what_fits)
{
	int port = pmd_plug("net_ring0,size=16");
	struct cleat_mbuf *m[32];

	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), 0);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, m, 32), 0);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, m, 32), 16);
	cleat_mbuf_free_bulk(m + 16, 16);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, m, 32), 16);
	cleat_mbuf_free_bulk(m, 16);
}
END_TEST

START_TEST(wire)
{
	int a = pmd_plug("net_ring0,rx_ring=x,tx_ring=y");
	int b = pmd_plug("net_ring1,rx_ring=y,tx_ring=x");

	ck_assert_int_eq(pmd_claim(a, CLEAT_TX, 0, NULL), 0);
	ck_assert_int_eq(pmd_claim(b, CLEAT_RX, 0, pool), 0);
	send_numbered(a, 0, 8);
	receive_numbered(b, 0, 8);
	ck_assert_int_eq(pmd_unplug(a), 0);
	ck_assert_int_ge(cleat_registry_find_ring("x", NULL), 0);
	ck_assert_int_eq(pmd_unplug(b), 0);
	ck_assert_int_eq(cleat_registry_find_ring("x", NULL), -ENOENT);
}
END_TEST

START_TEST(removed_port)
{
	int port = pmd_plug("net_ring0");
	struct cleat_mbuf *m[1];

	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), 0);
	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), -EBUSY);
	ck_assert_int_eq(pmd_unplug(port), 0);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, m, 1), -ENODEV);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, m, 1), -ENODEV);
}
END_TEST

START_TEST(wrong_arguments)
{
	static const char *const specs[][2] = {
		{ "net_ring0,size=100", "128" },
		{ "net_ring0,queues=2,rx_ring=a", "queues=" },
		{ "net_ring0,rx_ring=a/b", "position 2" },
		{ "net_ring0,rx_ring=p", "'p'" }, /* a pool's */
		{ "net_ring0,ring=a", "'ring'" },
	};

	for (unsigned i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
		ck_assert_int_lt(pmd_plug(specs[i][0]), 0);
		ck_assert_msg(strstr(cleat_error(), specs[i][1]) != NULL, "%s", cleat_error());
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/ring");
	TCase *tc = tcase_create("ring");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, pmd_world_down);
	tcase_add_test(tc, loopback);
	tcase_add_test(tc, full_ring_takes_what_fits);
	tcase_add_test(tc, wire);
	tcase_add_test(tc, removed_port);
	tcase_add_test(tc, wrong_arguments);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
