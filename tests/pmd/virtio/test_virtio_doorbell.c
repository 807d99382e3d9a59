/* SPDX-License-Identifier: BSD-3-Clause */
/* net_virtio notifies its device once for a burst, or not at all where nothing is new or the device
 * does not want to know; of a legacy device that is the one system call. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/pmd/doorbell_help.h"
#include "tests/pmd/virtio/virtio_fake.h"
#include "tests/runtime/syscall_help.h"

#define DESCRIPTORS 128
#define MBUFS	    512
#define REFILL_AT   32 /* free descriptors from which on the driver brings new buffers */
#define RX	    0  /* numbers of the virtqueues */
#define TX	    1

/* Of bursts, by direction: each packet takes hundreds of steps, so no more than these. */
static const unsigned sizes[2][2] = { { 31, 32 }, { 1, 33 } };
#define SIZES 2

static struct cleat_mbuf *packets[MBUFS];
static unsigned n;

static void setup(void)
{
	fake_up(FAKE_MODERN, 1, DESCRIPTORS, MBUFS);
	mbuf_world_be(DOORBELL_SLOT);
}

/* What the bursts left in their process's name is swept: all mbufs must be in the pool at last. */
static void teardown(void)
{
	mbuf_world_be(0);
	mbuf_world_sweep(DOORBELL_SLOT);
	fake_down();
}

static unsigned notifies(void (*burst)(void), unsigned number)
{
	return doorbell_writes(burst, fake_doorbell(number), sizeof(uint16_t));
}

/* The device looks by itself. */
static void want_none(unsigned number)
{
	((struct virtio_used *)fake.vqs[number].place.used)->flags = VIRTIO_USED_NO_NOTIFY;
}

/* ---- sending ---- */

static void make_packets(unsigned count)
{
	n = count;
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(fake.pool, packets, n), 0);
	for (unsigned i = 0; i < n; i++)
		ck_assert_ptr_nonnull(cleat_mbuf_append(packets[i], 60));
}

static void claim_tx(unsigned count)
{
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, DOORBELL_SLOT), 0);
	make_packets(count);
}

static void send(void)
{
	(void)cleat_tx_burst(0, 0, packets, n);
}

START_TEST(one_for_a_burst_sent)
{
	claim_tx(sizes[CLEAT_TX][_i]);
	ck_assert_uint_eq(notifies(send, TX), 1);
	ck_assert_uint_eq(*fake_doorbell(TX), TX);
	ck_assert_uint_eq(fake_offered(TX), sizes[CLEAT_TX][_i]);
}
END_TEST

START_TEST(none_sent_to_a_device_that_looks)
{
	claim_tx(sizes[CLEAT_TX][_i]);
	want_none(TX);
	ck_assert_uint_eq(notifies(send, TX), 0);
	ck_assert_uint_eq(fake_offered(TX), sizes[CLEAT_TX][_i]);
}
END_TEST

START_TEST(none_when_nothing_is_sent)
{
	claim_tx(8);
	for (unsigned i = 0; i < n; i++)
		packets[i]->pkt_len++; /* a lie: refused */
	ck_assert_uint_eq(notifies(send, TX), 0);
	make_packets(DESCRIPTORS);
	send();
	make_packets(8); /* no room */
	ck_assert_uint_eq(notifies(send, TX), 0);
}
END_TEST

/* ---- receiving ---- */

static void receive(void)
{
	(void)cleat_rx_burst(0, 0, packets, n);
}

/* A queue that has buffers in all its descriptors; @p count of them hold a packet. */
static void claim_rx(unsigned count)
{
	static const uint8_t packet[60];

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, DOORBELL_SLOT), 0);
	n = DESCRIPTORS;
	receive();
	ck_assert_uint_eq(fake_offered(RX), DESCRIPTORS);
	for (unsigned i = 0; i < count; i++)
		ck_assert_uint_eq(fake_receive(0, NULL, packet, sizeof(packet), 0), 1);
}

START_TEST(none_when_nothing_came)
{
	claim_rx(0);
	ck_assert_uint_eq(notifies(receive, RX), 0);
}
END_TEST

START_TEST(one_for_a_batch_received)
{
	claim_rx(sizes[CLEAT_RX][_i]);
	ck_assert_uint_eq(notifies(receive, RX), sizes[CLEAT_RX][_i] >= REFILL_AT);
	ck_assert_uint_eq(
		cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0)->packets, sizes[CLEAT_RX][_i]);
}
END_TEST

