/* SPDX-License-Identifier: BSD-3-Clause */
/* A modern device is asked to merge buffers only where a packet may need several; when that changes
 * under the owners of its queues they go on with what is agreed then. Likewise for checksums. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/virtio/virtio_fake.h"

#define N	  32
#define DEPTH	  64
#define MBUFS	  256
#define ROOM	  1600
#define FITS	  1500 /* MTU whose packets fit such a buffer */
#define DOES_NOT  9000
#define LONG	  3000 /* bytes of a packet that takes two */
#define MERGES	  VIRTIO_NET_F_MRG_RXBUF
#define PARTIALLY VIRTIO_NET_F_GUEST_CSUM
#define OFFERED	  (FAKE_MODERN | VIRTIO_NET_F_MTU)

static uint8_t packet[LONG];

static void set_mtu(uint16_t mtu)
{
	ck_assert_int_eq(fake.d->port.ops->mtu_set(&fake.d->port, mtu), 0);
	fake.d->port.mtu = mtu;
}

static void setup(void)
{
	for (unsigned i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 7 + i / 251);
	fake_up_with(OFFERED, 1, DEPTH, MBUFS, ROOM);
	ck_assert_uint_eq(fake.accepted & (MERGES | VIRTIO_NET_F_MTU), 0);
}

static void set_offloads(uint32_t offloads)
{
	struct cleat_port_ctrl *port = &fake.d->port;

	ck_assert_int_eq(port->ops->stop(port), 0);
	ck_assert_int_eq(port->ops->offloads_set(port, offloads), 0);
	port->offloads = offloads;
	ck_assert_int_eq(port->ops->start(port), 0);
}

/* The queue has buffers: nothing came meanwhile. */
static void look(void)
{
	struct cleat_mbuf *mbufs[N];

	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_ge(fake_offered(0), 32);
}

/* A packet comes and is handed over whole. @return its flags */
static uint32_t pass(const struct virtio_net_header *h, uint32_t len, unsigned buffers)
{
	static uint8_t buf[sizeof(packet)];
	struct cleat_mbuf *mbufs[N];
	uint32_t flags;

	ck_assert_uint_eq(fake_receive(0, h, packet, len, 0), buffers);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	ck_assert_int_eq(cleat_mbuf_check(mbufs[0]), 0);
	ck_assert_uint_eq(mbufs[0]->nb_segs, buffers);
	ck_assert_uint_eq(mbufs[0]->pkt_len, len);
	ck_assert_mem_eq(cleat_mbuf_read(mbufs[0], 0, len, buf), packet, len);
	flags = (uint32_t)mbufs[0]->ol_flags;
	cleat_mbuf_free(mbufs[0]);
	return flags;
}

START_TEST(only_where_it_is_needed)
{
	unsigned resets = fake.resets;

	set_mtu(FITS - 1);
	ck_assert_uint_eq(fake.resets, resets); /* there is nothing to agree on */
	set_mtu(DOES_NOT);
	ck_assert_uint_gt(fake.resets, resets);
	ck_assert_uint_eq(fake.accepted & MERGES, MERGES);
	ck_assert_uint_eq(fake.accepted & VIRTIO_NET_F_MTU, VIRTIO_NET_F_MTU);
	resets = fake.resets;
	set_mtu(FITS);
	ck_assert_uint_eq(fake.resets, resets); /* it goes on as well */
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_uint_eq(fake.accepted & (MERGES | VIRTIO_NET_F_MTU), 0);
	set_offloads(fake.d->port.offloads & ~CLEAT_OFFLOAD_RX_SCATTER);
	set_mtu(DOES_NOT);
	ck_assert_uint_eq(fake.accepted & MERGES, 0);
}
END_TEST

/* Buffers that do not hold every Ethernet frame are merged, whatever the MTU. */
START_TEST(small_buffers)
{
	fake_down();
	fake_up(OFFERED, 1, DEPTH, MBUFS);
	set_mtu(300);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_uint_eq(fake.accepted & MERGES, MERGES);
}
END_TEST

START_TEST(changes_below_an_owner)
{
	const struct cleat_queue_shm *q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		look();
		(void)pass(NULL, 60, 1); /* whatever its header says of buffers */
		set_mtu(DOES_NOT);
		look();
		(void)pass(NULL, LONG, 2);
		(void)pass(NULL, 60, 1);
		set_mtu(FITS);
		(void)pass(NULL, LONG, 2); /* not yet */
		ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	}
	ck_assert_uint_eq(q->errors, 0);
	ck_assert_uint_eq(q->driver[VIRTIO_W_WILD], 0);
}
END_TEST

/* Whoever claims meanwhile finds it as it is agreed on, not as it would be. */
START_TEST(claimed_in_between)
{
	set_mtu(DOES_NOT);
	set_mtu(FITS);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	look();
	(void)pass(NULL, LONG, 2);
	(void)pass(NULL, 60, 1);
}
END_TEST

