/* SPDX-License-Identifier: BSD-3-Clause */
/* Receiving of the Intel drivers: descriptors as the datasheets draw them, and no buffer is lost.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "tests/pmd/nic_help.h"

#define MBUFS 512

static const char *const drivers[] = { "net_em", "net_igb", "net_igbvf" };
#define DRIVERS 3

static const uint8_t zeros[64];

static void setup(void)
{
	nic_world_up(MBUFS);
}

/* A descriptor that is done, of either kind. */
static uint64_t done(int driver, uint32_t len, int eop)
{
	if (driver == 0)
		return len | 1ULL << 32 | (uint64_t)eop << 33;
	return (uint64_t)len << 32 | 1 | (uint64_t)eop << 1;
}

static int burst(struct cleat_mbuf **m, unsigned n)
{
	return cleat_rx_burst(NIC_PORT, 0, m, n);
}

START_TEST(posts_then_receives)
{
	static const uint8_t data[64] = "hello";
	struct cleat_mbuf *m[8];

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_uint_eq(nic_pending(CLEAT_RX), 0);
	ck_assert_int_eq(burst(m, 8), 0);
	ck_assert_uint_eq(nic_pending(CLEAT_RX), NIC_COUNT - 1);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE), NIC_COUNT - 1);
	nic_receive(data, 60, 0, done(_i, 60, 1));
	nic_receive(data, 64, 0, done(_i, 64, 1));
	ck_assert_int_eq(burst(m, 8), 2);
	ck_assert_uint_eq(m[1]->pkt_len, 64);
	ck_assert_uint_eq(m[0]->data_len, 60);
	ck_assert_uint_eq(m[0]->port, NIC_PORT);
	ck_assert_str_eq((const char *)cleat_mbuf_data(m[0]), "hello");
	ck_assert_int_eq(cleat_mbuf_check(m[0]), 0);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_PROCESS), 2);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->packets, 2);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->bytes, 124);
	cleat_mbuf_free_bulk(m, 2);
}
END_TEST

/* Round and round: each packet once and in order, and every buffer is somewhere. */
START_TEST(wraps)
{
	struct cleat_mbuf *m[16];
	uint32_t sent = 0, got = 0;

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_int_eq(burst(m, 16), 0);
	while (got < 1000) {
		for (uint32_t i = 0; i < sent % 11 + 1 && nic_pending(CLEAT_RX) != 0; i++) {
			uint8_t data[60] = { 0 };

			memcpy(data, &sent, sizeof(sent));
			nic_receive(data, 60, 0, done(_i, 60, 1));
			sent++;
		}
		for (int n = burst(m, 16), i = 0; i < n; i++, got++) {
			ck_assert_int_eq(memcmp(cleat_mbuf_data(m[i]), &got, sizeof(got)), 0);
			cleat_mbuf_free(m[i]);
		}
	}
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE) + nic_owned(CLEAT_OWNER_POOL), MBUFS);
}
END_TEST

START_TEST(empty_pool)
{
	struct cleat_mbuf *all[MBUFS], *m[64];
	unsigned n = 0;

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_int_eq(burst(m, 8), 0);
	while ((all[n] = cleat_mbuf_alloc(nic.pool)) != NULL)
		n++;
	for (unsigned i = 0; i < NIC_COUNT - 1; i++)
		nic_receive(zeros, 60, 0, done(_i, 60, 1));
	/* all come, none is posted instead */
	ck_assert_int_eq(burst(m, 64), NIC_COUNT - 1);
	ck_assert_uint_eq(nic_pending(CLEAT_RX), 0);
	ck_assert_uint_ne(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_NO_MBUF], 0);
	cleat_mbuf_free_bulk(m, NIC_COUNT - 1);
	cleat_mbuf_free_bulk(all, n);
	ck_assert_int_eq(burst(m, 8), 0);
	ck_assert_uint_eq(nic_pending(CLEAT_RX), NIC_COUNT - 1);
}
END_TEST

/* What somebody wrote over a free buffer's header does not tell what was received. */
START_TEST(scribbled_buffers)
{
	struct cleat_mbuf *m[1];

	for (uint32_t i = 0; i < MBUFS; i++) {
		struct cleat_mbuf *free_one = cleat_mbuf_of(cleat_mempool_handle(nic.pool, i));

		free_one->shape = UINT64_MAX;
		cleat_mbuf_clone_of(free_one)->parent = CLEAT_HANDLE_MAX - 5;
	}
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_int_eq(burst(m, 1), 0);
	nic_receive("x", 1, 0, done(_i, 60, 1));
	ck_assert_int_eq(burst(m, 1), 1);
	ck_assert_uint_eq(m[0]->shape, cleat_mbuf_single(nic.pool->id));
	ck_assert_int_eq(cleat_mbuf_check(m[0]), 0);
	cleat_mbuf_free(m[0]);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE) + nic_owned(CLEAT_OWNER_POOL), MBUFS);
}
END_TEST

