/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * services.c - what the primary does for drivers: zones, rings, pools, and making ports.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "primary/memory.h"
#include "primary/pools.h"
#include "primary/ports.h"
#include "primary/server.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/port.h"
#include "runtime/row.h"

#define DEFAULT_MTU 1500

static int zone_reserve(
	void *ctx, const char *name, uint64_t len_bytes, uint64_t align, int node, void **va)
{
	struct cleat_primary *p = ctx;
	struct cleat_zone_request req = { .name = name,
		.len_bytes = len_bytes,
		.align = align,
		.node = cleat_memory_node(node) };
	struct cleat_zone_shm zone;
	int rc = cleat_zone_reserve(p->heap, &req, &zone);

	if (rc < 0)
		return rc;
	*va = cleat_zone_ptr(&zone);
	return 0;
}

static int zone_free(void *ctx, const char *name)
{
	struct cleat_primary *p = ctx;
	int zone = cleat_zone_lookup(name, NULL);

	return zone < 0 ? zone : cleat_zone_free(p->heap, (uint32_t)zone);
}

static int ring_create(void *ctx, const char *name, uint32_t slots, enum cleat_ring_mode mode,
	enum cleat_ring_use use, int node)
{
	struct cleat_ring_want want = {
		.name = name, .slots = slots, .mode = mode, .use = use, .node = node
	};

	return cleat_ring_make(ctx, &want);
}

static int ring_free(void *ctx, uint32_t ring)
{
	return cleat_ring_drop(ctx, ring);
}

static int pool_find(void *ctx, const char *name, struct cleat_pool_row_shm *out)
{
	(void)ctx;
	return cleat_registry_find_pool(name, out);
}

/* ---- ports ---- */

static int free_port(const struct cleat_primary *p, const char *name)
{
	int id = cleat_registry_find_port(name, NULL);

	if (id >= 0)
		return cleat_err(-EEXIST, "port %d has the name %s already", id, name);
	for (id = 0; id < CLEAT_MAX_PORTS; id++) {
		if (p->ports[id] == NULL)
			return id;
	}
	return cleat_err(-ENOSPC, "all %d ports are in use", CLEAT_MAX_PORTS);
}

static int check_ctrl(const struct cleat_port_ctrl *ctrl)
{
	if (ctrl->max_rx_queues > CLEAT_MAX_QUEUES || ctrl->max_tx_queues > CLEAT_MAX_QUEUES)
		return cleat_err(-EINVAL, "port %s: more than %d queues in a direction", ctrl->name,
			CLEAT_MAX_QUEUES);
	return cleat_name_check("port", ctrl->name);
}

static void fill_row(struct cleat_port_shm *row, const struct cleat_port_ctrl *ctrl)
{
	(void)snprintf(row->name, sizeof(row->name), "%s", ctrl->name);
	(void)snprintf(row->driver, sizeof(row->driver), "%s", ctrl->driver);
	memcpy(row->mac, ctrl->mac, sizeof(row->mac));
	row->state = CLEAT_PORT_STOPPED;
	row->mtu = ctrl->mtu != 0 ? ctrl->mtu : DEFAULT_MTU;
	row->max_mtu = ctrl->max_mtu != 0 ? ctrl->max_mtu : row->mtu;
	row->max_rx_queues = ctrl->max_rx_queues;
	row->max_tx_queues = ctrl->max_tx_queues;
	row->numa_node = ctrl->numa_node < 0 ? 0xffff : (uint16_t)ctrl->numa_node;
	row->link_up = (uint16_t)(ctrl->link.up != 0);
	row->link_mbps = ctrl->link.mbps;
	row->offload_capa = ctrl->offload_capa;
	row->offloads = ctrl->offloads;
	row->max_mac_filters = ctrl->max_mac_filters;
	row->device = 0xffff;
}

