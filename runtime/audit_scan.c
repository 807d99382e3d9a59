/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * audit_scan.c - rings first, then caches: an mbuf that keeps its word moves that way only.
 */
#include "runtime/audit_scan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/row.h"

#define PEEK 256

static int add_pool(struct cleat_scan *scan, uint16_t id, int notes)
{
	struct cleat_scan_pool *pool = &scan->pools[scan->n];
	struct cleat_pool_row_shm row;

	if (CLEAT_ROW_READ(&row, &cleat_registry->pools[id]) < 0 || row.name[0] == '\0' ||
		cleat_mempool_open_row(&pool->mp, id, &row) < 0)
		return 0;
	if (notes) {
		pool->notes = calloc(pool->mp.count, sizeof(pool->notes[0]));
		pool->words = calloc(pool->mp.count, sizeof(pool->words[0]));
	}
	scan->n++;
	if (notes && (pool->notes == NULL || pool->words == NULL))
		return cleat_err(-ENOMEM, "no memory for notes on %u mbufs", pool->mp.count);
	return 0;
}

int cleat_scan_open(struct cleat_scan *scan, int notes)
{
	int rc = 0;

	memset(scan, 0, sizeof(*scan));
	for (uint16_t id = 0; id < CLEAT_MAX_POOLS && rc == 0; id++)
		rc = add_pool(scan, id, notes);
	if (rc < 0)
		cleat_scan_close(scan);
	return rc;
}

static void forget(struct cleat_scan_pool *pool)
{
	free(pool->notes);
	free(pool->words);
	memset(pool, 0, sizeof(*pool));
}

void cleat_scan_close(struct cleat_scan *scan)
{
	while (scan->n > 0)
		forget(&scan->pools[--scan->n]);
}

/* A row may be rewritten without the pool becoming another: a new owner. */
static int still_there(struct cleat_scan_pool *pool)
{
	struct cleat_pool_row_shm row;
	struct cleat_mempool now;

	if (cleat_load_acquire(&cleat_registry->pools[pool->mp.id].seq) == pool->mp.row_seq)
		return 1;
	if (CLEAT_ROW_READ(&row, &cleat_registry->pools[pool->mp.id]) < 0 ||
		cleat_mempool_open_row(&now, pool->mp.id, &row) < 0 ||
		!cleat_mempool_same(&pool->mp, &now))
		return 0;
	pool->mp.row_seq = row.seq;
	return 1;
}

void cleat_scan_drop_changed(struct cleat_scan *scan)
{
	unsigned i = 0;

	while (i < scan->n) {
		struct cleat_scan_pool *pool = &scan->pools[i];

		if (still_there(pool)) {
			i++;
			continue;
		}
		forget(pool);
		*pool = scan->pools[--scan->n];
		memset(&scan->pools[scan->n], 0, sizeof(*pool));
	}
}

struct cleat_scan_pool *cleat_scan_find(
	struct cleat_scan *scan, cleat_handle handle, uint32_t *index)
{
	for (unsigned i = 0; i < scan->n; i++) {
		int64_t at = cleat_mempool_index(&scan->pools[i].mp, handle);

		if (at < 0)
			continue;
		if (index)
			*index = (uint32_t)at;
		return &scan->pools[i];
	}
	return NULL;
}

static struct cleat_mbuf *mbuf_at(const struct cleat_scan_pool *pool, uint32_t index)
{
	return cleat_mbuf_of(cleat_mempool_handle(&pool->mp, index));
}

/* @return the mbuf, NULL if the handle names none or one that was found before */
static struct cleat_mbuf *note_found(struct cleat_scan *scan, cleat_handle handle)
{
	uint32_t index;
	struct cleat_scan_pool *pool = cleat_scan_find(scan, handle, &index);

	if (pool == NULL)
		return NULL;
	if (pool->notes[index] & CLEAT_SCAN_FOUND) {
		pool->notes[index] |= CLEAT_SCAN_TWICE;
		return NULL; /* what follows it is noted, too: no chain is walked again */
	}
	pool->notes[index] |= CLEAT_SCAN_FOUND;
	return mbuf_at(pool, index);
}

