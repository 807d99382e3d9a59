/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/port_life.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "primary/device_rows.h"
#include "primary/memory.h"
#include "primary/pools.h"
#include "primary/ports.h"
#include "primary/server.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/hugepages.h"
#include "runtime/log.h"
#include "runtime/port.h"
#include "runtime/row.h"

#define DEFAULT_MTU 1500

static int free_port(const struct cleat_primary *p, const char *name)
{
	int id = cleat_registry_find_port(name, NULL);

	if (id >= 0)
		return cleat_err(-EEXIST, "port %d has the name %s already", id, name);
	for (id = 0; id < CLEAT_MAX_PORTS; id++) {
		if (p->ports[id] == NULL && cleat_registry->ports[id].state == CLEAT_PORT_FREE)
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
	int device;

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
	row->offloads = ctrl->offloads & ctrl->offload_capa;
	row->max_mac_filters = ctrl->max_mac_filters;
	row->device = 0xffff;
	if (ctrl->device != NULL && (device = cleat_device_row_of(ctrl->device)) >= 0)
		row->device = (uint16_t)device;
}

static void clear_queue_rows(uint32_t port)
{
	struct cleat_queue_row_shm empty = {
		.owner_slot = CLEAT_SLOT_NONE, .pool = 0xffff, .ring = 0xffff
	};

	for (int i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		struct cleat_queue_row_shm *row = &(&cleat_registry->queues[port][0][0])[i];

		empty.claims = row->claims;
		CLEAT_ROW_WRITE(row, &empty);
	}
}

int cleat_port_add(void *ctx, struct cleat_port_ctrl *ctrl)
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
	(void)snprintf(name, sizeof(name), CLEAT_PORT_ZONE, (unsigned)id);
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

/* ---- removal ---- */

static bool held(uint32_t port)
{
	for (int i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		uint16_t owner = (&cleat_registry->queues[port][0][0])[i].owner_slot;

		if (owner != CLEAT_SLOT_NONE && owner != CLEAT_SLOT_DEVICE)
			return true;
	}
	return false;
}

/* The port's own zone, and those its driver reserved. */
static void free_zones(struct cleat_primary *p, uint32_t port)
{
	char own[CLEAT_NAME_LEN], prefix[CLEAT_NAME_LEN];
	size_t len;

	(void)snprintf(own, sizeof(own), CLEAT_PORT_ZONE, port);
	(void)snprintf(prefix, sizeof(prefix), CLEAT_PORT_ZONE ".", port);
	len = strlen(prefix);
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++) {
		const struct cleat_zone_shm *zone = &cleat_registry->zones[i];

		if (zone->len_bytes == 0 ||
			(strcmp(zone->name, own) != 0 && strncmp(zone->name, prefix, len) != 0))
			continue;
		if (cleat_zone_free(p->heap, i) < 0)
			cleat_log(CLEAT_LOG_WARNING, "port %u: %s", port, cleat_error());
	}
}

static void drop_doomed_rings(struct cleat_primary *p)
{
	for (uint32_t i = 0; i < CLEAT_MAX_RINGS; i++) {
		if (!p->rings[i].doomed)
			continue;
		p->rings[i].doomed = false;
		if (cleat_ring_drop(p, i) == -EBUSY)
			p->rings[i].doomed = true;
	}
}

void cleat_port_settle(struct cleat_primary *p, uint32_t port)
{
	struct cleat_port_shm empty = { 0 };

	if (cleat_registry->ports[port].state != CLEAT_PORT_REMOVED || held(port))
		return;
	empty.generation = cleat_registry->ports[port].generation;
	cleat_port_free_stuck(port);
	clear_queue_rows(port);
	free_zones(p, port);
	drop_doomed_rings(p);
	CLEAT_ROW_WRITE(&cleat_registry->ports[port], &empty);
	cleat_log(CLEAT_LOG_DEBUG, "port %u: nobody is left in it", port);
}

int cleat_port_remove(void *ctx, struct cleat_port_ctrl *ctrl)
{
	struct cleat_primary *p = ctx;
	struct cleat_port_shm row;
	uint32_t id = ctrl->port;

	if (id >= CLEAT_MAX_PORTS || p->ports[id] != ctrl)
		return cleat_err(-ENODEV, "%s is no port", ctrl->name);
	/* the driver has brought it to rest; should it not be, this comes before its memory goes */
	if (ctrl->device != NULL && cleat_bus_silence(ctrl->device) < 0)
		return cleat_err_prefix(-EBUSY, "%s keeps its port and memory", ctrl->name);
	row = cleat_registry->ports[id];
	row.state = CLEAT_PORT_REMOVED;
	row.link_up = 0;
	CLEAT_ROW_WRITE(&cleat_registry->ports[id], &row);
	p->ports[id] = NULL;
	ctrl->queues = NULL;
	ctrl->hw_stats = NULL;
	cleat_log(CLEAT_LOG_INFO, "port %u (%s) removed", id, row.name);
	cleat_server_event(p, CLEAT__EVENT_KIND__EVENT_PORT_REMOVED, id, row.name);
	cleat_port_settle(p, id);
	return 0;
}
