/* SPDX-License-Identifier: BSD-3-Clause */
/* nic_tx.c - what sending does not do for each packet: opening, cleaning, segments and offloads. */
#include "pmd/common/nic_tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/iova.h"
#include "runtime/mbuf_ring.h"
#include "runtime/registry.h"
#include "runtime/row.h"

#define FREE_CHUNK    64U
#define SMALLEST_PAGE 4096ULL /* of which a buffer whose pages are scattered is made */
#define CLEAN_AT      32U
#define PAGE_SHIFT    12U

static uint32_t allowed_flags(uint32_t offloads)
{
	uint32_t flags = 0;

	if (offloads & CLEAT_OFFLOAD_TX_CHECKSUM)
		flags |= CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP;
	if (offloads & CLEAT_OFFLOAD_TX_VLAN_INSERT)
		flags |= CLEAT_MBUF_TX_VLAN;
	return flags;
}

/* Of the smallest pages of the window's memory. */
static uint32_t page_shift(void)
{
	uint64_t least = 0;

	for (unsigned i = 0; i < CLEAT_MAX_SEGMENTS; i++) {
		struct cleat_segment_shm row;

		if (CLEAT_ROW_READ(&row, &cleat_registry->segments[i]) == 0 &&
			row.kind == CLEAT_SEGMENT_MEMORY && cleat_is_pow2(row.page_bytes) &&
			(least == 0 || row.page_bytes < least))
			least = row.page_bytes;
	}
	return least != 0 ? (uint32_t)__builtin_ctzll(least) : PAGE_SHIFT;
}

int cleat_nic_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	struct cleat_nic_view v = { .ring = NULL };
	struct cleat_nic_txq *tx;
	int ret = cleat_nic_view(conf, &v);

	if (ret < 0)
		return ret;
	tx = (struct cleat_nic_txq *)calloc(1, sizeof(*tx));
	if (tx != NULL) {
		tx->sent = (struct cleat_mbuf **)calloc(v.count, sizeof(tx->sent[0]));
		tx->reports = (uint16_t *)calloc(v.count, sizeof(tx->reports[0]));
	}
	if (tx == NULL || tx->sent == NULL || tx->reports == NULL) {
		if (tx != NULL) {
			free(tx->sent);
			free(tx->reports);
		}
		free(tx);
		return cleat_err(-ENOMEM, "no memory for a queue of port %u", conf->port);
	}
	tx->v = v;
	tx->clean_at = v.count / 4 < CLEAN_AT ? v.count / 4 : CLEAN_AT;
	tx->page_shift = page_shift();
	tx->allowed = allowed_flags(conf->offloads);
	tx->segments = (conf->offloads & CLEAT_OFFLOAD_TX_SEGMENTS) != 0;
	tx->owner_id = conf->owner_id;
	q->data = tx;
	return 0;
}

void cleat_nic_txq_close(struct cleat_queue *q)
{
	struct cleat_nic_txq *tx = (struct cleat_nic_txq *)q->data;

	free(tx->sent);
	free(tx->reports);
	free(tx);
}

/* ---- cleaning ---- */

struct done {
	struct cleat_mbuf *mbufs[FREE_CHUNK];
	unsigned n;
};

static void done_free(struct done *d)
{
	if (d->n != 0)
		cleat_mbuf_free_bulk(d->mbufs, d->n);
	d->n = 0;
}

/* Everything up to descriptor @p last is done. */
static void clean_to(struct cleat_nic_txq *tx, uint32_t last, struct done *d)
{
	struct cleat_mbuf **sent = tx->sent;
	uint32_t at, next = tx->clean, done = 0;

	do {
		at = next;
		if (sent[at] != NULL) {
			d->mbufs[d->n++] = sent[at];
			sent[at] = NULL;
			if (d->n == FREE_CHUNK)
				done_free(d);
		}
		next = at + 1 == tx->v.count ? 0 : at + 1;
		done++;
	} while (at != last);
	tx->clean = next;
	tx->used -= done;
}

void cleat_nic_tx_clean(struct cleat_nic_txq *tx)
{
	struct done d;

	d.n = 0;
	while (tx->n_reports != 0) {
		uint32_t last = tx->reports[tx->report_first];

		if (!(cleat_load_acquire(&tx->v.ring[last].w[1]) & CLEAT_NIC_TX_DD))
			break;
		tx->report_first = tx->report_first + 1 == tx->v.count ? 0 : tx->report_first + 1;
		tx->n_reports--;
		clean_to(tx, last, &d);
	}
	done_free(&d);
}

void cleat_nic_tx_refuse(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	cleat_mbuf_free_bulk(mbufs, n);
	cleat_count(&q->shm->errors, n);
	cleat_count(&q->shm->driver[CLEAT_NIC_BAD_PACKET], n);
}

