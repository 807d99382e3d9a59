/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/pools.h"

#include <stdio.h>

#include "secondary/request.h"

int cleat_ctl_pool_create(const struct cleat_pool_request *req)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PoolCreate body = CLEAT__POOL_CREATE__INIT;
	uint64_t pool;
	int err;

	body.name = cleat_request_text(req->name);
	body.count = req->count;
	body.data_bytes = req->data_bytes != 0 ? req->data_bytes : 2048;
	body.headroom_bytes =
		req->headroom_bytes != 0 ? req->headroom_bytes : CLEAT_MBUF_HEADROOM_DEFAULT;
	body.cache_handles = req->cache_handles;
	body.node = req->node;
	env.body_case = CLEAT__ENVELOPE__BODY_POOL_CREATE;
	env.pool_create = &body;
	err = cleat_request_call(&env, &pool);
	return err < 0 ? err : (int)pool;
}

int cleat_ctl_pool_free(const char *name)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PoolFree body = CLEAT__POOL_FREE__INIT;

	body.name = cleat_request_text(name);
	env.body_case = CLEAT__ENVELOPE__BODY_POOL_FREE;
	env.pool_free = &body;
	return cleat_request_call(&env, NULL);
}

struct cleat_mempool *cleat_pool_on_node(int node)
{
	char name[CLEAT_NAME_LEN];

	(void)snprintf(name, sizeof(name), CLEAT_POOL_DEFAULT ".node%d", node);
	return cleat_mempool_by_name(
		node >= 0 && cleat_registry_find_pool(name, NULL) >= 0 ? name : CLEAT_POOL_DEFAULT);
}
