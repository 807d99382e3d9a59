/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pairs - a worker for device tests: owns one queue pair of a port, and leaves checksums to it.
 *
 *     pairs INSTANCE PORT QUEUE DST-MAC
 *
 * For each UDP packet to port 9 it prints one line: the packet's flags, and 1 if its checksum is
 * right, else 0; and sends a UDP and a TCP packet with checksums for the device to fill in, from
 * port 100 + QUEUE to 10.9.1.2. It ends when its input does.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/mbuf_cksum.h"
#include "secondary/attach.h"
#include "secondary/ports.h"
#include "tests/lab/sum_packet.h"

#define OFFLOADS                                                                            \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_TX_CHECKSUM | \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define L4 (SUM_PACKET_L2 + SUM_PACKET_L3)

static int fail(const char *what)
{
	fprintf(stderr, "pairs: %s: %s\n", what, cleat_error());
	return EXIT_FAILURE;
}

static int claim(uint16_t port, uint16_t queue)
{
	struct cleat_port_wish wish = {
		.pool = "default", .queues = 2, .has_offloads = 1, .offloads = OFFLOADS
	};
	int rc = 0;

	for (int dir = CLEAT_RX; rc == 0 && dir <= CLEAT_TX; dir++) {
		rc = cleat_port_prepare(port, (enum cleat_dir)dir, queue, &wish);
		rc = rc < 0 ? rc : cleat_ctl_queue_claim(port, (enum cleat_dir)dir, queue);
	}
	return rc;
}

/* Is it UDP over IPv4 without options, to port 9? */
static int is_wanted(const struct cleat_mbuf *m)
{
	const uint8_t *p = cleat_mbuf_data(m);

	return m->data_len == m->pkt_len && m->data_len >= L4 + 8 && p[12] == 8 && p[13] == 0 &&
	       p[14] == 0x45 && p[23] == 17 && p[L4 + 2] == 0 && p[L4 + 3] == 9;
}

static int is_right(const struct cleat_mbuf *m)
{
	const uint8_t *p = cleat_mbuf_data(m);
	uint32_t len = (uint32_t)(p[L4 + 4] << 8 | p[L4 + 5]);
	uint32_t sum = cleat_cksum_pseudo(p + SUM_PACKET_L2 + 12, 4, 17, len);

	return cleat_mbuf_cksum(m, L4, len, &sum) == 0 && cleat_cksum_fold(sum) == 0xffff;
}

static int answer(uint16_t port, uint16_t queue, const struct sum_packet *to)
{
	static const uint32_t KINDS[] = { CLEAT_MBUF_TX_UDP, CLEAT_MBUF_TX_TCP };
	struct cleat_mempool *pool = cleat_mempool_by_name("default");

	for (unsigned i = 0; i < 2; i++) {
		struct cleat_mbuf *m = sum_packet_make(pool, to, CLEAT_MBUF_TX_IPV4 | KINDS[i]);

		if (m == NULL || cleat_tx_burst(port, queue, &m, 1) != 1)
			return fail("sending");
	}
	return EXIT_SUCCESS;
}

static int work(uint16_t port, uint16_t queue, const struct sum_packet *to)
{
	int rc = EXIT_SUCCESS;
	char byte;

	while (rc == EXIT_SUCCESS && read(STDIN_FILENO, &byte, 1) != 0) {
		struct cleat_mbuf *m[8];
		int n = cleat_rx_burst(port, queue, m, 8);

		if (n < 0)
			return fail("receiving");
		for (int i = 0; i < n; i++) {
			if (!is_wanted(m[i]))
				continue;
			printf("0x%x %d\n", m[i]->ol_flags, is_right(m[i]));
			rc = rc != EXIT_SUCCESS ? rc : answer(port, queue, to);
		}
		cleat_mbuf_free_bulk(m, (unsigned)n);
		(void)fflush(stdout);
		(void)usleep(1000);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .instance = argv[1] };
	struct sum_packet to = {
		.src_ip = { 10, 9, 0, 2 }, .dst_ip = { 10, 9, 1, 2 }, .dst_port = 9
	};
	struct cleat_mbuf *none[1];
	uint16_t port, queue;
	char name[16];
	int rc;

	if (argc != 5 || sscanf(argv[4], "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &to.dst[0], &to.dst[1],
				 &to.dst[2], &to.dst[3], &to.dst[4], &to.dst[5]) != 6) {
		fprintf(stderr, "usage: pairs INSTANCE PORT QUEUE DST-MAC\n");
		return 2;
	}
	port = (uint16_t)atoi(argv[2]);
	queue = (uint16_t)atoi(argv[3]);
	to.src_port = (uint8_t)(100 + queue);
	(void)snprintf(name, sizeof(name), "pair%u", queue);
	options.name = name;
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	if (claim(port, queue) < 0)
		return fail("claim");
	(void)cleat_rx_burst(port, queue, none, 1); /* buffers for the device */
	(void)fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	fprintf(stderr, "pair %u is running\n", queue);
	rc = work(port, queue, &to);
	cleat_detach();
	return rc;
}
