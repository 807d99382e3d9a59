/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/pools.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "primary/memory.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/row.h"

static int free_pool_row(void)
{
	for (int i = 0; i < CLEAT_MAX_POOLS; i++) {
		if (cleat_registry->pools[i].name[0] == '\0')
			return i;
	}
	return cleat_err(-ENOSPC, "all %d pools are in use", CLEAT_MAX_POOLS);
}

static int free_ring_row(void)
{
	for (int i = 0; i < CLEAT_MAX_RINGS; i++) {
		if (cleat_registry->rings[i].use == CLEAT_RING_USE_FREE)
			return i;
	}
	return cleat_err(-ENOSPC, "all %d rings are in use", CLEAT_MAX_RINGS);
}

static void fill_rows(const struct cleat_pool_want *want, const struct cleat_mempool_layout *at,
	const struct cleat_zone_shm *zone, struct cleat_pool_row_shm *pool,
	struct cleat_ring_row_shm *ring)
{
	uint64_t start = zone->va - cleat_window_base;

	(void)snprintf(pool->name, sizeof(pool->name), "%s", want->name);
	pool->first_off = start + at->mbufs_off;
	pool->caches_off = start + at->caches_off;
	pool->count = want->count;
	pool->elt_bytes = at->elt_bytes;
	pool->cache_handles = want->cache_handles;
	pool->cache_stride = at->cache_stride;
	pool->owner_slot = want->owner_slot;
	pool->numa_node = zone->numa_node;
	pool->headroom_bytes = (uint16_t)want->headroom;
	(void)snprintf(ring->name, sizeof(ring->name), "pool.%.26s", want->name);
	ring->off = start + at->ring_off;
	ring->slots = at->ring_slots;
	ring->mode = CLEAT_RING_MPMC;
	ring->use = CLEAT_RING_USE_POOL;
	ring->producer_slot = CLEAT_SLOT_NONE;
	ring->consumer_slot = CLEAT_SLOT_NONE;
}

/* A pool left by a process that is gone, with just these numbers, gets a new owner. */
static int adopt_pool(struct cleat_primary *p, const struct cleat_pool_want *want)
{
	struct cleat_mempool_layout at;
	struct cleat_pool_row_shm row;
	int id = cleat_registry_find_pool(want->name, &row);
	int rc;

	if (id < 0)
		return id;
	rc = cleat_mempool_layout(
		&at, want->count, want->data_bytes, want->headroom, want->cache_handles);
	if (rc < 0)
		return rc;
	if (!p->pool_orphan[id] || row.count != want->count || row.elt_bytes != at.elt_bytes ||
		row.cache_handles != want->cache_handles || row.headroom_bytes != want->headroom)
		return cleat_err(-EEXIST, "pool %s exists", want->name);
	p->pool_orphan[id] = false;
	row.owner_slot = want->owner_slot;
	CLEAT_ROW_WRITE(&cleat_registry->pools[id], &row);
	return id;
}

static int build_pool(struct cleat_primary *p, const struct cleat_pool_want *want,
	const struct cleat_mempool_layout *at, int id, int ring)
{
	struct cleat_zone_request req = { .len_bytes = at->bytes, .align = CLEAT_FALSE_SHARING };
	struct cleat_pool_row_shm pool_row = { .ring = (uint16_t)ring };
	struct cleat_ring_row_shm ring_row = { .owner_slot = want->owner_slot };
	struct cleat_zone_shm zone;
	char name[CLEAT_NAME_LEN];
	int rc, zone_id;

	(void)snprintf(name, sizeof(name), "cleat.pool.%d", id);
	req.name = name;
	req.node = cleat_memory_node(want->node);
	zone_id = cleat_zone_reserve(p->heap, &req, &zone);
	if (zone_id < 0)
		return cleat_err_prefix(zone_id, "pool %s of %u mbufs", want->name, want->count);
	fill_rows(want, at, &zone, &pool_row, &ring_row);
	pool_row.zone = ring_row.zone = (uint32_t)zone_id;
	rc = cleat_mempool_init_shm((uint16_t)id, &pool_row, &ring_row);
	if (rc < 0) {
		(void)cleat_zone_free(p->heap, (uint32_t)zone_id);
		return rc;
	}
	CLEAT_ROW_WRITE(&cleat_registry->rings[ring], &ring_row);
	CLEAT_ROW_WRITE(&cleat_registry->pools[id], &pool_row);
	p->pool_orphan[id] = false;
	return id;
}

