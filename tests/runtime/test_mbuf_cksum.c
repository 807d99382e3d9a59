/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums: the examples of the RFCs, and every packet of the capture, in pieces of all sizes. */
#include <check.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf_cksum.h"
#include "runtime/registry.h"
#include "tests/runtime/mbuf_help.h"

#define CAPTURE CLEAT_TEST_DATA_DIR "/capture.pcap"
#define L4_BOTH (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP)

static struct cleat_mempool *pool;

static void up(void)
{
	mbuf_world_up();
	pool = mbuf_world_pool("p", 512, 1600, 32);
}

static void down(void)
{
	ck_assert_ptr_null(mbuf_world_take_all(pool));
	mbuf_world_down();
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* A packet in segments of @p piece bytes, the last one shorter. */
static struct cleat_mbuf *packet(const uint8_t *data, uint32_t len, uint32_t piece)
{
	struct cleat_mbuf *head = NULL;

	while (len > 0 || head == NULL) {
		uint16_t n = (uint16_t)(len < piece ? len : piece);
		struct cleat_mbuf *m = cleat_mbuf_alloc(pool);

		ck_assert_ptr_nonnull(m);
		memcpy(cleat_mbuf_append(m, n), data, n);
		data += n;
		len -= n;
		if (head == NULL)
			head = m;
		else
			ck_assert_int_eq(cleat_mbuf_chain(head, m), 0);
	}
	return head;
}

/* ---- sums ---- */

START_TEST(examples_of_the_rfcs)
{
	/* RFC 1071, section 3 */
	static const uint8_t EIGHT[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	static const uint8_t HEADER[] = { 0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0,
		0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7 };
	uint8_t out[2], from[2] = { 0x55, 0x55 }, to[2] = { 0x32, 0x85 }, old[2] = { 0xdd, 0x2f };
	uint16_t field, a, b, c;

	field = cleat_cksum_fold(cleat_cksum_add(0, EIGHT, sizeof(EIGHT)));
	memcpy(out, &field, 2);
	ck_assert_uint_eq(get16(out), 0xddf2);
	field = (uint16_t)~cleat_cksum_fold(cleat_cksum_add(0, HEADER, sizeof(HEADER)));
	memcpy(out, &field, 2);
	ck_assert_uint_eq(get16(out), 0xb861);
	/* RFC 1624, section 4 */
	memcpy(&a, old, 2);
	memcpy(&b, from, 2);
	memcpy(&c, to, 2);
	ck_assert_uint_eq(cleat_cksum_update(a, b, c), 0);
}
END_TEST

START_TEST(any_pieces_give_the_same_sum)
{
	static uint8_t data[300];
	uint32_t whole;

	for (unsigned i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (uint32_t piece = 1; piece < 70; piece++) {
		struct cleat_mbuf *m = packet(data, sizeof(data), piece < 3 ? 3 : piece);

		for (uint32_t off = 0; off < 20; off++) {
			for (uint32_t len = 270; len <= sizeof(data) - off; len++) {
				uint32_t sum = 0;

				whole = cleat_cksum_fold(cleat_cksum_add(0, data + off, len));
				ck_assert_int_eq(cleat_mbuf_cksum(m, off, len, &sum), 0);
				ck_assert_uint_eq(cleat_cksum_fold(sum), whole);
			}
		}
		whole = 0;
		ck_assert_int_eq(cleat_mbuf_cksum(m, 1, sizeof(data), &whole), -EINVAL);
		ck_assert_int_eq(cleat_mbuf_cksum(m, 5000, 1, &whole), -EINVAL);
		ck_assert_int_eq(cleat_mbuf_cksum(m, sizeof(data), 0, &whole), 0);
		cleat_mbuf_free(m);
	}
}
END_TEST

/* ---- packets of the capture ---- */

struct parsed {
	uint32_t flags, l2_len, l3_len, field; /* field: of the L4 checksum */
	uint32_t pseudo;
	uint16_t ip_sum; /* as it was */
};

/* Where things are in an unfragmented TCP or UDP packet; 0: it is none. */
static int parse(const uint8_t *p, uint32_t len, struct parsed *out)
{
	uint32_t l2 = get16(p + 12) == 0x8100 ? 18 : 14;
	const uint8_t *ip = p + l2;
	uint32_t l3, proto, bytes;

	if (get16(p + l2 - 2) == 0x0800) {
		l3 = (ip[0] & 15U) * 4;
		proto = ip[9];
		bytes = get16(ip + 2) - l3;
		out->flags = CLEAT_MBUF_TX_IPV4;
		out->pseudo = cleat_cksum_pseudo(ip + 12, 4, (uint8_t)proto, bytes);
		memcpy(&out->ip_sum, ip + 10, 2);
		if (get16(ip + 6) & 0x3fff)
			return 0;
	} else if (get16(p + l2 - 2) == 0x86dd) {
		l3 = 40;
		proto = ip[6];
		bytes = get16(ip + 4);
		out->flags = 0;
		out->pseudo = cleat_cksum_pseudo(ip + 8, 16, (uint8_t)proto, bytes);
	} else {
		return 0;
	}
	if ((proto != 6 && proto != 17) || l2 + l3 + bytes != len)
		return 0;
	out->flags |= proto == 6 ? CLEAT_MBUF_TX_TCP : CLEAT_MBUF_TX_UDP;
	out->l2_len = l2;
	out->l3_len = l3;
	out->field = l2 + l3 + (proto == 6 ? 16 : 6);
	return 1;
}

/* As an application prepares it, whatever the capture has in the fields. */
static void want_offload(uint8_t *data, const struct parsed *p)
{
	uint16_t pseudo = cleat_cksum_fold(p->pseudo);

	memcpy(data + p->field, &pseudo, 2);
	if (p->flags & CLEAT_MBUF_TX_IPV4)
		memset(data + p->l2_len + 10, 0xaa, 2); /* 0 by contract, but not trusted */
}

static void set_flags(struct cleat_mbuf *m, const struct parsed *p)
{
	m->ol_flags |= p->flags;
	m->l2_len = (uint8_t)p->l2_len;
	m->l3_len = (uint8_t)p->l3_len;
}

/* Each covered sum is all ones now, the header's checksum what the sender's kernel computed. */
static void verify(const uint8_t *data, uint32_t len, const struct parsed *p)
{
	uint32_t l4 = p->l2_len + p->l3_len;
	uint32_t sum = cleat_cksum_add(p->pseudo, data + l4, len - l4);

	ck_assert_uint_eq(cleat_cksum_fold(sum), 0xffff);
	if (p->flags & CLEAT_MBUF_TX_IPV4)
		ck_assert_int_eq(memcmp(data + p->l2_len + 10, &p->ip_sum, 2), 0);
}

static void in_pieces(const uint8_t *data, uint32_t len, const struct parsed *p, uint32_t piece)
{
	struct cleat_mbuf *m = packet(data, len, piece);
	static uint8_t out[2048];
	const void *bytes;

	set_flags(m, p);
	ck_assert_msg(cleat_mbuf_cksum_prepare(m, 0) == 0, "%s", cleat_error());
	ck_assert_uint_eq(m->ol_flags, 0);
	bytes = cleat_mbuf_read(m, 0, len, out);
	ck_assert_ptr_nonnull(bytes);
	verify(bytes, len, p);
	cleat_mbuf_free(m);
}

static unsigned walk(void (*fn)(uint8_t *data, uint32_t len, const struct parsed *p))
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(CAPTURE, why);
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned n = 0;

	ck_assert_msg(pcap != NULL, "%s", why);
	while (pcap_next_ex(pcap, &header, &data) == 1) {
		struct parsed p;
		uint8_t copy[2048];

		memcpy(copy, data, header->caplen);
		if (!parse(copy, header->caplen, &p))
			continue;
		want_offload(copy, &p);
		fn(copy, header->caplen, &p);
		n++;
	}
	pcap_close(pcap);
	return n;
}

static void all_pieces(uint8_t *data, uint32_t len, const struct parsed *p)
{
	static const uint32_t PIECES[] = { 1500, 64, 43, 41, 15, 9 };

	for (unsigned i = 0; i < 6; i++)
		in_pieces(data, len, p, PIECES[i] == 1500 ? len : PIECES[i]);
}

START_TEST(packets_of_the_capture)
{
	ck_assert_uint_gt(walk(all_pieces), 150);
}
END_TEST

static void one_frame(uint8_t *data, uint32_t len, const struct parsed *p)
{
	struct cleat_mbuf *m = packet(data, len, len);
	uint32_t now = len;
	uint8_t macs[12];

	set_flags(m, p);
	m->ol_flags |= CLEAT_MBUF_TX_VLAN;
	m->vlan_tci = 0x6005;
	memcpy(macs, data, 12);
	ck_assert_int_eq(cleat_frame_cksum_prepare(data, &now, m), 0);
	ck_assert_uint_eq(now, len + 4);
	ck_assert_uint_eq(get16(data + 12), 0x8100);
	ck_assert_uint_eq(get16(data + 14), 0x6005);
	ck_assert_int_eq(memcmp(macs, data, 12), 0);
	memmove(data + 12, data + 16, len - 12);
	verify(data, len, p);
	cleat_mbuf_free(m);
}

START_TEST(frames_in_one_piece)
{
	ck_assert_uint_gt(walk(one_frame), 150);
}
END_TEST

/* ---- what is done, what is left, what is refused ---- */

/* IPv4, UDP, two bytes "hi", from 10.0.0.1:1 to 10.0.0.2:2; checksums by hand. */
static const uint8_t UDP[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 30, 0, 0,
	0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 10, 0x14, 0x1e, 'h', 'i' };

static struct cleat_mbuf *udp(void)
{
	struct cleat_mbuf *m = packet(UDP, sizeof(UDP), sizeof(UDP));

	m->ol_flags = CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP | CLEAT_MBUF_TX_VLAN;
	m->l2_len = 14;
	m->l3_len = 20;
	m->vlan_tci = 7;
	return m;
}

START_TEST(what_the_port_does_is_left)
{
	struct cleat_mbuf *m = udp();

	ck_assert_int_eq(cleat_mbuf_cksum_prepare(
				 m, CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT),
		0);
	ck_assert_uint_eq(m->ol_flags, CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP | CLEAT_MBUF_TX_VLAN);
	ck_assert_int_eq(memcmp(cleat_mbuf_data(m), UDP, sizeof(UDP)), 0);
	ck_assert_int_eq(cleat_mbuf_cksum_prepare(m, CLEAT_OFFLOAD_TX_CHECKSUM), 0);
	ck_assert_uint_eq(m->ol_flags, CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP);
	ck_assert_uint_eq(m->l2_len, 18); /* the device is told where they are now */
	ck_assert_uint_eq(get16(cleat_mbuf_data(m) + 14), 7);
	ck_assert_int_eq(cleat_mbuf_cksum_prepare(m, 0), 0);
	ck_assert_uint_eq(m->ol_flags, 0);
	ck_assert_uint_eq(m->pkt_len, sizeof(UDP) + 4);
	ck_assert_uint_eq(get16(cleat_mbuf_data(m) + 18 + 10), 0x66cd);
	ck_assert_uint_eq(get16(cleat_mbuf_data(m) + 18 + 26), 0x836b);
	cleat_mbuf_free(m);
}
END_TEST

START_TEST(udp_never_says_none)
{
	struct cleat_mbuf *m = udp();

	m->ol_flags = CLEAT_MBUF_TX_UDP;
	memset(cleat_mbuf_data(m) + 34, 0, 10);
	memset(cleat_mbuf_data(m) + 34, 0xff, 2); /* the sum is 0xffff, its complement 0 */
	ck_assert_int_eq(cleat_mbuf_cksum_prepare(m, 0), 0);
	ck_assert_uint_eq(get16(cleat_mbuf_data(m) + 40), 0xffff);
	cleat_mbuf_free(m);
}
END_TEST

static void refused(struct cleat_mbuf *m, int status)
{
	uint32_t len = m->pkt_len, flags = m->ol_flags;

	ck_assert_int_eq(cleat_mbuf_cksum_prepare(m, 0), status);
	ck_assert_uint_eq(m->pkt_len, len);
	ck_assert_uint_eq(m->ol_flags, flags);
	cleat_mbuf_free(m);
}

START_TEST(what_does_not_fit_is_refused)
{
	struct cleat_mbuf *m = udp();

	m->ol_flags = L4_BOTH;
	refused(m, -EINVAL);
	m = udp();
	m->l3_len = 23; /* 14 + 23 + 8 > 44 */
	refused(m, -EINVAL);
	m = udp();
	m->l2_len = 0;
	refused(m, -EINVAL);
	m = udp();
	m->l3_len = 16;
	refused(m, -EINVAL);
	m = udp();
	ck_assert_ptr_nonnull(cleat_mbuf_prepend(m, m->data_off));
	refused(m, -ENOSPC);
	m = packet(UDP, 11, 11);
	m->ol_flags = CLEAT_MBUF_TX_VLAN;
	refused(m, -EINVAL);
	m = packet(UDP, sizeof(UDP), 8);
	m->ol_flags = CLEAT_MBUF_TX_VLAN;
	refused(m, -EINVAL);
}
END_TEST

START_TEST(shared_data_is_not_written)
{
	struct cleat_mbuf *m = udp(), *clone;

	m->ol_flags = 0;
	clone = cleat_mbuf_clone(m, pool);
	clone->ol_flags |= CLEAT_MBUF_TX_UDP;
	clone->l2_len = 14;
	clone->l3_len = 20;
	refused(clone, -EBUSY);
	clone = cleat_mbuf_clone(m, pool);
	m->ol_flags |= CLEAT_MBUF_TX_UDP;
	refused(m, -EBUSY);
	ck_assert_int_eq(memcmp(cleat_mbuf_data(clone), UDP, sizeof(UDP)), 0);
	cleat_mbuf_free(clone);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mbuf_cksum");
	TCase *tc = tcase_create("mbuf_cksum");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, up, down);
	tcase_add_test(tc, examples_of_the_rfcs);
	tcase_add_test(tc, any_pieces_give_the_same_sum);
	tcase_add_test(tc, packets_of_the_capture);
	tcase_add_test(tc, frames_in_one_piece);
	tcase_add_test(tc, what_the_port_does_is_left);
	tcase_add_test(tc, udp_never_says_none);
	tcase_add_test(tc, what_does_not_fit_is_refused);
	tcase_add_test(tc, shared_data_is_not_written);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
