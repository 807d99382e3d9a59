/* SPDX-License-Identifier: BSD-3-Clause */
/* nic_rx.c - what receiving does seldom: opening, refilling, packets of several buffers, sleeping.
 */
#include "pmd/common/nic_rx.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/mbuf_ring.h"

#define POST_CHUNK 64U
#define BATCH	   128U /* a write of the tail register is a round over the bus; a quarter of 512 */

/* Can the device write to every buffer of the pool? */
static int check_pool(const struct cleat_queue_conf *conf, const struct cleat_nic_view *v)
{
	const struct cleat_mempool *pool = conf->pool;
	uint32_t room = pool->buf_bytes - pool->headroom, bad = 0;

	if (v->buf_bytes > room)
		return cleat_err(-ENOTSUP,
			"port %u rx queue %u: the device writes up to %u bytes to a buffer, "
			"those of pool %s hold %u",
			conf->port, conf->queue, v->buf_bytes, pool->name, room);
	for (uint32_t i = 0; i < pool->count; i++) {
		const struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(pool, i));

		bad += cleat_load_relaxed(&m->iova) == CLEAT_IOVA_NONE;
	}
	if (bad > pool->count / 2)
		return cleat_err(-ENOTSUP,
			"port %u rx queue %u: %u of %u buffers of pool %s are not in one piece for "
			"a device; use hugepages or an IOMMU",
			conf->port, conf->queue, bad, pool->count, pool->name);
	return 0;
}

int cleat_nic_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	struct cleat_nic_view v = { .ring = NULL };
	struct cleat_nic_rxq *rx;
	int ret = cleat_nic_view(conf, &v);

	ret = ret < 0 ? ret : check_pool(conf, &v);
	if (ret < 0)
		return ret;
	rx = (struct cleat_nic_rxq *)calloc(1, sizeof(*rx));
	if (rx != NULL)
		rx->held = (struct cleat_mbuf **)calloc(v.count, sizeof(rx->held[0]));
	if (rx == NULL || rx->held == NULL) {
		free(rx);
		return cleat_err(-ENOMEM, "no memory for a queue of port %u", conf->port);
	}
	rx->v = v;
	rx->pool = conf->pool;
	rx->batch = v.count / 4 < BATCH ? v.count / 4 : BATCH;
	rx->port = conf->port;
	rx->headroom = conf->pool->headroom;
	rx->shape = cleat_mempool_shape(conf->pool);
	rx->owner_id = conf->owner_id;
	rx->scatter = (conf->offloads & CLEAT_OFFLOAD_RX_SCATTER) != 0;
	q->data = rx;
	if (v.arm_on != NULL && conf->n_fds > 0) {
		q->event_fd = conf->fds[0];
		conf->fds[0] = -1;
	}
	return 0;
}

void cleat_nic_rxq_close(struct cleat_queue *q)
{
	struct cleat_nic_rxq *rx = (struct cleat_nic_rxq *)q->data;

	free(rx->held);
	free(rx);
}

/* Take up to @p n mbufs from the pool, fewer if it has not so many. */
static uint32_t take(struct cleat_nic_rxq *rx, cleat_handle *out, uint32_t n)
{
	while (n != 0 && cleat_mempool_get(rx->pool, out, n) < 0)
		n /= 2;
	return n;
}

/* @return 1; 0: a device cannot use this buffer, for its pages do not follow each other. It stays
 * in the queue's name until the queue is given back, and so out of the way. */
static unsigned post_one(struct cleat_nic_rxq *rx, struct cleat_mbuf *m, uint64_t word)
{
	struct cleat_nic_desc *desc = &rx->v.ring[rx->fill];

	cleat_store_release(&m->owner, word);
	if (cleat_unlikely(m->iova == CLEAT_IOVA_NONE))
		return 0;
	/* stores to the ring are ordered by the write of the tail register; so is the owner word,
	 * for a buffer is the device's only then */
	cleat_store_relaxed(&desc->w[0], m->iova + rx->headroom);
	cleat_store_relaxed(&desc->w[1], 0);
	rx->held[rx->fill] = m;
	rx->fill = rx->fill + 1 == rx->v.count ? 0 : rx->fill + 1;
	return 1;
}

