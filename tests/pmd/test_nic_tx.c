/* SPDX-License-Identifier: BSD-3-Clause */
/* Sending of the Intel drivers: descriptors as the datasheets draw them, and what is refused. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/iova.h"
#include "tests/pmd/nic_help.h"

#define MBUFS 256
#define ALL   (CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT | CLEAT_OFFLOAD_TX_SEGMENTS)

static const char *const drivers[] = { "net_em", "net_igb", "net_igbvf" };
#define DRIVERS 3

static void setup(void)
{
	nic_world_up(MBUFS);
}

static struct cleat_mbuf *packet(uint16_t len)
{
	struct cleat_mbuf *m = cleat_mbuf_alloc(nic.pool);

	ck_assert_ptr_nonnull(m);
	ck_assert_ptr_nonnull(cleat_mbuf_append(m, len));
	return m;
}

static int send(struct cleat_mbuf **m, unsigned n)
{
	return cleat_tx_burst(NIC_PORT, 0, m, n);
}

static uint64_t w0(unsigned i)
{
	return nic.ring[CLEAT_TX][i].w[0];
}

static uint64_t w1(unsigned i)
{
	return nic.ring[CLEAT_TX][i].w[1];
}

START_TEST(simple)
{
	static const uint64_t expect[DRIVERS] = { 0x0b000064, 0x001900002b300064,
		0x001900002b300064 };
	struct cleat_mbuf *m = packet(100);
	uint64_t iova = cleat_mbuf_data_iova(m);

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, ALL), 0);
	ck_assert_int_eq(send(&m, 1), 1);
	ck_assert_uint_eq(w0(0), iova);
	ck_assert_uint_eq(w1(0), expect[_i]);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 1);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), 1);
	ck_assert(cleat_owner_is(m->owner, CLEAT_OWNER_QUEUE, NIC_OWNER_TX));
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->packets, 1);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->bytes, 100);
}
END_TEST

/* What a packet asks for, and the descriptors that say so: context, then data. */
struct example {
	int driver;
	uint32_t flags;
	uint64_t context0, context1;
	uint64_t data;
};
static const struct example examples[] = {
	/* 8254x SDM 3.3.6, 3.3.7: TUCSE TUCSO TUCSS IPCSE IPCSO IPCSS; TUCMD; POPTS, DCMD, DTYP */
	{ 0, CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP, 0x000032220021180e, 0x0000000023000000,
		0x000003002b100064 },
	{ 0, CLEAT_MBUF_TX_UDP, 0x000028220021180e, 0x0000000020000000, 0x000002002b100064 },
	{ 0, CLEAT_MBUF_TX_IPV4, 0x000028220021180e, 0x0000000022000000, 0x000001002b100064 },
	{ 0, CLEAT_MBUF_TX_VLAN, 0, 0, 0x600500004b000064 },
	{ 0, CLEAT_MBUF_TX_VLAN | CLEAT_MBUF_TX_UDP, 0x000028220021180e, 0x0000000020000000,
		0x600502006b100064 },
	/* 82576 datasheet 7.2.2.2, 7.2.2.3 */
	{ 1, CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP, 0x1c14, 0x20200c00, 0x001903002b300064 },
	{ 1, CLEAT_MBUF_TX_UDP, 0x1c14, 0x20200000, 0x001902002b300064 },
	{ 1, CLEAT_MBUF_TX_VLAN, 0x60050000, 0x20200000, 0x001900006b300064 },
	{ 1, CLEAT_MBUF_TX_VLAN | CLEAT_MBUF_TX_IPV4, 0x60051c14, 0x20200400, 0x001901006b300064 },
};
#define EXAMPLES ((int)(sizeof(examples) / sizeof(examples[0])))

static struct cleat_mbuf *asking(uint32_t flags)
{
	struct cleat_mbuf *m = packet(100);

	m->ol_flags = flags;
	m->vlan_tci = 0x6005;
	m->l2_len = 14;
	m->l3_len = 20;
	return m;
}

START_TEST(offloads)
{
	const struct example *e = &examples[_i];
	struct cleat_mbuf *m[2] = { asking(e->flags), asking(e->flags) };
	unsigned at = 0;

	ck_assert_int_eq(nic_claim(drivers[e->driver], CLEAT_TX, ALL), 0);
	ck_assert_int_eq(send(m, 1), 1);
	ck_assert_int_eq(send(m + 1, 1), 1);
	if (e->context1 != 0) {
		ck_assert_uint_eq(w0(0), e->context0);
		ck_assert_uint_eq(w1(0), e->context1);
		at = 1;
	}
	ck_assert_uint_eq(w1(at), e->data);
	/* the second one needs no new context */
	ck_assert_uint_eq(w1(at + 1), e->data);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], at + 2);
}
END_TEST

