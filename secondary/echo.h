/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * echo.h - a responder: answers who looks for its addresses, pings, and UDP to the echo port.
 *
 *   a request for --ip                    the answer                        RFC
 *   ARP request                           ARP reply                         826, 5227 (probes)
 *   ICMP echo                             ICMP echo reply                   792
 *   UDP to port 7                         the same back                     862
 *   a request for --ip6
 *   neighbour solicitation                neighbour advertisement           4861
 *   ICMPv6 echo                           ICMPv6 echo reply                 4443
 *   UDP to port 7                         the same back                     862
 *
 * Packets are answered in place and go back where they came from, in the same VLAN. Anything else
 * is dropped and counted: fragments, IPv6 extension headers, what is damaged or sent to others, and
 * UDP from ports below 1024, where another service might answer the answer for ever.
 *
 * Packets are not trusted. What is parsed is a copy of the first bytes, taken once, however many
 * segments they lie in; each length is checked against it before use.
 */
#ifndef CLEAT_SECONDARY_ECHO_H
#define CLEAT_SECONDARY_ECHO_H

#include "secondary/endpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What became of a packet; cleat_echo_name() says it. */
enum cleat_echo_what {
	CLEAT_ECHO_ARP, /* answered: */
	CLEAT_ECHO_ICMP,
	CLEAT_ECHO_UDP,
	CLEAT_ECHO_ND,
	CLEAT_ECHO_ICMP6,
	CLEAT_ECHO_UDP6,
	CLEAT_ECHO_NOT_OURS, /* dropped: sent to or from an address that we do not answer */
	CLEAT_ECHO_OTHER,    /* no request that we know */
	CLEAT_ECHO_FRAGMENT,
	CLEAT_ECHO_BAD,	   /* truncated, damaged, or contradicts itself */
	CLEAT_ECHO_SHARED, /* somebody else has the data, too: it cannot be changed */
	CLEAT_ECHO_WHATS,
};
#define CLEAT_ECHO_ANSWERS CLEAT_ECHO_NOT_OURS /* those before it are answers */

struct cleat_echo {
	uint8_t ip[4], ip6[16];
	int has_ip, has_ip6;
	uint8_t mac[6];	      /* of the port */
	uint32_t tx_offloads; /* of the port that sends */
	int group_of_port;    /* cleat_echo_open() asked the port for our group; -1: no */
	uint64_t counts[CLEAT_ECHO_WHATS];
};

/** Addresses of options. @return 0; -EINVAL with a sentence naming the option */
int cleat_echo_set_ip(struct cleat_echo *echo, const char *text);
int cleat_echo_set_ip6(struct cleat_echo *echo, const char *text);

/** Both ends are open; @p tx is a port. Learns its address; for --ip6, has the group of neighbour
 * solicitations received, as far as the device has to be asked. @return 0 or negative errno */
int cleat_echo_open(
	struct cleat_echo *echo, const struct cleat_endpoint *rx, const struct cleat_endpoint *tx);
/** Before the ends are closed. @return 0; -ETIMEDOUT when the primary does not answer */
int cleat_echo_close(struct cleat_echo *echo);

/** A cleat_filter_fn. @param arg  struct cleat_echo. @return how many answers stand at the start of
 * @p mbufs; the other packets have been freed */
unsigned cleat_echo_work(struct cleat_mbuf **mbufs, unsigned n, void *arg);

/** "arp", "icmp", …, "not_ours". */
const char *cleat_echo_name(enum cleat_echo_what what);

#ifdef __cplusplus
}
#endif

#endif
