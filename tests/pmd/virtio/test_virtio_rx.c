/* SPDX-License-Identifier: BSD-3-Clause */
/* net_virtio receives: whole packets, nothing lost or twice, whatever the device says. */
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "tests/pmd/virtio/virtio_fake.h"

#define N	  32
#define REFILL_AT 32 /* free descriptors from which on the driver brings new buffers */

static uint8_t packet[60000];

static void setup(void)
{
	for (unsigned i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 7 + i / 251);
	fake_up(FAKE_MODERN, 1, 64, 256);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
}

/* The bytes of a packet are those of `packet`, from @p from on. */
static void check_packet(const struct cleat_mbuf *m, uint32_t from, uint32_t len)
{
	static uint8_t buf[sizeof(packet)];

	ck_assert_int_eq(cleat_mbuf_check(m), 0);
	ck_assert_uint_eq(m->pkt_len, len);
	ck_assert_mem_eq(cleat_mbuf_read(m, 0, len, buf), packet + from, len);
}

START_TEST(buffers_are_offered_and_owned)
{
	struct cleat_mbuf *mbufs[N];

	ck_assert_uint_eq(fake_offered(0), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(fake_offered(0), 64);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 64);
}
END_TEST

/* More packets than the rings' 16-bit indexes count. */
START_TEST(goes_round_and_round)
{
	struct cleat_mbuf *mbufs[N];
	uint32_t sent = 0, got = 0;

	(void)cleat_rx_burst(0, 0, mbufs, N);
	while (got < 80000) {
		unsigned burst = sent % 37 + 1;

		while (burst-- > 0 &&
			fake_receive(0, NULL, packet + sent % 1000, 60 + sent % 400, 0))
			sent++;
		for (;;) {
			int n = cleat_rx_burst(0, 0, mbufs, 1 + sent % N);

			ck_assert_int_ge(n, 0);
			for (int i = 0; i < n; i++, got++)
				check_packet(mbufs[i], got % 1000, 60 + got % 400);
			cleat_mbuf_free_bulk(mbufs, (unsigned)n);
			if (n == 0)
				break;
		}
		ck_assert_uint_eq(got, sent);
	}
	ck_assert_uint_eq(cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0)->packets, got);
	ck_assert_uint_eq(
		mbuf_world_audit(fake.pool).in_queues + mbuf_world_audit(fake.pool).in_pool, 256);
}
END_TEST

START_TEST(one_packet_in_many_buffers)
{
	struct cleat_mbuf *mbufs[N];

	(void)cleat_rx_burst(0, 0, mbufs, N);
	for (uint32_t len = 500; len < 9200; len += 263) {
		unsigned n = fake_receive(0, NULL, packet, len, 0);

		ck_assert_uint_eq(n, (len + 12 + 523) / 524);
		ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
		ck_assert_uint_eq(mbufs[0]->nb_segs, n);
		check_packet(mbufs[0], 0, len);
		cleat_mbuf_free(mbufs[0]);
	}
}
END_TEST

/* The device has not moved its index over all buffers of a packet. */
START_TEST(waits_for_the_rest)
{
	struct virtio_used *u = (struct virtio_used *)fake.vqs[0].place.used;
	struct cleat_mbuf *mbufs[N];

	(void)cleat_rx_burst(0, 0, mbufs, N);
	u = (struct virtio_used *)fake.vqs[0].place.used;
	ck_assert_uint_eq(fake_receive(0, NULL, packet, 1200, 1), 3);
	for (uint16_t i = 0; i < 3; i++) {
		cleat_store_release(&u->idx, i);
		ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	}
	cleat_store_release(&u->idx, 3);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	check_packet(mbufs[0], 0, 1200);
	cleat_mbuf_free(mbufs[0]);
}
END_TEST

