/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * requests_memory.c - zones and growth.
 */
#include <errno.h>
#include <string.h>

#include "primary/memory.h"
#include "primary/requests.h"
#include "runtime/error.h"

#define OWN_PREFIX "cleat."

static int zone_reserve(
	struct cleat_conn *c, const Cleat__ZoneReserve *m, uint64_t *value, uint64_t *value2)
{
	struct cleat_zone_request req = {
		.name = m->name,
		.len_bytes = m->len_bytes,
		.align = m->align_bytes,
		.boundary = m->bound_bytes,
		.flags = m->iova_contig ? CLEAT_ZONE_IOVA_CONTIGUOUS : 0,
		.node = cleat_memory_node(m->node),
		.owner_slot = c->slot,
	};
	struct cleat_zone_shm zone;
	int rc;

	if (strncmp(m->name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0)
		return cleat_err(-EINVAL, "zone %.31s: names that begin with %s are the primary's",
			m->name, OWN_PREFIX);
	rc = cleat_zone_reserve(c->p->heap, &req, &zone);
	if (rc < 0)
		return rc;
	*value = (uint64_t)rc;
	*value2 = zone.va;
	return 0;
}

static int zone_free(struct cleat_conn *c, const Cleat__ZoneFree *m)
{
	struct cleat_zone_shm zone;
	char who[64];
	int id = cleat_zone_lookup(m->name, &zone);

	if (id < 0)
		return id;
	if (zone.owner_slot != c->slot)
		return cleat_err(-EPERM, "zone %s belongs to %s", zone.name,
			cleat_registry_who(zone.owner_slot, who, sizeof(who)));
	return cleat_zone_free(c->p->heap, (uint32_t)id);
}

int cleat_request_memory(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2)
{
	int rc;

	switch (env->body_case) {
	case CLEAT__ENVELOPE__BODY_ZONE_RESERVE:
		return zone_reserve(c, env->zone_reserve, value, value2);
	case CLEAT__ENVELOPE__BODY_ZONE_FREE:
		return zone_free(c, env->zone_free);
	case CLEAT__ENVELOPE__BODY_MEMORY_GROW: /* answered when everybody has it mapped */
		rc = cleat_memory_grow(c->p, env->memory_grow->len_bytes, env->memory_grow->node,
			c->slot, env->id);
		return rc < 0 ? rc : CLEAT_ANSWERED;
	default:
		return CLEAT_NOT_MINE;
	}
}
