/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_virtio resets the device below living owners: they find their rings anew, and nothing is
 * lost.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/virtio/virtio_fake.h"

#define N 32

static uint8_t bytes[2048];

static void setup(void)
{
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 3);
	fake_up(FAKE_MODERN, 2, 64, 512);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
}

static int burst(struct cleat_mbuf **mbufs)
{
	return cleat_rx_burst(0, 0, mbufs, N);
}

static void receive(unsigned n)
{
	while (n-- > 0)
		ck_assert_uint_eq(fake_receive(0, NULL, bytes, 60 + n, 0), 1);
}

static struct cleat_mbuf *packet(void)
{
	struct cleat_mbuf *m = cleat_mbuf_alloc(fake.pool);

	memcpy(cleat_mbuf_append(m, 60), bytes, 60);
	return m;
}

static uint64_t state(unsigned number)
{
	return cleat_port_ctrl_queue(&fake.d->port, number % 2 ? CLEAT_TX : CLEAT_RX, number / 2)
		->driver[VIRTIO_W_STATE];
}

START_TEST(received_packets_survive)
{
	struct cleat_mbuf *mbufs[N];
	unsigned resets = fake.resets;

	(void)burst(mbufs);
	receive(10);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_uint_ge(fake.resets, resets + 1);
	ck_assert_uint_eq(*fake.d->port.hw_stats, 1);
	ck_assert_uint_eq(fake_offered(0), 0);
	ck_assert_int_eq(burst(mbufs), 10);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(mbufs[i]->pkt_len, 60 + 9 - i);
	cleat_mbuf_free_bulk(mbufs, 10);
	(void)burst(mbufs);
	ck_assert_uint_ge(fake_offered(0), 54);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).lost, 0);
	receive(3);
	ck_assert_int_eq(burst(mbufs), 3);
	cleat_mbuf_free_bulk(mbufs, 3);
}
END_TEST

/* More were there than one burst takes. */
START_TEST(received_packets_survive_in_several_bursts)
{
	struct cleat_mbuf *mbufs[N];

	(void)burst(mbufs);
	receive(50);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(burst(mbufs), N);
	cleat_mbuf_free_bulk(mbufs, N);
	ck_assert_uint_eq(fake_offered(0), 0);
	ck_assert_int_eq(burst(mbufs), 50 - N);
	cleat_mbuf_free_bulk(mbufs, 50 - N);
	ck_assert_uint_ge(fake_offered(0), 14);
	(void)burst(mbufs);
	ck_assert_uint_eq(fake_offered(0), 64);
}
END_TEST

/* The owner slept through two of them: the ring says nothing of use any more. */
START_TEST(two_restarts_unseen)
{
	struct cleat_mbuf *mbufs[N];

	(void)burst(mbufs);
	receive(7);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(burst(mbufs), 0);
	ck_assert_uint_eq(fake_offered(0), 64);
	receive(2);
	ck_assert_int_eq(burst(mbufs), 2);
	cleat_mbuf_free_bulk(mbufs, 2);
}
END_TEST

/* A packet of several buffers of which the device had told only some. */
START_TEST(half_a_packet)
{
	struct cleat_mbuf *mbufs[N];

	(void)burst(mbufs);
	receive(1);
	ck_assert_uint_eq(fake_receive(0, NULL, bytes, 1000, 1), 2);
	cleat_store_release(&((struct virtio_used *)fake.vqs[0].place.used)->idx, 2);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(burst(mbufs), 1);
	cleat_mbuf_free(mbufs[0]);
	(void)burst(mbufs);
	ck_assert_uint_ge(fake_offered(0), 63);
}
END_TEST

START_TEST(nothing_is_touched_meanwhile)
{
	struct cleat_mbuf *mbufs[N], *m = packet();
	uint64_t before;

	(void)burst(mbufs);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	receive(3);
	before = state(0);
	ck_assert_int_eq(cleat_virtio_quiesce(fake.d), 0);
	ck_assert_uint_eq(virtio_generation(state(0)), virtio_generation(before) + 1);
	m = packet();
	ck_assert_int_eq(burst(mbufs), 0);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 0);
	ck_assert_int_eq(cleat_virtio_resume(fake.d), 0);
	ck_assert_uint_eq(virtio_generation(state(0)), virtio_generation(before) + 2);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	ck_assert_uint_eq(fake_offered(1), 1);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 64 + 1);
	ck_assert_int_eq(burst(mbufs), 3);
	cleat_mbuf_free_bulk(mbufs, 3);
}
END_TEST

START_TEST(packets_on_their_way_are_sent_first)
{
	struct cleat_mbuf *m[8];

	for (unsigned i = 0; i < 8; i++)
		m[i] = packet();
	ck_assert_int_eq(cleat_tx_burst(0, 0, m, 8), 8);
	fake.sends = 1;
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_uint_eq(fake.d->vqs[1].used_idx, 8);
	m[0] = packet();
	ck_assert_int_eq(cleat_tx_burst(0, 0, m, 1), 1);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 1);
}
END_TEST