/* ---- packets that are not simple ---- */

/* How many of the bytes from @p off on lie in one page, and where. 0: the device sees none. */
static uint32_t piece(
	const struct cleat_nic_txq *tx, const struct cleat_mbuf *s, uint32_t off, uint64_t *iova)
{
	uint32_t left = s->data_len - off;
	uint64_t page = s->iova != CLEAT_IOVA_NONE ? 1ULL << tx->page_shift : SMALLEST_PAGE, room;

	*iova = cleat_likely(s->iova != CLEAT_IOVA_NONE) ? cleat_mbuf_data_iova(s) + off
							 : cleat_iova_of(cleat_mbuf_data(s) + off);
	if (*iova == CLEAT_IOVA_NONE)
		return 0;
	room = page - (*iova & (page - 1));
	return left < room ? left : (uint32_t)room;
}

/* Descriptors for a segment; 0: the device does not reach it. */
static uint32_t count_pieces(const struct cleat_nic_txq *tx, const struct cleat_mbuf *s)
{
	uint32_t n = 0, off = 0, got;
	uint64_t iova;

	if (cleat_likely(s->iova != CLEAT_IOVA_NONE && cleat_nic_tx_in_page(tx, s)))
		return 1;
	for (; off < s->data_len; off += got, n++) {
		got = piece(tx, s, off, &iova);
		if (got == 0)
			return 0;
	}
	return n;
}

/* Descriptors for a packet; 0: it has not as many segments or bytes as it says, or one of them is
 * empty or out of reach. */
static uint32_t count_all(const struct cleat_nic_txq *tx, const struct cleat_mbuf *m)
{
	uint32_t segments = m->nb_segs, n = 0;
	uint64_t bytes = 0;

	for (const struct cleat_mbuf *s = m; s != NULL; s = cleat_mbuf_next(s)) {
		uint32_t pieces = count_pieces(tx, s);

		if (segments-- == 0 || pieces == 0 || s->data_len == 0)
			return 0;
		n += pieces;
		bytes += s->data_len;
	}
	return segments == 0 && bytes == m->pkt_len ? n : 0;
}

/* Descriptors for a packet, without the context's; 0: the device cannot send it. */
static uint32_t may_send(const struct cleat_nic_txq *tx, const struct cleat_mbuf *m)
{
	uint32_t n;

	if ((m->ol_flags & CLEAT_MBUF_TX_MASK & ~tx->allowed) != 0)
		return 0;
	if (m->pkt_len < CLEAT_NIC_TX_MIN || m->pkt_len > tx->v.max_frame)
		return 0;
	if (m->nb_segs == 0 || (m->nb_segs > 1 && !tx->segments))
		return 0;
	n = count_all(tx, m);
	/* one more for the context, one stays empty */
	return n <= tx->v.count - 2 ? n : 0;
}

static void put_pieces(struct cleat_nic_txq *tx, const struct cleat_mbuf *s, uint64_t w1)
{
	uint32_t off = 0, got;
	uint64_t iova;

	for (; off < s->data_len; off += got) {
		got = piece(tx, s, off, &iova);
		cleat_nic_tx_put(tx, iova, w1 | got, NULL);
	}
}

static void put_segments(struct cleat_nic_txq *tx, struct cleat_mbuf *m, uint64_t w1)
{
	uint32_t last;

	for (const struct cleat_mbuf *s = m; s != NULL; s = cleat_mbuf_next(s))
		put_pieces(tx, s, w1);
	last = (tx->next == 0 ? tx->v.count : tx->next) - 1;
	tx->v.ring[last].w[1] |= CLEAT_NIC_TX_EOP;
	tx->sent[last] = m;
}

int cleat_nic_tx_any(
	struct cleat_nic_txq *tx, struct cleat_mbuf *m, uint64_t word, cleat_nic_tx_plan_fn plan)
{
	struct cleat_nic_tx_plan p = { .context = { 0, 0 } };
	uint32_t want = may_send(tx, m);
	int new_context;

	if (want == 0)
		return -1;
	plan(m, &p);
	new_context = (p.context[0] | p.context[1]) != 0 &&
		      (p.context[0] != tx->context[0] || p.context[1] != tx->context[1]);
	if (want + (uint32_t)new_context > cleat_nic_tx_room(tx))
		return 0;
	cleat_mbuf_own(m, word);
	if (new_context) {
		cleat_nic_tx_put(tx, p.context[0], p.context[1], NULL);
		memcpy(tx->context, p.context, sizeof(tx->context));
	}
	put_segments(tx, m, p.w1);
	return 1;
}
