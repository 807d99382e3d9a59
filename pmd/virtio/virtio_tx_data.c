/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_tx_data.c - packets to be sent into a virtqueue, and those sent back to their pools.
 *
 * The device wants a header before the packet. Where the buffer is ours alone and has headroom, the
 * header goes there and shares the first segment's descriptor; else it takes a descriptor more and
 * lies in the queue's own memory: data that clones share is never written to.
 *
 * Source: VIRTIO 1.2, 2.7.13, 5.1.6.2.
 */
#include <errno.h>
#include <string.h>

#include "pmd/virtio/virtio_queue.h"
#include "runtime/iova.h"
#include "runtime/mbuf_ref.h"

/* So many on their way, or a quarter of the queue, are worth a look: each takes the used ring's
 * first cache line from the device, which writes to it for each packet. */
#define RECLAIM 128U

#define PAGE 4096U /* the smallest: within it addresses follow each other */

#define TCP_CHECKSUM_AT 16
#define UDP_CHECKSUM_AT 6

/* Where the parts of one packet go. */
struct chain {
	struct virtio_queue *vq;
	uint16_t at;   /* next free descriptor */
	uint16_t last; /* filled last */
	uint16_t count;
};

/* What a packet takes, found before anything is written. */
struct plan {
	uint32_t need; /* descriptors */
	uint32_t copy; /* bytes of protocol headers that go into the header slot */
	int in_front;  /* the header fits before the data */
	uint32_t csum; /* CLEAT_MBUF_TX_… asked for */
	struct virtio_net_header *header;
};

static void put(struct chain *c, uint64_t iova, uint32_t len)
{
	struct virtio_desc *d = &c->vq->desc[c->at];

	c->last = c->at;
	c->at = c->vq->slots[c->at].next;
	c->count++;
	*d = (struct virtio_desc){ iova, len, VIRTIO_DESC_NEXT, c->at };
}

/* How many of a segment's bytes from @p off on are in one piece for the device, and where. Most
 * buffers are wholly; those that cross into a page elsewhere have no address of their own. 0: the
 * device does not reach it. */
static uint32_t piece(const struct cleat_mbuf *s, uint32_t off, uint64_t *iova)
{
	const uint8_t *p = cleat_mbuf_data(s) + off;
	uint32_t left = s->data_len - off, len;

	if (cleat_likely(s->iova != CLEAT_IOVA_NONE)) {
		*iova = cleat_mbuf_data_iova(s) + off;
		return left;
	}
	*iova = cleat_iova_of(p);
	if (*iova == CLEAT_IOVA_NONE)
		return 0;
	len = PAGE - (uint32_t)((uintptr_t)p & (PAGE - 1));
	while (len < left && cleat_iova_of(p + len) == *iova + len)
		len += PAGE;
	return len < left ? len : left;
}

/* ---- checks ---- */

/* Descriptors for a segment's bytes from @p off on; -1: the device does not reach them. */
static int count_pieces(const struct cleat_mbuf *s, uint32_t off)
{
	uint64_t iova;
	int n = 0;

	while (off < s->data_len) {
		uint32_t len = piece(s, off, &iova);

		if (len == 0)
			return -1;
		off += len;
		n++;
	}
	return n;
}

static int plan_checksums(const struct cleat_mbuf *m, struct plan *p, int plain)
{
	uint32_t l4 = (uint32_t)m->l2_len + m->l3_len;

	if (p->csum & CLEAT_MBUF_TX_IPV4) {
		if (m->l3_len < 20 || l4 > m->data_len ||
			l4 > VIRTIO_SLOT_BYTES - VIRTIO_NET_HEADER_BYTES)
			return -EINVAL;
		p->copy = plain ? 0 : l4;
	}
	if ((p->csum & CLEAT_MBUF_TX_TCP) && l4 + TCP_CHECKSUM_AT + 2 > m->pkt_len)
		return -EINVAL;
	if ((p->csum & CLEAT_MBUF_TX_UDP) && l4 + UDP_CHECKSUM_AT + 2 > m->pkt_len)
		return -EINVAL;
	return 0;
}

