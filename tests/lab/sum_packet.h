/* SPDX-License-Identifier: BSD-3-Clause */
/* sum_packet.h - packets whose checksums a device shall fill in; for workers of device tests. */
#ifndef CLEAT_TESTS_LAB_SUM_PACKET_H
#define CLEAT_TESTS_LAB_SUM_PACKET_H

#include "runtime/mempool.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SUM_PACKET_L2	   14U
#define SUM_PACKET_L3	   20U
#define SUM_PACKET_PAYLOAD 30U

struct sum_packet {
	uint8_t dst[6];
	uint8_t src_ip[4], dst_ip[4];
	uint8_t src_port, dst_port;
};

/** A TCP or UDP packet over IPv4. @param flags  CLEAT_MBUF_TX_…. @return NULL: the pool is empty */
struct cleat_mbuf *sum_packet_make(
	struct cleat_mempool *pool, const struct sum_packet *to, uint32_t flags);

#ifdef __cplusplus
}
#endif

#endif