START_TEST(segments)
{
	struct cleat_mbuf *m = packet(100), *b = packet(50), *c = packet(7);
	uint64_t b_iova = cleat_mbuf_data_iova(b);

	ck_assert_int_eq(cleat_mbuf_chain(m, b), 0);
	ck_assert_int_eq(cleat_mbuf_chain(m, c), 0);
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, ALL), 0);
	ck_assert_int_eq(send(&m, 1), 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 3);
	ck_assert_uint_eq(w0(1), b_iova);
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t len[] = { 100, 50, 7 };

		ck_assert_uint_eq(w1(i) & 0xffff, len[i]);
		ck_assert_uint_eq(w1(i) >> 24 & 1, i == 2); /* EOP */
		ck_assert_uint_eq(w1(i) >> 27 & 1, i == 2); /* RS */
	}
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), 3);
}
END_TEST

/* Round and round; what is done is freed, what does not fit stays the caller's. */
START_TEST(wraps)
{
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, ALL), 0);
	for (unsigned round = 0; round < 200; round++) {
		struct cleat_mbuf *m[48];
		unsigned want = round % 48 + 1;
		int sent;

		for (unsigned i = 0; i < want; i++)
			m[i] = (i + round) % 7 == 0 ? asking(CLEAT_MBUF_TX_UDP) : packet(60);
		sent = send(m, want);
		ck_assert_int_ge(sent, want < 16 ? (int)want : 16);
		if ((unsigned)sent < want)
			cleat_mbuf_free_bulk(m + sent, want - (unsigned)sent);
		ck_assert_uint_eq(
			nic_owned(CLEAT_OWNER_QUEUE) + nic_owned(CLEAT_OWNER_POOL), MBUFS);
		nic_send_all();
	}
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->errors, 0);
}
END_TEST

/* A sender whose pool has no more: too few are on their way to be worth a look. */
START_TEST(none_gives_back_what_was_sent)
{
	struct cleat_mbuf *m[3] = { packet(60), packet(60), packet(60) };

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, 0), 0);
	ck_assert_int_eq(send(m, 2), 2);
	nic_send_all();
	ck_assert_int_eq(send(m + 2, 1), 1);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), 3);
	ck_assert_int_eq(send(NULL, 0), 0);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 3);
}
END_TEST

/* A device that sends nothing any more: the ring fills, and that is a result, not a wait. */
START_TEST(full)
{
	struct cleat_mbuf *m[64];

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, 0), 0);
	for (unsigned i = 0; i < 64; i++)
		m[i] = packet(60);
	ck_assert_int_eq(send(m, 64), NIC_COUNT - 1);
	ck_assert_int_eq(send(m + NIC_COUNT - 1, 10), 0);
	nic_send_all();
	ck_assert_int_eq(send(m + NIC_COUNT - 1, 10), 10);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), 10);
	cleat_mbuf_free_bulk(m + NIC_COUNT + 9, 64 - NIC_COUNT - 9);
}
END_TEST

START_TEST(refused)
{
	struct cleat_mbuf *m[7];

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, CLEAT_OFFLOAD_TX_VLAN_INSERT), 0);
	m[0] = asking(CLEAT_MBUF_TX_TCP); /* not switched on */
	m[1] = packet(60);
	m[2] = packet(100);
	ck_assert_int_eq(cleat_mbuf_chain(m[2], packet(100)), 0); /* nor is this */
	m[3] = packet(16);
	m[4] = packet(100);
	m[4]->pkt_len = 9015;
	m[5] = packet(100);
	m[5]->nb_segs = 0;
	m[6] = asking(CLEAT_MBUF_TX_VLAN);
	ck_assert_int_eq(send(m, 7), 7);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->packets, 2);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->errors, 5);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->driver[CLEAT_NIC_BAD_PACKET], 5);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE) + nic_owned(CLEAT_OWNER_POOL), MBUFS);
}
END_TEST

/* Its header says another length than its segments have, or one of them is empty. */
START_TEST(liars)
{
	struct cleat_mbuf *m[6], *empty = cleat_mbuf_alloc(nic.pool);

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, ALL), 0);
	m[0] = packet(100);
	m[0]->pkt_len = 99;
	m[1] = packet(100);
	m[1]->data_len = 0; /* of one segment, that of a whole packet */
	m[2] = packet(100);
	ck_assert_int_eq(cleat_mbuf_chain(m[2], packet(100)), 0);
	m[2]->pkt_len = 201;
	m[3] = packet(100);
	ck_assert_int_eq(cleat_mbuf_chain(m[3], empty), 0); /* at its end: no EOP */
	m[4] = asking(CLEAT_MBUF_TX_UDP);
	m[4]->pkt_len = 60;
	m[5] = packet(60); /* an honest one goes out */
	ck_assert_int_eq(send(m, 6), 6);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 1);
	ck_assert_uint_eq(w0(0), cleat_mbuf_data_iova(m[5]));
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->packets, 1);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->driver[CLEAT_NIC_BAD_PACKET], 5);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), 1);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_POOL), MBUFS - 1);
}
END_TEST

/* It needs more than are free, and too few are filled for a look at what is done: it goes out at
 * the next try all the same. */