void cleat_nic_rx_post(struct cleat_queue *q, struct cleat_nic_rxq *rx)
{
	uint64_t word = cleat_owner_word(CLEAT_OWNER_QUEUE, rx->owner_id);
	uint32_t empty = rx->v.count - 1 - rx->posted, before = rx->fill;
	cleat_handle handles[POST_CHUNK];

	while (empty != 0) {
		uint32_t want = empty < POST_CHUNK ? empty : POST_CHUNK;
		uint32_t n = take(rx, handles, want), good = 0;

		for (uint32_t i = 0; i < n; i++)
			cleat_prefetch(cleat_mbuf_of(handles[i]));
		for (uint32_t i = 0; i < n; i++)
			good += post_one(rx, cleat_mbuf_of(handles[i]), word);
		rx->posted += good;
		empty -= good;
		if (n < want) {
			cleat_count(&q->shm->driver[CLEAT_NIC_NO_MBUF], 1);
			break;
		}
	}
	if (rx->fill != before)
		cleat_mmio_write32(rx->v.tail, rx->fill);
}

/* ---- packets of several buffers ---- */

static void put_back(struct cleat_nic_rxq *rx, struct cleat_mbuf *m)
{
	while (m != NULL) {
		struct cleat_mbuf *next = cleat_mbuf_next(m);
		cleat_handle handle = cleat_handle_of(m);

		cleat_mempool_put(rx->pool, &handle, 1);
		m = next;
	}
}

/* @return 0: that is more segments than a packet may have, and it is to be given up */
static int append(struct cleat_nic_rxq *rx, struct cleat_mbuf *m)
{
	if (rx->first == NULL) {
		rx->first = rx->last = m;
		return 1;
	}
	rx->last->next = cleat_handle_of(m);
	rx->last = m;
	rx->first->pkt_len += m->data_len;
	return ++rx->first->nb_segs != 0; /* one too many counts as 0 */
}

/* What the device found out of the whole packet stands in its last descriptor. */
static struct cleat_mbuf *whole(
	struct cleat_op op, struct cleat_nic_rxq *rx, const struct cleat_nic_done *done)
{
	struct cleat_mbuf *m = rx->first;

	rx->first = rx->last = NULL;
	m->ol_flags = done->flags;
	m->vlan_tci = done->vlan;
	m->rss_hash = done->hash;
	cleat_mbuf_own(m, cleat_owner_mine_in(op));
	return m;
}

static void give_up(struct cleat_queue *q, struct cleat_nic_rxq *rx, int skip)
{
	put_back(rx, rx->first);
	rx->first = rx->last = NULL;
	rx->skip = (uint8_t)skip;
	cleat_count(&q->shm->errors, 1);
}

struct cleat_mbuf *cleat_nic_rx_segment(struct cleat_op op, struct cleat_queue *q,
	struct cleat_nic_rxq *rx, struct cleat_mbuf *m, const struct cleat_nic_done *done)
{
	int fits;

	if (rx->skip) {
		put_back(rx, m);
		rx->skip = !done->eop;
		return NULL;
	}
	fits = append(rx, m) && rx->scatter;
	if (done->bad) {
		give_up(q, rx, !done->eop);
		return NULL;
	}
	if (!fits) {
		cleat_count(&q->shm->driver[CLEAT_NIC_TOO_LONG], 1);
		give_up(q, rx, !done->eop);
		return NULL;
	}
	return done->eop ? whole(op, rx, done) : NULL;
}

void cleat_nic_rx_drop(struct cleat_queue *q, struct cleat_mbuf *m)
{
	put_back((struct cleat_nic_rxq *)q->data, m);
	cleat_count(&q->shm->errors, 1);
}

/* ---- sleeping ---- */

static int is_done(const struct cleat_nic_rxq *rx, uint64_t done_bit)
{
	return (cleat_load_acquire(&rx->v.ring[rx->next].w[1]) & done_bit) != 0;
}

int cleat_nic_rx_arm(struct cleat_queue *q, uint64_t done_bit)
{
	struct cleat_nic_rxq *rx = (struct cleat_nic_rxq *)q->data;

	/* without buffers no packet can come; a burst brings them */
	if (rx->posted == 0 || is_done(rx, done_bit))
		return 1;
	cleat_store_release(&q->shm->driver[CLEAT_NIC_ARMED], 1);
	cleat_mmio_write32(rx->v.arm_on, rx->v.arm_bits);
	cleat_fence_seq_cst();
	if (!is_done(rx, done_bit))
		return 0;
	cleat_nic_rx_disarm(q);
	return 1;
}

void cleat_nic_rx_disarm(struct cleat_queue *q)
{
	struct cleat_nic_rxq *rx = (struct cleat_nic_rxq *)q->data;
	uint64_t signals;

	if (rx->v.arm_off != NULL)
		cleat_mmio_write32(rx->v.arm_off, rx->v.arm_bits);
	cleat_store_release(&q->shm->driver[CLEAT_NIC_ARMED], 0);
	/* EAGAIN: no signal came; nothing else can fail on our own descriptor */
	(void)!read(q->event_fd, &signals, sizeof(signals));
}
