/* SPDX-License-Identifier: BSD-3-Clause */
/* net_virtio sends: whole packets behind their header, shared data untouched, nothing lost. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/iova.h"
#include "runtime/mbuf_cksum.h"
#include "tests/pmd/virtio/virtio_fake.h"

static struct fake_sent sent;
static const uint8_t ZERO[VIRTIO_NET_HEADER_BYTES];

static void setup(void)
{
	fake_up(FAKE_MODERN, 1, 64, 256);
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
}

static const struct cleat_queue_shm *queue(void)
{
	return cleat_port_ctrl_queue(&fake.d->port, CLEAT_TX, 0);
}

static struct cleat_mbuf *packet(uint16_t len, uint8_t first)
{
	struct cleat_mbuf *m = cleat_mbuf_alloc(fake.pool);
	uint8_t *p = cleat_mbuf_append(m, len);

	for (uint16_t i = 0; i < len; i++)
		p[i] = (uint8_t)(first + i);
	return m;
}

static void check_sent(uint32_t header, uint32_t len, uint8_t first, unsigned descriptors)
{
	uint32_t at = 0;

	ck_assert_int_eq(fake_take_tx(0, &sent), 1);
	ck_assert_uint_eq(sent.len, header + len);
	ck_assert_uint_eq(sent.descriptors, descriptors);
	ck_assert_mem_eq(sent.bytes, ZERO, header);
	while (at < len && sent.bytes[header + at] == (uint8_t)(first + at))
		at++;
	ck_assert_uint_eq(at, len);
}

START_TEST(one_descriptor)
{
	struct cleat_mbuf *m = packet(100, 1);

	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 1);
	check_sent(12, 100, 1, 1);
	ck_assert_uint_eq(queue()->packets, 1);
	ck_assert_uint_eq(queue()->bytes, 100);
}
END_TEST

/* More packets than the rings' indexes count; the device is done with them in another order. */
START_TEST(goes_round_and_round)
{
	uint32_t ids[64];
	unsigned n_ids = 0;

	for (uint32_t i = 0; i < 70000;) {
		struct cleat_mbuf *m = packet((uint16_t)(60 + i % 300), (uint8_t)i);
		int rc = cleat_tx_burst(0, 0, &m, 1);

		ck_assert_int_ge(rc, 0);
		if (rc == 1) {
			check_sent(12, 60 + i % 300, (uint8_t)i, 1);
			ids[n_ids++] = sent.id;
			i++;
		} else {
			cleat_mbuf_free(m);
			ck_assert_uint_eq(n_ids, 64);
		}
		while (rc == 0 && n_ids > 0)
			fake_use(1, ids[n_ids = n_ids - 1], 0);
	}
	ck_assert_uint_eq(queue()->errors, 0);
}
END_TEST

/* A sender whose pool has no more: too few are on their way to be worth a look. */
START_TEST(none_gives_back_what_was_sent)
{
	for (uint8_t i = 0; i < 3; i++) {
		struct cleat_mbuf *m = packet(100, i);

		ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
		check_sent(12, 100, i, 1);
		if (i < 2)
			fake_use(1, sent.id, 0);
	}
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 3);
	ck_assert_int_eq(cleat_tx_burst(0, 0, NULL, 0), 0);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 1);
	ck_assert_uint_eq(queue()->packets, 3);
}
END_TEST

START_TEST(many_segments)
{
	struct cleat_mbuf *m = packet(100, 0), *more;

	ck_assert_int_eq(cleat_mbuf_chain(m, packet(200, 100)), 0);
	more = cleat_mbuf_alloc(fake.pool); /* has no bytes: no descriptor */
	ck_assert_int_eq(cleat_mbuf_chain(m, more), 0);
	ck_assert_int_eq(cleat_mbuf_chain(m, packet(57, 44)), 0);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 4);
	check_sent(12, 357, 0, 3);
}
END_TEST

START_TEST(shared_data_is_not_written)
{
	struct cleat_mbuf *m = packet(100, 1), *clone;
	uint8_t before[128];

	clone = cleat_mbuf_clone(m, fake.pool);
	memset(cleat_mbuf_data(m) - 64, 0xa5, 64);
	memcpy(before, cleat_mbuf_data(m) - 64, sizeof(before));
	ck_assert_int_eq(cleat_tx_burst(0, 0, &clone, 1), 1);
	check_sent(12, 100, 1, 2);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1); /* still shared with the clone */
	check_sent(12, 100, 1, 2);
	ck_assert_mem_eq(cleat_mbuf_data(m) - 64, before, sizeof(before));
}
END_TEST

