/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mempool.c - making a pool, opening one, taking handles and putting them back.
 */
#include "runtime/mempool.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/mbuf_ref.h"
#include "runtime/row.h"

#define MAX_BUF_BYTES 65535U
#define ROTATE	      32U /* handles that go round at once when tombstones fill the ring */

int cleat_mempool_layout(struct cleat_mempool_layout *out, uint32_t count, uint32_t data_bytes,
	uint32_t headroom, uint32_t cache_handles)
{
	uint64_t slots = cleat_pow2_ceil((uint64_t)count + CLEAT_MAX_BURST);

	if (count == 0 || count >= CLEAT_MAX_RING)
		return cleat_err(
			-EINVAL, "a pool has 1 to %u mbufs, not %u", CLEAT_MAX_RING - 1, count);
	if ((uint64_t)headroom + data_bytes > MAX_BUF_BYTES || data_bytes == 0)
		return cleat_err(-EINVAL,
			"an mbuf has at most %u bytes of headroom and data, and some data; %u + %u "
			"were asked",
			MAX_BUF_BYTES, headroom, data_bytes);
	if (cache_handles > CLEAT_MAX_CACHE)
		return cleat_err(-EINVAL, "a cache holds at most %u mbufs, not %u", CLEAT_MAX_CACHE,
			cache_handles);
	memset(out, 0, sizeof(*out));
	/* room for the tombstones of a dead thread beside all mbufs */
	out->ring_slots = slots < CLEAT_MAX_RING ? (uint32_t)slots : CLEAT_MAX_RING;
	out->elt_bytes = (uint32_t)cleat_align_up(
		sizeof(struct cleat_mbuf) + headroom + data_bytes, CLEAT_CACHE_LINE);
	if (cache_handles != 0)
		out->cache_stride = (uint32_t)cleat_align_up(
			sizeof(struct cleat_cache_shm) + cache_handles * sizeof(uint32_t),
			CLEAT_FALSE_SHARING);
	out->caches_off = cleat_align_up(cleat_ring_bytes(out->ring_slots), CLEAT_FALSE_SHARING);
	out->mbufs_off = out->caches_off + (uint64_t)out->cache_stride * CLEAT_MAX_THREADS;
	out->bytes = out->mbufs_off + (uint64_t)out->elt_bytes * count;
	return 0;
}

static int in_window(uint64_t off, uint64_t bytes)
{
	return off != 0 && off % CLEAT_CACHE_LINE == 0 && off < cleat_window_len &&
	       bytes <= cleat_window_len - off;
}

static int check_row(uint16_t id, const struct cleat_pool_row_shm *row)
{
	if (id >= CLEAT_MAX_POOLS)
		return cleat_err(-EINVAL, "pool %u: ids end at %u", id, CLEAT_MAX_POOLS - 1);
	if (row->name[0] == '\0')
		return cleat_err(-ENOENT, "pool %u does not exist", id);
	if (row->count == 0 || row->count >= CLEAT_MAX_RING ||
		row->elt_bytes <= sizeof(struct cleat_mbuf) ||
		row->elt_bytes % CLEAT_CACHE_LINE != 0 ||
		row->elt_bytes > cleat_align_up(sizeof(struct cleat_mbuf) + MAX_BUF_BYTES,
					 CLEAT_CACHE_LINE) ||
		row->headroom_bytes >= row->elt_bytes - sizeof(struct cleat_mbuf) ||
		!in_window(row->first_off, (uint64_t)row->elt_bytes * row->count))
		return cleat_err(-EINVAL, "pool %u: its row points outside the window", id);
	if (row->cache_handles == 0)
		return 0;
	if (row->cache_handles > CLEAT_MAX_CACHE || row->cache_stride % CLEAT_CACHE_LINE != 0 ||
		row->cache_stride < sizeof(struct cleat_cache_shm) + 4 * row->cache_handles ||
		!in_window(row->caches_off, (uint64_t)row->cache_stride * CLEAT_MAX_THREADS))
		return cleat_err(-EINVAL, "pool %u: its row's caches lie outside the window", id);
	return 0;
}

