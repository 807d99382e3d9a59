/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * services.c - what the primary does for drivers: zones, rings, memory that devices reach,
 * interrupts.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "primary/bars.h"
#include "primary/memory.h"
#include "primary/pools.h"
#include "primary/port_life.h"
#include "primary/ports.h"
#include "primary/server.h"
#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/log.h"
#include "runtime/port.h"
#include "runtime/row.h"
#include "runtime/shared.h"

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
	struct cleat_primary *p = ctx;
	int rc = cleat_ring_drop(p, ring);

	if (rc == -EBUSY) { /* some process is in a queue of the removed port yet */
		p->rings[ring].doomed = true;
		rc = 0;
	}
	return rc;
}

static int pool_find(void *ctx, const char *name, struct cleat_pool_row_shm *out)
{
	(void)ctx;
	return cleat_registry_find_pool(name, out);
}

/* ---- what devices reach ---- */

static int dma_name(const struct cleat_port_ctrl *port, const char *what, char *name, size_t len)
{
	int n = snprintf(name, len, CLEAT_PORT_ZONE ".%s", port->port, what);

	return n < (int)len ? 0 : cleat_err(-ENAMETOOLONG, "port memory '%s': too long", what);
}

static int dma_reserve(void *ctx, const struct cleat_port_ctrl *port, const char *what,
	uint64_t len_bytes, uint64_t align, void **va, uint64_t *iova)
{
	struct cleat_primary *p = ctx;
	char name[CLEAT_NAME_LEN];
	struct cleat_zone_request req = { .name = name,
		.len_bytes = len_bytes,
		.align = align,
		.flags = CLEAT_ZONE_IOVA_CONTIGUOUS,
		.node = cleat_memory_node(port->numa_node) };
	struct cleat_zone_shm zone;
	int id, rc = dma_name(port, what, name, sizeof(name));

	id = rc < 0 ? rc : cleat_zone_reserve(p->heap, &req, &zone);
	if (id == -ENOSPC && req.node != CLEAT_NODE_ANY) {
		req.node = CLEAT_NODE_ANY; /* far away is better than not at all */
		id = cleat_zone_reserve(p->heap, &req, &zone);
	}
	if (id < 0 && cleat_iova_of(cleat_shared) != CLEAT_IOVA_NONE)
		return id;
	if (id >= 0) {
		*va = cleat_zone_ptr(&zone);
		*iova = cleat_iova_of_range(*va, zone.len_bytes);
		if (*iova != CLEAT_IOVA_NONE)
			return 0;
		(void)cleat_zone_free(p->heap, (uint32_t)id);
	}
	return cleat_err(-ENOTSUP,
		"port %s: its device cannot reach this memory: ordinary pages have no fixed physical "
		"address; reserve hugepages, or bind the device to vfio-pci",
		port->name);
}

static int dma_free(void *ctx, const struct cleat_port_ctrl *port, const char *what)
{
	char name[CLEAT_NAME_LEN];
	int rc = dma_name(port, what, name, sizeof(name));

	return rc < 0 ? rc : zone_free(ctx, name);
}

/* ---- interrupts ---- */

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct cleat_watch *w = io->data;

	(void)loop;
	(void)events;
	w->fn(w->arg);
}

static int irq_watch(void *ctx, int fd, void (*fn)(void *arg), void *arg)
{
	struct cleat_primary *p = ctx;
	struct cleat_watch *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return cleat_err(-ENOMEM, "no memory to watch an interrupt");
	w->fn = fn;
	w->arg = arg;
	w->next = p->watches;
	p->watches = w;
	ev_io_init(&w->io, on_readable, fd, EV_READ);
	w->io.data = w;
	ev_io_start(p->loop, &w->io);
	return 0;
}

static void irq_unwatch(void *ctx, int fd)
{
	struct cleat_primary *p = ctx;
	struct cleat_watch **at = &p->watches, *w;

	while (*at != NULL && (*at)->io.fd != fd)
		at = &(*at)->next;
	w = *at;
	if (w == NULL)
		return;
	*at = w->next;
	ev_io_stop(p->loop, &w->io);
	free(w);
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
		.port_add = cleat_port_add,
		.port_remove = cleat_port_remove,
		.queue_ring_set = queue_ring_set,
		.dma_reserve = dma_reserve,
		.dma_free = dma_free,
		.bar_map = cleat_bar_map,
		.bars_unmap = cleat_bars_withdraw,
		.irq_watch = irq_watch,
		.irq_unwatch = irq_unwatch,
		.link_changed = cleat_port_link_changed,
	};
}
