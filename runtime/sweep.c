/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sweep.c - the steps after a death, in order.
 */
#include "runtime/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/audit.h"
#include "runtime/audit_scan.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/mbuf_ref.h"
#include "runtime/ring_recover.h"

#define POLL_USEC 200
#define DRAIN	  256

enum state { RECOVER, RECLAIM, AUDIT, DONE };

struct cleat_sweep {
	enum state state;
	uint16_t slot;
	uint64_t count;
	int spoiled[CLEAT_MAX_POOLS]; /* the pool's ring had no room for a whole lap */
	struct cleat_scan scan;
	struct cleat_auditor *auditor;
};

struct cleat_sweep *cleat_sweep_new(uint16_t slot)
{
	struct cleat_sweep *s =
		aligned_alloc(CLEAT_FALSE_SHARING, cleat_align_up(sizeof(*s), CLEAT_FALSE_SHARING));

	if (s == NULL) {
		cleat_err(-ENOMEM, "no memory for a sweep");
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	s->slot = slot;
	if (cleat_scan_open(&s->scan, 0) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

static int is_ours(const struct cleat_sweep *s, uint32_t thread)
{
	return cleat_registry->threads[thread].slot == s->slot && thread != cleat_self.thread;
}

static struct cleat_mbuf *checked(void *arg, cleat_handle handle)
{
	if (handle == CLEAT_HANDLE_NONE || cleat_scan_find(arg, handle, NULL) == NULL)
		return NULL;
	return cleat_mbuf_of(handle);
}

/* Threads of this process and of others that died: their intents may be in each other's way. */
static int recover(struct cleat_sweep *s)
{
	struct cleat_thread_set dead;
	int rc;

	cleat_scan_gone(&dead);
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++)
		if (is_ours(s, t))
			cleat_thread_set_add(&dead, t);
	cleat_thread_set_remove(&dead, cleat_self.thread);
	rc = cleat_ring_recover(&dead);
	if (rc < 0)
		return rc == -EAGAIN ? 0 : rc;
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++)
		if (is_ours(s, t))
			cleat_ref_resolve((uint16_t)t, s->slot, checked, &s->scan);
	return 1;
}

/* Of an operation: a handle that is proved to be nobody's goes back. To find out that a ring full
 * of nonsense has no room takes a lap: once is enough. What stays out counts as lost. */
static void give_back(struct cleat_sweep *s, struct cleat_mempool *mp, cleat_handle handle)
{
	if (s->spoiled[mp->id])
		cleat_store_release(
			&cleat_mbuf_of(handle)->owner, cleat_owner_word(CLEAT_OWNER_POOL, mp->id));
	else if (cleat_mempool_put_ring(mp, &handle, 1) == 1)
		s->count++;
	else
		s->spoiled[mp->id] = 1;
}

/* Only the dead thread wrote there, so what stands in it counts once, and only if it says POOL. */
static void flush_cache(struct cleat_sweep *s, struct cleat_mempool *mp, uint16_t thread)
{
	struct cleat_cache_shm *cache = cleat_mempool_cache(mp, thread);
	uint32_t handles[CLEAT_MAX_CACHE];
	uint32_t len;

	if (cache == NULL)
		return;
	len = cleat_load_acquire(&cache->len);
	if (len > mp->cache_handles)
		len = 0;
	memcpy(handles, cleat_cache_handles(cache), len * sizeof(handles[0]));
	cleat_store_release(&cache->len, 0);
	for (uint32_t i = 0; i < len; i++) {
		struct cleat_mbuf *m;
		uint64_t word;

		if (cleat_mempool_index(mp, handles[i]) < 0)
			continue;
		m = cleat_mbuf_of(handles[i]);
		word = cleat_load_acquire(&m->owner);
		if (cleat_owner_is(word, CLEAT_OWNER_POOL, mp->id) &&
			word != cleat_owner_word(CLEAT_OWNER_POOL, mp->id))
			give_back(s, mp, handles[i]);
	}
}

/* Its own, or in a queue that it ran or that nobody runs. */
static int left_behind(const struct cleat_sweep *s, uint64_t owner)
{
	uint16_t slot;

	if (cleat_owner_is(owner, CLEAT_OWNER_PROCESS, s->slot))
		return 1;
	if (cleat_owner_kind_of(owner) != CLEAT_OWNER_QUEUE)
		return 0;
	return !cleat_scan_queue_owner(cleat_owner_id_of(owner), &slot) || slot == s->slot;
}

/* A clone whose parent is no mbuf has nobody to tell. Its own address for the device is worked out
 * anew: what it kept of it is the dead one's word, and a wrong one would have a device write over
 * somebody's data. */
static void free_one(struct cleat_sweep *s, struct cleat_mempool *mp, struct cleat_mbuf *m)
{
	if (m->clone) {
		struct cleat_mbuf *parent =
			checked(&s->scan, cleat_load_relaxed(&cleat_mbuf_clone_of(m)->parent));

		if (parent != NULL && parent != m)
			parent = cleat_ref_detach(parent, m);
		else
			parent = NULL;
		m->clone = 0;
		m->iova = cleat_mempool_iova(mp, m);
		if (parent != NULL)
			give_back(s, &cleat_scan_find(&s->scan, cleat_handle_of(parent), NULL)->mp,
				cleat_handle_of(parent));
	}
	m->pool = mp->id;
	if (cleat_ref_drop(m))
		give_back(s, mp, cleat_handle_of(m));
}

static void reclaim(struct cleat_sweep *s)
{
	struct cleat_op op = cleat_op_enter();

	for (unsigned p = 0; p < s->scan.n; p++) {
		struct cleat_mempool *mp = &s->scan.pools[p].mp;

		for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++)
			if (is_ours(s, t))
				flush_cache(s, mp, (uint16_t)t);
		for (uint32_t i = 0; i < mp->count; i++) {
			struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(mp, i));

			if (left_behind(s, cleat_load_acquire(&m->owner)))
				free_one(s, mp, m);
		}
	}
	cleat_op_exit(op);
}

