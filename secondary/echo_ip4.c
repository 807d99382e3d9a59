/* SPDX-License-Identifier: BSD-3-Clause */
/* echo.h: ARP (RFC 826), IPv4 (RFC 791), ICMP (RFC 792), UDP (RFC 768). */
#include "runtime/mbuf_cksum.h"
#include "secondary/echo_head.h"

/* ---- ARP ---- */

enum { ARP_OP = 6, ARP_SHA = 8, ARP_SPA = 14, ARP_THA = 18, ARP_TPA = 24, ARP_BYTES = 28 };

enum cleat_echo_what cleat_echo_arp(const struct cleat_echo *echo, struct cleat_echo_head *h)
{
	/* Ethernet, IPv4, their lengths, request */
	static const uint8_t REQUEST[8] = { 0, 1, 0x08, 0, 6, 4, 0, 1 };
	uint8_t *arp = h->bytes + h->l3;

	if (!cleat_echo_has(h, h->l3, ARP_BYTES))
		return CLEAT_ECHO_BAD;
	if (memcmp(arp, REQUEST, sizeof(REQUEST)) != 0)
		return CLEAT_ECHO_OTHER;
	/* somebody who says that our address is his gets no answer */
	if (!echo->has_ip || memcmp(arp + ARP_TPA, echo->ip, 4) != 0 ||
		memcmp(arp + ARP_SPA, echo->ip, 4) == 0)
		return CLEAT_ECHO_NOT_OURS;
	arp[ARP_OP + 1] = 2;
	memcpy(arp + ARP_THA, arp + ARP_SHA, 6);
	memcpy(arp + ARP_TPA, arp + ARP_SPA, 4);
	memcpy(arp + ARP_SHA, echo->mac, 6);
	memcpy(arp + ARP_SPA, echo->ip, 4);
	return CLEAT_ECHO_ARP;
}

/* ---- IPv4 ---- */

enum {
	IP_LEN = 2,
	IP_FRAGMENT = 6,
	IP_TTL = 8,
	IP_PROTO = 9,
	IP_SUM = 10,
	IP_SRC = 12,
	IP_DST = 16,
	IP_OPTIONS = 20
};
enum { OPTION_END = 0, OPTION_NOP = 1, OPTION_LSRR = 131, OPTION_SSRR = 137 };

/* In order, and without a way that the answer would have to take. */
static enum cleat_echo_what check_options(const uint8_t *ip, uint32_t head_len)
{
	for (uint32_t i = IP_OPTIONS; i < head_len && ip[i] != OPTION_END;) {
		if (ip[i] == OPTION_NOP) {
			i++;
			continue;
		}
		if (i + 1 >= head_len || ip[i + 1] < 2 || ip[i + 1] > head_len - i)
			return CLEAT_ECHO_BAD;
		if (ip[i] == OPTION_LSRR || ip[i] == OPTION_SSRR)
			return CLEAT_ECHO_OTHER;
		i += ip[i + 1];
	}
	return CLEAT_ECHO_WHATS;
}

/* A host that can be answered: RFC 1122, section 3.2.1.3. */
static int is_host(const uint8_t *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/* @return CLEAT_ECHO_WHATS: all is well, and the header has *head_len bytes of *ip_len */
static enum cleat_echo_what check_ip(const struct cleat_echo *echo, const struct cleat_echo_head *h,
	uint32_t *head_len, uint32_t *ip_len)
{
	const uint8_t *ip = h->bytes + h->l3;

	if (!cleat_echo_has(h, h->l3, IP_OPTIONS) || ip[0] >> 4 != 4)
		return CLEAT_ECHO_BAD;
	*head_len = (ip[0] & 15U) * 4;
	*ip_len = cleat_echo_get16(ip + IP_LEN);
	if (*head_len < IP_OPTIONS || !cleat_echo_has(h, h->l3, *head_len) || *ip_len < *head_len ||
		*ip_len > h->pkt_len - h->l3)
		return CLEAT_ECHO_BAD;
	if (cleat_cksum_fold(cleat_cksum_add(0, ip, *head_len)) != 0xffff)
		return CLEAT_ECHO_BAD;
	if (!echo->has_ip || memcmp(ip + IP_DST, echo->ip, 4) != 0 || !is_host(ip + IP_SRC) ||
		memcmp(ip + IP_SRC, echo->ip, 4) == 0)
		return CLEAT_ECHO_NOT_OURS;
	if (cleat_echo_get16(ip + IP_FRAGMENT) & 0x3fff) /* more follow, or not the first */
		return CLEAT_ECHO_FRAGMENT;
	return check_options(ip, *head_len);
}

/* The type changes from 8 to 0, and with it one word of the sum. */
static enum cleat_echo_what turn_icmp(uint8_t *icmp)
{
	uint16_t sum, from, to;

	if (icmp[0] != 8 || icmp[1] != 0)
		return CLEAT_ECHO_OTHER;
	memcpy(&from, icmp, 2);
	icmp[0] = 0;
	memcpy(&to, icmp, 2);
	memcpy(&sum, icmp + 2, 2);
	sum = cleat_cksum_update(sum, from, to);
	memcpy(icmp + 2, &sum, 2);
	return CLEAT_ECHO_ICMP;
}

/* The answer starts with a life of its own. */
static void turn_ip(uint8_t *ip, uint32_t head_len)
{
	uint16_t sum;

	cleat_echo_swap(ip + IP_SRC, ip + IP_DST, 4);
	ip[IP_TTL] = 64;
	memset(ip + IP_SUM, 0, 2);
	sum = (uint16_t)~cleat_cksum_fold(cleat_cksum_add(0, ip, head_len));
	memcpy(ip + IP_SUM, &sum, 2);
}

enum cleat_echo_what cleat_echo_ip4(const struct cleat_echo *echo, struct cleat_echo_head *h)
{
	uint8_t *ip = h->bytes + h->l3;
	uint32_t head_len, ip_len;
	enum cleat_echo_what what = check_ip(echo, h, &head_len, &ip_len);

	if (what != CLEAT_ECHO_WHATS)
		return what;
	if (ip[IP_PROTO] != 1 && ip[IP_PROTO] != 17)
		return CLEAT_ECHO_OTHER;
	if (ip_len - head_len < 8 || !cleat_echo_has(h, h->l3 + head_len, 8))
		return CLEAT_ECHO_BAD;
	if (ip[IP_PROTO] == 1)
		what = turn_icmp(ip + head_len);
	else
		what = (enum cleat_echo_what)cleat_echo_udp_turn(ip + head_len, ip_len - head_len);
	if (what < CLEAT_ECHO_ANSWERS)
		turn_ip(ip, head_len);
	return what;
}
