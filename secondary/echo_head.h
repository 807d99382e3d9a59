/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo_head.h - the first bytes of a packet, copied out of its segments; for the parts of echo.
 */
#ifndef CLEAT_SECONDARY_ECHO_HEAD_H
#define CLEAT_SECONDARY_ECHO_HEAD_H

#include <string.h>

#include "secondary/echo.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Ethernet with a tag, IPv4 with all options and ICMP are 86 bytes; IPv6 with a neighbour
 * advertisement 90. */
#define CLEAT_ECHO_HEAD 128

struct cleat_echo_head {
	uint8_t bytes[CLEAT_ECHO_HEAD];
	uint32_t len;	  /* of them */
	uint32_t pkt_len; /* of the packet */
	uint32_t l3;	  /* where the network header starts */
	uint32_t set_len; /* the answer's length, 0: as it is */
};

static inline uint16_t cleat_echo_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline void cleat_echo_put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void cleat_echo_swap(uint8_t *a, uint8_t *b, size_t len)
{
	uint8_t keep[16];

	memcpy(keep, a, len);
	memcpy(a, b, len);
	memcpy(b, keep, len);
}

/* Do @p len bytes from @p off on lie in the head? */
static inline int cleat_echo_has(const struct cleat_echo_head *h, uint32_t off, uint32_t len)
{
	return len <= h->len && off <= h->len - len;
}

/* UDP to the echo port, header at @p at: turn it around, or say why not. The checksum is over both
 * addresses and ports, in any order. */
static inline int cleat_echo_udp_turn(uint8_t *at, uint32_t l4_len)
{
	uint32_t len = cleat_echo_get16(at + 4);

	if (len < 8 || len > l4_len)
		return CLEAT_ECHO_BAD;
	if (cleat_echo_get16(at + 2) != 7 || cleat_echo_get16(at) < 1024)
		return CLEAT_ECHO_OTHER;
	cleat_echo_swap(at, at + 2, 2);
	return CLEAT_ECHO_UDP;
}

/* The protocols: turn the request in @p h into its answer, addresses of the Ethernet header
 * excepted. @return an answer, or why there is none; then the head may be half changed */
enum cleat_echo_what cleat_echo_arp(const struct cleat_echo *echo, struct cleat_echo_head *h);
enum cleat_echo_what cleat_echo_ip4(const struct cleat_echo *echo, struct cleat_echo_head *h);
enum cleat_echo_what cleat_echo_ip6(const struct cleat_echo *echo, struct cleat_echo_head *h);

#ifdef __cplusplus
}
#endif

#endif
