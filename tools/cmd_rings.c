/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_rings.c - rings and how full they are; pools and what they have at hand. */
#include <stdio.h>

#include "runtime/mempool.h"
#include "runtime/registry.h"
#include "runtime/ring.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column RING_COLUMNS[] = {
	{ "RING", "ring", 1 },
	{ "NAME", "name", 0 },
	{ "MODE", "mode", 0 },
	{ "USE", "use", 0 },
	{ "SLOTS", "slots", 1 },
	{ "FILLED", "filled", 1 },
	{ "PROD", "producers", 1 },
	{ "CONS", "consumers", 1 },
	{ "PRODUCER", "producer", 0 },
	{ "CONSUMER", "consumer", 0 },
	{ NULL, NULL, 0 },
};

static const struct cleat_column POOL_COLUMNS[] = {
	{ "POOL", "pool", 1 },
	{ "NAME", "name", 0 },
	{ "MBUFS", "count", 1 },
	{ "AT HAND", "available", 1 },
	{ "CACHED", "cached", 1 },
	{ "EACH", "elt_bytes", 1 },
	{ "HEADROOM", "headroom_bytes", 1 },
	{ "CACHE", "cache_handles", 1 },
	{ "NODE", "node", 1 },
	{ "OWNER", "owner", 0 },
	{ NULL, NULL, 0 },
};

static const char *use_name(uint16_t use)
{
	static const char *const NAMES[] = { "free", "named", "pool", "port" };

	return use < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[use] : "?";
}

int cleat_cmd_rings(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(RING_COLUMNS);

	for (unsigned i = 0; i < CLEAT_MAX_RINGS; i++) {
		struct cleat_ring_row_shm row;
		struct cleat_ring ring;

		if (CLEAT_ROW_READ(&row, &cleat_registry->rings[i]) != 0 ||
			row.use == CLEAT_RING_USE_FREE)
			continue;
		cleat_table_number(t, i);
		cleat_table_text(t, row.name);
		cleat_table_text(t, row.mode == CLEAT_RING_SPSC ? "spsc" : "mpmc");
		cleat_table_text(t, use_name(row.use));
		cleat_table_number(t, row.slots);
		if (cleat_ring_open_row(&ring, i, &row) == 0)
			cleat_table_number(t, cleat_ring_count(&ring));
		else
			cleat_table_none(t);
		cleat_table_number(t, row.producers);
		cleat_table_number(t, row.consumers);
		cleat_table_who(t, row.producer_slot);
		cleat_table_who(t, row.consumer_slot);
	}
	return cleat_tool_show(tool, t, "no rings");
}

static uint64_t count_cached(const struct cleat_mempool *mp)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < CLEAT_MAX_THREADS; i++) {
		const struct cleat_cache_shm *cache = cleat_mempool_cache(mp, i);

		if (cache != NULL)
			sum += cleat_load_relaxed(&cache->len);
	}
	return sum;
}

int cleat_cmd_pools(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(POOL_COLUMNS);

	for (uint16_t i = 0; i < CLEAT_MAX_POOLS; i++) {
		struct cleat_pool_row_shm row;
		struct cleat_mempool mp;
		int readable;

		if (CLEAT_ROW_READ(&row, &cleat_registry->pools[i]) != 0 || row.name[0] == '\0')
			continue;
		readable = cleat_mempool_open_row(&mp, i, &row) == 0;
		cleat_table_number(t, i);
		cleat_table_text(t, row.name);
		cleat_table_number(t, row.count);
		cleat_table_number(t, readable ? cleat_mempool_available(&mp) : 0);
		cleat_table_number(t, readable ? count_cached(&mp) : 0);
		cleat_table_number(t, row.elt_bytes);
		cleat_table_number(t, row.headroom_bytes);
		cleat_table_number(t, row.cache_handles);
		cleat_table_node(t, row.numa_node);
		cleat_table_who(t, row.owner_slot);
	}
	return cleat_tool_show(tool, t, "no pools");
}