static void note_packet(struct cleat_scan *scan, cleat_handle handle)
{
	for (int i = 0; i < CLEAT_MBUF_MAX_SEGS && handle != CLEAT_HANDLE_NONE; i++) {
		const struct cleat_mbuf *m = note_found(scan, handle);

		if (m == NULL)
			return;
		handle = cleat_load_relaxed(&m->next);
	}
}

static void scan_ring(struct cleat_scan *scan, uint32_t id)
{
	struct cleat_ring_cursor cursor;
	cleat_handle handles[PEEK];
	struct cleat_ring_row_shm row;
	struct cleat_ring ring;
	uint32_t n;

	if (cleat_load_relaxed(&cleat_registry->rings[id].use) == CLEAT_RING_USE_FREE ||
		CLEAT_ROW_READ(&row, &cleat_registry->rings[id]) < 0 ||
		row.use == CLEAT_RING_USE_FREE || cleat_ring_open_row(&ring, id, &row) < 0)
		return;
	cleat_ring_peek_start(&ring, &cursor);
	while ((n = cleat_ring_peek(&ring, &cursor, handles, PEEK)) > 0)
		for (uint32_t i = 0; i < n; i++) {
			if (row.use == CLEAT_RING_USE_POOL)
				note_found(scan, handles[i]);
			else
				note_packet(scan, handles[i]);
		}
}

static void scan_caches(struct cleat_scan *scan, struct cleat_scan_pool *pool)
{
	for (uint16_t t = 0; pool->mp.caches != NULL && t < CLEAT_MAX_THREADS; t++) {
		struct cleat_cache_shm *cache = cleat_mempool_cache(&pool->mp, t);
		uint32_t len = cleat_load_acquire(&cache->len);

		for (uint32_t i = 0; i < len && len <= pool->mp.cache_handles; i++)
			note_found(scan, cleat_load_relaxed(&cleat_cache_handles(cache)[i]));
	}
}

static void note_parents(struct cleat_scan *scan, const struct cleat_scan_pool *pool)
{
	for (uint32_t i = 0; i < pool->mp.count; i++) {
		const struct cleat_mbuf *m = mbuf_at(pool, i);
		struct cleat_scan_pool *of;
		uint32_t parent;

		if (!cleat_load_acquire(&m->clone) ||
			cleat_owner_kind_of(cleat_load_acquire(&m->owner)) == CLEAT_OWNER_POOL)
			continue;
		of = cleat_scan_find(
			scan, cleat_load_relaxed(&cleat_mbuf_clone_of(m)->parent), &parent);
		if (of != NULL)
			of->notes[parent] |= CLEAT_SCAN_HELD;
	}
}

int cleat_scan_queue_owner(uint16_t id, uint16_t *slot)
{
	unsigned dir = id & CLEAT_OWNER_TX ? CLEAT_TX : CLEAT_RX;
	const struct cleat_queue_row_shm *row =
		&cleat_registry->queues[id >> 5 & 63U][dir][id & 15U];

	*slot = cleat_load_relaxed(&row->owner_slot);
	return *slot != CLEAT_SLOT_NONE && (cleat_load_relaxed(&row->claims) & 31U) == id >> 11;
}

static int process_is_free(uint16_t slot)
{
	if (slot == 0)
		return 0;
	return slot >= CLEAT_MAX_PROCS ||
	       cleat_load_relaxed(&cleat_registry->procs[slot].state) == CLEAT_PROC_FREE;
}

/* Owner word, and for SHARED also the ref word: it changes with every new clone. */
static uint64_t word_of(const struct cleat_mbuf *m)
{
	uint64_t owner = cleat_load_acquire(&m->owner);

	if (cleat_owner_kind_of(owner) == CLEAT_OWNER_SHARED)
		owner += cleat_load_acquire(&m->ref) * 0x9e3779b97f4a7c15ULL;
	return owner;
}

