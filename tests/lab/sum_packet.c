/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/lab/sum_packet.h"

#include <string.h>

#include "runtime/mbuf_cksum.h"

/* Ethernet, IPv4 without its checksum; then come TCP or UDP and the payload. */
static const uint8_t HEAD[] = { 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 0, 0, 1,
	0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

/* The field of the checksum holds the pseudo header's sum (mbuf.h). */
static void fill_l4(uint8_t *l4, const uint8_t *ip, uint32_t len, const struct sum_packet *to)
{
	int tcp = ip[9] == 6;
	uint16_t sum = cleat_cksum_fold(cleat_cksum_pseudo(ip + 12, 4, ip[9], len));

	memset(l4, 0, len);
	l4[1] = to->src_port;
	l4[3] = to->dst_port;
	if (tcp)
		l4[12] = 0x50;
	else
		l4[5] = (uint8_t)len;
	memcpy(l4 + (tcp ? 16 : 6), &sum, sizeof(sum));
	for (uint32_t i = tcp ? 20 : 8; i < len; i++)
		l4[i] = (uint8_t)(i * 37);
}

struct cleat_mbuf *sum_packet_make(
	struct cleat_mempool *pool, const struct sum_packet *to, uint32_t flags)
{
	int tcp = (flags & CLEAT_MBUF_TX_TCP) != 0;
	uint32_t l4 = (tcp ? 20U : 8U) + SUM_PACKET_PAYLOAD, len = sizeof(HEAD) + l4;
	struct cleat_mbuf *m = cleat_mbuf_alloc(pool);
	uint8_t *p = m == NULL ? NULL : cleat_mbuf_append(m, (uint16_t)len), *ip;

	if (p == NULL)
		return NULL;
	memcpy(p, HEAD, sizeof(HEAD));
	memcpy(p, to->dst, 6);
	ip = p + SUM_PACKET_L2;
	ip[3] = (uint8_t)(SUM_PACKET_L3 + l4);
	ip[9] = tcp ? 6 : 17;
	memcpy(ip + 12, to->src_ip, 4);
	memcpy(ip + 16, to->dst_ip, 4);
	fill_l4(ip + SUM_PACKET_L3, ip, l4, to);
	m->ol_flags = flags;
	m->l2_len = SUM_PACKET_L2;
	m->l3_len = SUM_PACKET_L3;
	m->vlan_tci = 0x6005;
	return m;
}