START_TEST(several_buffers)
{
	static uint8_t data[2048];
	struct cleat_mbuf *m[4];

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, CLEAT_OFFLOAD_RX_SCATTER), 0);
	ck_assert_int_eq(burst(m, 4), 0);
	nic_receive(data, 2048, 0, done(_i, 2048, 0));
	nic_receive(data, 2048, 0, done(_i, 2048, 0));
	ck_assert_int_eq(burst(m, 4), 0);
	/* its first part is the queue's still: whoever lets go of the queue here loses nothing */
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_PROCESS), 0);
	nic_receive(data, 100, 0, done(_i, 100, 1));
	nic_receive(data, 60, 0, done(_i, 60, 1));
	ck_assert_int_eq(burst(m, 4), 2);
	ck_assert_uint_eq(m[0]->pkt_len, 4196);
	ck_assert_uint_eq(m[0]->nb_segs, 3);
	ck_assert_int_eq(cleat_mbuf_check(m[0]), 0);
	ck_assert_uint_eq(m[1]->pkt_len, 60);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_PROCESS), 4);
	cleat_mbuf_free_bulk(m, 2);
}
END_TEST

/* A packet comes in that many buffers, and then one of 60 bytes. @return how many are taken */
static int in_buffers(int driver, unsigned n, struct cleat_mbuf **m)
{
	static uint8_t data[60];

	for (unsigned i = 1; i <= n; i++) {
		nic_receive(data, 10, 0, done(driver, 10, i == n));
		if (i < n)
			ck_assert_int_eq(burst(m, 4), 0);
	}
	nic_receive(data, 60, 0, done(driver, 60, 1));
	return burst(m, 4);
}

START_TEST(more_buffers_than_segments)
{
	static const unsigned too_many[] = { 1, 2, 258 };
	struct cleat_mbuf *m[4];

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, CLEAT_OFFLOAD_RX_SCATTER), 0);
	ck_assert_int_eq(burst(m, 4), 0);
	ck_assert_int_eq(in_buffers(_i, CLEAT_MBUF_MAX_SEGS, m), 2);
	ck_assert_uint_eq(m[0]->nb_segs, CLEAT_MBUF_MAX_SEGS);
	ck_assert_int_eq(cleat_mbuf_check(m[0]), 0);
	cleat_mbuf_free_bulk(m, 2);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(in_buffers(_i, CLEAT_MBUF_MAX_SEGS + too_many[i], m), 1);
		ck_assert_uint_eq(m[0]->pkt_len, 60);
		cleat_mbuf_free(m[0]);
		ck_assert_uint_eq(nic.shm[CLEAT_RX]->errors, i + 1);
		ck_assert_uint_eq(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_TOO_LONG], i + 1);
	}
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE) + nic_owned(CLEAT_OWNER_POOL), MBUFS);
}
END_TEST

START_TEST(too_long_or_damaged)
{
	static uint8_t data[2048];
	uint64_t damage = _i == 0 ? 1ULL << 40 : 1ULL << 31;
	struct cleat_mbuf *m[4];

	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_int_eq(burst(m, 4), 0);
	nic_receive(data, 2048, 0, done(_i, 2048, 0));
	nic_receive(data, 2048, 0, done(_i, 2048, 0));
	nic_receive(data, 10, 0, done(_i, 10, 1));
	nic_receive(data, 60, 0, done(_i, 60, 1) | damage);
	nic_receive(data, 61, 0, done(_i, 5000, 1)); /* more than it may write */
	nic_receive(data, 62, 0, done(_i, 62, 1));
	ck_assert_int_eq(burst(m, 4), 1);
	ck_assert_uint_eq(m[0]->pkt_len, 62);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->errors, 3);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_TOO_LONG], 1);
	cleat_mbuf_free(m[0]);
	ck_assert_uint_eq(nic_owned(CLEAT_OWNER_QUEUE) + nic_owned(CLEAT_OWNER_POOL), MBUFS);
}
END_TEST

