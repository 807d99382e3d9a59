/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * offloads.c - sends UDP and TCP packets whose checksums and tag the device shall fill in, and says
 * what another device found out of those it receives. A worker for tests/lab/offloads.py.
 *
 *   offloads INSTANCE TX-PORT RX-PORT DST-MAC OFFLOADS-TX OFFLOADS-RX
 *
 * One packet for each combination; one line for each received: length, flags, tag, segments.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/mbuf_cksum.h"
#include "runtime/mempool.h"
#include "secondary/attach.h"
#include "secondary/ports.h"

#define WAIT_ROUNDS 2000

/* Ethernet, IPv4 without its checksum, room for TCP or UDP and 30 bytes. */
static const uint8_t HEAD[] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 0, 0, 1,
	0, 0, 64, 0, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2 };
#define L2	14U
#define L3	20U
#define PAYLOAD 30U

static const uint32_t combinations[] = {
	CLEAT_MBUF_TX_IPV4,
	CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP,
	CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP,
	CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP | CLEAT_MBUF_TX_VLAN,
	CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_VLAN,
	CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_UDP,
};
#define COMBINATIONS (sizeof(combinations) / sizeof(combinations[0]))

static int fail(const char *what)
{
	fprintf(stderr, "offloads: %s: %s\n", what, cleat_error());
	return EXIT_FAILURE;
}

/* The field of the checksum holds the pseudo header's sum (mbuf.h). */
static void fill_l4(uint8_t *l4, const uint8_t *ip, uint32_t len, int tcp)
{
	uint16_t sum = cleat_cksum_fold(cleat_cksum_pseudo(ip + 12, 4, tcp ? 6 : 17, len));

	memset(l4, 0, len);
	l4[1] = 7;
	l4[3] = 9;
	if (tcp)
		l4[12] = 0x50;
	else
		l4[5] = (uint8_t)len;
	memcpy(l4 + (tcp ? 16 : 6), &sum, sizeof(sum));
	for (uint32_t i = tcp ? 20 : 8; i < len; i++)
		l4[i] = (uint8_t)(i * 37);
}

static struct cleat_mbuf *make(struct cleat_mempool *pool, const uint8_t dst[6], uint32_t flags)
{
	int tcp = (flags & CLEAT_MBUF_TX_TCP) != 0;
	uint32_t l4 = (tcp ? 20U : 8U) + PAYLOAD, len = sizeof(HEAD) + l4;
	struct cleat_mbuf *m = cleat_mbuf_alloc(pool);
	uint8_t *p = m == NULL ? NULL : cleat_mbuf_append(m, (uint16_t)len);

	if (p == NULL)
		return NULL;
	memcpy(p, HEAD, sizeof(HEAD));
	memcpy(p, dst, 6);
	p[17] = (uint8_t)(L3 + l4);
	p[23] = tcp ? 6 : 17;
	fill_l4(p + L2 + L3, p + L2, l4, tcp);
	m->ol_flags = flags;
	m->l2_len = L2;
	m->l3_len = L3;
	m->vlan_tci = 0x6005;
	return m;
}

static int send_all(uint16_t port, const uint8_t dst[6])
{
	struct cleat_mempool *pool = cleat_mempool_by_name("default");

	for (unsigned i = 0; i < COMBINATIONS; i++) {
		struct cleat_mbuf *m = make(pool, dst, combinations[i]);

		if (m == NULL || cleat_tx_burst(port, 0, &m, 1) != 1)
			return fail("sending");
	}
	return EXIT_SUCCESS;
}

static int receive_all(uint16_t port)
{
	unsigned got = 0;

	for (int i = 0; i < WAIT_ROUNDS && got < COMBINATIONS; i++) {
		struct cleat_mbuf *m[8];
		int n = cleat_rx_burst(port, 0, m, 8);

		if (n < 0)
			return fail("receiving");
		for (int k = 0; k < n; k++, got++)
			printf("%u 0x%x 0x%x %u\n", m[k]->pkt_len, m[k]->ol_flags, m[k]->vlan_tci,
				m[k]->nb_segs);
		cleat_mbuf_free_bulk(m, (unsigned)n);
		(void)usleep(5000);
	}
	return EXIT_SUCCESS;
}

static int claim(uint16_t port, enum cleat_dir dir, const char *offloads)
{
	struct cleat_port_wish wish = { .pool = "default", .queues = 1, .has_offloads = 1 };
	int rc;

	wish.offloads = (uint32_t)strtoul(offloads, NULL, 0);
	rc = cleat_port_prepare(port, dir, 0, &wish);
	return rc < 0 ? rc : cleat_ctl_queue_claim(port, dir, 0);
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .name = "offloads" };
	struct cleat_mbuf *none[1];
	uint8_t dst[6];
	uint16_t tx, rx;
	int rc;

	if (argc != 7 || sscanf(argv[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &dst[0], &dst[1], &dst[2],
				 &dst[3], &dst[4], &dst[5]) != 6) {
		fprintf(stderr, "usage: offloads INSTANCE TX-PORT RX-PORT DST-MAC OFFLOADS-TX "
				"OFFLOADS-RX\n");
		return 2;
	}
	options.instance = argv[1];
	tx = (uint16_t)atoi(argv[2]);
	rx = (uint16_t)atoi(argv[3]);
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	if (claim(rx, CLEAT_RX, argv[6]) < 0 || claim(tx, CLEAT_TX, argv[5]) < 0)
		return fail("claim");
	/* buffers for the device, before anything comes; and time for the link */
	(void)cleat_rx_burst(rx, 0, none, 1);
	(void)sleep(2);
	rc = send_all(tx, dst);
	if (rc == EXIT_SUCCESS)
		rc = receive_all(rx);
	cleat_detach();
	return rc;
}
