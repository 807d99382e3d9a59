/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_rx_data.c - received packets out of a virtqueue, empty buffers into it.
 *
 *   headroom            | header | data             |
 *                       ^ offered from here on       so the data needs no copy
 *
 * One burst is several operations (shared.h): take what the device has used; take mbufs from the
 * pool and offer them, until all descriptors have one; tell the device. An mbuf's owner says QUEUE
 * from before the device can have it until it is handed to the caller.
 *
 * Source: VIRTIO 1.2, 2.7.13, 2.7.14, 5.1.6.3, 5.1.6.4.
 */
#include <errno.h>

#include "pmd/virtio/virtio_queue.h"

#define AHEAD  4  /* entries that are prefetched */
#define REFILL 32 /* so many free descriptors are worth the work */

static const struct virtio_net_header *header_of(
	const struct virtio_queue *vq, const struct cleat_mbuf *m)
{
	return (const struct virtio_net_header *)(cleat_mbuf_data(m) - vq->header_bytes);
}

static void wild(struct virtio_queue *vq)
{
	cleat_count(&vq->shm->driver[VIRTIO_W_WILD], 1);
	cleat_count(&vq->shm->errors, 1);
}

/* ---- taking ---- */

/* The next used buffer, which is the first of a packet or goes on with it. NULL: nonsense, counted
 * and put to vq->done. */
static struct cleat_mbuf *take_buffer(struct virtio_queue *vq, int first)
{
	const struct virtio_used_elem *e = &vq->used->ring[vq->used_idx++ & vq->mask];
	uint32_t header = first ? vq->header_bytes : 0;
	uint32_t len = e->len;
	struct cleat_mbuf *m = virtio_queue_give_back(vq, e->id);

	if (m == NULL)
		return NULL;
	if (cleat_unlikely(len <= header || len > vq->buf_bytes)) {
		wild(vq);
		vq->done[vq->n_done++] = m;
		return NULL;
	}
	m->data_len = (uint16_t)(len - header);
	if (!first)
		m->data_off = (uint16_t)(m->data_off - vq->header_bytes);
	return m;
}

/* How many buffers the packet has whose first one is used next. 0: nonsense. */
static uint32_t count_buffers(const struct virtio_queue *vq)
{
	uint32_t id = vq->used->ring[vq->used_idx & vq->mask].id;
	uint32_t in_flight = (uint32_t)(vq->depth - vq->n_free);
	uint32_t n = 1;

	if (!(vq->layout & VIRTIO_LAYOUT_MERGEABLE) || id >= vq->depth ||
		vq->slots[id].mbuf == NULL)
		return 1; /* take_buffer() looks closer */
	n = header_of(vq, vq->slots[id].mbuf)->num_buffers;
	return n > in_flight || n > CLEAT_MBUF_MAX_SEGS ? 0 : n;
}

static int set_flags(struct virtio_queue *vq, struct cleat_mbuf *m)
{
	const struct virtio_net_header *h = header_of(vq, m);

	if (!(vq->layout & VIRTIO_LAYOUT_CHECKSUMS) || h->flags == 0)
		return 0;
	m->ol_flags |= CLEAT_MBUF_RX_L4_GOOD;
	if (!(h->flags & VIRTIO_NET_HDR_NEEDS_CSUM))
		return 0;
	return cleat_virtio_sum_complete(m, h->csum_start, h->csum_offset);
}

/* The packet is of no use: its buffers go back. */
static struct cleat_mbuf *drop(struct virtio_queue *vq, struct cleat_mbuf *m)
{
	if (m != NULL)
		vq->done[vq->n_done++] = m;
	return NULL;
}

/* Its header makes no sense. */
static void drop_one(struct virtio_queue *vq)
{
	struct cleat_mbuf *m = take_buffer(vq, 1);

	if (m != NULL) /* else it is counted already */
		wild(vq);
	(void)drop(vq, m);
}

/* Buffers 2 to n of a packet. */
static struct cleat_mbuf *take_more(struct virtio_queue *vq, struct cleat_mbuf *m, uint32_t n)
{
	struct cleat_mbuf *last = m;
	int bad = m == NULL;

	for (uint32_t i = 1; i < n; i++) {
		struct cleat_mbuf *next = take_buffer(vq, 0);

		if (next == NULL || bad) {
			bad = 1;
			(void)drop(vq, next);
			continue;
		}
		last->next = cleat_handle_of(next);
		last = next;
		m->pkt_len += next->data_len;
		m->nb_segs++;
	}
	if (!bad && !vq->may_scatter) {
		cleat_count(&vq->shm->errors, 1); /* too long for one buffer */
		bad = 1;
	}
	return bad ? drop(vq, m) : m;
}

/* One packet of @p n buffers that are all there. NULL: nonsense */
static struct cleat_mbuf *take_packet(struct virtio_queue *vq, uint32_t n)
{
	struct cleat_mbuf *m = take_buffer(vq, 1);

