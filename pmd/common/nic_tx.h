/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_tx.h - sending by a descriptor ring: what the Intel drivers' data sides share.
 *
 *   descriptor   empty → filled (the device's) → done → empty
 *
 *   next: first one that is empty; clean: oldest one that is filled. The device marks as done only
 *   those that ask for it (RS): the last of each burst, and one in 32 packets. They are kept in
 *   `reports`; when one is done, all before it are.
 *
 * Ownership: the owner word says QUEUE before a packet's descriptors are written; what is done goes
 * back to its pools. Killed here: the packets are the queue's, whether the device has seen them or
 * not.
 *
 * Legacy and advanced descriptors have these bits of the second word in the same places: 8254x SDM
 * 3.3.3, 3.3.7; 82576 datasheet 7.2.2.
 */
#ifndef CLEAT_PMD_COMMON_NIC_TX_H
#define CLEAT_PMD_COMMON_NIC_TX_H

#include "pmd/common/nic_mmio.h"
#include "pmd/common/nic_queue.h"
#include "runtime/mbuf.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_NIC_TX_EOP  (1ULL << 24) /* end of packet */
#define CLEAT_NIC_TX_IFCS (1ULL << 25) /* insert the Ethernet CRC */
#define CLEAT_NIC_TX_RS	  (1ULL << 27) /* report when done */
#define CLEAT_NIC_TX_DEXT (1ULL << 29) /* not a legacy descriptor */
#define CLEAT_NIC_TX_VLE  (1ULL << 30) /* insert a VLAN tag */
#define CLEAT_NIC_TX_DD	  (1ULL << 32) /* done */

#define CLEAT_NIC_TX_REPORT 32 /* packets from one report to the next within a burst */
#define CLEAT_NIC_TX_MIN    17 /* bytes; shorter ones the devices do not send */

struct cleat_nic_txq {
	struct cleat_nic_view v;
	struct cleat_mbuf **sent; /* by descriptor: the packet that ends there, else NULL */
	uint16_t *reports;	  /* descriptors with RS, oldest at report_first */
	uint32_t report_first, n_reports;
	uint32_t next, clean, used;
	uint32_t clean_at; /* so many filled ones are worth a look */
	uint32_t allowed;  /* CLEAT_MBUF_TX_… that the port has switched on */
	uint32_t page_shift;
	uint16_t owner_id;
	uint8_t segments;    /* packets of several mbufs may come */
	uint64_t context[2]; /* the offload context that the device has; 0, 0: none */
};

/* What a packet needs besides its data descriptors. */
struct cleat_nic_tx_plan {
	uint64_t context[2]; /* 0, 0: none is needed */
	uint64_t w1;	     /* of every data descriptor, without length and EOP */
};
typedef void (*cleat_nic_tx_plan_fn)(const struct cleat_mbuf *m, struct cleat_nic_tx_plan *plan);

/** Make q->data of a claimed queue. @return 0; -EPROTO, -ENOMEM */
int cleat_nic_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
void cleat_nic_txq_close(struct cleat_queue *q);

/** Free what is done; outside an operation. */
void cleat_nic_tx_clean(struct cleat_nic_txq *tx);

/** Fill descriptors for a packet of any kind; inside an operation.
 * @param word  the owner word of the queue
 * @return      1: filled; 0: there is no room; -1: the device cannot send it, it is the caller's */
int cleat_nic_tx_any(
	struct cleat_nic_txq *tx, struct cleat_mbuf *m, uint64_t word, cleat_nic_tx_plan_fn plan);

/** Ask for a report by the descriptor before `next`. */
cleat_inline void cleat_nic_tx_report(struct cleat_nic_txq *tx)
{
	uint32_t last = (tx->next == 0 ? tx->v.count : tx->next) - 1;
	uint32_t at = tx->report_first + tx->n_reports;

	tx->v.ring[last].w[1] |= CLEAT_NIC_TX_RS;
	tx->reports[at >= tx->v.count ? at - tx->v.count : at] = (uint16_t)last;
	tx->n_reports++;
}

cleat_inline uint32_t cleat_nic_tx_room(const struct cleat_nic_txq *tx)
{
	return tx->v.count - 1 - tx->used;
}

cleat_inline void cleat_nic_tx_put(
	struct cleat_nic_txq *tx, uint64_t w0, uint64_t w1, struct cleat_mbuf *ends)
{
	struct cleat_nic_desc *desc = &tx->v.ring[tx->next];

	desc->w[0] = w0;
	desc->w[1] = w1;
	tx->sent[tx->next] = ends;
	tx->next = tx->next + 1 == tx->v.count ? 0 : tx->next + 1;
	tx->used++;
}

/* Descriptors before @p next are filled, @p room are left. */
cleat_inline void cleat_nic_tx_filled(struct cleat_nic_txq *tx, uint32_t next, uint32_t room)
{
	tx->next = next;
	tx->used = tx->v.count - 1 - room;
}

/* Does the data lie in one page? A device that sees the pages in other places than we do may still
 * take it in one piece, but QEMU's 82574 and 82576 drop the packet then. So it gets two pieces. */
cleat_inline int cleat_nic_tx_in_page(const struct cleat_nic_txq *tx, const struct cleat_mbuf *m)
{
	uint64_t first = cleat_mbuf_data_iova(m);

	return (first ^ (first + m->data_len - 1)) >> tx->page_shift == 0;
}

/* One segment, nothing to be done by the device, of a length that it can send, in one piece. */
cleat_inline int cleat_nic_tx_is_simple(const struct cleat_nic_txq *tx, const struct cleat_mbuf *m)
{
	return (m->ol_flags & CLEAT_MBUF_TX_MASK) == 0 && m->nb_segs == 1 &&
	       m->data_len == m->pkt_len &&
	       m->pkt_len - CLEAT_NIC_TX_MIN <= tx->v.max_frame - CLEAT_NIC_TX_MIN &&
	       m->iova != CLEAT_IOVA_NONE && cleat_nic_tx_in_page(tx, m);
}

/** Free and count packets that the device cannot send; outside an operation. */
void cleat_nic_tx_refuse(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n);

/*
 * A burst, for a driver's own way to write descriptors.
 *
 * @param simple  the second word of a simple packet's descriptor, EOP included
 * @param plan    what any other packet needs
 */
cleat_inline int cleat_nic_tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n,
	uint64_t (*simple)(const struct cleat_mbuf *m), cleat_nic_tx_plan_fn plan)
{
	struct cleat_nic_txq *tx = (struct cleat_nic_txq *)q->data;
	struct cleat_mbuf *refused[CLEAT_MAX_BURST];
	struct cleat_nic_desc *ring = tx->v.ring;
	uint32_t count = tx->v.count, next, room;
	unsigned i, n_refused = 0, unreported = 0;
	uint64_t word, bytes = 0;
	struct cleat_op op;

	if (n == 0 || tx->used >= tx->clean_at || n > cleat_nic_tx_room(tx))
		cleat_nic_tx_clean(tx);
	op = cleat_op_enter();
	word = cleat_owner_word(CLEAT_OWNER_QUEUE, tx->owner_id);
	/* in registers: each store of an owner word has the compiler read all memory anew */
	next = tx->next;
	room = cleat_nic_tx_room(tx);
	for (i = 0; i < n; i++) {
		struct cleat_mbuf *m = mbufs[i];
		uint32_t len = m->pkt_len;

		if (cleat_likely(cleat_nic_tx_is_simple(tx, m))) {
			if (cleat_unlikely(room == 0))
				break;
			cleat_store_release(&m->owner, word);
			ring[next].w[0] = cleat_mbuf_data_iova(m);
			ring[next].w[1] = simple(m);
			tx->sent[next] = m;
			next = next + 1 == count ? 0 : next + 1;
			room--;
		} else {
			int done;

			cleat_nic_tx_filled(tx, next, room);
			done = cleat_nic_tx_any(tx, m, word, plan);
			next = tx->next;
			room = cleat_nic_tx_room(tx);
			if (done == 0)
				break;
			if (done < 0) {
				refused[n_refused++] = m;
				continue;
			}
		}
		bytes += len;
		if (++unreported == CLEAT_NIC_TX_REPORT) {
			cleat_nic_tx_filled(tx, next, room);
			cleat_nic_tx_report(tx);
			unreported = 0;
		}
	}
	cleat_nic_tx_filled(tx, next, room);
	if (cleat_likely(i != n_refused)) {
		if (unreported != 0)
			cleat_nic_tx_report(tx);
		cleat_mmio_write32(tx->v.tail, tx->next);
		cleat_count(&q->shm->packets, i - n_refused);
		cleat_count(&q->shm->bytes, bytes);
	}
	cleat_op_exit(op);
	if (cleat_unlikely(i < n)) /* a packet of many descriptors: room for the next try */
		cleat_nic_tx_clean(tx);
	if (cleat_unlikely(n_refused != 0))
		cleat_nic_tx_refuse(q, refused, n_refused);
	return (int)i;
}

#ifdef __cplusplus
}
#endif

#endif
