/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/zones.h"

#include "runtime/row.h"
#include "secondary/request.h"

static int node_number(uint16_t node)
{
	return node == CLEAT_NODE_ANY ? -1 : (int)node;
}

int cleat_ctl_zone_reserve(const struct cleat_zone_request *req, struct cleat_zone_shm *out)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__ZoneReserve body = CLEAT__ZONE_RESERVE__INIT;
	uint64_t zone;
	int err;

	body.name = cleat_request_text(req->name);
	body.len_bytes = req->len_bytes;
	body.align_bytes = req->align;
	body.bound_bytes = req->boundary;
	body.node = node_number(req->node);
	body.iova_contig = (req->flags & CLEAT_ZONE_IOVA_CONTIGUOUS) != 0;
	env.body_case = CLEAT__ENVELOPE__BODY_ZONE_RESERVE;
	env.zone_reserve = &body;
	err = cleat_request_call(&env, &zone);
	if (err == 0 && out != NULL)
		err = cleat_zone_lookup(req->name, out);
	return err < 0 ? err : (int)zone;
}

int cleat_ctl_zone_free(const char *name)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__ZoneFree body = CLEAT__ZONE_FREE__INIT;

	body.name = cleat_request_text(name);
	env.body_case = CLEAT__ENVELOPE__BODY_ZONE_FREE;
	env.zone_free = &body;
	return cleat_request_call(&env, NULL);
}

int cleat_ctl_memory_grow(uint64_t len_bytes, uint16_t node)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__MemoryGrow body = CLEAT__MEMORY_GROW__INIT;
	uint64_t segment;
	int err;

	body.len_bytes = len_bytes;
	body.node = node_number(node);
	env.body_case = CLEAT__ENVELOPE__BODY_MEMORY_GROW;
	env.memory_grow = &body;
	err = cleat_request_call(&env, &segment);
	return err < 0 ? err : (int)segment;
}