	if (cleat_likely(m != NULL))
		m->pkt_len = m->data_len;
	if (cleat_unlikely(n > 1))
		m = take_more(vq, m, n);
	if (m != NULL && cleat_unlikely(set_flags(vq, m) < 0)) {
		wild(vq);
		return drop(vq, m);
	}
	return m;
}

static void look_ahead(const struct cleat_queue *q, const struct virtio_queue *vq, uint16_t at)
{
	uint32_t id = vq->used->ring[at & vq->mask].id;
	struct cleat_mbuf *m;

	if (id >= vq->depth || (m = vq->slots[id].mbuf) == NULL)
		return;
	cleat_prefetch(m);
	cleat_prefetch((const char *)(m + 1) + q->pool->headroom - vq->header_bytes);
}

static void hand_over(
	struct cleat_op op, struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	uint64_t word = cleat_owner_mine_in(op);
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		bytes += mbufs[i]->pkt_len;
		mbufs[i]->port = q->port;
		cleat_mbuf_own(mbufs[i], word);
	}
	cleat_count(&q->shm->packets, n);
	cleat_count(&q->shm->bytes, bytes);
}

/* Take packets from what the device has used up to @p end. Inside operation @p op. */
static unsigned harvest(struct cleat_op op, struct cleat_queue *q, struct cleat_mbuf **mbufs,
	unsigned n, uint16_t end)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint32_t pending = virtio_queue_pending(vq, end);
	uint16_t before = vq->used_idx;
	unsigned got = 0;

	if (pending == 0)
		return 0;
	if (cleat_unlikely(pending > (uint32_t)(vq->depth - vq->n_free))) {
		wild(vq); /* more than it has been given */
		return 0;
	}
	for (uint16_t i = 0; i < AHEAD && i < pending; i++)
		look_ahead(q, vq, (uint16_t)(vq->used_idx + i));
	while (got < n && pending > 0) {
		uint32_t k = count_buffers(vq);
		struct cleat_mbuf *m;

		if (cleat_unlikely(k > pending))
			break; /* the rest of the packet is on its way */
		if (pending > AHEAD)
			look_ahead(q, vq, (uint16_t)(vq->used_idx + AHEAD));
		if (cleat_unlikely(k == 0)) {
			drop_one(vq);
			pending--;
			continue;
		}
		m = take_packet(vq, k);
		pending -= k;
		if (cleat_likely(m != NULL))
			mbufs[got++] = m;
	}
	if (cleat_likely(vq->used_idx != before))
		virtio_queue_stay_quiet(vq);
	hand_over(op, q, mbufs, got);
	return got;
}

/* ---- offering ---- */

/* Its owner says QUEUE. There is a descriptor (two if the header stands apart). */
static void offer(struct virtio_queue *vq, struct cleat_mbuf *m)
{
	uint64_t iova = cleat_mbuf_data_iova(m) - vq->header_bytes;
	uint16_t first = vq->free_head, second;

	if (cleat_likely(!(vq->layout & VIRTIO_LAYOUT_APART))) {
		vq->desc[first] = (struct virtio_desc){ iova, vq->buf_bytes, VIRTIO_DESC_WRITE, 0 };
		virtio_queue_offer(vq, virtio_queue_take(vq, 1, first, m));
		return;
	}
	second = vq->slots[first].next;
	vq->desc[first] = (struct virtio_desc){ iova, vq->header_bytes,
		VIRTIO_DESC_WRITE | VIRTIO_DESC_NEXT, second };
	vq->desc[second] = (struct virtio_desc){ iova + vq->header_bytes,
		vq->buf_bytes - vq->header_bytes, VIRTIO_DESC_WRITE, 0 };
	virtio_queue_offer(vq, virtio_queue_take(vq, 2, second, m));
}

static int unchanged(const struct virtio_queue *vq)
{
	/* partner: publish_state() of the control side */
	return cleat_load_acquire(&vq->shm->driver[VIRTIO_W_STATE]) == vq->state;
}

/* @return 0 if the ring has been taken away meanwhile */
static int offer_new(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint64_t word;
	int ok;
	struct cleat_op op = cleat_op_enter();

	word = cleat_owner_word(CLEAT_OWNER_QUEUE, q->owner_id);
	ok = unchanged(vq);
	for (unsigned i = 0; ok && i < n; i++) {
		cleat_store_release(&mbufs[i]->owner, word);
		/* one that is not in one piece for the device stays in the queue's name until the
		 * queue is given back, and so out of the way */
		if (cleat_likely(mbufs[i]->iova != CLEAT_IOVA_NONE))
			offer(vq, mbufs[i]);
	}
	cleat_op_exit(op);
	return ok;
}

/* The device may have what was offered; it is told once, however often the pool was asked. A ring
 * that has been taken away meanwhile is offered all of it again. */
static void publish_new(struct virtio_queue *vq)
{
	struct cleat_op op = cleat_op_enter();

	if (cleat_likely(unchanged(vq)))
		virtio_queue_publish(vq);
	cleat_op_exit(op);
}

/* All or, if the pool has less, what it has. */
static unsigned alloc_some(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	while (n > 0 && cleat_mbuf_alloc_bulk(q->pool, mbufs, n) < 0)
		n /= 2;
	return n;
}

