/* SPDX-License-Identifier: BSD-3-Clause */
/* echo.h: IPv6 (RFC 8200), ICMPv6 (RFC 4443), neighbour discovery (RFC 4861), UDP. */
#include "runtime/mbuf_cksum.h"
#include "secondary/echo_head.h"

enum { IP6_LEN = 4, IP6_NEXT = 6, IP6_HOPS = 7, IP6_SRC = 8, IP6_DST = 24, IP6_BYTES = 40 };
enum { NEXT_UDP = 17, NEXT_FRAGMENT = 44, NEXT_ICMP6 = 58 };
enum { ECHO_REQUEST = 128, ECHO_REPLY = 129, SOLICITATION = 135, ADVERTISEMENT = 136 };
enum { ND_FLAGS = 4, ND_TARGET = 8, ND_OPTIONS = 24, ND_ANSWER = 32 };
enum { OPTION_SOURCE_LINK = 1, OPTION_TARGET_LINK = 2 };

static const uint8_t UNSPECIFIED[16];
static const uint8_t ALL_NODES[16] = { 0xff, 0x02, [15] = 1 };
static const uint8_t LOOPBACK[16] = { [15] = 1 };

/* ff02::1:ffXX:XXXX with our last three bytes: RFC 4291, section 2.7.1. */
static int is_our_group(const struct cleat_echo *echo, const uint8_t *address)
{
	static const uint8_t PREFIX[13] = { 0xff, 0x02, [11] = 1, [12] = 0xff };

	return memcmp(address, PREFIX, sizeof(PREFIX)) == 0 &&
	       memcmp(address + 13, echo->ip6 + 13, 3) == 0;
}

/* ---- neighbour discovery ---- */

/* Options of a solicitation are in order, and it fits who asks: RFC 4861, section 7.1.1. */
static int check_solicitation(const uint8_t *ip, const uint8_t *icmp, uint32_t len)
{
	int nobody = memcmp(ip + IP6_SRC, UNSPECIFIED, 16) == 0;

	if (ip[IP6_HOPS] != 255 || icmp[1] != 0 || ip[IP6_SRC] == 0xff ||
		(nobody && ip[IP6_DST] != 0xff))
		return 0;
	for (uint32_t i = ND_OPTIONS; i < len; i += icmp[i + 1] * 8U) {
		if (i + 2 > len || icmp[i + 1] == 0 || icmp[i + 1] * 8U > len - i)
			return 0;
		if (nobody && icmp[i] == OPTION_SOURCE_LINK)
			return 0;
	}
	return 1;
}

/* From us to who asked, or to all if he has no address yet. The sum is of the header alone: there
 * is nothing else. */
static void advertise(const struct cleat_echo *echo, struct cleat_echo_head *h)
{
	uint8_t *ip = h->bytes + h->l3, *icmp = ip + IP6_BYTES;
	int nobody = memcmp(ip + IP6_SRC, UNSPECIFIED, 16) == 0;
	uint16_t sum;

	memcpy(ip + IP6_DST, nobody ? ALL_NODES : ip + IP6_SRC, 16);
	memcpy(ip + IP6_SRC, echo->ip6, 16);
	cleat_echo_put16(ip + IP6_LEN, ND_ANSWER);
	memset(icmp, 0, ND_TARGET);
	icmp[0] = ADVERTISEMENT;
	icmp[ND_FLAGS] = nobody ? 0x20 : 0x60; /* override; solicited */
	icmp[ND_OPTIONS] = OPTION_TARGET_LINK;
	icmp[ND_OPTIONS + 1] = 1;
	memcpy(icmp + ND_OPTIONS + 2, echo->mac, 6);
	sum = (uint16_t)~cleat_cksum_fold(cleat_cksum_add(
		cleat_cksum_pseudo(ip + IP6_SRC, 16, NEXT_ICMP6, ND_ANSWER), icmp, ND_ANSWER));
	memcpy(icmp + 2, &sum, 2);
	h->set_len = h->l3 + IP6_BYTES + ND_ANSWER;
}