/* @return 0; -EINVAL: it cannot be sent */
static int make_plan(const struct virtio_queue *vq, const struct cleat_mbuf *m, struct plan *p)
{
	int plain = cleat_mbuf_is_plain(m), apart = (vq->layout & VIRTIO_LAYOUT_APART) != 0;
	uint32_t bytes = 0;

	p->csum = m->ol_flags & CLEAT_MBUF_TX_MASK;
	p->copy = 0;
	p->in_front =
		plain && !apart && m->data_off >= vq->header_bytes && m->iova != CLEAT_IOVA_NONE;
	p->need = !p->in_front;
	if (cleat_unlikely(p->csum != 0) &&
		((p->csum & ~vq->tx_allowed) || plan_checksums(m, p, plain) < 0))
		return -EINVAL;
	p->need += p->copy != 0 && apart;
	for (const struct cleat_mbuf *s = m; s != NULL; s = cleat_mbuf_next(s)) {
		int pieces = count_pieces(s, s == m ? p->copy : 0);

		if (cleat_unlikely(pieces < 0 || p->need > vq->depth))
			return -EINVAL;
		/* a first one without data may carry the header, others are left out */
		p->need += pieces == 0 && s == m && p->in_front ? 1 : (uint32_t)pieces;
		bytes += s->data_len;
	}
	/* what was checked above by pkt_len must lie within the packet */
	return bytes == 0 || bytes != m->pkt_len || p->need > vq->depth ? -EINVAL : 0;
}

/* ---- one packet ---- */

static void fill_header(const struct virtio_queue *vq, struct cleat_mbuf *m, struct plan *p)
{
	struct virtio_net_header *h = p->header;

	memset(h, 0, vq->header_bytes);
	if (cleat_likely(p->csum == 0))
		return;
	if (p->csum & (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP)) {
		h->flags = VIRTIO_NET_HDR_NEEDS_CSUM;
		h->csum_start = (uint16_t)(m->l2_len + m->l3_len);
		h->csum_offset = p->csum & CLEAT_MBUF_TX_TCP ? TCP_CHECKSUM_AT : UDP_CHECKSUM_AT;
	}
	if (p->csum & CLEAT_MBUF_TX_IPV4) { /* no virtio device does this one */
		uint8_t *start = cleat_mbuf_data(m);

		if (p->copy != 0) {
			memcpy((uint8_t *)h + vq->header_bytes, start, p->copy);
			start = (uint8_t *)h + vq->header_bytes;
		}
		cleat_virtio_sum_ipv4(start + m->l2_len, m->l3_len);
	}
}

static void put_header(struct chain *c, const struct plan *p, uint64_t iova)
{
	uint32_t bytes = c->vq->header_bytes;

	if (c->vq->layout & VIRTIO_LAYOUT_APART) {
		put(c, iova, bytes);
		if (p->copy != 0)
			put(c, iova + bytes, p->copy);
	} else {
		put(c, iova, bytes + p->copy);
	}
}

/* 2.7.5.2 knows no descriptor without bytes: segments that have none get none. */
static void put_data(struct chain *c, const struct cleat_mbuf *s, uint32_t off)
{
	uint64_t iova;

	while (off < s->data_len) {
		uint32_t len = piece(s, off, &iova);

		put(c, iova, len);
		off += len;
	}
}

static void send_packet(struct virtio_queue *vq, struct cleat_mbuf *m, struct plan *p)
{
	struct chain c = { .vq = vq, .at = vq->free_head };
	uint32_t slot = vq->free_head * VIRTIO_SLOT_BYTES, bytes = vq->header_bytes;

	if (cleat_likely(p->in_front))
		p->header = (struct virtio_net_header *)(cleat_mbuf_data(m) - bytes);
	else
		p->header = (struct virtio_net_header *)(vq->headers + slot);
	fill_header(vq, m, p);
	if (cleat_likely(p->in_front)) {
		put(&c, cleat_mbuf_data_iova(m) - bytes, bytes + m->data_len);
	} else {
		put_header(&c, p, vq->headers_iova + slot);
		put_data(&c, m, p->copy);
	}
	for (const struct cleat_mbuf *s = cleat_mbuf_next(m); s != NULL; s = cleat_mbuf_next(s))
		put_data(&c, s, 0);
	vq->desc[c.last].flags = 0;
	virtio_queue_offer(vq, virtio_queue_take(vq, c.count, c.last, m));
}

