/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_sum_data.c - checksums that virtio leaves to software.
 *
 * A packet from a guest on the same host may come with its TCP or UDP checksum still to be
 * computed: nobody on the way needed it. Whoever sends it on over a wire does.
 *
 * Source: VIRTIO 1.2, 5.1.6.4.
 */
#include <errno.h>
#include <string.h>

#include "pmd/virtio/virtio_queue.h"
#include "runtime/mbuf_cksum.h"

static void put_byte(struct cleat_mbuf *m, uint32_t at, uint8_t byte)
{
	while (m != NULL && at >= m->data_len) {
		at -= m->data_len;
		m = cleat_mbuf_next(m);
	}
	if (m != NULL)
		cleat_mbuf_data(m)[at] = byte;
}

int cleat_virtio_sum_complete(struct cleat_mbuf *m, uint32_t start, uint32_t offset)
{
	uint8_t check[2];
	uint16_t field;
	uint32_t sum = 0;

	if (start + offset + 2 > m->pkt_len ||
		cleat_mbuf_cksum(m, start, m->pkt_len - start, &sum) < 0)
		return -EINVAL;
	field = (uint16_t)~cleat_cksum_fold(sum);
	if (field == 0)
		field = 0xffff; /* in UDP 0 says that there is none; in TCP both mean the same */
	memcpy(check, &field, sizeof(check));
	put_byte(m, start + offset, check[0]);
	put_byte(m, start + offset + 1, check[1]);
	return 0;
}

void cleat_virtio_sum_ipv4(uint8_t *ip, uint32_t len)
{
	uint16_t field;

	memset(ip + 10, 0, 2);
	field = (uint16_t)~cleat_cksum_fold(cleat_cksum_add(0, ip, len));
	memcpy(ip + 10, &field, 2);
}
