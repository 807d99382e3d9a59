/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * em_desc.h - descriptors of 82540EM and 82574: legacy for receiving, legacy and data for sending.
 *
 * Second word of a received one: length 16 | checksum 16 | status 8 | errors 8 | special 16.
 * Source: 8254x SDM 3.2.3 (receive), 3.3.3 (legacy transmit), 3.3.6 (context), 3.3.7 (data); the
 * 82574 has them, too (datasheet 7.1.4, 7.2).
 */
#ifndef CLEAT_PMD_EM_DESC_H
#define CLEAT_PMD_EM_DESC_H

/* received, second word: status */
#define CLEAT_EM_RX_DD	  (1ULL << 32) /* done */
#define CLEAT_EM_RX_EOP	  (1ULL << 33)
#define CLEAT_EM_RX_IXSM  (1ULL << 34) /* no checksum was looked at */
#define CLEAT_EM_RX_VP	  (1ULL << 35) /* there was a VLAN tag; it is in `special` */
#define CLEAT_EM_RX_UDPCS (1ULL << 36) /* 82574 only */
#define CLEAT_EM_RX_TCPCS (1ULL << 37)
#define CLEAT_EM_RX_IPCS  (1ULL << 38)
/* errors */
#define CLEAT_EM_RX_TCPE   (1ULL << 45)
#define CLEAT_EM_RX_IPE	   (1ULL << 46)
#define CLEAT_EM_RX_DAMAGE (0x97ULL << 40) /* CE, SE, SEQ, CXE, RXE */

/* data descriptor, second word: DTYP 1; POPTS */
#define CLEAT_EM_TX_DATA (1ULL << 20)
#define CLEAT_EM_TX_IXSM (1ULL << 40) /* insert the IPv4 header checksum */
#define CLEAT_EM_TX_TXSM (1ULL << 41) /* and that of TCP or UDP */
/* context descriptor, second word: DTYP 0; TUCMD */
#define CLEAT_EM_TX_CONTEXT_TCP (1ULL << 24)
#define CLEAT_EM_TX_CONTEXT_IP	(1ULL << 25)

#endif