START_TEST(none_received_from_a_device_that_looks)
{
	claim_rx(40);
	want_none(RX);
	ck_assert_uint_eq(notifies(receive, RX), 0);
	ck_assert_uint_eq(fake_offered(RX), DESCRIPTORS);
}
END_TEST

/* A pool that has less than is wanted is asked again and again, for less each time. */
START_TEST(one_for_what_a_low_pool_has)
{
	static struct cleat_mbuf *all[MBUFS];
	unsigned taken = 0;

	claim_rx(100);
	while ((all[taken] = cleat_mbuf_alloc(fake.pool)) != NULL)
		taken++;
	cleat_mbuf_free_bulk(all, 64);
	ck_assert_uint_eq(notifies(receive, RX), 1);
	ck_assert_uint_ge(fake_offered(RX), DESCRIPTORS - 100 + 50 + 1);
}
END_TEST

START_TEST(one_for_all_buffers_at_first)
{
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, DOORBELL_SLOT), 0);
	n = 32;
	ck_assert_uint_eq(notifies(receive, RX), 1);
	ck_assert_uint_eq(fake_offered(RX), DESCRIPTORS);
}
END_TEST

/* ---- system calls ---- */

START_TEST(no_system_call)
{
	claim_tx(1);
	send();
	make_packets(64);
	syscall_help_none(send, DOORBELL_SLOT);
	claim_rx(64);
	syscall_help_none(receive, DOORBELL_SLOT);
}
END_TEST

/* A doorbell among the I/O ports. */
static void use_ports(void)
{
	fake.doorbell_fd = memfd_create("ports", MFD_CLOEXEC);
	ck_assert_int_ge(fake.doorbell_fd, 0);
}

static void check_one_write(void (*burst)(void), unsigned number)
{
	struct syscall_count count = syscall_help_count(burst, DOORBELL_SLOT);

	ck_assert_msg(count.n == 1, "%u system calls", count.n);
	ck_assert_int_eq(count.number, SYS_pwrite64);
	ck_assert_int_eq(count.first[2], sizeof(uint16_t));
	ck_assert_uint_eq(
		(uintptr_t)fake_doorbell(number), cleat_window_base + (uintptr_t)count.first[3]);
	want_none(number);
	syscall_help_none(burst, DOORBELL_SLOT);
}

START_TEST(one_system_call_for_ports)
{
	use_ports();
	claim_tx(1);
	send();
	make_packets(32);
	check_one_write(send, TX);
	(void)close(fake.doorbell_fd);
}
END_TEST

START_TEST(one_system_call_for_ports_of_rx)
{
	use_ports();
	claim_rx(64);
	check_one_write(receive, RX);
	(void)close(fake.doorbell_fd);
}
END_TEST

static TCase *stores(void)
{
	TCase *tc = tcase_create("stores");

	tcase_add_loop_test(tc, one_for_a_burst_sent, 0, SIZES);
	tcase_add_test(tc, none_when_nothing_is_sent);
	tcase_add_test(tc, none_when_nothing_came);
	if (DOORBELL_FEW)
		return tc;
	tcase_add_loop_test(tc, none_sent_to_a_device_that_looks, 0, SIZES);
	tcase_add_loop_test(tc, one_for_a_batch_received, 0, SIZES);
	tcase_add_test(tc, none_received_from_a_device_that_looks);
	tcase_add_test(tc, one_for_what_a_low_pool_has);
	tcase_add_test(tc, one_for_all_buffers_at_first);
	return tc;
}

static TCase *system_calls(void)
{
	TCase *tc = tcase_create("system calls");

	tcase_add_test(tc, no_system_call);
	tcase_add_test(tc, one_system_call_for_ports);
	tcase_add_test(tc, one_system_call_for_ports_of_rx);
	return tc;
}

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/doorbell");
	TCase *cases[] = { system_calls(), stores() };
	SRunner *runner;
	int failed;

	for (unsigned i = 0; i < 2; i++) {
		tcase_set_timeout(cases[i], 60);
		tcase_add_checked_fixture(cases[i], setup, teardown);
#ifdef __SANITIZE_THREAD__ /* it cannot be single-stepped */
		if (i == 1)
			continue;
#endif
		suite_add_tcase(suite, cases[i]);
	}
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