/* Second words from the datasheets' drawings, and what becomes of them. */
struct example {
	int driver;
	uint64_t w0, w1;
	uint32_t flags;
	uint32_t hash;
	uint16_t vlan;
};
static const struct example examples[] = {
	/* 8254x SDM 3.2.3: special | errors | status | checksum | length */
	{ 0, 0, 0x0000006300000040, CLEAT_MBUF_RX_IP_GOOD | CLEAT_MBUF_RX_L4_GOOD, 0, 0 },
	{ 0, 0, 0x0000606312340040, CLEAT_MBUF_RX_IP_BAD | CLEAT_MBUF_RX_L4_BAD, 0, 0 },
	{ 0, 0, 0x0000000712340040, 0, 0, 0 }, /* IXSM */
	{ 0, 0, 0x6005000f00000040, CLEAT_MBUF_VLAN, 0, 0x6005 },
	/* 82574: UDP */
	{ 0, 0, 0x0000005300000040, CLEAT_MBUF_RX_IP_GOOD | CLEAT_MBUF_RX_L4_GOOD, 0, 0 },
	/* 82576 datasheet 7.1.5.2: VLAN | length | errors and status; hash | … | RSS type */
	{ 1, 0xdeadbeef00000001, 0x0000004000000063,
		CLEAT_MBUF_RX_IP_GOOD | CLEAT_MBUF_RX_L4_GOOD | CLEAT_MBUF_RSS_HASH, 0xdeadbeef,
		0 },
	{ 1, 0xdeadbeef00000000, 0x0000004000000003, 0, 0, 0 },
	{ 1, 1, 0x0000004060000063,
		CLEAT_MBUF_RX_IP_BAD | CLEAT_MBUF_RX_L4_BAD | CLEAT_MBUF_RSS_HASH, 0, 0 },
	{ 1, 0xffff000000000000, 0x600500400000000b, CLEAT_MBUF_VLAN, 0, 0x6005 },
};
#define EXAMPLES ((int)(sizeof(examples) / sizeof(examples[0])))

START_TEST(flags)
{
	const struct example *e = &examples[_i];
	struct cleat_mbuf *m[1];

	ck_assert_int_eq(nic_claim(drivers[e->driver], CLEAT_RX,
				 CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP |
					 CLEAT_OFFLOAD_RX_RSS),
		0);
	ck_assert_int_eq(burst(m, 1), 0);
	nic_receive("x", 1, e->w0, e->w1);
	ck_assert_int_eq(burst(m, 1), 1);
	ck_assert_uint_eq(m[0]->pkt_len, 64);
	ck_assert_uint_eq(m[0]->ol_flags, e->flags);
	ck_assert_uint_eq(m[0]->rss_hash, e->hash);
	ck_assert_uint_eq(m[0]->vlan_tci, e->vlan);
	cleat_mbuf_free(m[0]);
}
END_TEST

START_TEST(no_flags_when_off)
{
	struct cleat_mbuf *m[1];

	ck_assert_int_eq(nic_claim(drivers[examples[_i].driver], CLEAT_RX, 0), 0);
	ck_assert_int_eq(burst(m, 1), 0);
	nic_receive("x", 1, examples[_i].w0, examples[_i].w1);
	ck_assert_int_eq(burst(m, 1), 1);
	ck_assert_uint_eq(m[0]->ol_flags, 0);
	cleat_mbuf_free(m[0]);
}
END_TEST

START_TEST(wrong_words)
{
	static const struct {
		int word;
		uint64_t value;
		const char *says;
	} wrong[] = {
		{ CLEAT_NIC_COUNT, 0, "number of descriptors" },
		{ CLEAT_NIC_COUNT, 8, "number of descriptors" },
		{ CLEAT_NIC_COUNT, 33, "number of descriptors" },
		{ CLEAT_NIC_COUNT, 1ULL << 40, "number of descriptors" },
		{ CLEAT_NIC_RING, 0, "place of the descriptors" },
		{ CLEAT_NIC_RING, 64, "place of the descriptors" },
		{ CLEAT_NIC_RING, MBUF_HELP_BYTES - 256, "place of the descriptors" },
		{ CLEAT_NIC_RING, ~127ULL, "place of the descriptors" },
		{ CLEAT_NIC_TAIL, 0, "place of the tail register" },
		{ CLEAT_NIC_TAIL, MBUF_HELP_BYTES, "place of the tail register" },
		{ CLEAT_NIC_TAIL, 4097, "place of the tail register" },
		{ CLEAT_NIC_BUF_BYTES, 0, "size of a buffer" },
		{ CLEAT_NIC_BUF_BYTES, 65536, "size of a buffer" },
		{ CLEAT_NIC_ARM_ON, 3, "interrupt mask" },
		{ CLEAT_NIC_ARM_OFF, MBUF_HELP_BYTES, "interrupt mask" },
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint64_t *word = &nic.shm[CLEAT_RX]->driver[wrong[i].word], was = *word;

		*word = wrong[i].value;
		ck_assert_int_eq(nic_claim("net_em", CLEAT_RX, 0), -EPROTO);
		ck_assert_msg(strstr(cleat_error(), wrong[i].says) != NULL, "%s", cleat_error());
		*word = was;
	}
	nic.shm[CLEAT_RX]->driver[CLEAT_NIC_BUF_BYTES] = 4096;
	ck_assert_int_eq(nic_claim("net_em", CLEAT_RX, 0), -ENOTSUP);
}
END_TEST

