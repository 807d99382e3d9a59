/* SPDX-License-Identifier: BSD-3-Clause */
/* A modern device is asked to merge buffers only where a packet may need several; when that changes
 * under the owners of its queues they go on with what is agreed then. Likewise for checksums. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/virtio/virtio_fake.h"

#define N	  32
#define FITS	  300 /* MTU whose packets fit a buffer of the pool */
#define DOES_NOT  1500
#define LONG	  1200 /* bytes of a packet that takes several */
#define MERGES	  VIRTIO_NET_F_MRG_RXBUF
#define PARTIALLY VIRTIO_NET_F_GUEST_CSUM

static uint8_t packet[LONG];

static void setup(void)
{
	for (unsigned i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 7 + i / 251);
	fake_up(FAKE_MODERN, 1, 64, 256);
}

static void set_mtu(uint16_t mtu)
{
	ck_assert_int_eq(fake.d->port.ops->mtu_set(&fake.d->port, mtu), 0);
	fake.d->port.mtu = mtu;
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
	unsigned resets;

	ck_assert_uint_eq(fake.accepted & MERGES, MERGES);
	set_mtu(FITS);
	ck_assert_uint_eq(fake.accepted & MERGES, 0);
	resets = fake.resets;
	set_mtu(FITS - 1);
	ck_assert_uint_eq(fake.resets, resets); /* there is nothing to agree on */
	set_mtu(DOES_NOT);
	ck_assert_uint_eq(fake.accepted & MERGES, MERGES);
	set_offloads(fake.d->port.offloads & ~CLEAT_OFFLOAD_RX_SCATTER);
	ck_assert_uint_eq(fake.accepted & MERGES, 0);
}
END_TEST

START_TEST(changes_below_an_owner)
{
	const struct cleat_queue_shm *q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	for (unsigned i = 0; i < 3; i++) {
		look();
		(void)pass(NULL, LONG, 3);
		(void)pass(NULL, 60, 1);
		set_mtu(FITS);
		look();
		(void)pass(NULL, 60, 1); /* whatever its header says of buffers */
		set_mtu(DOES_NOT);
	}
	ck_assert_uint_eq(q->errors, 0);
	ck_assert_uint_eq(q->driver[VIRTIO_W_WILD], 0);
}
END_TEST

/* What the device had finished before is read as it was agreed on then. */
START_TEST(what_came_before_is_not_lost)
{
	struct cleat_mbuf *mbufs[N];

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	look();
	ck_assert_uint_eq(fake_receive(0, NULL, packet, LONG, 0), 3);
	set_mtu(FITS);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	ck_assert_uint_eq(mbufs[0]->pkt_len, LONG);
	cleat_mbuf_free(mbufs[0]);
	ck_assert_uint_eq(fake_receive(0, NULL, packet, 60, 0), 1);
	set_mtu(DOES_NOT);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	ck_assert_uint_eq(mbufs[0]->nb_segs, 1);
	cleat_mbuf_free(mbufs[0]);
	look();
}
END_TEST

/* A device that does not reset keeps what it had. */
START_TEST(a_stuck_device_keeps_its_mtu)
{
	fake.stuck = 1;
	ck_assert_int_eq(fake.d->port.ops->mtu_set(&fake.d->port, FITS), -EIO);
	fake.stuck = 0;
	fake.d->port.ops->tick(&fake.d->port);
	ck_assert_uint_eq(fake.accepted & MERGES, MERGES);
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

/* Any worker may write to the word; the owner does not go by more of it than was agreed upon. */
START_TEST(scribbled_over)
{
	uint64_t *word =
		&cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0)->driver[VIRTIO_W_LAYOUT];
	struct cleat_mbuf *mbufs[N];

	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	set_mtu(FITS);
	*word = UINT64_MAX;
	look();
	ck_assert_uint_eq(fake_receive(0, NULL, packet, 60, 0), 1);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0); /* in 65,535 buffers */
	ck_assert_uint_eq(fake_offered(0), 63);
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
	tcase_add_test(tc, changes_below_an_owner);
	tcase_add_test(tc, what_came_before_is_not_lost);
	tcase_add_test(tc, a_stuck_device_keeps_its_mtu);
	tcase_add_test(tc, checksums_as_agreed);
	tcase_add_test(tc, scribbled_over);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