/* With VIRTIO_F_RING_RESET the others notice nothing. */
START_TEST(one_queue_alone)
{
	struct cleat_mbuf *mbufs[N];
	unsigned resets;
	uint64_t before;

	cleat_queue_remove_all();
	fake_down();
	fake_up(FAKE_MODERN | VIRTIO_F_RING_RESET, 2, 64, 512);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 1, 2), 0);
	(void)burst(mbufs);
	(void)cleat_rx_burst(0, 1, mbufs, N);
	resets = fake.resets;
	before = state(2);
	fake_kill(CLEAT_RX, 0);
	ck_assert_int_eq(cleat_virtio_vq_reset(fake.d, 0), 0);
	ck_assert_int_eq(fake_take_back(CLEAT_RX, 0), 64);
	ck_assert_uint_eq(fake.resets, resets);
	ck_assert_uint_eq(state(2), before);
	ck_assert_uint_eq(fake_offered(0), 0);
	ck_assert_uint_eq(fake_offered(2), 64);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 3), 0);
	(void)burst(mbufs);
	ck_assert_uint_eq(fake_offered(0), 64);
}
END_TEST

/* Who dies with two queues costs one reset; the queue of another goes on. */
START_TEST(the_next_owner)
{
	struct cleat_mbuf *mbufs[N];
	uint64_t resets;

	ck_assert_int_eq(fake_claim(CLEAT_RX, 1, 2), 0);
	(void)burst(mbufs);
	(void)cleat_rx_burst(0, 1, mbufs, N);
	ck_assert_uint_eq(fake_receive(1, NULL, bytes, 99, 0), 1);
	fake_kill(CLEAT_RX, 0);
	fake_kill(CLEAT_TX, 0);
	cleat_registry->queues[0][CLEAT_RX][0].owner_slot = 3;
	cleat_registry->queues[0][CLEAT_TX][0].owner_slot = 3;
	cleat_registry->procs[3].state = CLEAT_PROC_DYING;
	resets = *fake.d->port.hw_stats;
	ck_assert_int_eq(cleat_virtio_vq_reset(fake.d, 0), 0);
	ck_assert_int_eq(cleat_virtio_vq_reset(fake.d, 1), 0);
	ck_assert_uint_eq(*fake.d->port.hw_stats, resets + 1);
	ck_assert_int_eq(fake_take_back(CLEAT_RX, 0), 64);
	ck_assert_int_eq(cleat_rx_burst(0, 1, mbufs, N), 1);
	ck_assert_uint_eq(mbufs[0]->pkt_len, 99);
	cleat_mbuf_free(mbufs[0]);
	ck_assert_uint_eq(fake_offered(2), 63);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 1), 0);
	(void)burst(mbufs);
	ck_assert_uint_eq(fake_offered(0), 64);
}
END_TEST

/* Slot 2 is stopped inside an operation: its queue is left out until it goes on. */
START_TEST(a_stopped_owner)
{
	struct cleat_mbuf *mbufs[N];
	uint64_t *busy = &cleat_shared->threads[2].busy;

	ck_assert_int_eq(fake_claim(CLEAT_RX, 1, 2), 0);
	(void)burst(mbufs);
	(void)cleat_rx_burst(0, 1, mbufs, N);
	cleat_store_release(busy, 7);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert(fake.vqs[0].enabled && fake.vqs[1].enabled && !fake.vqs[2].enabled);
	ck_assert_uint_eq(virtio_generation(state(2)) & 1, 1);
	ck_assert_int_eq(cleat_rx_burst(0, 1, mbufs, N), 0);
	fake.d->port.ops->tick(&fake.d->port);
	ck_assert(!fake.vqs[2].enabled);
	(void)burst(mbufs); /* the others work */
	ck_assert_uint_eq(fake_offered(0), 64);
	cleat_store_release(busy, 8);
	fake.d->port.ops->tick(&fake.d->port);
	ck_assert(fake.vqs[2].enabled);
	ck_assert_int_eq(cleat_rx_burst(0, 1, mbufs, N), 0);
	ck_assert_uint_eq(fake_offered(2), 64);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 128);
}
END_TEST

START_TEST(a_device_that_does_not_stop)
{
	struct cleat_mbuf *mbufs[N];

	(void)burst(mbufs);
	fake_kill(CLEAT_RX, 0);
	fake.stuck = 1;
	ck_assert_int_eq(cleat_virtio_vq_reset(fake.d, 0), -EIO);
	ck_assert_int_eq(fake.d->state, VIRTIO_FAILED);
	fake.stuck = 0;
	fake.d->port.ops->tick(&fake.d->port);
	ck_assert_int_eq(fake.d->state, VIRTIO_RUNNING);
	ck_assert_uint_eq(fake_offered(0), 0); /* it does not find the dead one's buffers again */
	ck_assert_int_eq(fake_take_back(CLEAT_RX, 0), 64);
}
END_TEST

START_TEST(a_device_that_asks_for_it)
{
	fake.status |= VIRTIO_STATUS_NEEDS_RESET;
	fake.d->port.ops->tick(&fake.d->port);
	ck_assert_uint_eq(*fake.d->port.hw_stats, 1);
	ck_assert_uint_eq(fake.status & VIRTIO_STATUS_NEEDS_RESET, 0);
	ck_assert_uint_eq(fake.status & VIRTIO_STATUS_DRIVER_OK, VIRTIO_STATUS_DRIVER_OK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/restart");
	TCase *tc = tcase_create("restart");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, fake_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, received_packets_survive);
	tcase_add_test(tc, received_packets_survive_in_several_bursts);
	tcase_add_test(tc, two_restarts_unseen);
	tcase_add_test(tc, half_a_packet);
	tcase_add_test(tc, nothing_is_touched_meanwhile);
	tcase_add_test(tc, packets_on_their_way_are_sent_first);
	tcase_add_test(tc, one_queue_alone);
	tcase_add_test(tc, the_next_owner);
	tcase_add_test(tc, a_stopped_owner);
	tcase_add_test(tc, a_device_that_does_not_stop);
	tcase_add_test(tc, a_device_that_asks_for_it);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
