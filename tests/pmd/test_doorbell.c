/* SPDX-License-Identifier: BSD-3-Clause */
/* Intel drivers: a burst writes its queue's tail register once, or not at all if nothing changed.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/pmd/doorbell_help.h"
#include "tests/pmd/nic_help.h"

#define MBUFS	    512
#define DESCRIPTORS 128
#define BATCH	    32 /* empty rx descriptors that are worth a write: a quarter of them */
#define DD	    1U
#define EOP	    2U

static const char *const drivers[] = { "net_em", "net_igb", "net_igbvf" };
#define DRIVERS 3

/* Of bursts, by direction: each packet takes hundreds of steps, so no more than these. */
static const unsigned sizes[2][2] = { { 31, 32 }, { 1, 33 } };
#define SIZES 2

static struct cleat_mbuf *packets[DESCRIPTORS + 1];
static unsigned n;

static void setup(void)
{
	nic_world_up(MBUFS);
	for (int dir = 0; dir < 2; dir++)
		nic.shm[dir]->driver[CLEAT_NIC_COUNT] = DESCRIPTORS;
}

/* ---- sending ---- */

static void claim_tx(int driver)
{
	ck_assert_int_eq(nic_claim(drivers[driver], CLEAT_TX, CLEAT_OFFLOAD_TX_VLAN_INSERT), 0);
}

static void make_packets(unsigned count, uint16_t len)
{
	n = count;
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(nic.pool, packets, n), 0);
	for (unsigned i = 0; i < n; i++)
		ck_assert_ptr_nonnull(cleat_mbuf_append(packets[i], len));
}

static void send(void)
{
	(void)cleat_tx_burst(NIC_PORT, 0, packets, n);
}

static unsigned writes_of_sending(void)
{
	return doorbell_writes(send, nic.tail[CLEAT_TX], sizeof(*nic.tail[CLEAT_TX]));
}

START_TEST(one_for_a_burst_sent)
{
	unsigned size = sizes[CLEAT_TX][_i % SIZES];

	claim_tx(_i / SIZES);
	make_packets(size, 60);
	ck_assert_uint_eq(writes_of_sending(), 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], size % DESCRIPTORS);
}
END_TEST

/* Packets that take another way through the driver, and descriptors of their own, amid others. */
START_TEST(one_for_a_burst_of_all_kinds)
{
	claim_tx(_i);
	make_packets(40, 60);
	for (unsigned i = 0; i < n; i += 3) {
		packets[i]->ol_flags = CLEAT_MBUF_TX_VLAN;
		packets[i]->vlan_tci = (uint16_t)i;
	}
	packets[7]->ol_flags = CLEAT_MBUF_TX_TCP; /* not switched on: refused */
	ck_assert_uint_eq(writes_of_sending(), 1);
	ck_assert_uint_ge(*nic.tail[CLEAT_TX], 39);
}
END_TEST

START_TEST(none_when_nothing_is_sent)
{
	claim_tx(_i);
	make_packets(8, 60);
	for (unsigned i = 0; i < n; i++)
		packets[i]->pkt_len++; /* a lie: refused */
	ck_assert_uint_eq(writes_of_sending(), 0);
	make_packets(DESCRIPTORS - 1, 60);
	send();
	make_packets(8, 60); /* no room */
	ck_assert_uint_eq(writes_of_sending(), 0);
}
END_TEST

/* ---- receiving ---- */

static void receive(void)
{
	(void)cleat_rx_burst(NIC_PORT, 0, packets, n);
}

static unsigned writes_of_receiving(unsigned most)
{
	n = most;
	return doorbell_writes(receive, nic.tail[CLEAT_RX], sizeof(*nic.tail[CLEAT_RX]));
}

/* The chip fills the first @p count descriptors, as they were posted at first. */
static void fill(int driver, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t done =
			driver == 0 ? (uint64_t)(DD | EOP) << 32 | 60 : 60ULL << 32 | DD | EOP;

		cleat_store_release(&nic.ring[CLEAT_RX][i].w[1], done);
	}
}

/* A queue that has buffers in all its descriptors. */
static void claim_rx(int driver)
{
	ck_assert_int_eq(nic_claim(drivers[driver], CLEAT_RX, 0), 0);
	n = 1;
	receive();
	ck_assert_uint_eq(*nic.tail[CLEAT_RX], DESCRIPTORS - 1);
}

START_TEST(one_for_all_buffers_at_first)
{
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_uint_eq(writes_of_receiving(32), 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_RX], DESCRIPTORS - 1);
}
END_TEST

START_TEST(none_when_nothing_came)
{
	claim_rx(_i);
	ck_assert_uint_eq(writes_of_receiving(32), 0);
}
END_TEST

/* Buffers are given back by batches, each by one write. */
START_TEST(one_for_a_batch_received)
{
	unsigned size = sizes[CLEAT_RX][_i % SIZES];

	claim_rx(_i / SIZES);
	fill(_i / SIZES, size);
	ck_assert_uint_eq(writes_of_receiving(size), size >= BATCH);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->packets, size);
	if (size >= BATCH)
		ck_assert_uint_eq(*nic.tail[CLEAT_RX], (DESCRIPTORS - 1 + size) % DESCRIPTORS);
}
END_TEST

START_TEST(none_without_buffers)
{
	static struct cleat_mbuf *all[MBUFS];
	unsigned taken = 0;

	claim_rx(_i);
	while ((all[taken] = cleat_mbuf_alloc(nic.pool)) != NULL)
		taken++;
	fill(_i, 40);
	ck_assert_uint_eq(writes_of_receiving(40), 0);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->packets, 40);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/doorbell");
	TCase *tc = tcase_create("doorbell");
	SRunner *runner;
	int failed;

#ifdef __SANITIZE_THREAD__
	printf("SKIP: the thread sanitizer cannot be single-stepped\n");
	return 77;
#endif
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, nic_world_down);
	tcase_add_loop_test(tc, one_for_a_burst_sent, 0, DRIVERS * SIZES);
	tcase_add_loop_test(tc, none_when_nothing_is_sent, 0, DRIVERS);
	tcase_add_loop_test(tc, none_when_nothing_came, 0, DRIVERS);
	if (!DOORBELL_FEW) {
		tcase_add_loop_test(tc, one_for_a_burst_of_all_kinds, 0, DRIVERS);
		tcase_add_loop_test(tc, one_for_all_buffers_at_first, 0, DRIVERS);
		tcase_add_loop_test(tc, one_for_a_batch_received, 0, DRIVERS * SIZES);
		tcase_add_loop_test(tc, none_without_buffers, 0, DRIVERS);
	}
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
