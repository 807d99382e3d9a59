/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder: packets that are no request, or a damaged one, get no answer, whatever pieces they
 * come in. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/mbuf_cksum.h"
#include "runtime/registry.h"
#include "tests/secondary/echo_help.h"

static enum cleat_echo_what ask(const uint8_t *data, uint32_t len)
{
	uint8_t out[2048];
	uint32_t out_len;

	return echo_ask(echo_packet(data, len, len, len), out, &out_len);
}

static const uint8_t PING[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0, /* IPv4 */ 0x45, 0, 0,
	32, 0, 1, 0, 0, 64, 1, 0x66, 0xda, 10, 0, 0, 1, 10, 0, 0, 2, /* ICMP */ 8, 0, 0x3d, 0x10,
	0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g' };
static const uint8_t ARP[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x08, 0x06, 0,
	1, 0x08, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2 };
static const uint8_t NS[] = { 0x33, 0x33, 0xff, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, /* IPv6 */
	0x60, 0, 0, 0, 0, 32, 58, 255, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 2,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 2, /* ICMPv6 */ 135, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1, 2, 0, 0, 0, 0, 1 };

struct made {
	uint8_t data[256];
	uint32_t len;
};

static void sum4(struct made *m)
{
	uint8_t *ip = m->data + 14;
	uint16_t sum;

	memset(ip + 10, 0, 2);
	sum = (uint16_t)~cleat_cksum_fold(cleat_cksum_add(0, ip, (ip[0] & 15U) * 4));
	memcpy(ip + 10, &sum, 2);
}

static void sum6(struct made *m)
{
	uint8_t *ip = m->data + 14;
	uint32_t len = get16(ip + 4);
	uint16_t sum;

	memset(ip + 42, 0, 2);
	sum = (uint16_t)~cleat_cksum_fold(
		cleat_cksum_add(cleat_cksum_pseudo(ip + 8, 16, ip[6], len), ip + 40, len));
	memcpy(ip + 42, &sum, 2);
}

static struct made made(const uint8_t *data, uint32_t len)
{
	struct made m = { .len = len };

	memcpy(m.data, data, len);
	return m;
}

static struct made ping(void)
{
	struct made m = made(PING, sizeof(PING));

	sum4(&m);
	return m;
}

static struct made solicitation(void)
{
	struct made m = made(NS, sizeof(NS));

	sum6(&m);
	return m;
}

/* UDP "hi" from port 50000 to 7, instead of the ICMP of the ping. */
static struct made udp(void)
{
	static const uint8_t UDP[] = { 0xc3, 0x50, 0, 7, 0, 10, 0, 0, 'h', 'i' };
	struct made m = made(PING, sizeof(PING));

	m.data[14 + 9] = 17;
	m.data[14 + 3] = 30;
	memcpy(m.data + 34, UDP, sizeof(UDP));
	m.len = 44;
	sum4(&m);
	return m;
}

static void expect(const struct made *m, enum cleat_echo_what what)
{
	enum cleat_echo_what is = ask(m->data, m->len);

	ck_assert_msg(is == what, "%s, not %s", cleat_echo_name(is), cleat_echo_name(what));
}

/* One byte of a packet is another, and the header's sum fits it. */
static void with(struct made m, unsigned at, unsigned value, enum cleat_echo_what what)
{
	m.data[at] = (uint8_t)value;
	if (get16(m.data + 12) == 0x0800 && (m.data[14] & 15) >= 5)
		sum4(&m);
	if (get16(m.data + 12) == 0x86dd && m.data[20] == 58 && get16(m.data + 18) == 32)
		sum6(&m);
	expect(&m, what);
}

START_TEST(what_is_asked_is_answered)
{
	struct made m = ping();

	expect(&m, CLEAT_ECHO_ICMP);
	m = udp();
	expect(&m, CLEAT_ECHO_UDP);
	m = solicitation();
	expect(&m, CLEAT_ECHO_ND);
	m = made(ARP, sizeof(ARP));
	expect(&m, CLEAT_ECHO_ARP);
	memset(m.data + 28, 0, 4); /* a probe: its sender has no address yet */
	expect(&m, CLEAT_ECHO_ARP);
	memcpy(m.data, ECHO_MAC, 6); /* to us alone */
	expect(&m, CLEAT_ECHO_ARP);
	m.len = 60; /* padded */
	expect(&m, CLEAT_ECHO_ARP);
}
END_TEST

START_TEST(others_are_not_answered_for)
{
	struct made m;

	with(ping(), 14 + 19, 3, CLEAT_ECHO_NOT_OURS);		    /* to 10.0.0.3 */
	with(ping(), 14 + 12, 127, CLEAT_ECHO_NOT_OURS);	    /* from 127… */
	with(ping(), 14 + 12, 224, CLEAT_ECHO_NOT_OURS);	    /* from a group */
	with(ping(), 14 + 12, 0, CLEAT_ECHO_NOT_OURS);		    /* from nobody */
	with(ping(), 14 + 15, 2, CLEAT_ECHO_NOT_OURS);		    /* from ourselves */
	with(ping(), 5, 3, CLEAT_ECHO_NOT_OURS);		    /* to another ECHO_MAC */
	with(ping(), 6, 3, CLEAT_ECHO_NOT_OURS);		    /* from a group of MACs */
	with(ping(), 11, 2, CLEAT_ECHO_NOT_OURS);		    /* from our ECHO_MAC */
	with(made(ARP, 42), 41, 3, CLEAT_ECHO_NOT_OURS);	    /* for 10.0.0.3 */
	with(made(ARP, 42), 31, 2, CLEAT_ECHO_NOT_OURS);	    /* from one who says he is us */
	with(solicitation(), 14 + 40 + 23, 3, CLEAT_ECHO_NOT_OURS); /* for fd00::3 */
	with(solicitation(), 14 + 39, 3, CLEAT_ECHO_NOT_OURS);	    /* to another's group */
	with(solicitation(), 14 + 23, 2, CLEAT_ECHO_NOT_OURS);	    /* from ourselves */
	m = ping();
	memset(m.data, 0xff, 6); /* a ping to everybody's ECHO_MAC */
	expect(&m, CLEAT_ECHO_NOT_OURS);
	echo.has_ip = 0;
	m = ping();
	expect(&m, CLEAT_ECHO_NOT_OURS);
	m = made(ARP, 42);
	expect(&m, CLEAT_ECHO_NOT_OURS);
	echo.has_ip6 = 0;
	m = solicitation();
	expect(&m, CLEAT_ECHO_NOT_OURS);
}
END_TEST

START_TEST(what_is_no_request)
{
	with(ping(), 34, 0, CLEAT_ECHO_OTHER);		   /* an answer */
	with(ping(), 34, 13, CLEAT_ECHO_OTHER);		   /* timestamp */
	with(ping(), 35, 1, CLEAT_ECHO_OTHER);		   /* a code */
	with(ping(), 14 + 9, 6, CLEAT_ECHO_OTHER);	   /* TCP */
	with(udp(), 37, 8, CLEAT_ECHO_OTHER);		   /* another port */
	with(udp(), 34, 3, CLEAT_ECHO_OTHER);		   /* from port 848 */
	with(made(ARP, 42), 21, 2, CLEAT_ECHO_OTHER);	   /* a reply */
	with(made(ARP, 42), 18, 7, CLEAT_ECHO_OTHER);	   /* longer addresses */
	with(made(ARP, 42), 13, 7, CLEAT_ECHO_OTHER);	   /* type 0x0807 */
	with(solicitation(), 14 + 6, 0, CLEAT_ECHO_OTHER); /* hop-by-hop options */
	with(solicitation(), 14 + 6, 44, CLEAT_ECHO_FRAGMENT);
	with(ping(), 14 + 6, 0x20, CLEAT_ECHO_FRAGMENT);
	with(ping(), 14 + 7, 1, CLEAT_ECHO_FRAGMENT);
	with(ping(), 14 + 6, 0x40, CLEAT_ECHO_ICMP); /* "do not fragment" is none */
}
END_TEST

START_TEST(what_is_damaged)
{
	struct made m = ping();

	m.data[14 + 10] ^= 1;
	expect(&m, CLEAT_ECHO_BAD);
	with(ping(), 14, 0x65, CLEAT_ECHO_BAD);		    /* version 6 in IPv4 */
	with(ping(), 14, 0x44, CLEAT_ECHO_BAD);		    /* a header of 16 bytes */
	with(ping(), 14 + 3, 33, CLEAT_ECHO_BAD);	    /* longer than the frame */
	with(ping(), 14 + 3, 27, CLEAT_ECHO_BAD);	    /* ICMP cut off */
	with(ping(), 14 + 3, 19, CLEAT_ECHO_BAD);	    /* shorter than its header */
	with(udp(), 39, 7, CLEAT_ECHO_BAD);		    /* shorter than UDP's header */
	with(udp(), 39, 11, CLEAT_ECHO_BAD);		    /* longer than the packet */
	with(solicitation(), 14 + 7, 254, CLEAT_ECHO_BAD);  /* from beyond a router */
	with(solicitation(), 14 + 41, 1, CLEAT_ECHO_BAD);   /* a code */
	with(solicitation(), 14 + 65, 0, CLEAT_ECHO_BAD);   /* an option of no length */
	with(solicitation(), 14 + 65, 2, CLEAT_ECHO_BAD);   /* one beyond the end */
	with(solicitation(), 14 + 8, 0xff, CLEAT_ECHO_BAD); /* from a group */
	with(solicitation(), 14 + 5, 40, CLEAT_ECHO_BAD);   /* longer than the frame */
	m = solicitation();
	m.data[14 + 42] ^= 1;
	expect(&m, CLEAT_ECHO_BAD);
	m = solicitation();
	memset(m.data + 22, 0, 16); /* from nobody, with an address all the same */
	sum6(&m);
	expect(&m, CLEAT_ECHO_BAD);
}
END_TEST

START_TEST(cut_anywhere)
{
	const struct made whole[] = { ping(), udp(), solicitation(), made(ARP, 42) };

	for (unsigned i = 0; i < 4; i++) {
		for (uint32_t len = 0; len < whole[i].len; len++) {
			struct made m = whole[i];

			m.len = len;
			if (len >= 14 && memcmp(m.data, ECHO_MAC, 6) != 0 && m.data[0] != 0x33 &&
				m.data[0] != 0xff)
				continue;
			ck_assert_int_ge(ask(m.data, m.len), CLEAT_ECHO_ANSWERS);
		}
	}
}
END_TEST

/* ---- options, tags, duplicates, flags ---- */

static struct made with_options(const uint8_t options[8])
{
	struct made m = ping();

	memmove(m.data + 42, m.data + 34, m.len - 34);
	memcpy(m.data + 34, options, 8);
	m.len += 8;
	m.data[14] = 0x47;
	m.data[17] = (uint8_t)(m.data[17] + 8);
	sum4(&m);
	return m;
}

START_TEST(ip_options)
{
	static const struct {
		uint8_t bytes[8];
		enum cleat_echo_what what;
	} CASES[] = { { { 1, 1, 1, 0, 9, 9, 9, 9 }, CLEAT_ECHO_ICMP },
		{ { 7, 7, 4, 0, 0, 0, 0, 0 }, CLEAT_ECHO_ICMP },     /* record route */
		{ { 131, 7, 4, 10, 0, 0, 9, 0 }, CLEAT_ECHO_OTHER }, /* source routes */
		{ { 1, 137, 7, 4, 10, 0, 0, 9 }, CLEAT_ECHO_OTHER },
		{ { 7, 0, 0, 0, 0, 0, 0, 0 }, CLEAT_ECHO_BAD }, /* no length */
		{ { 7, 1, 0, 0, 0, 0, 0, 0 }, CLEAT_ECHO_BAD },
		{ { 1, 1, 1, 7, 6, 0, 0, 0 }, CLEAT_ECHO_BAD }, /* beyond the header */
		{ { 1, 1, 1, 1, 1, 1, 1, 7 }, CLEAT_ECHO_BAD } };

	for (unsigned i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct made m = with_options(CASES[i].bytes);

		expect(&m, CASES[i].what);
	}
}
END_TEST

START_TEST(a_tag_in_the_frame_stays)
{
	static const uint8_t TAG[4] = { 0x81, 0, 0, 5 };
	struct made m = ping();
	uint8_t out[512];
	uint32_t len;

	memmove(m.data + 16, m.data + 12, m.len - 12);
	memcpy(m.data + 12, TAG, 4);
	m.len += 4;
	ck_assert_int_eq(echo_ask(echo_packet(m.data, m.len, 15, 40), out, &len), CLEAT_ECHO_ICMP);
	ck_assert_int_eq(memcmp(out, ECHO_PEER, 6), 0);
	ck_assert_int_eq(memcmp(out + 6, ECHO_MAC, 6), 0);
	ck_assert_int_eq(memcmp(out + 12, TAG, 4), 0);
	ck_assert_uint_eq(out[18 + 20], 0);
	m.data[16] = 0x81; /* a second one */
	m.data[17] = 0;
	expect(&m, CLEAT_ECHO_OTHER);
	m.len = 15;
	expect(&m, CLEAT_ECHO_BAD);
}
END_TEST

/* A tag that the device took off is put on again, by the device if it can. */
START_TEST(a_tag_beside_the_frame_goes_back)
{
	struct made ask_for = ping();
	struct cleat_mbuf *m = echo_packet(ask_for.data, ask_for.len, 60, 60);
	uint8_t out[512];
	uint32_t len;

	m->ol_flags = CLEAT_MBUF_VLAN | CLEAT_MBUF_RSS_HASH | CLEAT_MBUF_RX_IP_GOOD;
	m->vlan_tci = 0x2007;
	m->rss_hash = 0xffffffff;
	ck_assert_int_eq(echo_ask(m, out, &len), CLEAT_ECHO_ICMP);
	ck_assert_uint_eq(len, ask_for.len + 4);
	ck_assert_uint_eq(get16(out + 12), 0x8100);
	ck_assert_uint_eq(get16(out + 14), 0x2007);
	ck_assert_uint_eq(get16(out + 16), 0x0800);
	echo.tx_offloads = CLEAT_OFFLOAD_TX_VLAN_INSERT;
	m = echo_packet(ask_for.data, ask_for.len, 60, 60);
	m->ol_flags = CLEAT_MBUF_VLAN;
	m->vlan_tci = 7;
	ck_assert_uint_eq(cleat_echo_work(&m, 1, &echo), 1);
	ck_assert_uint_eq(m->ol_flags, CLEAT_MBUF_TX_VLAN);
	ck_assert_uint_eq(m->vlan_tci, 7);
	ck_assert_uint_eq(m->pkt_len, ask_for.len);
	cleat_mbuf_free(m);
}
END_TEST

START_TEST(what_the_device_found_bad_is)
{
	static const uint32_t FLAGS[] = { CLEAT_MBUF_RX_IP_BAD, CLEAT_MBUF_RX_L4_BAD };

	for (unsigned i = 0; i < 2; i++) {
		struct made p = ping();
		struct cleat_mbuf *m = echo_packet(p.data, p.len, 60, 60);

		m->ol_flags = FLAGS[i];
		ck_assert_uint_eq(cleat_echo_work(&m, 1, &echo), 0);
	}
	ck_assert_uint_eq(echo.counts[CLEAT_ECHO_BAD], 2);
}
END_TEST

START_TEST(one_who_looks_for_duplicates_is_told)
{
	struct made m = solicitation();
	uint8_t out[512];
	uint32_t len;

	m.data[19] = 24; /* no address of his, as he has none */
	m.len -= 8;
	memset(m.data + 22, 0, 16);
	sum6(&m);
	ck_assert_int_eq(echo_ask(echo_packet(m.data, m.len, 30, 30), out, &len), CLEAT_ECHO_ND);
	ck_assert_uint_eq(len, 14 + 40 + 32);
	ck_assert_uint_eq(out[0], 0x33);
	ck_assert_uint_eq(out[5], 1);
	ck_assert_uint_eq(out[14 + 24], 0xff); /* to ff02::1 */
	ck_assert_uint_eq(out[14 + 39], 1);
	ck_assert_uint_eq(out[14 + 44], 0x20); /* not solicited */
	ck_assert_int_eq(memcmp(out + 14 + 66, ECHO_MAC, 6), 0);
	echo_check_sums(out, CLEAT_ECHO_ND);
}
END_TEST

START_TEST(shared_data_is_left_alone)
{
	struct made p = ping();
	struct cleat_mbuf *m = echo_packet(p.data, p.len, 60, 60),
			  *clone = cleat_mbuf_clone(m, echo_pool);

	ck_assert_uint_eq(cleat_echo_work(&clone, 1, &echo), 0);
	ck_assert_uint_eq(echo.counts[CLEAT_ECHO_SHARED], 1);
	ck_assert_int_eq(memcmp(cleat_mbuf_data(m), p.data, p.len), 0);
	cleat_mbuf_free(m);
}
END_TEST

START_TEST(bursts_are_sorted)
{
	struct cleat_mbuf *m[64];
	struct made good = ping(), bad = ping();

	bad.data[5] = 9;
	for (unsigned i = 0; i < 64; i++)
		m[i] = i % 3 == 0 ? echo_packet(good.data, good.len, 60, 60)
				  : echo_packet(bad.data, bad.len, 20, 20);
	ck_assert_uint_eq(cleat_echo_work(m, 64, &echo), 22);
	ck_assert_uint_eq(echo.counts[CLEAT_ECHO_ICMP], 22);
	ck_assert_uint_eq(echo.counts[CLEAT_ECHO_NOT_OURS], 42);
	cleat_mbuf_free_bulk(m, 22);
}
END_TEST

/* Bytes of requests changed at random, headers' sums often right: no crash, and mbufs in order. */
START_TEST(random_packets_do_no_harm)
{
	unsigned answers = 0;

	srandom(7);
	for (unsigned i = 0; i < 60000; i++) {
		struct made m = i % 4 == 0   ? ping()
				: i % 4 == 1 ? udp()
				: i % 4 == 2 ? solicitation()
					     : made(ARP, 42);
		uint8_t out[512];
		uint32_t len;

		for (long k = random() % 4; k > 0; k--)
			m.data[12 + (unsigned long)random() % (m.len - 12)] = (uint8_t)random();
		if (random() % 8 == 0)
			m.len = (uint32_t)random() % (m.len + 1);
		if (random() % 2 == 0 && m.len > 74 && (m.data[14] & 15) >= 5)
			sum4(&m);
		answers += echo_ask(echo_packet(m.data, m.len, 1 + (uint32_t)random() % 60,
					    20 + (uint32_t)random() % 60),
				   out, &len) < CLEAT_ECHO_ANSWERS;
	}
	ck_assert_uint_gt(answers, 5000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("echo");
	TCase *tc = tcase_create("echo");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, echo_up, echo_down);
	tcase_add_test(tc, what_is_asked_is_answered);
	tcase_add_test(tc, others_are_not_answered_for);
	tcase_add_test(tc, what_is_no_request);
	tcase_add_test(tc, what_is_damaged);
	tcase_add_test(tc, cut_anywhere);
	tcase_add_test(tc, ip_options);
	tcase_add_test(tc, a_tag_in_the_frame_stays);
	tcase_add_test(tc, a_tag_beside_the_frame_goes_back);
	tcase_add_test(tc, what_the_device_found_bad_is);
	tcase_add_test(tc, one_who_looks_for_duplicates_is_told);
	tcase_add_test(tc, shared_data_is_left_alone);
	tcase_add_test(tc, bursts_are_sorted);
	tcase_add_test(tc, random_packets_do_no_harm);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