START_TEST(no_headroom)
{
	struct cleat_mbuf *m = packet(20, 128);
	uint8_t *p = cleat_mbuf_prepend(m, CLEAT_MBUF_HEADROOM_DEFAULT);

	for (unsigned i = 0; i < CLEAT_MBUF_HEADROOM_DEFAULT; i++)
		p[i] = (uint8_t)i;
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	check_sent(12, 148, 0, 2);
}
END_TEST

/* 300 bytes that lie in two pages, in a buffer that has no address of its own for the device.
 * @p split receives how many are in the first. Others are lost to this process. */
static struct cleat_mbuf *crossing(uint32_t *split)
{
	for (;;) {
		struct cleat_mbuf *m = packet(300, 3);

		*split = 4096 - (uint32_t)((uintptr_t)cleat_mbuf_data(m) & 4095);
		m->iova = CLEAT_IOVA_NONE;
		if (*split >= 50 && *split <= 250)
			return m;
	}
}

/* A descriptor for each piece. */
START_TEST(a_buffer_in_pieces)
{
	static uint64_t table[MBUF_HELP_BYTES / 4096];
	struct cleat_iova_chunk *chunk = &cleat_iova_chunks[0];
	uint64_t elsewhere = cleat_window_base + MBUF_HELP_BYTES - 4096;
	struct cleat_mbuf *m;
	uint32_t split;

	for (uint32_t i = 0; i < MBUF_HELP_BYTES / 4096; i++)
		table[i] = cleat_window_base + i * 4096ULL;
	*chunk = (struct cleat_iova_chunk){ .table = table, .page_shift = 12 };
	cleat_store_release(&chunk->len_bytes, MBUF_HELP_BYTES);
	m = crossing(&split);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	check_sent(12, 300, 3, 2); /* the pages follow each other */
	m = crossing(&split);
	memcpy((void *)elsewhere, cleat_mbuf_data(m) + split, 300 - split);
	table[((uintptr_t)cleat_mbuf_data(m) + split - cleat_window_base) / 4096] = elsewhere;
	memset(cleat_mbuf_data(m) + split, 0xee, 300 - split);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	check_sent(12, 300, 3, 3);
	cleat_iova_reset();
	(void)mbuf_world_sweep(0);
}
END_TEST

START_TEST(what_cannot_be_sent_is_dropped)
{
	struct cleat_mbuf *m[4] = { packet(60, 0), cleat_mbuf_alloc(fake.pool), packet(60, 0),
		packet(60, 9) };

	m[0]->ol_flags = CLEAT_MBUF_TX_VLAN; /* not among its offloads */
	m[2]->ol_flags = CLEAT_MBUF_TX_TCP;  /* the field lies behind the end */
	m[2]->l2_len = 14;
	m[2]->l3_len = 30;
	ck_assert_int_eq(cleat_tx_burst(0, 0, m, 4), 4);
	check_sent(12, 60, 9, 1);
	ck_assert_uint_eq(fake_offered(1), 0);
	ck_assert_uint_eq(queue()->packets, 1);
	ck_assert_uint_eq(queue()->errors, 3);
	ck_assert_uint_eq(queue()->missed, 3);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 1);
}
END_TEST

/* A packet that would never fit must not block those behind it. */
START_TEST(longer_than_the_ring)
{
	struct cleat_mbuf *m = packet(1, 0);

	for (unsigned i = 1; i < 70; i++)
		ck_assert_int_eq(cleat_mbuf_chain(m, packet(1, 0)), 0);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	ck_assert_uint_eq(queue()->errors, 1);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_pool, 256);
}
END_TEST

/* It needs more than are free, and too few are on their way for a look at what is sent. */
START_TEST(many_descriptors)
{
	struct cleat_mbuf *few[4], *m = packet(1, 0);

	for (int i = 0; i < 4; i++)
		few[i] = packet(60, 0);
	ck_assert_int_eq(cleat_tx_burst(0, 0, few, 4), 4);
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(fake_take_tx(0, &sent), 1);
		fake_use(1, sent.id, 0);
	}
	for (unsigned i = 1; i < 62; i++)
		ck_assert_int_eq(cleat_mbuf_chain(m, packet(1, (uint8_t)i)), 0);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	check_sent(12, 62, 0, 62);
	ck_assert_uint_eq(queue()->errors, 0);
}
END_TEST

/* Its header says another length than its segments have: the device would be told of checksums
 * behind its end. */
START_TEST(liars)
{
	struct cleat_mbuf *m[3] = { packet(60, 0), packet(60, 0), packet(60, 9) };

	m[0]->pkt_len = 61;
	ck_assert_int_eq(cleat_mbuf_chain(m[1], packet(60, 0)), 0);
	m[1]->pkt_len = 60;
	ck_assert_int_eq(cleat_tx_burst(0, 0, m, 3), 3);
	check_sent(12, 60, 9, 1);
	ck_assert_uint_eq(fake_offered(1), 0);
	ck_assert_uint_eq(queue()->errors, 2);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 1);
}
END_TEST

