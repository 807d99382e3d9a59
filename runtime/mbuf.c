/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf.c - taking buffers, giving them back, clones and copies.
 */
#include "runtime/mbuf.h"

#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mbuf_ref.h"
#include "runtime/mempool.h"

static int may_alloc(unsigned n)
{
	if (cleat_unlikely(cleat_self_thread == CLEAT_THREAD_NONE))
		return cleat_err(-EPERM,
			"this thread is not registered with the primary, so it may not use pools");
	if (cleat_unlikely(n == 0 || n > CLEAT_MAX_BURST))
		return cleat_err(
			-EINVAL, "1 to %u mbufs can be had at once, not %u", CLEAT_MAX_BURST, n);
	return 0;
}

/* Inside an operation. */
static int take(struct cleat_mempool *pool, struct cleat_mbuf **out, unsigned n)
{
	uint64_t word = cleat_owner_word(CLEAT_OWNER_PROCESS, cleat_self_slot);
	cleat_handle handles[CLEAT_MAX_BURST];

	if (cleat_mempool_get(pool, handles, n) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		out[i] = cleat_mbuf_of(handles[i]);
		cleat_prefetch(out[i]);
	}
	for (unsigned i = 0; i < n; i++) {
		cleat_store_release(&out[i]->owner, word);
		cleat_mbuf_reset(out[i], pool->headroom);
	}
	return 0;
}

int cleat_mbuf_alloc_bulk(struct cleat_mempool *pool, struct cleat_mbuf **out, unsigned n)
{
	int rc = may_alloc(n);

	if (cleat_unlikely(rc < 0))
		return rc;
	cleat_op_enter();
	rc = take(pool, out, n);
	cleat_op_exit();
	return rc;
}

struct cleat_mbuf *cleat_mbuf_alloc(struct cleat_mempool *pool)
{
	struct cleat_mbuf *m;

	return cleat_mbuf_alloc_bulk(pool, &m, 1) < 0 ? NULL : m;
}

/* Handles on their way to one pool. */
struct batch {
	struct cleat_mempool *pool;
	uint32_t n;
	cleat_handle handles[64];
};

static void batch_put(struct batch *b)
{
	if (b->n != 0)
		cleat_mempool_put(b->pool, b->handles, b->n);
	b->n = 0;
}

static void batch_add(struct batch *b, struct cleat_mbuf *m)
{
	if (b->n == 64 || (b->n != 0 && b->pool->id != m->pool))
		batch_put(b);
	if (b->n == 0)
		b->pool = cleat_mempool_by_id(m->pool);
	if (cleat_likely(b->pool != NULL))
		b->handles[b->n++] = cleat_handle_of(m);
}

/* A clone, or one that clones hold. */
static void free_referenced(struct batch *b, struct cleat_mbuf *m)
{
	if (m->ol_flags & CLEAT_MBUF_CLONE) {
		struct cleat_mbuf *parent =
			cleat_ref_detach(cleat_mbuf_of(cleat_mbuf_clone_of(m)->parent), m);

		if (parent != NULL)
			batch_add(b, parent);
	}
	if (cleat_ref_drop(m))
		batch_add(b, m);
}

/* Inside an operation. */
static void free_packet(struct batch *b, struct cleat_mbuf *m)
{
	while (m != NULL) {
		struct cleat_mbuf *next = cleat_mbuf_next(m);

		if (cleat_likely(cleat_mbuf_is_plain(m)))
			batch_add(b, m);
		else
			free_referenced(b, m);
		m = next;
	}
}

void cleat_mbuf_free_bulk(struct cleat_mbuf **mbufs, unsigned n)
{
	struct batch b;

	b.n = 0;
	cleat_op_enter();
	for (unsigned i = 0; i < n; i++)
		free_packet(&b, mbufs[i]);
	batch_put(&b);
	cleat_op_exit();
}

void cleat_mbuf_free(struct cleat_mbuf *m)
{
	cleat_mbuf_free_bulk(&m, 1);
}

static void free_inside(struct cleat_mbuf *m)
{
	struct batch b;

	b.n = 0;
	free_packet(&b, m);
	batch_put(&b);
}

