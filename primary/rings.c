/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "primary/memory.h"
#include "primary/pools.h"
#include "primary/server.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/ring_recover.h"
#include "runtime/row.h"
#include "runtime/sweep.h"

#define PRODUCER CLEAT__RING_END__RING_END_PRODUCER
#define CONSUMER CLEAT__RING_END__RING_END_CONSUMER

static int free_row(void)
{
	for (int i = 0; i < CLEAT_MAX_RINGS; i++) {
		if (cleat_registry->rings[i].use == CLEAT_RING_USE_FREE)
			return i;
	}
	return cleat_err(-ENOSPC, "all %d rings are in use", CLEAT_MAX_RINGS);
}

static int read_row(uint32_t ring, struct cleat_ring_row_shm *row)
{
	if (ring >= CLEAT_MAX_RINGS || cleat_registry->rings[ring].use == CLEAT_RING_USE_FREE)
		return cleat_err(-ENOENT, "there is no ring %u", ring);
	*row = cleat_registry->rings[ring]; /* ours to write, so it stays still */
	return 0;
}

static void write_row(uint32_t ring, const struct cleat_ring_row_shm *row)
{
	CLEAT_ROW_WRITE(&cleat_registry->rings[ring], row);
}

/* One with that name is there: will it do? */
static int use_existing(struct cleat_primary *p, const struct cleat_ring_want *want, int id)
{
	struct cleat_ring_row_shm row = cleat_registry->rings[id];
	bool orphan = p->rings[id].orphan;

	if (row.use != want->use)
		return cleat_err(-EEXIST, "ring %s exists, inside a pool or port", want->name);
	if (!want->or_existing && !orphan)
		return cleat_err(-EEXIST, "ring %s exists", want->name);
	if (row.slots != want->slots || row.mode != want->mode)
		return cleat_err(-EEXIST, "ring %s exists with %u slots, %s", want->name, row.slots,
			row.mode == CLEAT_RING_SPSC ? "one producer and one consumer"
						    : "many producers and consumers");
	if (orphan) {
		p->rings[id].orphan = false;
		row.owner_slot = want->owner_slot;
		write_row((uint32_t)id, &row);
	}
	return id;
}

static int build(struct cleat_primary *p, const struct cleat_ring_want *want, int id)
{
	struct cleat_zone_request req = { .len_bytes = cleat_ring_bytes(want->slots),
		.align = CLEAT_FALSE_SHARING,
		.node = cleat_memory_node(want->node) };
	struct cleat_ring_row_shm row = { .slots = want->slots,
		.mode = (uint16_t)want->mode,
		.use = (uint16_t)want->use,
		.owner_slot = want->owner_slot,
		.producer_slot = CLEAT_SLOT_NONE,
		.consumer_slot = CLEAT_SLOT_NONE };
	struct cleat_zone_shm zone;
	char name[CLEAT_NAME_LEN];
	int rc, zone_id;

	(void)snprintf(name, sizeof(name), "cleat.ring.%d", id);
	req.name = name;
	zone_id = cleat_zone_reserve(p->heap, &req, &zone);
	if (zone_id < 0)
		return cleat_err_prefix(zone_id, "ring %s of %u slots", want->name, want->slots);
	rc = cleat_ring_init((struct cleat_ring_shm *)cleat_zone_ptr(&zone), want->slots);
	if (rc < 0) {
		(void)cleat_zone_free(p->heap, (uint32_t)zone_id);
		return rc;
	}
	(void)snprintf(row.name, sizeof(row.name), "%s", want->name);
	row.off = zone.va - cleat_window_base;
	row.zone = (uint32_t)zone_id;
	memset(&p->rings[id], 0, sizeof(p->rings[id]));
	write_row((uint32_t)id, &row);
	return id;
}

int cleat_ring_make(struct cleat_primary *p, const struct cleat_ring_want *want)
{
	int id, rc = cleat_name_check("ring", want->name);

	if (rc < 0)
		return rc;
	if (want->mode != CLEAT_RING_SPSC && want->mode != CLEAT_RING_MPMC)
		return cleat_err(-EINVAL, "ring %s: mode %u is unknown", want->name, want->mode);
	if (!cleat_is_pow2(want->slots) || want->slots < 2 || want->slots > CLEAT_MAX_RING)
		return cleat_err(-EINVAL, "ring %s: %u slots; give a power of two from 2 to %u",
			want->name, want->slots, CLEAT_MAX_RING);
	id = cleat_registry_find_ring(want->name, NULL);
	if (id >= 0)
		return use_existing(p, want, id);
	id = free_row();
	return id < 0 ? id : build(p, want, id);
}

/* A net_ring port may run on a ring that a process made. */
static int check_no_port(uint32_t ring, const char *name)
{
	const struct cleat_queue_row_shm *q = &cleat_registry->queues[0][0][0];

	for (int i = 0; i < CLEAT_MAX_PORTS * 2 * CLEAT_MAX_QUEUES; i++) {
		if (q[i].ring == ring)
			return cleat_err(-EBUSY, "ring %s is a queue of port %d", name,
				i / (2 * CLEAT_MAX_QUEUES));
	}
	return 0;
}