START_TEST(many_descriptors)
{
	struct cleat_mbuf *few[4], *m = packet(20);

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, ALL), 0);
	for (int i = 0; i < 4; i++)
		few[i] = packet(60);
	ck_assert_int_eq(send(few, 4), 4);
	nic_send_all();
	for (int i = 1; i < NIC_COUNT - 3; i++)
		ck_assert_int_eq(cleat_mbuf_chain(m, packet(20)), 0);
	for (int tries = 0; send(&m, 1) == 0; tries++)
		ck_assert_int_lt(tries, 2);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), NIC_COUNT - 3);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->errors, 0);
}
END_TEST

START_TEST(too_many_segments)
{
	struct cleat_mbuf *m = packet(20);

	for (int i = 0; i < NIC_COUNT - 2; i++)
		ck_assert_int_eq(cleat_mbuf_chain(m, packet(20)), 0);
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, ALL), 0);
	ck_assert_int_eq(send(&m, 1), 1);
	ck_assert_uint_eq(nic.shm[CLEAT_TX]->errors, 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 0);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_POOL), MBUFS);
}
END_TEST

/* A buffer whose pages lie apart for the device is sent in pieces, of the smallest pages, whatever
 * size those of the first segments have. */
START_TEST(pieces)
{
	static uint64_t table[MBUF_HELP_BYTES / 4096];
	struct cleat_mbuf *m = NULL;
	uint32_t first;

	for (unsigned i = 0; i < MBUF_HELP_BYTES / 4096; i++)
		table[i] = 0x100000000ULL + (uint64_t)i * 8192;
	cleat_iova_chunks[0].table = table;
	nic_pages(_i < DRIVERS ? 4096 : 1ULL << 30);
	for (uint32_t i = 0; m == NULL; i++) {
		m = packet(2000);
		first = 4096 - ((uint32_t)(uintptr_t)cleat_mbuf_data(m) & 4095);
		if (first >= 2000)
			m = NULL;
	}
	m->iova = CLEAT_IOVA_NONE;
	ck_assert_int_eq(nic_claim(drivers[_i % DRIVERS], CLEAT_TX, ALL), 0);
	ck_assert_int_eq(send(&m, 1), 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 2);
	ck_assert_uint_eq(w0(0), cleat_iova_of(cleat_mbuf_data(m)));
	ck_assert_uint_eq(w1(0) & 0xffff, first);
	ck_assert_uint_eq(w0(1), cleat_iova_of(cleat_mbuf_data(m) + first));
	ck_assert_uint_eq(w1(1) & 0xffff, 2000 - first);
	ck_assert_uint_eq(w1(0) >> 24 & 1, 0);
	ck_assert_uint_eq(w1(1) >> 24 & 1, 1);
}
END_TEST

/* Nor does one cross into another page whose place the device may see elsewhere. */
START_TEST(pages)
{
	struct cleat_mbuf *m = NULL;
	uint32_t first = 0;

	nic_pages(4096);
	for (uint32_t i = 0; m == NULL; i++) {
		m = packet(2000);
		first = 4096 - ((uint32_t)cleat_mbuf_data_iova(m) & 4095);
		if (first >= 2000)
			m = NULL;
	}
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_TX, 0), 0);
	ck_assert_int_eq(send(&m, 1), 1);
	ck_assert_uint_eq(*nic.tail[CLEAT_TX], 2);
	ck_assert_uint_eq(w0(1), cleat_mbuf_data_iova(m) + first);
	ck_assert_uint_eq(w1(1) & 0xffff, 2000 - first);
}
END_TEST

/* 82540EM: short ones are padded by us, and what was behind them does not leak. */
START_TEST(pads)
{
	struct cleat_mbuf *m = packet(20);
	uint8_t *data = cleat_mbuf_data(m);

	memset(data, 0xaa, 100);
	ck_assert_int_eq(nic_claim("net_em", CLEAT_TX, 0), 0);
	ck_assert_int_eq(send(&m, 1), 1);
	ck_assert_uint_eq(w1(0) & 0xffff, 60);
	for (int i = 20; i < 60; i++)
		ck_assert_uint_eq(data[i], 0);
	ck_assert_uint_eq(data[60], 0xaa);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/nic_tx");
	TCase *tc = tcase_create("nic_tx");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, nic_world_down);
	tcase_add_loop_test(tc, simple, 0, DRIVERS);
	tcase_add_loop_test(tc, offloads, 0, EXAMPLES);
	tcase_add_loop_test(tc, segments, 0, DRIVERS);
	tcase_add_loop_test(tc, wraps, 0, DRIVERS);
	tcase_add_loop_test(tc, none_gives_back_what_was_sent, 0, DRIVERS);
	tcase_add_loop_test(tc, full, 0, DRIVERS);
	tcase_add_loop_test(tc, refused, 0, DRIVERS);
	tcase_add_loop_test(tc, liars, 0, DRIVERS);
	tcase_add_loop_test(tc, many_descriptors, 0, DRIVERS);
	tcase_add_loop_test(tc, too_many_segments, 0, DRIVERS);
	tcase_add_loop_test(tc, pieces, 0, 2 * DRIVERS);
	tcase_add_loop_test(tc, pages, 0, DRIVERS);
	tcase_add_test(tc, pads);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