static void clear_queue_rows(uint32_t port)
{
	struct cleat_queue_row_shm empty = { .owner_slot = CLEAT_SLOT_NONE, .ring = 0xffff };

	for (int i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		struct cleat_queue_row_shm *row = &(&cleat_registry->queues[port][0][0])[i];

		empty.claims = row->claims;
		CLEAT_ROW_WRITE(row, &empty);
	}
}

static int port_add(void *ctx, struct cleat_port_ctrl *ctrl)
{
	struct cleat_primary *p = ctx;
	struct cleat_port_shm row = { 0 };
	struct cleat_zone_request req = { .len_bytes = sizeof(struct cleat_port_area_shm),
		.align = CLEAT_PAGE_4K };
	struct cleat_port_area_shm *area;
	struct cleat_zone_shm zone;
	char name[CLEAT_NAME_LEN];
	int zone_id, id, rc = check_ctrl(ctrl);

	id = rc < 0 ? rc : free_port(p, ctrl->name);
	if (id < 0)
		return id;
	(void)snprintf(name, sizeof(name), "cleat.port.%d", id);
	req.name = name;
	req.node = cleat_memory_node(ctrl->numa_node);
	zone_id = cleat_zone_reserve(p->heap, &req, &zone);
	if (zone_id < 0)
		return zone_id;
	fill_row(&row, ctrl);
	row.generation = cleat_registry->ports[id].generation + 1;
	row.queues_zone = (uint32_t)zone_id;
	row.queues_off = zone.va - cleat_window_base;
	ctrl->port = (uint16_t)id;
	area = cleat_zone_ptr(&zone);
	ctrl->queues = area->queues;
	ctrl->hw_stats = area->hw_stats;
	clear_queue_rows((uint32_t)id);
	CLEAT_ROW_WRITE(&cleat_registry->ports[id], &row);
	p->ports[id] = ctrl;
	p->filters[id].n = 0;
	return id;
}

static int port_remove(void *ctx, struct cleat_port_ctrl *ctrl)
{
	struct cleat_primary *p = ctx;
	struct cleat_port_shm row, empty = { 0 };
	uint32_t id = ctrl->port;

	if (id >= CLEAT_MAX_PORTS || p->ports[id] != ctrl)
		return cleat_err(-ENODEV, "%s is no port", ctrl->name);
	row = cleat_registry->ports[id];
	empty.generation = row.generation;
	CLEAT_ROW_WRITE(&cleat_registry->ports[id], &empty);
	clear_queue_rows(id);
	p->ports[id] = NULL;
	ctrl->queues = NULL;
	cleat_log(CLEAT_LOG_INFO, "port %u (%s) removed", id, row.name);
	cleat_server_event(p, CLEAT__EVENT_KIND__EVENT_PORT_REMOVED, id, row.name);
	return cleat_zone_free(p->heap, row.queues_zone);
}

static int queue_ring_set(void *ctx, const struct cleat_port_ctrl *ctrl, enum cleat_dir dir,
	unsigned int queue, uint32_t ring)
{
	struct cleat_queue_row_shm row;

	(void)ctx;
	if (queue >= CLEAT_MAX_QUEUES)
		return cleat_err(-EINVAL, "queue %u: ids end at %d", queue, CLEAT_MAX_QUEUES - 1);
	row = cleat_registry->queues[ctrl->port][dir][queue];
	row.ring = (uint16_t)ring;
	CLEAT_ROW_WRITE(&cleat_registry->queues[ctrl->port][dir][queue], &row);
	return 0;
}

void cleat_services_init(struct cleat_primary *p)
{
	p->services = (struct cleat_services){
		.ctx = p,
		.zone_reserve = zone_reserve,
		.zone_free = zone_free,
		.ring_create = ring_create,
		.ring_free = ring_free,
		.pool_find = pool_find,
		.port_add = port_add,
		.port_remove = port_remove,
		.queue_ring_set = queue_ring_set,
	};
}