static void make_fresh(struct cleat_mempool *mp)
{
	struct cleat_mbuf m = { .pool = mp->id };

	static_assert(offsetof(struct cleat_mbuf, data_off) + sizeof(mp->fresh) ==
			      offsetof(struct cleat_mbuf, timestamp_ns),
		"a header's part");
	cleat_mbuf_reset(&m, mp->headroom);
	memcpy(mp->fresh, (const char *)&m + offsetof(struct cleat_mbuf, data_off),
		sizeof(mp->fresh));
}

int cleat_mempool_open(struct cleat_mempool *mp, uint16_t id, const struct cleat_pool_row_shm *row,
	const struct cleat_ring_row_shm *ring)
{
	uint32_t buf_bytes = row->elt_bytes - (uint32_t)sizeof(struct cleat_mbuf);
	int rc = check_row(id, row);

	if (rc < 0)
		return rc;
	memset(mp, 0, sizeof(*mp));
	rc = cleat_ring_open_row(&mp->ring, row->ring, ring);
	if (rc < 0)
		return cleat_err_prefix(rc, "pool %u", id);
	if (mp->ring.mode != CLEAT_RING_MPMC || mp->ring.size < row->count)
		return cleat_err(
			-EINVAL, "pool %u: ring %u cannot be its free list", id, row->ring);
	if (row->cache_handles != 0) {
		mp->caches = (char *)(cleat_window_base + row->caches_off);
		mp->cache_threads = CLEAT_MAX_THREADS;
	}
	mp->first = (cleat_handle)(row->first_off >> CLEAT_HANDLE_SHIFT);
	mp->count = row->count;
	mp->stride_units = row->elt_bytes >> CLEAT_HANDLE_SHIFT;
	mp->buf_bytes = buf_bytes < MAX_BUF_BYTES ? buf_bytes : MAX_BUF_BYTES;
	mp->cache_handles = row->cache_handles;
	mp->cache_stride = row->cache_stride;
	mp->row_seq = row->seq;
	mp->id = id;
	mp->owner = CLEAT_OWNER_BITS(CLEAT_OWNER_POOL, id);
	mp->headroom = row->headroom_bytes;
	make_fresh(mp);
	memcpy(mp->name, row->name, sizeof(mp->name));
	mp->name[sizeof(mp->name) - 1] = '\0';
	return 0;
}

int cleat_mempool_open_row(
	struct cleat_mempool *mp, uint16_t id, const struct cleat_pool_row_shm *row)
{
	struct cleat_ring_row_shm ring;
	int rc = check_row(id, row);

	if (rc < 0)
		return rc;
	if (row->ring >= CLEAT_MAX_RINGS)
		return cleat_err(-EINVAL, "pool %u: there is no ring %u", id, row->ring);
	rc = CLEAT_ROW_READ(&ring, &cleat_registry->rings[row->ring]);
	if (rc < 0)
		return cleat_err(
			rc, "pool %u: the row of ring %u does not stay still", id, row->ring);
	return cleat_mempool_open(mp, id, row, &ring);
}

uint64_t cleat_mempool_iova(const struct cleat_mempool *mp, const struct cleat_mbuf *m)
{
	return cleat_iova_of_range(m + 1, mp->buf_bytes);
}

static void init_mbuf(const struct cleat_mempool *mp, uint32_t index)
{
	struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(mp, index));

	m->pool = mp->id;
	cleat_mbuf_reset(m, mp->headroom);
	m->ref = CLEAT_REF_ONE;
	m->iova = cleat_mempool_iova(mp, m);
	m->owner = cleat_owner_word(CLEAT_OWNER_POOL, mp->id);
}

int cleat_mempool_init_shm(
	uint16_t id, const struct cleat_pool_row_shm *row, const struct cleat_ring_row_shm *ring)
{
	struct cleat_mempool mp;
	int rc = cleat_mempool_open(&mp, id, row, ring);

	if (rc < 0)
		return rc;
	rc = cleat_ring_init(mp.ring.shm, ring->slots);
	if (rc < 0)
		return rc;
	if (mp.caches != NULL)
		memset(mp.caches, 0, (size_t)mp.cache_stride * CLEAT_MAX_THREADS);
	for (uint32_t i = 0; i < mp.count; i++) {
		init_mbuf(&mp, i);
		cleat_ring_store(&mp.ring, i, cleat_mempool_handle(&mp, i));
	}
	cleat_store_release(&mp.ring.shm->head, mp.count);
	return 0;
}

