/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * offloads.c - sends UDP and TCP packets whose checksums and tag the device shall fill in, and says
 * what another device found out of those it receives. A worker for tests/lab/offloads.py.
 *
 *   offloads INSTANCE TX-PORT RX-PORT DST-MAC OFFLOADS-TX OFFLOADS-RX
 *
 * One packet for each combination; one line for each received: length, flags, tag, segments, hash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "secondary/attach.h"
#include "secondary/ports.h"
#include "tests/lab/sum_packet.h"

#define WAIT_ROUNDS 2000

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

static int send_all(uint16_t port, const uint8_t dst[6])
{
	struct cleat_mempool *pool = cleat_mempool_by_name("default");
	struct sum_packet to = {
		.src_ip = { 10, 0, 0, 1 }, .dst_ip = { 10, 0, 0, 2 }, .src_port = 7, .dst_port = 9
	};

	memcpy(to.dst, dst, 6);
	for (unsigned i = 0; i < COMBINATIONS; i++) {
		struct cleat_mbuf *m = sum_packet_make(pool, &to, combinations[i]);

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
			printf("%u 0x%x 0x%x %u 0x%x\n", m[k]->pkt_len, m[k]->ol_flags,
				m[k]->vlan_tci, m[k]->nb_segs,
				m[k]->ol_flags & CLEAT_MBUF_RSS_HASH ? m[k]->rss_hash : 0);
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
