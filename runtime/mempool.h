/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mempool.h - mbufs of one size: a ring of free ones, and a cache per thread in front of it.
 *
 * All of a pool lies in one zone: ring, caches, mbufs (struct cleat_mempool_layout). A cache
 * belongs to one thread, who alone writes it; it lies in shared memory, so it outlives that thread.
 *
 *   get      len -= n → handles read where they are, behind the end → owner = PROCESS
 *   put      owner = POOL → handles stored behind the end → len += n
 *   refill   ring → array beyond len → len += k
 *   flush    len -= k → owner = POOL anew → ring
 *
 * Killed between two steps: the owner word says POOL, but the mbuf is in neither cache nor ring;
 * the sweep finds that (sweep.h). Never is an mbuf in two places.
 */
#ifndef CLEAT_RUNTIME_MEMPOOL_H
#define CLEAT_RUNTIME_MEMPOOL_H

#include <errno.h>

#include "runtime/handles.h"
#include "runtime/mbuf.h"
#include "runtime/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_cache_shm {
	uint32_t len; /* handles in it */
	uint32_t reserved[15];
	/* uint32_t handles[cache_handles] follow */
};
static_assert(sizeof(struct cleat_cache_shm) == 64, "pool ABI 1");

/* A pool as this process sees it; made from the registry's rows. */
struct cleat_mempool {
	struct cleat_ring ring;
	char *caches;	       /* NULL: none */
	cleat_handle first;    /* mbuf */
	uint32_t count;	       /* mbufs */
	uint32_t stride_units; /* from mbuf to mbuf, in units of handles (64 bytes) */
	uint32_t buf_bytes;    /* headroom and data of one mbuf */
	uint32_t cache_handles;
	uint32_t cache_stride;
	uint32_t cache_threads; /* how many have one; 0: none */
	uint32_t row_seq;
	uint16_t id;
	uint16_t headroom;
	uint64_t owner;	   /* CLEAT_OWNER_BITS() of the mbufs in it */
	uint64_t fresh[4]; /* header of an mbuf just taken, from data_off up to timestamp_ns */
	char name[CLEAT_NAME_LEN];
};

/* Where things lie in a pool's zone. */
struct cleat_mempool_layout {
	uint64_t ring_off; /* from the zone's start, which is aligned to CLEAT_FALSE_SHARING */
	uint64_t caches_off;
	uint64_t mbufs_off;
	uint64_t bytes; /* of the zone */
	uint32_t ring_slots;
	uint32_t elt_bytes;
	uint32_t cache_stride;
};

/**
 * @param count          mbufs, 1..CLEAT_MAX_RING - 1
 * @param data_bytes     of each mbuf, headroom not counted; headroom + data at most 65,535
 * @param headroom       before the data
 * @param cache_handles  of each thread; 0: no caches; at most CLEAT_MAX_CACHE
 * @return               0 or -EINVAL with a sentence
 */
int cleat_mempool_layout(struct cleat_mempool_layout *out, uint32_t count, uint32_t data_bytes,
	uint32_t headroom, uint32_t cache_handles);

/**
 * Fill a new pool's memory: every mbuf's header, the ring with all handles, empty caches. Primary
 * only, before the rows are published.
 *
 * @param id    index of the pool's row
 * @param row   first_off, caches_off, count, elt_bytes, cache_*, ring, headroom_bytes are set
 * @param ring  the row of ring row->ring: off, slots, mode MPMC, use POOL are set
 * @return      0 or -EINVAL
 */
int cleat_mempool_init_shm(
	uint16_t id, const struct cleat_pool_row_shm *row, const struct cleat_ring_row_shm *ring);

/** Describe a pool to this process; checks every number against the window. @return 0; -ENOENT for
 * a free row; -EINVAL */
int cleat_mempool_open(struct cleat_mempool *mp, uint16_t id, const struct cleat_pool_row_shm *row,
	const struct cleat_ring_row_shm *ring);

/** The same with the ring's row taken from the registry. Also -EAGAIN if that row does not stay
 * still. */
int cleat_mempool_open_row(
	struct cleat_mempool *mp, uint16_t id, const struct cleat_pool_row_shm *row);

/** Do both describe the same memory under the same name? */
int cleat_mempool_same(const struct cleat_mempool *mp, const struct cleat_mempool *other);