START_TEST(nonsense_is_counted)
{
	const struct cleat_queue_shm *q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);
	struct virtio_desc *desc;
	struct cleat_mbuf *mbufs[N];

	(void)cleat_rx_burst(0, 0, mbufs, N);
	desc = (struct virtio_desc *)fake.vqs[0].place.desc;
	fake_use(0, 64, 100);	      /* no such descriptor */
	fake_use(0, 0xffffffff, 100); /* nor this */
	fake_use(0, 3, 5);	      /* shorter than its header */
	fake_use(0, 3, 100);	      /* not with the device any more */
	fake_use(0, 4, 525);	      /* longer than the buffer */
	((struct virtio_net_header *)desc[5].iova)->num_buffers = 65535;
	fake_use(0, 5, 100); /* more buffers than it has */
	((struct virtio_net_header *)desc[6].iova)->num_buffers = 0;
	fake_use(0, 6, 100);
	((struct virtio_net_header *)desc[7].iova)->num_buffers = 2;
	fake_use(0, 7, 524);
	fake_use(0, 7, 100); /* goes on with itself */
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(q->errors, 8);
	ck_assert_uint_eq(q->driver[VIRTIO_W_WILD], 8);
	ck_assert_uint_eq(
		mbuf_world_audit(fake.pool).in_queues + mbuf_world_audit(fake.pool).in_pool, 256);
	/* an index that has run away */
	fake.vqs[0].used_idx = (uint16_t)(fake.vqs[0].used_idx + 1000);
	fake_use(0, 8, 100);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(q->errors, 9);
}
END_TEST

START_TEST(too_long_without_scatter)
{
	const struct cleat_queue_shm *q;
	struct cleat_mbuf *mbufs[N];

	fake_down();
	fake_up(VIRTIO_NET_F_MAC | VIRTIO_NET_F_MRG_RXBUF, 1, 64, 256); /* it merges always */
	fake.d->port.offloads &= ~CLEAT_OFFLOAD_RX_SCATTER;
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);
	(void)cleat_rx_burst(0, 0, mbufs, N);
	(void)fake_receive(0, NULL, packet, 1200, 0);
	(void)fake_receive(0, NULL, packet, 512, 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	check_packet(mbufs[0], 0, 512);
	ck_assert_uint_eq(q->errors, 1);
	cleat_mbuf_free(mbufs[0]);
}
END_TEST

/* UDP from 10.0.0.1:1 to 10.0.0.2:2, "hi!"; its field holds the pseudo header's sum. */
START_TEST(completes_checksums)
{
	static const uint8_t UDP[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 31, 0,
		0, 0, 0, 64, 17, 0x66, 0xcc, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 11, 0x14,
		0x1f, 'h', 'i', '!' };
	struct virtio_net_header h = {
		.flags = VIRTIO_NET_HDR_NEEDS_CSUM, .csum_start = 34, .csum_offset = 6
	};
	struct cleat_mbuf *mbufs[N];
	uint32_t sum = 0;
	uint16_t want;

	(void)cleat_rx_burst(0, 0, mbufs, N);
	(void)fake_receive(0, &h, UDP, sizeof(UDP), 0);
	h.csum_start = 40; /* the field would lie behind the end */
	(void)fake_receive(0, &h, UDP, sizeof(UDP), 0);
	h.flags = VIRTIO_NET_HDR_DATA_VALID;
	(void)fake_receive(0, &h, UDP, sizeof(UDP), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 2);
	for (unsigned i = 34; i < sizeof(UDP); i++) /* big-endian words from an even place */
		sum += (uint32_t)UDP[i] << (i % 2 == 0 ? 8 : 0);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	want = (uint16_t)~sum;
	ck_assert_uint_eq(cleat_mbuf_data(mbufs[0])[40], want >> 8);
	ck_assert_uint_eq(cleat_mbuf_data(mbufs[0])[41], want & 0xff);
	ck_assert_uint_eq(mbufs[0]->ol_flags, CLEAT_MBUF_RX_L4_GOOD);
	ck_assert_mem_eq(cleat_mbuf_data(mbufs[1]), UDP, sizeof(UDP));
	ck_assert_uint_eq(mbufs[1]->ol_flags, CLEAT_MBUF_RX_L4_GOOD);
	cleat_mbuf_free_bulk(mbufs, 2);
}
END_TEST

START_TEST(an_empty_pool_fills_again)
{
	const struct cleat_queue_shm *q = cleat_port_ctrl_queue(&fake.d->port, CLEAT_RX, 0);
	struct cleat_mbuf *all[256], *mbufs[N];

	ck_assert_int_eq(cleat_mbuf_alloc_bulk(fake.pool, all, 256), 0);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(fake_offered(0), 0);
	ck_assert_uint_gt(q->driver[VIRTIO_W_NO_MBUF], 0);
	cleat_mbuf_free_bulk(all, 256);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	ck_assert_uint_eq(fake_offered(0), 64);
}
END_TEST