static int attach_segment(struct cleat_mbuf *clone, struct cleat_mbuf *m)
{
	struct cleat_mbuf *parent = m;
	int rc;

	if (m->ol_flags & CLEAT_MBUF_CLONE)
		parent = cleat_mbuf_of(cleat_mbuf_clone_of(m)->parent);
	rc = cleat_ref_attach(parent, clone);
	clone->data_off = m->data_off;
	clone->data_len = m->data_len;
	return rc;
}

static void copy_metadata(struct cleat_mbuf *to, const struct cleat_mbuf *from)
{
	to->pkt_len = from->pkt_len;
	to->port = from->port;
	to->nb_segs = from->nb_segs;
	to->vlan_tci = from->vlan_tci;
	to->ol_flags = (to->ol_flags & CLEAT_MBUF_CLONE) | (from->ol_flags & ~CLEAT_MBUF_CLONE);
	to->packet_type = from->packet_type;
	to->rss_hash = from->rss_hash;
	to->timestamp_ns = from->timestamp_ns;
}

struct cleat_mbuf *cleat_mbuf_clone(struct cleat_mbuf *m, struct cleat_mempool *pool)
{
	struct cleat_mbuf *segs[CLEAT_MBUF_MAX_SEGS];
	unsigned n = m->nb_segs;
	unsigned i = 0;
	int rc = n > CLEAT_MBUF_MAX_SEGS ? -EINVAL : may_alloc(n);

	if (rc < 0)
		return NULL;
	cleat_op_enter();
	rc = take(pool, segs, n);
	for (struct cleat_mbuf *s = m; rc == 0 && s != NULL && i < n; s = cleat_mbuf_next(s)) {
		rc = attach_segment(segs[i], s);
		if (i > 0)
			segs[i - 1]->next = cleat_handle_of(segs[i]);
		i++;
	}
	if (rc == 0 && i == n) {
		copy_metadata(segs[0], m);
		cleat_op_exit();
		return segs[0];
	}
	/* those not chained yet are single; take() gave all or none */
	if (rc != -ENOMEM) {
		for (unsigned k = i == 0 ? 1 : i; k < n; k++)
			free_inside(segs[k]);
		free_inside(segs[0]);
	}
	cleat_op_exit();
	return NULL;
}

/* Inside an operation. */
static struct cleat_mbuf *take_chain(struct cleat_mempool *pool, unsigned n)
{
	struct cleat_mbuf *segs[CLEAT_MBUF_MAX_SEGS];

	if (take(pool, segs, n) < 0)
		return NULL;
	for (unsigned i = 1; i < n; i++)
		segs[i - 1]->next = cleat_handle_of(segs[i]);
	segs[0]->nb_segs = (uint16_t)n;
	return segs[0];
}

struct cleat_mbuf *cleat_mbuf_copy(const struct cleat_mbuf *m, struct cleat_mempool *pool)
{
	uint32_t room = pool->buf_bytes - pool->headroom;
	uint64_t n = m->pkt_len == 0 ? 1 : ((uint64_t)m->pkt_len + room - 1) / room;
	struct cleat_mbuf *copy = NULL;
	uint32_t done = 0;

	if (n > CLEAT_MBUF_MAX_SEGS || may_alloc((unsigned)n) < 0)
		return NULL;
	cleat_op_enter();
	copy = take_chain(pool, (unsigned)n);
	cleat_op_exit();
	if (copy == NULL)
		return NULL;
	for (struct cleat_mbuf *s = copy; s != NULL; s = cleat_mbuf_next(s)) {
		uint32_t len = m->pkt_len - done < room ? m->pkt_len - done : room;
		uint8_t *to = cleat_mbuf_data(s);
		const void *from = cleat_mbuf_read(m, done, len, to);

		if (from == NULL) { /* pkt_len says more than the segments hold */
			cleat_mbuf_free(copy);
			return NULL;
		}
		if (from != to)
			memcpy(to, from, len);
		s->data_len = (uint16_t)len;
		done += len;
	}
	copy_metadata(copy, m);
	copy->nb_segs = (uint16_t)n;
	return copy;
}