/* ---- bursts ---- */

/* Packets that the device has sent, to vq->done. */
static void reclaim(struct virtio_queue *vq)
{
	uint16_t pending = virtio_queue_pending(vq, virtio_queue_used_end(vq));

	if (cleat_unlikely(pending > vq->depth - vq->n_free)) {
		cleat_count(&vq->shm->driver[VIRTIO_W_WILD], 1);
		cleat_count(&vq->shm->errors, 1);
		return;
	}
	for (; pending > 0; pending--) {
		uint32_t id = vq->used->ring[vq->used_idx++ & vq->mask].id;
		struct cleat_mbuf *m = virtio_queue_give_back(vq, id);

		if (cleat_likely(m != NULL))
			vq->done[vq->n_done++] = m;
	}
	virtio_queue_stay_quiet(vq);
}

/* The device was reset: what was on its way is sent or will not be. */
static void start_anew(struct virtio_queue *vq, uint64_t state)
{
	for (uint16_t i = 0; i < vq->depth; i++)
		if (vq->slots[i].mbuf != NULL)
			vq->done[vq->n_done++] = vq->slots[i].mbuf;
	cleat_virtio_queue_anew(vq, state);
	virtio_queue_interrupt(vq, 0);
}

/* @return 0 if the ring is the primary's at this moment */
static int get_ready(struct virtio_queue *vq, unsigned n)
{
	/* partner: publish_state() of the control side */
	uint64_t state = cleat_load_acquire(&vq->shm->driver[VIRTIO_W_STATE]);

	if (cleat_likely(state == vq->state)) {
		unsigned on_way = vq->depth - vq->n_free;

		if (n == 0 || on_way >= RECLAIM || on_way >= vq->depth / 4U || vq->n_free < 2 * n)
			reclaim(vq);
		return 1;
	}
	if (virtio_generation(state) & 1)
		return 0;
	start_anew(vq, state);
	return 1;
}

static void count_sent(struct cleat_queue *q, unsigned packets, uint64_t bytes, unsigned dropped)
{
	cleat_count(&q->shm->packets, packets);
	cleat_count(&q->shm->bytes, bytes);
	if (cleat_unlikely(dropped != 0)) {
		cleat_count(&q->shm->errors, dropped);
		cleat_count(&q->shm->missed, dropped);
	}
}

/* @return how many were taken */
static unsigned send_all(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint64_t word = cleat_owner_word(CLEAT_OWNER_QUEUE, q->owner_id), bytes = 0;
	unsigned i, dropped = 0;

	for (i = 0; i < n; i++) {
		struct plan p;

		if (i + 1 < n)
			cleat_prefetch(mbufs[i + 1]);
		if (cleat_unlikely(make_plan(vq, mbufs[i], &p) < 0)) {
			vq->done[vq->n_done++] = mbufs[i];
			dropped++;
			continue;
		}
		if (cleat_unlikely(p.need > vq->n_free))
			reclaim(vq);
		if (p.need > vq->n_free)
			break;
		bytes += mbufs[i]->pkt_len;
		cleat_mbuf_own(mbufs[i], word);
		send_packet(vq, mbufs[i], &p);
	}
	if (i > dropped)
		virtio_queue_publish(vq);
	count_sent(q, i - dropped, bytes, dropped);
	return i;
}

static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	unsigned sent = 0;
	struct cleat_op op = cleat_op_enter();

	if (cleat_likely(get_ready(vq, n)))
		sent = send_all(q, mbufs, n);
	cleat_op_exit(op);
	cleat_virtio_queue_free_done(vq);
	return (int)sent;
}

int cleat_virtio_tx_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	struct virtio_queue *vq;
	int rc = cleat_virtio_queue_open(q, conf);

	if (rc < 0)
		return rc;
	vq = (struct virtio_queue *)q->data;
	if (conf->offloads & CLEAT_OFFLOAD_TX_CHECKSUM)
		vq->tx_allowed = CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP;
	q->burst = tx_burst;
	return 0;
}