struct cleat_mempool cleat_pools[CLEAT_MAX_POOLS];
uint32_t cleat_pools_known[CLEAT_MAX_POOLS];
static pthread_mutex_t pools_lock = PTHREAD_MUTEX_INITIALIZER;

int cleat_mempool_same(const struct cleat_mempool *mp, const struct cleat_mempool *other)
{
	return mp->first == other->first && mp->count == other->count &&
	       mp->stride_units == other->stride_units && mp->caches == other->caches &&
	       mp->cache_handles == other->cache_handles &&
	       mp->cache_stride == other->cache_stride && mp->ring.shm == other->ring.shm &&
	       mp->ring.size == other->ring.size && mp->ring.id == other->ring.id &&
	       mp->headroom == other->headroom && strcmp(mp->name, other->name) == 0;
}

static struct cleat_mempool *open_by_id(uint16_t id)
{
	struct cleat_mempool *known = cleat_pools_known[id] != 0 ? &cleat_pools[id] : NULL;
	struct cleat_mempool now;
	struct cleat_pool_row_shm row;
	int rc = CLEAT_ROW_READ(&row, &cleat_registry->pools[id]);

	if (rc < 0)
		/* its writer stopped half way; what was known before still holds */
		return known;
	rc = cleat_mempool_open_row(&now, id, &row);
	if (rc < 0)
		return NULL;
	if (known == NULL || !cleat_mempool_same(known, &now))
		cleat_pools[id] = now;
	else /* it may have been made anew: its ring started again from 0 */
		cleat_store_release(&known->ring.limit, now.ring.limit);
	/* partner: the acquire load in cleat_mempool_known() */
	cleat_store_release(&cleat_pools_known[id], row.seq + 1);
	return &cleat_pools[id];
}

struct cleat_mempool *cleat_mempool_look_up(uint16_t id)
{
	struct cleat_mempool *mp;

	if (id >= CLEAT_MAX_POOLS || cleat_registry == NULL) {
		cleat_err(-ENOENT, "pool %u does not exist", id);
		return NULL;
	}
	pthread_mutex_lock(&pools_lock);
	mp = open_by_id(id);
	pthread_mutex_unlock(&pools_lock);
	return mp;
}

struct cleat_mempool *cleat_mempool_by_name(const char *name)
{
	int id = cleat_registry_find_pool(name, NULL);

	return id < 0 ? NULL : cleat_mempool_by_id((uint16_t)id);
}

void cleat_mempool_forget_all(void)
{
	pthread_mutex_lock(&pools_lock);
	memset(cleat_pools_known, 0, sizeof(cleat_pools_known));
	pthread_mutex_unlock(&pools_lock);
}

uint32_t cleat_mempool_available(const struct cleat_mempool *mp)
{
	uint64_t sum = cleat_ring_count(&mp->ring);

	for (uint16_t t = 0; mp->caches != NULL && t < CLEAT_MAX_THREADS; t++) {
		uint32_t len = cleat_load_relaxed(&cleat_mempool_cache(mp, t)->len);

		sum += len <= mp->cache_handles ? len : 0;
	}
	return (uint32_t)(sum < mp->count ? sum : mp->count);
}

static int rotate_limit(const struct cleat_mempool *mp)
{
	return (int)(2 * mp->ring.size / ROTATE) + 16;
}

/* Write the owner word of those that are mbufs of the pool, and drop the others: someone scribbled
 * over the ring. @return how many are left */
static uint32_t own_checked(
	const struct cleat_mempool *mp, cleat_handle *handles, uint32_t n, uint64_t word)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (cleat_mempool_index(mp, handles[i]) < 0)
			continue;
		cleat_store_release(&cleat_mbuf_of(handles[i])->owner, word);
		handles[kept++] = handles[i];
	}
	return kept;
}

/*
 * The ring is full though it has more slots than the pool has mbufs: tombstones. Consumers skip
 * them, so let it go round until there is room. @return how many found none
 */