/* Buffers whose pages do not follow each other for a device never reach it. */
START_TEST(buffers_in_pieces)
{
	struct cleat_mbuf *m[8];

	for (uint32_t i = 0; i < MBUFS; i += 5)
		cleat_mbuf_of(cleat_mempool_handle(nic.pool, i))->iova = CLEAT_IOVA_NONE;
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), 0);
	ck_assert_int_eq(burst(m, 8), 0);
	ck_assert_uint_eq(nic_pending(CLEAT_RX), NIC_COUNT - 1);
	for (uint32_t i = 0; i < NIC_COUNT - 1; i++)
		ck_assert_uint_ne(
			nic.ring[CLEAT_RX][i].w[0], CLEAT_IOVA_NONE + CLEAT_MBUF_HEADROOM_DEFAULT);
	for (uint32_t i = 0; i < MBUFS; i++)
		cleat_mbuf_of(cleat_mempool_handle(nic.pool, i))->iova = CLEAT_IOVA_NONE;
	cleat_queue_remove_all();
	ck_assert_int_eq(nic_claim(drivers[_i], CLEAT_RX, 0), -ENOTSUP);
}
END_TEST

START_TEST(arms)
{
	struct cleat_queue_conf conf;
	struct cleat_mbuf *m[8];
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	nic_conf(&conf, drivers[_i], CLEAT_RX, 0);
	conf.fds[0] = fd;
	conf.n_fds = 1;
	ck_assert_int_eq(cleat_queue_install(&conf), 0);
	ck_assert_int_eq(cleat_rx_event_fd(NIC_PORT, 0), fd);
	ck_assert_int_eq(cleat_rx_arm(NIC_PORT, 0), 1); /* a burst must bring buffers first */
	ck_assert_int_eq(burst(m, 8), 0);
	ck_assert_int_eq(cleat_rx_arm(NIC_PORT, 0), 0);
	ck_assert_uint_eq(*nic.mask[0], 0x90);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARMED], 1);
	ck_assert_int_eq(eventfd_write(fd, 1), 0);
	ck_assert_int_eq(cleat_rx_disarm(NIC_PORT, 0), 0);
	ck_assert_uint_eq(*nic.mask[1], 0x90);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARMED], 0);
	nic_receive(zeros, 60, 0, done(_i, 60, 1));
	ck_assert_int_eq(cleat_rx_arm(NIC_PORT, 0), 1);
	ck_assert_int_eq(burst(m, 8), 1);
	cleat_mbuf_free(m[0]);
}
END_TEST

/* Others wait for the same interrupt: it is not held back. */
START_TEST(shares_its_interrupt)
{
	struct cleat_queue_conf conf;
	struct cleat_mbuf *m[8];

	nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARM_OFF] = 0;
	nic_conf(&conf, drivers[_i], CLEAT_RX, 0);
	conf.fds[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	conf.n_fds = 1;
	ck_assert_int_eq(cleat_queue_install(&conf), 0);
	ck_assert_int_eq(burst(m, 8), 0);
	ck_assert_int_eq(cleat_rx_arm(NIC_PORT, 0), 0);
	ck_assert_uint_eq(*nic.mask[0], 0x90);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARMED], 1);
	ck_assert_int_eq(cleat_rx_disarm(NIC_PORT, 0), 0);
	ck_assert_uint_eq(*nic.mask[1], 0);
	ck_assert_uint_eq(nic.shm[CLEAT_RX]->driver[CLEAT_NIC_ARMED], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/nic_rx");
	TCase *tc = tcase_create("nic_rx");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, nic_world_down);
	tcase_add_loop_test(tc, posts_then_receives, 0, DRIVERS);
	tcase_add_loop_test(tc, wraps, 0, DRIVERS);
	tcase_add_loop_test(tc, empty_pool, 0, DRIVERS);
	tcase_add_loop_test(tc, scribbled_buffers, 0, DRIVERS);
	tcase_add_loop_test(tc, several_buffers, 0, DRIVERS);
	tcase_add_loop_test(tc, more_buffers_than_segments, 0, DRIVERS);
	tcase_add_loop_test(tc, too_long_or_damaged, 0, DRIVERS);
	tcase_add_loop_test(tc, flags, 0, EXAMPLES);
	tcase_add_loop_test(tc, no_flags_when_off, 0, EXAMPLES);
	tcase_add_test(tc, wrong_words);
	tcase_add_loop_test(tc, buffers_in_pieces, 0, DRIVERS);
	tcase_add_loop_test(tc, arms, 0, DRIVERS);
	tcase_add_loop_test(tc, shares_its_interrupt, 0, DRIVERS);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