int cleat_ring_drop(struct cleat_primary *p, uint32_t ring)
{
	struct cleat_ring_row_shm row,
		empty = { .producer_slot = CLEAT_SLOT_NONE, .consumer_slot = CLEAT_SLOT_NONE };
	struct cleat_ring r;
	char who[64];
	int rc = read_row(ring, &row);

	rc = rc < 0 ? rc : check_no_port(ring, row.name);
	if (rc < 0)
		return rc;
	for (uint16_t slot = 0; slot < CLEAT_MAX_PROCS; slot++) {
		if (p->rings[ring].open[slot] != 0)
			return cleat_err(-EBUSY, "ring %s is open in %s", row.name,
				cleat_registry_who(slot, who, sizeof(who)));
	}
	if (cleat_ring_open_row(&r, ring, &row) == 0)
		(void)cleat_sweep_ring(&r);
	write_row(ring, &empty);
	memset(&p->rings[ring], 0, sizeof(p->rings[ring]));
	return cleat_zone_free(p->heap, row.zone);
}

/* ---- ends ---- */

static int check_end(
	const struct cleat_ring_row_shm *row, uint16_t slot, uint16_t holder, const char *end)
{
	char who[64];

	if (row->mode != CLEAT_RING_SPSC || holder == CLEAT_SLOT_NONE || holder == slot)
		return 0;
	return cleat_err(-EBUSY, "ring %s: its one %s is %s", row->name, end,
		cleat_registry_who(holder, who, sizeof(who)));
}

static void tell_peers(struct cleat_primary *p, uint32_t ring)
{
	cleat_server_event(
		p, CLEAT__EVENT_KIND__EVENT_RING_PEER, ring, cleat_registry->rings[ring].name);
}

int cleat_ring_attach(struct cleat_primary *p, uint32_t ring, uint16_t slot, unsigned int ends)
{
	struct cleat_ring_row_shm row;
	uint8_t *open;
	unsigned int fresh;
	int rc = read_row(ring, &row);

	if (rc < 0)
		return rc;
	if (ends == 0 || ends > (PRODUCER | CONSUMER))
		return cleat_err(-EINVAL, "ring %s: end %u is unknown", row.name, ends);
	if (row.use != CLEAT_RING_USE_NAMED)
		return cleat_err(-EPERM, "ring %s belongs to a pool or port", row.name);
	rc = ends & PRODUCER ? check_end(&row, slot, row.producer_slot, "producer") : 0;
	if (rc == 0 && (ends & CONSUMER))
		rc = check_end(&row, slot, row.consumer_slot, "consumer");
	if (rc < 0)
		return rc;
	open = &p->rings[ring].open[slot];
	fresh = ends & ~(unsigned int)*open;
	row.producers = (uint16_t)(row.producers + ((fresh & PRODUCER) != 0));
	row.consumers = (uint16_t)(row.consumers + ((fresh & CONSUMER) != 0));
	if (row.mode == CLEAT_RING_SPSC && (ends & PRODUCER))
		row.producer_slot = slot;
	if (row.mode == CLEAT_RING_SPSC && (ends & CONSUMER))
		row.consumer_slot = slot;
	*open = (uint8_t)(*open | ends);
	write_row(ring, &row);
	tell_peers(p, ring);
	return 0;
}

void cleat_ring_detach(struct cleat_primary *p, uint32_t ring, uint16_t slot, unsigned int ends)
{
	struct cleat_ring_row_shm row;
	struct cleat_ring r;
	uint8_t *open = &p->rings[ring].open[slot];

	ends &= *open;
	if (ends == 0 || read_row(ring, &row) < 0)
		return;
	*open = (uint8_t)(*open & ~ends);
	row.producers = (uint16_t)(row.producers - ((ends & PRODUCER) != 0));
	row.consumers = (uint16_t)(row.consumers - ((ends & CONSUMER) != 0));
	if (row.mode == CLEAT_RING_SPSC && (ends & PRODUCER)) {
		if (cleat_ring_open_row(&r, ring, &row) == 0)
			cleat_ring_recover_producer(&r);
		row.producer_slot = CLEAT_SLOT_NONE;
	}
	if (row.mode == CLEAT_RING_SPSC && (ends & CONSUMER))
		row.consumer_slot = CLEAT_SLOT_NONE;
	write_row(ring, &row);
	tell_peers(p, ring);
}

void cleat_rings_release(struct cleat_primary *p, uint16_t slot)
{
	for (uint32_t i = 0; i < CLEAT_MAX_RINGS; i++) {
		if (p->rings[i].open[slot] != 0)
			cleat_ring_detach(p, i, slot, PRODUCER | CONSUMER);
	}
}

int cleat_rings_evict(struct cleat_primary *p)
{
	int count = 0;

	for (uint32_t i = 0; i < CLEAT_MAX_RINGS; i++) {
		struct cleat_ring_row_shm row = cleat_registry->rings[i];

		if (row.use != CLEAT_RING_USE_NAMED || !p->rings[i].orphan ||
			row.producers + row.consumers > 0 || cleat_ring_drop(p, i) < 0)
			continue;
		cleat_log(CLEAT_LOG_NOTICE,
			"ring %s, whose owner is gone, made room; what was in it is freed",
			row.name);
		count++;
	}
	return count;
}

void cleat_rings_settle(struct cleat_primary *p, uint16_t slot)
{
	for (uint32_t i = 0; i < CLEAT_MAX_RINGS; i++) {
		struct cleat_ring_row_shm row = cleat_registry->rings[i];
		struct cleat_ring r;

		if (row.use != CLEAT_RING_USE_NAMED)
			continue;
		if (row.owner_slot == slot) {
			row.owner_slot = 0;
			write_row(i, &row);
			p->rings[i].orphan = true;
		}
		if (!p->rings[i].orphan || row.producers + row.consumers > 0)
			continue;
		if (cleat_ring_open_row(&r, i, &row) == 0 && cleat_ring_count(&r) == 0)
			(void)cleat_ring_drop(p, i);
	}
}