/* Buffers for all free descriptors, as far as the pool has them. @return 0: none was offered */
static int offer_all(struct cleat_queue *q)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	int offered = 0;
	unsigned each = vq->layout & VIRTIO_LAYOUT_APART ? 2 : 1;
	unsigned enough = vq->depth < 4 * REFILL ? vq->depth / 4U + each : REFILL;
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];

	while (vq->n_free >= enough && unchanged(vq)) {
		unsigned want = vq->n_free / each;
		unsigned n = alloc_some(q, mbufs, want < CLEAT_MAX_BURST ? want : CLEAT_MAX_BURST);

		if (n == 0) {
			cleat_count(&q->shm->driver[VIRTIO_W_NO_MBUF], 1);
			break;
		}
		if (!offer_new(q, mbufs, n)) {
			cleat_mbuf_free_bulk(mbufs, n);
			break;
		}
		offered = 1;
	}
	return offered;
}

static void refill(struct cleat_queue *q)
{
	if (offer_all(q))
		publish_new((struct virtio_queue *)q->data);
}

/* The device was reset and knows nothing: give it all buffers again. */
static void start_anew(struct virtio_queue *vq, uint64_t state)
{
	struct cleat_mbuf **mine = vq->done + vq->n_done;
	int armed = cleat_load_relaxed(&vq->shm->driver[VIRTIO_W_ARMED]) != 0;
	unsigned n = 0;

	for (uint16_t i = 0; i < vq->depth; i++)
		if (vq->slots[i].mbuf != NULL)
			mine[n++] = vq->slots[i].mbuf;
	cleat_virtio_queue_anew(vq, state);
	virtio_queue_interrupt(vq, armed);
	for (unsigned i = 0; i < n; i++)
		offer(vq, mine[i]);
	if (n > 0)
		virtio_queue_publish(vq);
}

/* The state is not the one we knew (virtio_shared.h). */
static unsigned changed(struct cleat_op op, struct cleat_queue *q, struct cleat_mbuf **mbufs,
	unsigned n, uint64_t state)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint64_t before = virtio_generation(vq->state), now = virtio_generation(state);
	unsigned got = 0;

	if (now & 1)
		return 0;
	if (!(before & 1) && now == before + 2) {
		got = harvest(op, q, mbufs, n, (uint16_t)state);
		if (got == n)
			return got; /* there may be more */
	}
	start_anew(vq, state);
	return got;
}

static int rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint64_t state;
	unsigned got;
	struct cleat_op op = cleat_op_enter();

	state = cleat_load_acquire(&vq->shm->driver[VIRTIO_W_STATE]);
	if (cleat_likely(state == vq->state))
		got = harvest(op, q, mbufs, n, virtio_queue_used_end(vq));
	else
		got = changed(op, q, mbufs, n, state);
	cleat_op_exit(op);
	if (cleat_unlikely(vq->n_done != 0))
		cleat_virtio_queue_free_done(vq);
	refill(q);
	return (int)got;
}

static int check_pool(const struct cleat_queue *q, const struct virtio_queue *vq, uint16_t mtu)
{
	const struct cleat_mempool *p = q->pool;
	uint32_t frame = mtu + VIRTIO_ETHER_BYTES;
	uint32_t bad = 0;

	if (p->headroom < vq->header_bytes)
		return cleat_err(-EINVAL,
			"pool %s: a headroom of %u bytes has no room for the header of %u bytes "
			"that port %u puts before each packet",
			p->name, p->headroom, vq->header_bytes, q->port);
	if (!(vq->layout & VIRTIO_LAYOUT_MERGEABLE) && p->buf_bytes - p->headroom < frame)
		return cleat_err(-EINVAL,
			"pool %s: buffers of %u bytes do not hold packets of %u, and port %u does "
			"not use several for one",
			p->name, p->buf_bytes - p->headroom, frame, q->port);
	for (uint32_t i = 0; i < p->count; i++) {
		const struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(p, i));

		bad += cleat_load_relaxed(&m->iova) == CLEAT_IOVA_NONE;
	}
	if (bad > p->count / 2)
		return cleat_err(-ENOTSUP,
			"pool %s: %u of %u buffers are not in one piece for a device; use "
			"hugepages or an IOMMU",
			p->name, bad, p->count);
	return 0;
}

int cleat_virtio_rx_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	struct virtio_queue *vq;
	int rc = cleat_virtio_queue_open(q, conf);

	if (rc < 0)
		return rc;
	vq = (struct virtio_queue *)q->data;
	rc = check_pool(q, vq, conf->mtu);
	if (rc < 0) {
		cleat_virtio_queue_close(q);
		return rc;
	}
	vq->buf_bytes = q->pool->buf_bytes - q->pool->headroom + vq->header_bytes;
	vq->may_scatter = (conf->offloads & CLEAT_OFFLOAD_RX_SCATTER) != 0;
	cleat_store_relaxed(&q->shm->driver[VIRTIO_W_ARMED], 0);
	q->burst = rx_burst;
	return 0;
}
