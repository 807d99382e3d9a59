/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * requests_objects.c - rings and pools.
 */
#include <errno.h>

#include "primary/pools.h"
#include "primary/requests.h"
#include "runtime/error.h"

static int ring_create(struct cleat_conn *c, const Cleat__RingCreate *m)
{
	struct cleat_ring_want want = {
		.name = m->name,
		.slots = m->slots,
		.mode = m->mode,
		.use = CLEAT_RING_USE_NAMED,
		.node = m->node,
		.owner_slot = c->slot,
		.or_existing = m->or_existing,
	};

	return cleat_ring_make(c->p, &want);
}

static int ring_open(struct cleat_conn *c, const Cleat__RingOpen *m)
{
	int ring = cleat_registry_find_ring(m->name, NULL);
	int rc = ring < 0 ? ring
			  : cleat_ring_attach(c->p, (uint32_t)ring, c->slot, (unsigned int)m->end);

	return rc < 0 ? rc : ring;
}

static int ring_close(struct cleat_conn *c, const Cleat__RingClose *m)
{
	if (m->ring >= CLEAT_MAX_RINGS || c->p->rings[m->ring].open[c->slot] == 0)
		return cleat_err(-EPERM, "ring %u is not open here", m->ring);
	cleat_ring_detach(c->p, m->ring, c->slot, (unsigned int)m->end);
	cleat_rings_settle(c->p, CLEAT_SLOT_NONE);
	return 0;
}

static int ring_free(struct cleat_conn *c, const Cleat__RingFree *m)
{
	struct cleat_ring_row_shm row;
	char who[64];
	int ring = cleat_registry_find_ring(m->name, &row);

	if (ring < 0)
		return ring;
	if (row.use != CLEAT_RING_USE_NAMED)
		return cleat_err(-EPERM, "ring %s belongs to a pool or port", row.name);
	if (row.owner_slot != c->slot && !c->p->rings[ring].orphan)
		return cleat_err(-EPERM, "ring %s belongs to %s", row.name,
			cleat_registry_who(row.owner_slot, who, sizeof(who)));
	return cleat_ring_drop(c->p, (uint32_t)ring);
}

static int pool_create(struct cleat_conn *c, const Cleat__PoolCreate *m)
{
	struct cleat_pool_want want = {
		.name = m->name,
		.count = m->count,
		.data_bytes = m->data_bytes,
		.headroom = m->headroom_bytes,
		.cache_handles = m->cache_handles,
		.node = m->node,
		.owner_slot = c->slot,
	};

	return cleat_pool_create(c->p, &want);
}

static int pool_free(struct cleat_conn *c, const Cleat__PoolFree *m)
{
	struct cleat_pool_row_shm row;
	char who[64];
	int pool = cleat_registry_find_pool(m->name, &row);

	if (pool < 0)
		return pool;
	if (row.owner_slot != c->slot && !c->p->pool_orphan[pool])
		return cleat_err(-EPERM, "pool %s belongs to %s", row.name,
			cleat_registry_who(row.owner_slot, who, sizeof(who)));
	return cleat_pool_free(c->p, (uint32_t)pool);
}

/* An index becomes the reply's value. */
static int give_index(int rc, uint64_t *value)
{
	if (rc < 0)
		return rc;
	*value = (uint64_t)rc;
	return 0;
}

int cleat_request_objects(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2)
{
	(void)value2;
	switch (env->body_case) {
	case CLEAT__ENVELOPE__BODY_RING_CREATE:
		return give_index(ring_create(c, env->ring_create), value);
	case CLEAT__ENVELOPE__BODY_RING_OPEN:
		return give_index(ring_open(c, env->ring_open), value);
	case CLEAT__ENVELOPE__BODY_RING_CLOSE:
		return ring_close(c, env->ring_close);
	case CLEAT__ENVELOPE__BODY_RING_FREE:
		return ring_free(c, env->ring_free);
	case CLEAT__ENVELOPE__BODY_POOL_CREATE:
		return give_index(pool_create(c, env->pool_create), value);
	case CLEAT__ENVELOPE__BODY_POOL_FREE:
		return pool_free(c, env->pool_free);
	default:
		return CLEAT_NOT_MINE;
	}
}
