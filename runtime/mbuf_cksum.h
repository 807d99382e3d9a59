/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_cksum.h - Internet checksums over packets, and in software what a device would do on
 * sending.
 *
 * Sums are of 16-bit words in memory's byte order, which gives the field's bytes on any machine
 * (RFC 1071, section 2, "byte order independence"): load and store fields with memcpy, never swap.
 * A sum is carried unfolded and not complemented; the field is ~fold(sum).
 */
#ifndef CLEAT_RUNTIME_MBUF_CKSUM_H
#define CLEAT_RUNTIME_MBUF_CKSUM_H

#include "runtime/mbuf.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Add @p len bytes (at most 64 KiB) to @p sum; only the last piece of a sum may be of odd length.
 */
uint32_t cleat_cksum_add(uint32_t sum, const void *data, uint32_t len);

/** The sum in 16 bits: what stands in a field, complemented. */
cleat_inline uint16_t cleat_cksum_fold(uint32_t sum)
{
	sum = (sum & 0xffffU) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/** A checksum field after one of the words it covers has changed (RFC 1624, equation 3). */
cleat_inline uint16_t cleat_cksum_update(uint16_t field, uint16_t from, uint16_t to)
{
	return (uint16_t)~cleat_cksum_fold((uint32_t)(uint16_t)~field + (uint16_t)~from + to);
}

/** Sum of a pseudo header: both addresses (4 or 16 bytes each, one after the other), protocol and
 * length of what follows (RFC 9293 section 3.1, RFC 8200 section 8.1). */
uint32_t cleat_cksum_pseudo(
	const void *addresses, unsigned address_bytes, uint8_t protocol, uint32_t len);

/** Add bytes @p off to @p off + @p len of a packet, over its segments. @return 0; -EINVAL if it is
 * shorter */
int cleat_mbuf_cksum(const struct cleat_mbuf *m, uint32_t off, uint32_t len, uint32_t *sum);

/**
 * Do in software what the CLEAT_MBUF_TX_… flags ask for and the port's offloads do not do, so that
 * an application can set the flags whatever the port can.
 *
 * @param m         writable, or -EBUSY: nobody else has to do with its data
 * @param offloads  of the port, as switched on; 0 for all in software
 * @return          0, and the flags say only what is left to the device; -EINVAL when lengths and
 *                  flags do not fit the packet; -ENOSPC without headroom for a tag. The sentence
 *                  says what; the packet is unchanged, or only its tag was put in
 *
 * A TCP or UDP checksum is over all that follows the IP header, as devices do it: padding counts.
 */
int cleat_mbuf_cksum_prepare(struct cleat_mbuf *m, uint32_t offloads);

/**
 * All of it, on a copy of the packet's bytes in one piece, whoever shares the mbuf.
 *
 * @param frame  the bytes, with room for 4 more
 * @param len    their number; the new one after it
 * @return       0; -EINVAL
 */
int cleat_frame_cksum_prepare(uint8_t *frame, uint32_t *len, const struct cleat_mbuf *m);

#ifdef __cplusplus
}
#endif

#endif
