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
	if (cleat_self.thread == CLEAT_THREAD_NONE)
		return cleat_err(-EPERM,
			"this thread is not registered with the primary, so it may not use pools");
	if (n == 0 || n > CLEAT_MAX_BURST)
		return cleat_err(
			-EINVAL, "1 to %u mbufs can be had at once, not %u", CLEAT_MAX_BURST, n);
	return 0;
}

/* Two words of a header, in one store. */
typedef uint64_t two_words __attribute__((vector_size(16), aligned(4), may_alias));

cleat_inline void make_fresh(struct cleat_mbuf *m, two_words first, two_words second, uint64_t word)
{
	cleat_store_release(&m->owner, word);
	*(two_words *)(void *)&m->data_off = first;
	*(two_words *)(void *)&m->ol_flags = second; /* timestamp_ns goes with its flag */
}

/* Few and wide stores: they are most of what an allocation costs. Nothing is fetched here: whoever
 * put the mbufs into the cache has touched or fetched them. */
cleat_inline void make_all_fresh(const struct cleat_mempool *pool, struct cleat_mbuf **out,
	const cleat_handle *handles, unsigned n, uint64_t word)
{
	const two_words first = *(const two_words *)(const void *)&pool->fresh[0];
	const two_words second = *(const two_words *)(const void *)&pool->fresh[2];
	struct cleat_mbuf **end = out + n;

	for (; end - out >= 4; out += 4, handles += 4) {
		cleat_handles_to_ptrs(out, handles, 4);
		make_fresh(out[0], first, second, word);
		make_fresh(out[1], first, second, word);
		make_fresh(out[2], first, second, word);
		make_fresh(out[3], first, second, word);
	}
	for (; out < end; out++) {
		*out = cleat_mbuf_of(*handles++);
		make_fresh(*out, first, second, word);
	}
}

/* Inside an operation. */
static int take(struct cleat_mempool *pool, struct cleat_op op, struct cleat_mbuf **out, unsigned n)
{
	cleat_handle room[CLEAT_MAX_BURST];
	const cleat_handle *handles = cleat_mempool_take(pool, room, n);

	if (handles == NULL)
		return -ENOMEM;
	make_all_fresh(pool, out, handles, n, cleat_owner_mine_in(op));
	return 0;
}

/* As cleat_mbuf_alloc_bulk(), where the cache alone does not serve. */
static __attribute__((noinline)) int alloc_past(
	struct cleat_mempool *pool, struct cleat_mbuf **out, unsigned n)
{
	int rc = may_alloc(n);
	struct cleat_op op;

	if (rc < 0)
		return rc;
	op = cleat_op_enter();
	rc = take(pool, op, out, n);
	cleat_op_exit(op);
	return rc;
}

