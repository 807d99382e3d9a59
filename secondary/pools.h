/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pools.h - ask the primary for mempools. Finding one needs no message: cleat_mempool_by_name().
 */
#ifndef CLEAT_SECONDARY_POOLS_H
#define CLEAT_SECONDARY_POOLS_H

#include "runtime/mempool.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Made by the primary at its start; those on further nodes are CLEAT_POOL_DEFAULT ".node1", … */
#define CLEAT_POOL_DEFAULT "default"

struct cleat_pool_request {
	const char *name;
	uint32_t count;
	uint32_t data_bytes;	 /* 0: 2048 */
	uint32_t headroom_bytes; /* 0: CLEAT_MBUF_HEADROOM_DEFAULT */
	uint32_t cache_handles;	 /* per thread; 0: none */
	int node;		 /* -1: any */
};

/** @return index of the pool; -EEXIST; -ENOSPC; -EINVAL */
int cleat_ctl_pool_create(const struct cleat_pool_request *req);

/** @return 0; -ENOENT; -EBUSY while mbufs are out or queues use it */
int cleat_ctl_pool_free(const char *name);

/** The primary's own pool on a NUMA node; its first if it has none there or @p node is -1. NULL
 * with a sentence if there is none at all. */
struct cleat_mempool *cleat_pool_on_node(int node);

#ifdef __cplusplus
}
#endif

#endif
