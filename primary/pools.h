/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pools.h - making and freeing rings and pools: rows, zones, contents.
 *
 * A ring or pool outlives its maker as long as somebody has use for it: its owner is then the
 * primary (an orphan), and the next process that asks for the same gets it.
 */
#ifndef CLEAT_PRIMARY_POOLS_H
#define CLEAT_PRIMARY_POOLS_H

#include "primary/primary.h"
#include "runtime/mempool.h"

struct cleat_pool_want {
	const char *name;
	uint32_t count;
	uint32_t data_bytes;
	uint32_t headroom;
	uint32_t cache_handles;
	int node;
	uint16_t owner_slot;
};

/** @return the pool's index; -EEXIST, -ENOSPC, -EINVAL with a sentence */
int cleat_pool_create(struct cleat_primary *p, const struct cleat_pool_want *want);
/** @return 0; -EBUSY while mbufs are out, or a queue of a port uses it */
int cleat_pool_free(struct cleat_primary *p, uint32_t pool);
/** The owner is gone. */
void cleat_pools_orphan(struct cleat_primary *p, uint16_t slot);

struct cleat_ring_want {
	const char *name;
	uint32_t slots;
	uint32_t mode;
	uint32_t use;
	int node;
	uint16_t owner_slot;
	bool or_existing;
};

/** @return the ring's index; -EEXIST, -ENOSPC, -EINVAL with a sentence */
int cleat_ring_make(struct cleat_primary *p, const struct cleat_ring_want *want);
/** What is in it goes back to its pools. @return 0; -ENOENT; -EBUSY while it is open */
int cleat_ring_drop(struct cleat_primary *p, uint32_t ring);

/** Open ends (Cleat__RingEnd bits) for a process. @return 0; -EBUSY naming the holder */
int cleat_ring_attach(struct cleat_primary *p, uint32_t ring, uint16_t slot, unsigned int ends);
void cleat_ring_detach(struct cleat_primary *p, uint32_t ring, uint16_t slot, unsigned int ends);

/** Take all ring ends from a dead process. */
void cleat_rings_release(struct cleat_primary *p, uint16_t slot);
/** Free all rings whose owner is gone and that nobody has open, whatever is in them: there is no
 * room for new ones. @return how many */
int cleat_rings_evict(struct cleat_primary *p);
/** After the sweep: rings of the dead are freed or become orphans. */
void cleat_rings_settle(struct cleat_primary *p, uint16_t slot);

#endif