/* A legacy device without mergeable buffers: 10 bytes of header in a descriptor of its own. */
/* Buffers that are not in one piece for the device are never offered. */
START_TEST(buffers_in_pieces)
{
	struct cleat_mbuf *mbufs[N];
	const struct virtio_desc *desc;

	for (uint32_t i = 0; i < 256; i += 4)
		cleat_mbuf_of(cleat_mempool_handle(fake.pool, i))->iova = CLEAT_IOVA_NONE;
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 0);
	desc = (const struct virtio_desc *)fake.vqs[0].place.desc;
	ck_assert_uint_gt(fake_offered(0), 64 - REFILL_AT);
	for (unsigned i = 0; i < fake_offered(0); i++)
		ck_assert_uint_lt(desc[i].iova - cleat_window_base, MBUF_HELP_BYTES);
	for (uint32_t i = 0; i < 200; i += 4)
		cleat_mbuf_of(cleat_mempool_handle(fake.pool, i + 1))->iova =
			cleat_mbuf_of(cleat_mempool_handle(fake.pool, i + 2))->iova =
				CLEAT_IOVA_NONE;
	fake_kill(CLEAT_RX, 0);
	(void)fake_take_back(CLEAT_RX, 0);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), -ENOTSUP);
}
END_TEST

START_TEST(header_apart)
{
	struct cleat_mbuf *mbufs[N];

	fake_down();
	fake_up(VIRTIO_NET_F_MAC, 1, 64, 256);
	ck_assert_uint_eq(cleat_virtio_layout(fake.d), 10 | VIRTIO_LAYOUT_APART);
	fake.d->port.mtu = 400;
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		int n = cleat_rx_burst(0, 0, mbufs, N);

		for (int k = 0; k < n; k++)
			check_packet(mbufs[k], i - 1, 60 + (i - 1) % 400);
		cleat_mbuf_free_bulk(mbufs, (unsigned)n);
		ck_assert_uint_eq(fake_receive(0, NULL, packet + i, 60 + i % 400, 0), 1);
	}
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	fake_down();
	fake_up(VIRTIO_NET_F_MAC, 1, 64, 256);
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), -EINVAL); /* 512 bytes, MTU 1500 */
	ck_assert_ptr_nonnull(strstr(cleat_error(), "1518"));
}
END_TEST

START_TEST(sleeping)
{
	const struct virtio_avail *a;
	struct cleat_mbuf *mbufs[N];
	struct pollfd p = { .events = POLLIN };

	fake_kill(CLEAT_RX, 0);
	ck_assert_int_eq(cleat_virtio_vq_reset(fake.d, 0), 0);
	fake.d->irq_fd = 0; /* as if there were interrupts */
	ck_assert_int_eq(fake_claim(CLEAT_RX, 0, 0), 0);
	fake.d->irq_fd = -1;
	ck_assert_int_eq(cleat_rx_arm(0, 0), 1); /* it has no buffers yet */
	(void)cleat_rx_burst(0, 0, mbufs, N);
	a = (const struct virtio_avail *)fake.vqs[0].place.avail;
	ck_assert_uint_eq(a->flags, VIRTIO_AVAIL_NO_INTERRUPT);
	ck_assert_int_eq(cleat_rx_arm(0, 0), 0);
	ck_assert_uint_eq(a->flags, 0);
	p.fd = cleat_rx_event_fd(0, 0);
	cleat_virtio_irq_signal(&fake.d->vqs[0]);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_int_eq(cleat_rx_disarm(0, 0), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_uint_eq(a->flags, VIRTIO_AVAIL_NO_INTERRUPT);
	(void)fake_receive(0, NULL, packet, 60, 0);
	ck_assert_int_eq(cleat_rx_arm(0, 0), 1);
	ck_assert_int_eq(cleat_rx_burst(0, 0, mbufs, N), 1);
	cleat_mbuf_free(mbufs[0]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/rx");
	TCase *tc = tcase_create("rx");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, fake_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, buffers_are_offered_and_owned);
	tcase_add_test(tc, goes_round_and_round);
	tcase_add_test(tc, one_packet_in_many_buffers);
	tcase_add_test(tc, waits_for_the_rest);
	tcase_add_test(tc, nonsense_is_counted);
	tcase_add_test(tc, too_long_without_scatter);
	tcase_add_test(tc, completes_checksums);
	tcase_add_test(tc, an_empty_pool_fills_again);
	tcase_add_test(tc, buffers_in_pieces);
	tcase_add_test(tc, header_apart);
	tcase_add_test(tc, what_does_not_fit_is_refused);
	tcase_add_test(tc, sleeping);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