static struct cleat_mbuf *udp(void)
{
	static const uint8_t UDP[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 30, 0,
		0, 0, 0, 64, 17, 0xde, 0xad, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 10, 0x14,
		0x1e, 'h', 'i' };
	struct cleat_mbuf *m = cleat_mbuf_alloc(fake.pool);

	memcpy(cleat_mbuf_append(m, sizeof(UDP)), UDP, sizeof(UDP));
	m->ol_flags = CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP;
	m->l2_len = 14;
	m->l3_len = 20;
	return m;
}

static void check_udp(unsigned descriptors)
{
	const struct virtio_net_header *h = (const struct virtio_net_header *)sent.bytes;

	ck_assert_int_eq(fake_take_tx(0, &sent), 1);
	ck_assert_uint_eq(sent.len, 12 + 44);
	ck_assert_uint_eq(sent.descriptors, descriptors);
	ck_assert_uint_eq(h->flags, VIRTIO_NET_HDR_NEEDS_CSUM);
	ck_assert_uint_eq(h->csum_start, 34);
	ck_assert_uint_eq(h->csum_offset, 6);
	ck_assert_uint_eq(cleat_cksum_fold(cleat_cksum_add(0, sent.bytes + 12 + 14, 20)), 0xffff);
	ck_assert_uint_eq(sent.bytes[12 + 40], 0x14); /* the device's to complete */
	ck_assert_mem_eq(sent.bytes + 12 + 42, "hi", 2);
}

START_TEST(checksums)
{
	struct cleat_mbuf *m = udp(), *clone;

	clone = cleat_mbuf_clone(m, fake.pool);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &clone, 1), 1);
	check_udp(2);
	ck_assert_uint_eq(cleat_mbuf_data(m)[24], 0xde); /* shared: a copy was changed */
	cleat_mbuf_free(m);
	m = udp();
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	check_udp(1);
}
END_TEST

START_TEST(nonsense_is_counted)
{
	struct cleat_mbuf *m[40];

	for (unsigned i = 0; i < 40; i++)
		m[i] = packet(60, 0);
	ck_assert_int_eq(cleat_tx_burst(0, 0, m, 39), 39);
	ck_assert_int_eq(fake_take_tx(0, &sent), 1);
	fake_use(1, sent.id, 0);
	fake_use(1, sent.id, 0); /* twice */
	fake_use(1, 64, 0);
	fake_use(1, 50, 0); /* never was with it */
	ck_assert_int_eq(cleat_tx_burst(0, 0, m + 39, 1), 1);
	ck_assert_uint_eq(queue()->errors, 3);
	ck_assert_uint_eq(mbuf_world_audit(fake.pool).in_queues, 39);
}
END_TEST

START_TEST(header_apart)
{
	struct cleat_mbuf *m;

	fake_down();
	fake_up(VIRTIO_NET_F_MAC | VIRTIO_NET_F_CSUM, 1, 64, 256);
	ck_assert_int_eq(fake_claim(CLEAT_TX, 0, 0), 0);
	m = packet(100, 5);
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	check_sent(10, 100, 5, 2);
	m = udp();
	(void)cleat_mbuf_clone(m, fake.pool); /* leaks to the end of the test: m is shared */
	ck_assert_int_eq(cleat_tx_burst(0, 0, &m, 1), 1);
	ck_assert_int_eq(fake_take_tx(0, &sent), 1);
	ck_assert_uint_eq(sent.len, 10 + 44);
	ck_assert_uint_eq(sent.descriptors, 3); /* header, copied headers, the rest */
	ck_assert_uint_eq(cleat_cksum_fold(cleat_cksum_add(0, sent.bytes + 10 + 14, 20)), 0xffff);
	(void)mbuf_world_sweep(0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/tx");
	TCase *tc = tcase_create("tx");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, fake_down);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, one_descriptor);
	tcase_add_test(tc, goes_round_and_round);
	tcase_add_test(tc, none_gives_back_what_was_sent);
	tcase_add_test(tc, many_segments);
	tcase_add_test(tc, shared_data_is_not_written);
	tcase_add_test(tc, no_headroom);
	tcase_add_test(tc, a_buffer_in_pieces);
	tcase_add_test(tc, what_cannot_be_sent_is_dropped);
	tcase_add_test(tc, longer_than_the_ring);
	tcase_add_test(tc, many_descriptors);
	tcase_add_test(tc, liars);
	tcase_add_test(tc, checksums);
	tcase_add_test(tc, nonsense_is_counted);
	tcase_add_test(tc, header_apart);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