static uint32_t put_rotating(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n)
{
	uint64_t word = cleat_owner_word(CLEAT_OWNER_POOL, mp->id);
	cleat_handle held[CLEAT_MAX_BURST];
	uint32_t n_held = 0;

	for (int i = 0; i < rotate_limit(mp) && n + n_held > 0; i++) {
		uint32_t put = cleat_ring_put_mpmc(&mp->ring, held, n_held, 0);
		uint32_t got;

		n_held -= put;
		memmove(held, held + put, n_held * sizeof(held[0]));
		put = n_held == 0 ? cleat_ring_put_mpmc(&mp->ring, handles, n, 0) : 0;
		handles += put;
		n -= put;
		if (n + n_held == 0 || n_held > CLEAT_MAX_BURST - ROTATE)
			continue;
		got = cleat_ring_get_mpmc(&mp->ring, held + n_held, ROTATE, 0);
		n_held += own_checked(mp, held + n_held, got, word);
	}
	/* What is left found no room in a ring that someone scribbled over; its owner word says
	 * POOL, so the audit counts it as lost. */
	return n;
}

uint32_t cleat_mempool_put_ring(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n)
{
	uint32_t done;

	cleat_mempool_own(handles, n, cleat_owner_word(CLEAT_OWNER_POOL, mp->id));
	done = cleat_ring_put_mpmc(&mp->ring, handles, n, 0);
	if (cleat_likely(done == n))
		return n;
	return n - put_rotating(mp, handles + done, n - done);
}

static uint32_t cache_len(const struct cleat_mempool *mp, const struct cleat_cache_shm *cache)
{
	uint32_t len = cleat_load_relaxed(&cache->len);

	return cleat_likely(len <= mp->cache_handles) ? len : 0;
}

/* Take from the ring. Others had these mbufs: their headers and the start of their data are fetched
 * already, many at once. */
static uint32_t get_from_ring(struct cleat_mempool *mp, cleat_handle *out, uint32_t n, int bulk)
{
	n = cleat_ring_get_mpmc(&mp->ring, out, n, bulk);
	for (uint32_t i = 0; i < n; i++)
		cleat_mbuf_prefetch(cleat_mbuf_of(out[i]), mp->headroom);
	return n;
}

/* @return the cache's new length, at least @p n if the ring has them */
static uint32_t refill(
	struct cleat_mempool *mp, struct cleat_cache_shm *cache, uint32_t len, uint32_t n)
{
	uint32_t want = n - len + mp->cache_handles / 2;

	if (want > mp->cache_handles - len)
		want = mp->cache_handles - len;
	len += get_from_ring(mp, cleat_cache_handles(cache) + len, want, 0);
	cleat_store_release(&cache->len, len);
	return len;
}

const cleat_handle *cleat_mempool_take_past(
	struct cleat_mempool *mp, cleat_handle *room, uint32_t n)
{
	struct cleat_cache_shm *cache = cleat_mempool_cache(mp, cleat_self.thread);
	uint32_t len;

	if (cache == NULL || n > mp->cache_handles)
		return get_from_ring(mp, room, n, 1) == n ? room : NULL;
	len = cache_len(mp, cache);
	if (len < n)
		len = refill(mp, cache, len, n);
	if (len < n)
		return NULL;
	cleat_store_release(&cache->len, len - n);
	return cleat_cache_handles(cache) + len - n;
}

/* Room for @p n handles in the cache. @return its new length */
static uint32_t flush(
	struct cleat_mempool *mp, struct cleat_cache_shm *cache, uint32_t len, uint32_t n)
{
	uint32_t keep = mp->cache_handles / 2;

	if (keep > mp->cache_handles - n)
		keep = mp->cache_handles - n;
	cleat_store_release(&cache->len, keep);
	cleat_mempool_put_ring(mp, cleat_cache_handles(cache) + keep, len - keep);
	return keep;
}

void cleat_mempool_put_past(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n)
{
	struct cleat_cache_shm *cache = cleat_mempool_cache(mp, cleat_self.thread);
	uint32_t len;

	if (cache == NULL || n > mp->cache_handles) {
		cleat_mempool_put_ring(mp, handles, n);
		return;
	}
	len = cache_len(mp, cache);
	if (len + n > mp->cache_handles)
		len = flush(mp, cache, len, n);
	cleat_handles_copy(cleat_cache_handles(cache) + len, handles, n);
	cleat_store_release(&cache->len, len + n);
}

void cleat_mempool_put(struct cleat_mempool *mp, const cleat_handle *handles, uint32_t n)
{
	cleat_mempool_own(handles, n, cleat_owner_word(CLEAT_OWNER_POOL, mp->id));
	cleat_mempool_put_owned(mp, handles, n);
}