int cleat_pool_create(struct cleat_primary *p, const struct cleat_pool_want *want)
{
	struct cleat_mempool_layout at;
	int id, ring, rc = cleat_name_check("pool", want->name);

	if (rc < 0)
		return rc;
	id = adopt_pool(p, want);
	if (id != -ENOENT)
		return id;
	rc = cleat_mempool_layout(
		&at, want->count, want->data_bytes, want->headroom, want->cache_handles);
	id = rc < 0 ? rc : free_pool_row();
	ring = id < 0 ? id : free_ring_row();
	return ring < 0 ? ring : build_pool(p, want, &at, id, ring);
}

static int check_pool_unused(uint32_t id, const struct cleat_pool_row_shm *row)
{
	const struct cleat_queue_row_shm *q = &cleat_registry->queues[0][0][0];
	struct cleat_mempool *mp = cleat_mempool_by_id((uint16_t)id);
	uint32_t home = mp != NULL ? cleat_mempool_available(mp) : row->count;

	if (home < row->count)
		return cleat_err(-EBUSY, "pool %s: %u of its %u mbufs are still out", row->name,
			row->count - home, row->count);
	for (int i = 0; i < CLEAT_MAX_PORTS * 2 * CLEAT_MAX_QUEUES; i++) {
		int is_rx = i / CLEAT_MAX_QUEUES % 2 == CLEAT_RX;

		if (is_rx && q[i].configured && q[i].pool == id)
			return cleat_err(-EBUSY, "pool %s: port %d receives into it", row->name,
				i / (2 * CLEAT_MAX_QUEUES));
	}
	return 0;
}

/* Queues that had it before they were taken down: the next pool of that number is another. */
static void forget_pool(uint32_t id)
{
	struct cleat_queue_row_shm *q = &cleat_registry->queues[0][0][0];
	struct cleat_queue_row_shm row;

	for (int i = 0; i < CLEAT_MAX_PORTS * 2 * CLEAT_MAX_QUEUES; i++) {
		if (q[i].pool != id)
			continue;
		row = q[i];
		row.pool = 0xffff;
		CLEAT_ROW_WRITE(&q[i], &row);
	}
}

int cleat_pool_free(struct cleat_primary *p, uint32_t pool)
{
	struct cleat_pool_row_shm row, empty = { 0 };
	struct cleat_ring_row_shm empty_ring = { .producer_slot = CLEAT_SLOT_NONE,
		.consumer_slot = CLEAT_SLOT_NONE };
	int rc;

	if (CLEAT_ROW_READ(&row, &cleat_registry->pools[pool]) < 0 || row.name[0] == '\0')
		return cleat_err(-ENOENT, "there is no pool %u", pool);
	rc = check_pool_unused(pool, &row);
	if (rc < 0)
		return rc;
	forget_pool(pool);
	CLEAT_ROW_WRITE(&cleat_registry->pools[pool], &empty);
	CLEAT_ROW_WRITE(&cleat_registry->rings[row.ring], &empty_ring);
	return cleat_zone_free(p->heap, row.zone);
}

void cleat_pools_orphan(struct cleat_primary *p, uint16_t slot)
{
	struct cleat_pool_row_shm row;

	for (int i = 0; i < CLEAT_MAX_POOLS; i++) {
		row = cleat_registry->pools[i];
		if (row.name[0] == '\0' || row.owner_slot != slot)
			continue;
		row.owner_slot = 0;
		CLEAT_ROW_WRITE(&cleat_registry->pools[i], &row);
		p->pool_orphan[i] = true;
		cleat_log(
			CLEAT_LOG_INFO, "pool %s lost its owner; it stays for the next", row.name);
	}
}