static int suspicious(const struct cleat_scan_pool *pool, uint64_t owner, uint8_t notes)
{
	uint16_t id = cleat_owner_id_of(owner);
	uint16_t slot;

	switch (cleat_owner_kind_of(owner)) {
	case CLEAT_OWNER_POOL:
		return id != pool->mp.id || !(notes & CLEAT_SCAN_FOUND);
	case CLEAT_OWNER_RING:
		return !(notes & CLEAT_SCAN_FOUND);
	case CLEAT_OWNER_PROCESS:
		return process_is_free(id);
	case CLEAT_OWNER_QUEUE:
		return !cleat_scan_queue_owner(id, &slot);
	case CLEAT_OWNER_SHARED:
		return !(notes & CLEAT_SCAN_HELD);
	default:
		return 1;
	}
}

static int doubled(uint64_t owner, uint8_t notes)
{
	unsigned kind = cleat_owner_kind_of(owner);

	return (notes & CLEAT_SCAN_TWICE) ||
	       ((notes & CLEAT_SCAN_FOUND) && kind != CLEAT_OWNER_POOL && kind != CLEAT_OWNER_RING);
}

static void judge(struct cleat_scan_pool *pool, uint32_t index, int first)
{
	const struct cleat_mbuf *m = mbuf_at(pool, index);
	uint64_t owner = cleat_load_acquire(&m->owner);
	uint64_t word = word_of(m);
	uint8_t notes = pool->notes[index];
	uint8_t keep = CLEAT_SCAN_SUSPICIOUS | CLEAT_SCAN_DUPLICATE;

	if (first) {
		pool->words[index] = word;
		notes |= keep;
	} else if (pool->words[index] != word) {
		notes &= (uint8_t)~keep;
	}
	if (!suspicious(pool, owner, notes))
		notes &= (uint8_t)~CLEAT_SCAN_SUSPICIOUS;
	if (!doubled(owner, notes))
		notes &= (uint8_t)~CLEAT_SCAN_DUPLICATE;
	pool->notes[index] = notes;
}

void cleat_scan_pass(struct cleat_scan *scan)
{
	int first = scan->passes++ == 0;

	cleat_scan_drop_changed(scan);
	for (unsigned p = 0; p < scan->n; p++)
		for (uint32_t i = 0; i < scan->pools[p].mp.count; i++)
			scan->pools[p].notes[i] &= CLEAT_SCAN_SUSPICIOUS | CLEAT_SCAN_DUPLICATE;
	for (uint32_t r = 0; r < CLEAT_MAX_RINGS; r++)
		scan_ring(scan, r);
	for (unsigned p = 0; p < scan->n; p++)
		scan_caches(scan, &scan->pools[p]);
	for (unsigned p = 0; p < scan->n; p++)
		note_parents(scan, &scan->pools[p]);
	for (unsigned p = 0; p < scan->n; p++)
		for (uint32_t i = 0; i < scan->pools[p].mp.count; i++)
			judge(&scan->pools[p], i, first);
}

int cleat_scan_is_lost(const struct cleat_scan_pool *pool, uint32_t index)
{
	return (pool->notes[index] & CLEAT_SCAN_SUSPICIOUS) &&
	       word_of(mbuf_at(pool, index)) == pool->words[index];
}

int cleat_scan_is_duplicate(const struct cleat_scan_pool *pool, uint32_t index)
{
	return (pool->notes[index] & CLEAT_SCAN_DUPLICATE) != 0;
}

void cleat_scan_gone(struct cleat_thread_set *gone)
{
	memset(gone, 0, sizeof(*gone));
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++) {
		uint16_t slot = cleat_load_relaxed(&cleat_registry->threads[t].slot);
		uint16_t state;

		if (slot < CLEAT_MAX_PROCS) {
			state = cleat_load_relaxed(&cleat_registry->procs[slot].state);
			if (slot == 0 || state == CLEAT_PROC_READY || state == CLEAT_PROC_ATTACHING)
				continue;
		}
		cleat_thread_set_add(gone, t);
	}
}