int cleat_mbuf_alloc_bulk(struct cleat_mempool *pool, struct cleat_mbuf **out, unsigned n)
{
	const cleat_handle *handles = NULL;
	struct cleat_op op = cleat_op_enter();

	if (cleat_likely(n - 1 < CLEAT_MAX_BURST)) /* and not 0 */
		handles = cleat_mempool_take_cached(pool, n);
	if (cleat_likely(handles != NULL))
		make_all_fresh(pool, out, handles, n, cleat_owner_mine_in(op));
	cleat_op_exit(op);
	return cleat_likely(handles != NULL) ? 0 : alloc_past(pool, out, n);
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
	if (m->clone) {
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

/* Are all four plain ones of this shape? A count is 1 or more, and what lies below it in its word
 * is too small to carry into it: so each is 1 if they are 4 together. */
cleat_inline int are_plain(const struct cleat_mbuf *a, const struct cleat_mbuf *b,
	const struct cleat_mbuf *c, const struct cleat_mbuf *d, uint64_t shape)
{
	uint64_t refs;

	static_assert(4 * (CLEAT_MAX_THREADS + 1) < 0xffff, "sums");
	if (cleat_unlikely(a == NULL || b == NULL || c == NULL || d == NULL))
		return 0;
	if (cleat_unlikely(a->shape != shape || b->shape != shape || c->shape != shape ||
			   d->shape != shape))
		return 0;
	refs = cleat_load_relaxed(&a->ref);
	refs += cleat_load_relaxed(&b->ref);
	refs += cleat_load_relaxed(&c->ref);
	refs += cleat_load_relaxed(&d->ref);
	/* partner: the CAS of whoever held one too (cleat_mbuf_refcnt()) */
	cleat_fence_acquire();
	return cleat_ref_count(refs) == 4;
}

/* Give the plain ones in one piece that come first to their pool: owner words, and handles to
 * @p to. @return how many */
cleat_inline uint32_t give_plain(struct cleat_mbuf *const *mbufs, uint32_t n,
	const struct cleat_mempool *pool, uint64_t word, cleat_handle *to)
{
	uint64_t shape = cleat_mempool_shape(pool);
	uint64_t i = 0;

	for (; i + 4 <= n; i += 4) {
		struct cleat_mbuf *a = mbufs[i], *b = mbufs[i + 1];
		struct cleat_mbuf *c = mbufs[i + 2], *d = mbufs[i + 3];

		if (cleat_unlikely(!are_plain(a, b, c, d, shape)))
			break;
		cleat_store_relaxed(&a->owner, word); /* after the fence in are_plain() */
		cleat_store_relaxed(&b->owner, word);
		cleat_store_relaxed(&c->owner, word);
		cleat_store_relaxed(&d->owner, word);
		cleat_handles_of_ptrs(&to[i], &mbufs[i], 4);
	}
	for (; i < n; i++) {
		struct cleat_mbuf *m = mbufs[i];

		if (cleat_unlikely(m == NULL || m->shape != shape || cleat_mbuf_refcnt(m) != 1))
			break;
		cleat_store_release(&m->owner, word);
		to[i] = cleat_handle_of(m);
	}
	return (uint32_t)i;
}

/* Inside an operation: the plain ones of one pool that come first, into the cache. @return how
 * many; 0 also where the cache alone does not serve */
cleat_inline uint32_t free_plain(struct cleat_op op, struct cleat_mbuf **mbufs, uint32_t n)
{
	struct cleat_mempool *pool = NULL;
	struct cleat_cache_shm *cache;
	uint32_t len;

	if (cleat_likely(n > 0 && mbufs[0] != NULL))
		pool = cleat_mempool_known(mbufs[0]->pool);
	if (cleat_unlikely(pool == NULL))
		return 0;
	cache = cleat_mempool_cache_with_room(pool, n, &len);
	if (cleat_unlikely(cache == NULL))
		return 0;
	n = give_plain(mbufs, n, pool, cleat_owner_word_in(op, pool->owner),
		cleat_cache_handles(cache) + len);
	/* read again rather than kept: registers are short above */
	cleat_store_release(&cache->len, cleat_load_relaxed(&cache->len) + n);
	return n;
}

/* The same, past the cache where that does not serve. @return 0 if the first is not plain, or of no
 * pool */
static uint32_t free_plain_past(struct cleat_op op, struct cleat_mbuf **mbufs, uint32_t n)
{
	struct cleat_mempool *pool = mbufs[0] != NULL ? cleat_mempool_by_id(mbufs[0]->pool) : NULL;
	cleat_handle handles[CLEAT_MAX_BURST];

	if (pool == NULL)
		return 0;
	n = give_plain(mbufs, n < CLEAT_MAX_BURST ? n : CLEAT_MAX_BURST, pool,
		cleat_owner_word_in(op, pool->owner), handles);
	if (n > 0)
		cleat_mempool_put_past(pool, handles, n);
	return n;
}

/* What free_plain() left of an operation, and its end. */
static __attribute__((noinline)) void free_rest(
	struct cleat_op op, struct cleat_mbuf **mbufs, uint32_t n)
{
	struct batch b;

	b.n = 0;
	while (n > 0) {
		uint32_t run = free_plain_past(op, mbufs, n);

		if (run == 0) {
			free_packet(&b, mbufs[0]);
			run = 1;
		}
		mbufs += run;
		n -= run;
	}
	batch_put(&b);
	cleat_op_exit(op);
}

cleat_inline void free_all(struct cleat_mbuf **mbufs, uint32_t n)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t run = free_plain(op, mbufs, n);

	if (cleat_likely(run == n))
		cleat_op_exit(op);
	else
		free_rest(op, mbufs + run, n - run);
}

static __attribute__((noinline)) void free_many(struct cleat_mbuf **mbufs, uint32_t n)
{
	free_all(mbufs, n);
}

void cleat_mbuf_free_bulk(struct cleat_mbuf **mbufs, unsigned n)
{
	if (n >= 4)
		free_many(mbufs, n);
	else
		free_all(mbufs, n); /* without the frame that four at a time need */
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

	if (m->clone)
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
	to->ol_flags = from->ol_flags;
	to->packet_type = from->packet_type;
	to->rss_hash = from->rss_hash;
	to->timestamp_ns = from->timestamp_ns;
}

struct cleat_mbuf *cleat_mbuf_clone(struct cleat_mbuf *m, struct cleat_mempool *pool)
{
	struct cleat_mbuf *segs[CLEAT_MBUF_MAX_SEGS];
	unsigned n = m->nb_segs;
	unsigned i = 0;
	int rc = may_alloc(n);
	struct cleat_op op;

	if (rc < 0)
		return NULL;
	op = cleat_op_enter();
	rc = take(pool, op, segs, n);
	for (struct cleat_mbuf *s = m; rc == 0 && s != NULL && i < n; s = cleat_mbuf_next(s)) {
		rc = attach_segment(segs[i], s);
		if (i > 0)
			segs[i - 1]->next = cleat_handle_of(segs[i]);
		i++;
	}
	if (rc == 0 && i == n) {
		copy_metadata(segs[0], m);
		cleat_op_exit(op);
		return segs[0];
	}
	/* those not chained yet are single; take() gave all or none */
	if (rc != -ENOMEM) {
		for (unsigned k = i == 0 ? 1 : i; k < n; k++)
			free_inside(segs[k]);
		free_inside(segs[0]);
	}
	cleat_op_exit(op);
	return NULL;
}

/* Inside an operation. */
static struct cleat_mbuf *take_chain(struct cleat_mempool *pool, struct cleat_op op, unsigned n)
{
	struct cleat_mbuf *segs[CLEAT_MBUF_MAX_SEGS];

	if (take(pool, op, segs, n) < 0)
		return NULL;
	for (unsigned i = 1; i < n; i++)
		segs[i - 1]->next = cleat_handle_of(segs[i]);
	segs[0]->nb_segs = (uint8_t)n;
	return segs[0];
}

struct cleat_mbuf *cleat_mbuf_copy(const struct cleat_mbuf *m, struct cleat_mempool *pool)
{
	uint32_t room = pool->buf_bytes - pool->headroom;
	uint64_t n = m->pkt_len == 0 ? 1 : ((uint64_t)m->pkt_len + room - 1) / room;
	struct cleat_mbuf *copy = NULL;
	uint32_t done = 0;
	struct cleat_op op;

	if (n > CLEAT_MBUF_MAX_SEGS || may_alloc((unsigned)n) < 0)
		return NULL;
	op = cleat_op_enter();
	copy = take_chain(pool, op, (unsigned)n);
	cleat_op_exit(op);
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
	copy->nb_segs = (uint8_t)n;
	return copy;
}