static void give_back_lost(void *arg, struct cleat_mempool *mp, cleat_handle handle)
{
	struct cleat_sweep *s = arg;
	struct cleat_mbuf *m = cleat_mbuf_of(handle);

	if (cleat_owner_kind_of(m->owner) == CLEAT_OWNER_SHARED)
		cleat_ref_force_one(m);
	free_one(s, mp, m);
}

static int audit(struct cleat_sweep *s)
{
	int rc;
	struct cleat_op op;

	if (s->auditor == NULL)
		s->auditor = cleat_auditor_new();
	if (s->auditor == NULL)
		return -ENOMEM;
	rc = cleat_auditor_step(s->auditor);
	if (rc <= 0)
		return rc;
	op = cleat_op_enter();
	cleat_auditor_lost(s->auditor, give_back_lost, s);
	cleat_op_exit(op);
	return 1;
}

/* Counters go on from where they are when the line gets another thread. */
static void rest_lines(const struct cleat_sweep *s)
{
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++) {
		struct cleat_thread_shm *line = &cleat_shared->threads[t];
		uint64_t busy = cleat_load_relaxed(&line->busy);

		if (is_ours(s, t) && (busy & 1))
			cleat_store_release(&line->busy, busy + 1);
	}
}

/* The caller is in no operation. If somebody scribbled over its line, all would wait for it. */
static void rest_own_line(void)
{
	uint64_t busy = cleat_load_relaxed(&cleat_self.line->busy);

	if (busy & 1)
		cleat_store_release(&cleat_self.line->busy, busy + 1);
	cleat_store_release(&cleat_self.line->intent, 0);
}