/* This process's descriptions. An entry is written under a lock, then its number in `known` is set:
 * 1 + the sequence count of the row it was made of, 0: none. It is written again only if its row
 * has changed: then nobody can have mbufs of the old pool. */
extern struct cleat_mempool cleat_pools[CLEAT_MAX_POOLS];
extern uint32_t cleat_pools_known[CLEAT_MAX_POOLS];

/* As cleat_mempool_by_id(), for a pool that is not known, or no longer. */
struct cleat_mempool *cleat_mempool_look_up(uint16_t id);

/* As cleat_mempool_by_id(), if it is known; else NULL. */
cleat_inline struct cleat_mempool *cleat_mempool_known(uint16_t id)
{
	uint32_t known = 0;

	if (cleat_likely(id < CLEAT_MAX_POOLS))
		/* partner: the release store in mempool.c */
		known = cleat_load_acquire(&cleat_pools_known[id]);
	/* who knows a pool has a registry */
	if (cleat_unlikely(
		    known == 0 || known != cleat_load_relaxed(&cleat_registry->pools[id].seq) + 1))
		return NULL;
	return &cleat_pools[id];
}

/** This process's own description of pool @p id, opened on first use; it stays where it is. NULL
 * with a sentence if there is no such pool. */
cleat_inline struct cleat_mempool *cleat_mempool_by_id(uint16_t id)
{
	struct cleat_mempool *mp = cleat_mempool_known(id);

	return cleat_likely(mp != NULL) ? mp : cleat_mempool_look_up(id);
}

struct cleat_mempool *cleat_mempool_by_name(const char *name);

/** Forget all descriptions, at detach; no thread uses a pool meanwhile. */
void cleat_mempool_forget_all(void);

/** Mbufs at hand: in the ring and in all caches; others may change it meanwhile. */
uint32_t cleat_mempool_available(const struct cleat_mempool *mp);

/** The shape of an mbuf just taken: single, no clone. As cleat_mbuf_single() of the pool, but read,
 * not put together. */
cleat_inline uint64_t cleat_mempool_shape(const struct cleat_mempool *mp)
{
	static_assert(offsetof(struct cleat_mbuf, shape) ==
			      offsetof(struct cleat_mbuf, data_off) + sizeof(mp->fresh[0]),
		"where a fresh header has it");
	return mp->fresh[1];
}

/** Which mbuf of the pool a handle names, 0..count-1, or -1; @p handle need not be trusted. */
cleat_inline int64_t cleat_mempool_index(const struct cleat_mempool *mp, cleat_handle handle)
{
	uint64_t off = (uint64_t)handle - mp->first;

	if (handle < mp->first || off % mp->stride_units != 0 ||
		off / mp->stride_units >= mp->count)
		return -1;
	return (int64_t)(off / mp->stride_units);
}

cleat_inline cleat_handle cleat_mempool_handle(const struct cleat_mempool *mp, uint32_t index)
{
	return mp->first + index * mp->stride_units;
}

/** What a device calls the buffer of an mbuf of the pool; CLEAT_IOVA_NONE where it crosses into a
 * page that does not follow for a device. */
uint64_t cleat_mempool_iova(const struct cleat_mempool *mp, const struct cleat_mbuf *m);

/** The cache of a thread, NULL if the pool has none. */
cleat_inline struct cleat_cache_shm *cleat_mempool_cache(
	const struct cleat_mempool *mp, uint16_t thread)
{
	if (cleat_unlikely(thread >= mp->cache_threads))
		return NULL;
	return (struct cleat_cache_shm *)(mp->caches + (uint64_t)thread * mp->cache_stride);
}

cleat_inline uint32_t *cleat_cache_handles(struct cleat_cache_shm *cache)
{
	return (uint32_t *)(cache + 1);
}

