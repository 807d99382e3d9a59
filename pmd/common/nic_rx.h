/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_rx.h - receiving from a descriptor ring: what the Intel drivers' data sides share.
 *
 *   descriptor   empty → posted (has a buffer, the device's) → done (DD, ours) → empty
 *
 *   next: oldest one that is posted; fill: first one that is empty. One stays empty, because head
 * == tail tells the device that there is no buffer.
 *
 * Ownership: a buffer's owner word says QUEUE before its descriptor is written, and until all of
 * its packet has come; then PROCESS. So whoever is killed or lets go of the queue here leaves
 * nothing behind that is neither the queue's nor the process's. Buffers are taken from the pool by
 * its raw functions within the burst's one operation: killed between, they are the pool's but in no
 * cache, and the sweep finds them.
 *
 * Source of the head and tail scheme: 8254x SDM 3.2.6; 82576 datasheet 7.1.4.
 */
#ifndef CLEAT_PMD_COMMON_NIC_RX_H
#define CLEAT_PMD_COMMON_NIC_RX_H

#include "pmd/common/nic_mmio.h"
#include "pmd/common/nic_queue.h"
#include "runtime/mempool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_nic_rxq {
	struct cleat_nic_view v;
	struct cleat_mbuf **held; /* by descriptor: its buffer, while posted */
	struct cleat_mempool *pool;
	uint32_t next, fill, posted;
	uint32_t batch; /* so many empty ones are worth a write of the tail register */
	uint16_t port;
	uint16_t headroom;
	uint16_t owner_id;
	uint64_t shape;			 /* of a single mbuf of the pool */
	uint8_t scatter;		 /* packets may come in several mbufs */
	uint8_t skip;			 /* the rest of a packet that is too long comes */
	struct cleat_mbuf *first, *last; /* of a packet that has come in part */
};

/* What a descriptor that is done says. */
struct cleat_nic_done {
	uint32_t flags; /* CLEAT_MBUF_… */
	uint32_t hash;
	uint16_t len;
	uint16_t vlan;
	uint8_t eop; /* the packet ends here */
	uint8_t bad; /* it is damaged: drop it */
};

/** Make q->data of a claimed queue. Nothing is posted yet: the first burst does it.
 * @return 0; -EPROTO, -ENOMEM, -ENOTSUP (the pool's buffers do not fit the device) */
int cleat_nic_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
void cleat_nic_rxq_close(struct cleat_queue *q);

/** Post buffers to all empty descriptors; inside an operation. */
void cleat_nic_rx_post(struct cleat_queue *q, struct cleat_nic_rxq *rx);

/** A packet is not whole with this segment, or its rest is being dropped; inside operation @p op.
 * @return the packet's first mbuf when it is whole, else NULL */
struct cleat_mbuf *cleat_nic_rx_segment(struct cleat_op op, struct cleat_queue *q,
	struct cleat_nic_rxq *rx, struct cleat_mbuf *m, const struct cleat_nic_done *done);

/** Drop what was received as @p m, a damaged packet's only segment; inside an operation. */
void cleat_nic_rx_drop(struct cleat_queue *q, struct cleat_mbuf *m);

/** cleat_data_ops.rx_arm and rx_disarm. @p done_bit  of the second word of a descriptor */
int cleat_nic_rx_arm(struct cleat_queue *q, uint64_t done_bit);
void cleat_nic_rx_disarm(struct cleat_queue *q);

cleat_inline void cleat_nic_rx_fill(
	struct cleat_mbuf *m, const struct cleat_nic_rxq *rx, const struct cleat_nic_done *done)
{
	m->data_off = rx->headroom;
	m->data_len = done->len;
	m->pkt_len = done->len;
	m->shape = rx->shape;
	m->port = rx->port;
	m->vlan_tci = done->vlan;
	m->ol_flags = done->flags;
	m->packet_type = 0;
	m->rss_hash = done->hash;
	m->timestamp_ns = 0;
}

/* Inside operation @p op. @return packets */
cleat_inline unsigned cleat_nic_rx_take(struct cleat_op op, struct cleat_queue *q,
	struct cleat_nic_rxq *rx, struct cleat_mbuf **out, unsigned n, uint64_t done_bit,
	void (*parse)(
		const struct cleat_queue *q, uint64_t w0, uint64_t w1, struct cleat_nic_done *done))
{
	uint64_t word = cleat_owner_mine_in(op);
	uint64_t bytes = 0;
	unsigned got = 0;

	while (got < n && rx->posted != 0) {
		const struct cleat_nic_desc *desc = &rx->v.ring[rx->next];
		/* the device wrote all else before this word, or with it */
		uint64_t w1 = cleat_load_acquire(&desc->w[1]);
		struct cleat_nic_done done;
		struct cleat_mbuf *m;

		if (!(w1 & done_bit))
			break;
		m = rx->held[rx->next];
		parse(q, desc->w[0], w1, &done);
		rx->next = rx->next + 1 == rx->v.count ? 0 : rx->next + 1;
		rx->posted--;
		cleat_prefetch(rx->held[rx->next]);
		/* a device that says more than it may write has gone mad */
		if (cleat_unlikely(done.len > rx->v.buf_bytes))
			done.bad = 1, done.len = 0;
		cleat_nic_rx_fill(m, rx, &done);
		if (cleat_unlikely(!done.eop || rx->first != NULL || rx->skip)) {
			m = cleat_nic_rx_segment(op, q, rx, m, &done);
			if (m == NULL)
				continue;
		} else if (cleat_unlikely(done.bad)) {
			cleat_nic_rx_drop(q, m);
			continue;
		} else {
			cleat_store_release(&m->owner, word);
		}
		cleat_prefetch(cleat_mbuf_data(m));
		bytes += m->pkt_len;
		out[got++] = m;
	}
	if (got != 0) {
		cleat_count(&q->shm->packets, got);
		cleat_count(&q->shm->bytes, bytes);
	}
	return got;
}

/* A burst, for a driver's own way to read a descriptor. */
cleat_inline int cleat_nic_rx_burst(struct cleat_queue *q, struct cleat_mbuf **out, unsigned n,
	uint64_t done_bit,
	void (*parse)(
		const struct cleat_queue *q, uint64_t w0, uint64_t w1, struct cleat_nic_done *done))
{
	struct cleat_nic_rxq *rx = (struct cleat_nic_rxq *)q->data;
	unsigned got;
	struct cleat_op op = cleat_op_enter();

	got = cleat_nic_rx_take(op, q, rx, out, n, done_bit, parse);
	if (rx->v.count - 1 - rx->posted >= rx->batch)
		cleat_nic_rx_post(q, rx);
	cleat_op_exit(op);
	return (int)got;
}

#ifdef __cplusplus
}
#endif

#endif