/* What the device had finished before is read as it was agreed on then. */
START_TEST(what_came_before_is_not_lost)
{
	struct cleat_mbuf *mbufs[N];

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	look();
	ck_assert_uint_eq(fake_receive(0, NULL, packet, 60, 0), 1);
	set_mtu(DOES_NOT);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	ck_assert_uint_eq(mbufs[0]->nb_segs, 1);
	cleat_mbuf_free(mbufs[0]);
	ck_assert_uint_eq(fake_receive(0, NULL, packet, LONG, 0), 2);
	set_mtu(FITS);
	ck_assert_int_eq(cleat_virtio_restart(fake.d), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	ck_assert_uint_eq(mbufs[0]->pkt_len, LONG);
	cleat_mbuf_free(mbufs[0]);
	look();
}
END_TEST

static char said[CLEAT_ERROR_LEN];

static void keeps_its_mtu(void)
{
	ck_assert_int_eq(fake.d->port.ops->mtu_set(&fake.d->port, DOES_NOT), -EIO);
	(void)snprintf(said, sizeof(said), "%s", cleat_error());
	ck_assert_int_eq(fake.d->port.ops->mtu_set(&fake.d->port, DOES_NOT), -EAGAIN);
	fake.stuck = 0;
	fake.d->port.ops->tick(&fake.d->port);
	ck_assert_uint_eq(fake.d->state, VIRTIO_RUNNING);
	ck_assert_uint_eq(fake.accepted & MERGES, 0);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	look();
	(void)pass(NULL, 60, 1);
}

START_TEST(a_stuck_device_keeps_its_mtu)
{
	fake.stuck = 1;
	keeps_its_mtu();
}
END_TEST

START_TEST(one_that_refuses_keeps_its_mtu)
{
	fake.refused = MERGES;
	keeps_its_mtu();
	ck_assert_ptr_nonnull(strstr(said, "refuses"));
	ck_assert_ptr_nonnull(strstr(said, "9000"));
}
END_TEST

/* Before anything is negotiated a flag in the header says nothing. */
START_TEST(checksums_as_agreed)
{
	struct virtio_net_header h = { .flags = VIRTIO_NET_HDR_DATA_VALID };
	uint32_t all = fake.d->port.offloads;

	ck_assert_uint_eq(fake.accepted & PARTIALLY, PARTIALLY);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	look();
	ck_assert_uint_eq(pass(&h, 60, 1) & CLEAT_MBUF_RX_L4_GOOD, CLEAT_MBUF_RX_L4_GOOD);
	set_offloads(all & ~CLEAT_OFFLOAD_RX_CHECKSUM);
	ck_assert_uint_eq(fake.accepted & PARTIALLY, 0);
	look();
	ck_assert_uint_eq(pass(&h, 60, 1) & CLEAT_MBUF_RX_L4_GOOD, 0);
	set_offloads(all);
	look();
	ck_assert_uint_eq(pass(&h, 60, 1) & CLEAT_MBUF_RX_L4_GOOD, CLEAT_MBUF_RX_L4_GOOD);
}
END_TEST

/* Any worker may write to the word; the owner does not go by more of it than may change, and that
 * costs him packets only. */
static void scribble(uint64_t value)
{
	struct cleat_queue_shm *q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);
	const struct virtio_avail *avail = (const struct virtio_avail *)fake.vqs[0].place.avail;

	q->driver[VIRTIO_W_LAYOUT] = value;
	*fake_doorbell(0) = 0xeeee;
	look();
	ck_assert_uint_eq(avail->flags, VIRTIO_AVAIL_NO_INTERRUPT); /* not by events */
	ck_assert_uint_eq(*fake_doorbell(0), 0);
}

START_TEST(scribbled_over)
{
	const struct cleat_queue_shm *q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);
	struct cleat_mbuf *mbufs[N];

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	scribble(UINT64_MAX);
	ck_assert_uint_eq(fake_receive(0, NULL, packet, 60, 0), 1);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0); /* in 65,535 buffers */
	ck_assert_uint_eq(q->driver[VIRTIO_W_WILD], 1);
	set_mtu(DOES_NOT);
	scribble(0);
	ck_assert_uint_eq(fake_receive(0, NULL, packet, LONG, 0), 2);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 2);
	cleat_mbuf_free_bulk(mbufs, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/merging");
	TCase *tc = tcase_create("merging");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, fake_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, only_where_it_is_needed);
	tcase_add_test(tc, small_buffers);
	tcase_add_test(tc, changes_below_an_owner);
	tcase_add_test(tc, claimed_in_between);
	tcase_add_test(tc, what_came_before_is_not_lost);
	tcase_add_test(tc, a_stuck_device_keeps_its_mtu);
	tcase_add_test(tc, one_that_refuses_keeps_its_mtu);
	tcase_add_test(tc, checksums_as_agreed);
	tcase_add_test(tc, scribbled_over);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