/** Raw: write @p word into the mbufs that @p n trusted handles name. */
cleat_inline void cleat_mempool_own(const cleat_handle *handles, uint32_t n, uint64_t word)
{
	uintptr_t base = cleat_window_base;
	uint64_t i = 0;

	for (; i + 4 <= n; i += 4) {
		struct cleat_mbuf *a = (struct cleat_mbuf *)cleat_ptr_at(base, handles[i]);
		struct cleat_mbuf *b = (struct cleat_mbuf *)cleat_ptr_at(base, handles[i + 1]);
		struct cleat_mbuf *c = (struct cleat_mbuf *)cleat_ptr_at(base, handles[i + 2]);
		struct cleat_mbuf *d = (struct cleat_mbuf *)cleat_ptr_at(base, handles[i + 3]);

		cleat_store_release(&a->owner, word);
		cleat_store_release(&b->owner, word);
		cleat_store_release(&c->owner, word);
		cleat_store_release(&d->owner, word);
	}
	for (; i < n; i++) {
		struct cleat_mbuf *m = (struct cleat_mbuf *)cleat_ptr_at(base, handles[i]);

		cleat_store_release(&m->owner, word);
	}
}

/** Raw: straight into the ring, past the cache. @return how many found room: all @p n, unless
 * someone scribbled over the ring */
uint32_t cleat_mempool_put_ring(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n);

/* As cleat_mempool_take(), where the cache alone does not serve. */
const cleat_handle *cleat_mempool_take_past(
	struct cleat_mempool *mp, cleat_handle *room, uint32_t n);

/* As cleat_mempool_take(), out of the cache alone. */
cleat_inline const cleat_handle *cleat_mempool_take_cached(struct cleat_mempool *mp, uint32_t n)
{
	struct cleat_cache_shm *cache = cleat_mempool_cache(mp, cleat_self.thread);
	uint32_t len;

	if (cleat_unlikely(cache == NULL))
		return NULL;
	len = cleat_load_relaxed(&cache->len);
	if (cleat_unlikely(n > len || len > mp->cache_handles))
		return NULL;
	/* partner: the sweep's acquire load, after this thread's death */
	cleat_store_release(&cache->len, len - n);
	return cleat_cache_handles(cache) + len - n;
}

/**
 * Raw, inside an operation: take @p n handles or none. Their owner words still say POOL.
 *
 * @param room  of @p n handles, in case
 * @return      where they are: in @p room or behind the cache's end, until the next put; NULL: the
 *              pool has not that many at hand
 */
cleat_inline const cleat_handle *cleat_mempool_take(
	struct cleat_mempool *mp, cleat_handle *room, uint32_t n)
{
	const cleat_handle *handles = cleat_mempool_take_cached(mp, n);

	return cleat_likely(handles != NULL) ? handles : cleat_mempool_take_past(mp, room, n);
}

/** The same, copied. @return 0 or -ENOMEM */
cleat_inline int cleat_mempool_get(struct cleat_mempool *mp, cleat_handle *out, uint32_t n)
{
	const cleat_handle *handles = cleat_mempool_take(mp, out, n);

	if (cleat_unlikely(handles == NULL))
		return -ENOMEM;
	if (cleat_likely(handles != out))
		cleat_handles_copy(out, handles, n);
	return 0;
}

/* As cleat_mempool_put_owned(), where the cache alone does not serve. */
void cleat_mempool_put_past(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n);

/** This thread's cache if it has room for @p n handles, else NULL. They go behind the first *@p
 * len, then its len goes up: partner is the sweep's acquire load, after this thread's death. */
cleat_inline struct cleat_cache_shm *cleat_mempool_cache_with_room(
	const struct cleat_mempool *mp, uint32_t n, uint32_t *len)
{
	struct cleat_cache_shm *cache = cleat_mempool_cache(mp, cleat_self.thread);

	*len = 0;
	if (cleat_unlikely(cache == NULL))
		return NULL;
	*len = cleat_load_relaxed(&cache->len);
	/* whatever stands there */
	return cleat_likely((uint64_t)*len + n <= mp->cache_handles) ? cache : NULL;
}

/** Raw, inside an operation: put handles back whose owner words say POOL; 0..CLEAT_MAX_BURST. */
cleat_inline void cleat_mempool_put_owned(
	struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n)
{
	uint32_t len;
	struct cleat_cache_shm *cache = cleat_mempool_cache_with_room(mp, n, &len);

	if (cleat_unlikely(cache == NULL)) {
		cleat_mempool_put_past(mp, handles, n);
		return;
	}
	cleat_handles_copy(cleat_cache_handles(cache) + len, handles, n);
	cleat_store_release(&cache->len, len + n);
}

/** Raw, inside an operation: write the owner words, then the same. */
void cleat_mempool_put(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n);

#ifdef __cplusplus
}
#endif

#endif
