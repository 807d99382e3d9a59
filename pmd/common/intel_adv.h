/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * intel_adv.h - advanced descriptors, and the queues that work with them: 82576 and its virtual
 * functions.
 *
 * Source: 82576 datasheet 7.1.5 (receive), 7.2.2 (transmit), 8.10 and 8.12 (registers of queues).
 */
#ifndef CLEAT_PMD_COMMON_INTEL_ADV_H
#define CLEAT_PMD_COMMON_INTEL_ADV_H

#include "pmd/common/intel_mac.h"
#include "pmd/common/nic_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/* received, first word: how the hash was made, and the hash */
#define CLEAT_ADV_RX_RSS_TYPE 0xfULL /* 0: there is none */
#define CLEAT_ADV_RX_HASH(w0) ((uint32_t)((w0) >> 32))
/* second word: status and errors 32 | length 16 | VLAN tag 16 */
#define CLEAT_ADV_RX_DD	   (1ULL << 0)
#define CLEAT_ADV_RX_EOP   (1ULL << 1)
#define CLEAT_ADV_RX_VP	   (1ULL << 3) /* the tag was stripped */
#define CLEAT_ADV_RX_UDPCS (1ULL << 4)
#define CLEAT_ADV_RX_L4CS  (1ULL << 5)
#define CLEAT_ADV_RX_IPCS  (1ULL << 6)
#define CLEAT_ADV_RX_L4E   (1ULL << 29)
#define CLEAT_ADV_RX_IPE   (1ULL << 30)
#define CLEAT_ADV_RX_RXE   (1ULL << 31) /* damaged */

/* to be sent, second word: DTYP; POPTS; length of the whole packet */
#define CLEAT_ADV_TX_DATA      (3ULL << 20)
#define CLEAT_ADV_TX_CONTEXT   (2ULL << 20)
#define CLEAT_ADV_TX_IXSM      (1ULL << 40)
#define CLEAT_ADV_TX_TXSM      (1ULL << 41)
#define CLEAT_ADV_TX_PAYLEN(n) ((uint64_t)(n) << 46)
/* context, second word: TUCMD */
#define CLEAT_ADV_TX_CONTEXT_IPV4 (1ULL << 10)
#define CLEAT_ADV_TX_CONTEXT_TCP  (1ULL << 11)

/* Registers of a queue, from its block on. */
#define CLEAT_ADV_BASE_LOW  0x00
#define CLEAT_ADV_BASE_HIGH 0x04
#define CLEAT_ADV_LEN	    0x08
#define CLEAT_ADV_SRRCTL    0x0c /* rx */
#define CLEAT_ADV_HEAD	    0x10
#define CLEAT_ADV_TAIL	    0x18
#define CLEAT_ADV_DCTL	    0x28

#define CLEAT_ADV_SRRCTL_KIB(n) (n)	   /* of a buffer that may be written */
#define CLEAT_ADV_SRRCTL_ONEBUF (1U << 25) /* advanced descriptors with one buffer */
#define CLEAT_ADV_SRRCTL_DROP	(1U << 31) /* without buffers drop, do not hold others up */
#define CLEAT_ADV_DCTL_ENABLE	(1U << 25)
#define CLEAT_ADV_DCTL_FLUSH	(1U << 26) /* tx: write back what is done */

/* ---- control side ---- */

/** Bytes that the device writes to one buffer of @p room bytes; 0: it is too small for any. */
uint32_t cleat_adv_buf_bytes(uint32_t room);

/** Have the device work on a ring from descriptor 0, without buffers.
 * @param block  of the queue's registers. @param drop  see CLEAT_ADV_SRRCTL_DROP
 * @return       0; -ETIMEDOUT, -ENODEV */
int cleat_adv_queue_run(const struct cleat_intel_mac *mac, enum cleat_dir dir, uint32_t block,
	const struct cleat_nic_ring *ring, int drop);

/** Bring it to rest: the device touches neither descriptors nor buffers any more.
 * @return  0; -EIO; -ENODEV: it reads as ones */
int cleat_adv_queue_rest(const struct cleat_intel_mac *mac, enum cleat_dir dir, uint32_t block);

/* ---- data side ---- */

struct cleat_queue;
struct cleat_queue_conf;

/* For cleat_data_ops. */
int cleat_adv_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
int cleat_adv_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
void cleat_adv_close(struct cleat_queue *q);
int cleat_adv_rx_arm(struct cleat_queue *q);

#ifdef __cplusplus
}
#endif

#endif