int cleat_sweep_step(struct cleat_sweep *s)
{
	int rc;

	rest_own_line();
	/* pools may have come and gone since the last step */
	cleat_scan_close(&s->scan);
	rc = cleat_scan_open(&s->scan, 0);
	if (rc < 0)
		return rc;
	switch (s->state) {
	case RECOVER:
		rc = recover(s);
		if (rc <= 0)
			return rc;
		s->state = RECLAIM;
		/* fall through */
	case RECLAIM:
		reclaim(s);
		s->state = AUDIT;
		return 0;
	case AUDIT:
		rc = audit(s);
		if (rc <= 0)
			return rc;
		rest_lines(s);
		s->state = DONE;
		/* fall through */
	case DONE:
		break;
	}
	return 1;
}

uint64_t cleat_sweep_count(const struct cleat_sweep *s)
{
	return s->count;
}

int cleat_sweep_reclaimed(const struct cleat_sweep *s)
{
	return s->state > RECLAIM;
}

void cleat_sweep_free(struct cleat_sweep *s)
{
	if (s == NULL)
		return;
	cleat_auditor_free(s->auditor);
	cleat_scan_close(&s->scan);
	free(s);
}

int64_t cleat_sweep_run(uint16_t slot, unsigned timeout_ms)
{
	struct cleat_sweep *s = cleat_sweep_new(slot);
	uint64_t end = cleat_now_ms() + timeout_ms;
	int64_t rc;

	if (s == NULL)
		return -ENOMEM;
	while ((rc = cleat_sweep_step(s)) == 0 && cleat_now_ms() <= end)
		usleep(POLL_USEC);
	if (rc > 0)
		rc = (int64_t)s->count;
	else if (rc == 0)
		rc = cleat_err(
			-ETIMEDOUT, "a thread stays inside one operation; is a process stopped?");
	cleat_sweep_free(s);
	return rc;
}

/* Segments that say RING(this); a handle that is no mbuf, or somebody's, ends the packet. */
static uint32_t free_packet(struct cleat_sweep *s, uint16_t ring, cleat_handle handle)
{
	uint32_t count = 0;

	while (handle != CLEAT_HANDLE_NONE && count < CLEAT_MBUF_MAX_SEGS) {
		struct cleat_scan_pool *pool = cleat_scan_find(&s->scan, handle, NULL);
		struct cleat_mbuf *m = cleat_mbuf_of(handle);

		if (pool == NULL || !cleat_owner_is(m->owner, CLEAT_OWNER_RING, ring))
			break;
		handle = m->next;
		free_one(s, &pool->mp, m);
		count++;
	}
	return count;
}

uint32_t cleat_sweep_ring(struct cleat_ring *r)
{
	struct cleat_sweep *s = cleat_sweep_new(CLEAT_SLOT_NONE);
	cleat_handle handles[DRAIN];
	uint64_t rounds = r->size / DRAIN + 2; /* whoever fills it meanwhile does not keep us */
	uint32_t count = 0;
	struct cleat_op op;

	if (s == NULL)
		return 0;
	op = cleat_op_enter();
	while (rounds-- > 0) {
		uint32_t n = r->mode == CLEAT_RING_SPSC ? cleat_ring_get_spsc(r, handles, DRAIN, 0)
							: cleat_ring_get_mpmc(r, handles, DRAIN, 0);

		if (n == 0)
			break;
		for (uint32_t i = 0; i < n; i++)
			count += free_packet(s, r->id, handles[i]);
	}
	cleat_op_exit(op);
	cleat_sweep_free(s);
	return count;
}

int cleat_sweep_queue(uint16_t owner_id)
{
	struct cleat_sweep *s = cleat_sweep_new(CLEAT_SLOT_NONE);
	int count;
	struct cleat_op op;

	if (s == NULL)
		return -ENOMEM;
	op = cleat_op_enter();
	for (unsigned p = 0; p < s->scan.n; p++) {
		struct cleat_mempool *mp = &s->scan.pools[p].mp;

		for (uint32_t i = 0; i < mp->count; i++) {
			struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(mp, i));

			if (cleat_owner_is(
				    cleat_load_acquire(&m->owner), CLEAT_OWNER_QUEUE, owner_id))
				free_one(s, mp, m);
		}
	}
	cleat_op_exit(op);
	count = (int)s->count;
	cleat_sweep_free(s);
	return count;
}
