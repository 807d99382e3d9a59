/* SPDX-License-Identifier: BSD-3-Clause */
/* What an application asks a device to do on sending, devices without hardware do in software. */
#include <check.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pmd/pmd_help.h"

static struct cleat_mempool *pool;

/* IPv4, UDP, "hi"; the UDP field holds the pseudo header's sum, the header's checksum is missing.
 */
static const uint8_t UDP[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 30, 0, 0,
	0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 10, 0x14, 0x1e, 'h', 'i' };
/* The same as it goes out, tagged. */
static const uint8_t SENT[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x81, 0, 0x60, 5, 0x08, 0x00,
	0x45, 0, 0, 30, 0, 0, 0, 0, 64, 17, 0x66, 0xcd, 10, 0, 0, 1, 10, 0, 0, 2, 0, 1, 0, 2, 0, 10,
	0x83, 0x6b, 'h', 'i' };

static void setup(void)
{
	pmd_world_up();
	pool = mbuf_world_pool("p", 128, 256, 16);
}

static void teardown(void)
{
	pmd_world_down();
}

static struct cleat_mbuf *udp(void)
{
	struct cleat_mbuf *m = cleat_mbuf_alloc(pool);

	memcpy(cleat_mbuf_append(m, sizeof(UDP)), UDP, sizeof(UDP));
	m->ol_flags = CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP | CLEAT_MBUF_TX_VLAN;
	m->l2_len = 14;
	m->l3_len = 20;
	m->vlan_tci = 0x6005;
	return m;
}

/* As one that lies about its length: it cannot be sent. */
static struct cleat_mbuf *wrong(void)
{
	struct cleat_mbuf *m = udp();

	m->l3_len = 60;
	return m;
}

START_TEST(over_a_ring)
{
	int port = pmd_plug("net_ring0,size=64");
	struct cleat_mbuf *m[4] = { udp(), NULL, wrong(), udp() };
	struct cleat_port_stats stats;

	m[1] = cleat_mbuf_copy(m[0], pool);
	m[1]->ol_flags = 0; /* it asks for nothing */
	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), 0);
	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, m, 4), 3);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, m + 3, 1), 1);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, m, 4), 3);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(m[i]->ol_flags, 0);
		if (i == 1)
			ck_assert_int_eq(memcmp(cleat_mbuf_data(m[1]), UDP, sizeof(UDP)), 0);
		else
			ck_assert_int_eq(memcmp(cleat_mbuf_data(m[i]), SENT, sizeof(SENT)), 0);
	}
	cleat_mbuf_free_bulk(m, 3);
	cleat_port_stats((uint16_t)port, &stats);
	ck_assert_uint_eq(stats.tx_packets, 3);
	ck_assert_uint_eq(stats.tx_errors, 1);
	ck_assert_uint_eq(stats.tx_dropped, 1);
	ck_assert_uint_eq(stats.tx_bytes, stats.rx_bytes);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, 128);
}
END_TEST

START_TEST(a_full_ring_drops_none)
{
	int port = pmd_plug("net_ring0,size=16");
	struct cleat_mbuf *m[18];

	for (unsigned i = 0; i < 18; i++)
		m[i] = i == 17 ? wrong() : udp();
	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), 0);
	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, m, 18), 16);
	cleat_mbuf_free_bulk(m + 16, 2);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, m, 18), 16);
	for (unsigned i = 0; i < 16; i++)
		ck_assert_int_eq(memcmp(cleat_mbuf_data(m[i]), SENT, sizeof(SENT)), 0);
	cleat_mbuf_free_bulk(m, 16);
}
END_TEST

static void check_file(const char *path, unsigned n)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, why);
	struct pcap_pkthdr *header;
	const u_char *data;

	ck_assert_msg(pcap != NULL, "%s", why);
	for (unsigned i = 0; i < n; i++) {
		ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), 1);
		ck_assert_uint_eq(header->len, sizeof(SENT));
		ck_assert_int_eq(memcmp(data, SENT, sizeof(SENT)), 0);
	}
	ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), PCAP_ERROR_BREAK);
	pcap_close(pcap);
}

START_TEST(into_a_capture)
{
	char path[] = "/tmp/cleat-test-XXXXXX", spec[64];
	int fd = mkstemp(path), port;
	struct cleat_mbuf *m[4] = { udp(), wrong(), NULL, udp() };
	struct cleat_port_stats stats;

	m[2] = cleat_mbuf_clone(m[0], pool);
	m[2]->ol_flags |= m[0]->ol_flags & CLEAT_MBUF_TX_MASK;
	m[2]->l2_len = 14;
	m[2]->l3_len = 20;
	m[2]->vlan_tci = 0x6005;
	ck_assert_int_ge(fd, 0);
	(void)snprintf(spec, sizeof(spec), "net_pcap0,tx_pcap=%s", path);
	port = pmd_plug(spec);
	ck_assert_msg(port >= 0, "%s", cleat_error());
	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, m, 4), 4);
	cleat_port_stats((uint16_t)port, &stats);
	ck_assert_uint_eq(stats.tx_packets, 3);
	ck_assert_uint_eq(stats.tx_bytes, 3 * sizeof(SENT));
	ck_assert_uint_eq(stats.tx_dropped, 1);
	check_file(path, 3);
	ck_assert_int_eq(pmd_unplug(port), 0);
	(void)close(fd);
	(void)unlink(path);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, 128);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/tx_flags");
	TCase *tc = tcase_create("tx_flags");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, over_a_ring);
	tcase_add_test(tc, a_full_ring_drops_none);
	tcase_add_test(tc, into_a_capture);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