static enum cleat_echo_what solicited(
	const struct cleat_echo *echo, struct cleat_echo_head *h, uint32_t len)
{
	const uint8_t *ip = h->bytes + h->l3, *icmp = ip + IP6_BYTES;

	if (len < ND_OPTIONS || !cleat_echo_has(h, h->l3 + IP6_BYTES, len) ||
		!check_solicitation(ip, icmp, len) ||
		cleat_cksum_fold(cleat_cksum_add(
			cleat_cksum_pseudo(ip + IP6_SRC, 16, NEXT_ICMP6, len), icmp, len)) !=
			0xffff)
		return CLEAT_ECHO_BAD;
	if (memcmp(icmp + ND_TARGET, echo->ip6, 16) != 0 ||
		memcmp(ip + IP6_SRC, echo->ip6, 16) == 0)
		return CLEAT_ECHO_NOT_OURS;
	advertise(echo, h);
	return CLEAT_ECHO_ND;
}

/* ---- echo ---- */

static enum cleat_echo_what turn_icmp(uint8_t *icmp)
{
	uint16_t sum, from, to;

	if (icmp[0] != ECHO_REQUEST || icmp[1] != 0)
		return CLEAT_ECHO_OTHER;
	memcpy(&from, icmp, 2);
	icmp[0] = ECHO_REPLY;
	memcpy(&to, icmp, 2);
	memcpy(&sum, icmp + 2, 2);
	sum = cleat_cksum_update(sum, from, to);
	memcpy(icmp + 2, &sum, 2);
	return CLEAT_ECHO_ICMP6;
}

static enum cleat_echo_what turn_udp(uint8_t *udp, uint32_t len)
{
	enum cleat_echo_what what;

	if (udp[6] == 0 && udp[7] == 0) /* none: not allowed here, RFC 8200 section 8.1 */
		return CLEAT_ECHO_BAD;
	what = (enum cleat_echo_what)cleat_echo_udp_turn(udp, len);
	return what == CLEAT_ECHO_UDP ? CLEAT_ECHO_UDP6 : what;
}

static enum cleat_echo_what turn(
	const struct cleat_echo *echo, struct cleat_echo_head *h, uint32_t len)
{
	uint8_t *ip = h->bytes + h->l3, *l4 = ip + IP6_BYTES;
	enum cleat_echo_what what;

	if (memcmp(ip + IP6_DST, echo->ip6, 16) != 0 || ip[IP6_SRC] == 0xff ||
		memcmp(ip + IP6_SRC, UNSPECIFIED, 16) == 0 ||
		memcmp(ip + IP6_SRC, LOOPBACK, 16) == 0 || memcmp(ip + IP6_SRC, echo->ip6, 16) == 0)
		return CLEAT_ECHO_NOT_OURS;
	what = ip[IP6_NEXT] == NEXT_UDP ? turn_udp(l4, len) : turn_icmp(l4);
	if (what < CLEAT_ECHO_ANSWERS) {
		cleat_echo_swap(ip + IP6_SRC, ip + IP6_DST, 16);
		ip[IP6_HOPS] = 64;
	}
	return what;
}

enum cleat_echo_what cleat_echo_ip6(const struct cleat_echo *echo, struct cleat_echo_head *h)
{
	uint8_t *ip = h->bytes + h->l3;
	uint32_t len;

	if (!cleat_echo_has(h, h->l3, IP6_BYTES) || ip[0] >> 4 != 6)
		return CLEAT_ECHO_BAD;
	len = cleat_echo_get16(ip + IP6_LEN);
	if (len > h->pkt_len - h->l3 - IP6_BYTES)
		return CLEAT_ECHO_BAD;
	if (!echo->has_ip6 ||
		(memcmp(ip + IP6_DST, echo->ip6, 16) != 0 && !is_our_group(echo, ip + IP6_DST)))
		return CLEAT_ECHO_NOT_OURS;
	if (ip[IP6_NEXT] == NEXT_FRAGMENT)
		return CLEAT_ECHO_FRAGMENT;
	if (ip[IP6_NEXT] != NEXT_ICMP6 && ip[IP6_NEXT] != NEXT_UDP)
		return CLEAT_ECHO_OTHER;
	if (len < 8 || !cleat_echo_has(h, h->l3 + IP6_BYTES, 8))
		return CLEAT_ECHO_BAD;
	if (ip[IP6_NEXT] == NEXT_ICMP6 && ip[IP6_BYTES] == SOLICITATION)
		return solicited(echo, h, len);
	return turn(echo, h, len);
}
