/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/zone.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/log.h"
#include "runtime/row.h"

/* ---- reserve and free ---- */

/* The lowest free row. Rows are only ever made by this thread, so plain reads do. */
static int free_row(void)
{
	for (unsigned i = 0; i < CLEAT_MAX_ZONES; i++)
		if (cleat_registry->zones[i].len_bytes == 0)
			return (int)i;
	return cleat_err(-ENOSPC, "all %d zones are in use", CLEAT_MAX_ZONES);
}

static int check_request(const struct cleat_zone_request *req)
{
	int rc = cleat_name_check("zone", req->name);

	if (rc < 0)
		return rc;
	if (req->owner_slot >= CLEAT_MAX_PROCS)
		return cleat_err(
			-EINVAL, "zone %s: there is no slot %u", req->name, req->owner_slot);
	if (req->flags & ~CLEAT_ZONE_IOVA_CONTIGUOUS)
		return cleat_err(-EINVAL, "zone %s: flags %#x are unknown", req->name, req->flags);
	rc = cleat_registry_find_zone(req->name, NULL);
	if (rc >= 0)
		return cleat_err(-EEXIST, "a zone '%s' exists already", req->name);
	return rc == -ENOENT ? 0 : rc;
}

static void fill_row(struct cleat_zone_shm *row, const struct cleat_heap *heap,
	const struct cleat_zone_request *req, uint64_t off)
{
	uint64_t len_bytes = cleat_align_up(req->len_bytes, CLEAT_ZONE_UNIT);

	*row = (struct cleat_zone_shm){
		.va = cleat_window_base + off,
		.iova = cleat_heap_iova(heap, off, len_bytes),
		.len_bytes = len_bytes,
		.owner_slot = req->owner_slot,
		.numa_node = cleat_heap_segment_of(heap, off)->node,
	};
	(void)snprintf(row->name, sizeof(row->name), "%s", req->name);
}

int cleat_zone_reserve(
	struct cleat_heap *heap, const struct cleat_zone_request *req, struct cleat_zone_shm *out)
{
	struct cleat_heap_want want = {
		.len_bytes = req->len_bytes,
		.align = req->align,
		.boundary = req->boundary,
		.node = req->node,
		.contiguous = (req->flags & CLEAT_ZONE_IOVA_CONTIGUOUS) != 0,
	};
	struct cleat_zone_shm row;
	uint64_t off;
	int zone, rc = check_request(req);

	if (rc < 0)
		return rc;
	zone = free_row();
	if (zone < 0)
		return zone;
	rc = cleat_heap_alloc(heap, &want, &off);
	if (rc < 0)
		return cleat_err_prefix(rc, "zone %s", req->name);
	fill_row(&row, heap, req, off);
	CLEAT_ROW_WRITE(&cleat_registry->zones[zone], &row);
	cleat_registry_index_add((uint32_t)zone, row.name);
	if (out)
		*out = row;
	return zone;
}

/* Copy a used row; -ENOENT for a free one. The primary is the only writer, so a plain copy is
 * whole. */
static int used_row(uint32_t zone, struct cleat_zone_shm *row)
{
	if (zone >= CLEAT_MAX_ZONES || cleat_registry->zones[zone].len_bytes == 0)
		return cleat_err(-ENOENT, "there is no zone with number %u", zone);
	*row = cleat_registry->zones[zone];
	return 0;
}

int cleat_zone_free(struct cleat_heap *heap, uint32_t zone)
{
	static const struct cleat_zone_shm none;
	struct cleat_zone_shm row;
	int rc = used_row(zone, &row);

	if (rc < 0)
		return rc;
	cleat_registry_index_remove(zone, row.name);
	memset((void *)(uintptr_t)row.va, 0, row.len_bytes);
	rc = cleat_heap_free(heap, row.va - cleat_window_base, row.len_bytes);
	if (rc < 0) { /* out of memory: the zone stays, and can be freed later */
		cleat_registry_index_add(zone, row.name);
		return cleat_err_prefix(rc, "zone %s", row.name);
	}
	CLEAT_ROW_WRITE(&cleat_registry->zones[zone], &none);
	return 0;
}

int cleat_zone_free_owned(struct cleat_heap *heap, uint16_t slot)
{
	int count = 0;

	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++) {
		const struct cleat_zone_shm *row = &cleat_registry->zones[i];

		if (row->len_bytes && row->owner_slot == slot && cleat_zone_free(heap, i) == 0)
			count++;
	}
	return count;
}

int cleat_zone_set_owner(uint32_t zone, uint16_t slot)
{
	struct cleat_zone_shm row;
	int rc = used_row(zone, &row);

	if (rc < 0)
		return rc;
	row.owner_slot = slot;
	CLEAT_ROW_WRITE(&cleat_registry->zones[zone], &row);
	return 0;
}

/* ---- segments ---- */

/* Fill in the IOVAs of a segment: one, or a table. */
static int find_iovas(const struct cleat_segment_shm *row, struct cleat_heap_segment *seg)
{
	uint64_t pages = row->len_bytes / row->page_bytes;
	const void *va = (const void *)(cleat_window_base + (uintptr_t)row->off);
	int rc;

	if (cleat_registry->header.iova_mode == CLEAT_IOVA_VA) {
		seg->iova = cleat_window_base + row->off - cleat_registry->header.iova_shift;
		return 0;
	}
	if (row->page_bytes == CLEAT_PAGE_4K) {
		/* The kernel may move ordinary pages: their physical addresses are worth nothing.
		 */
		cleat_log(CLEAT_LOG_WARNING,
			"memory at offset %#" PRIx64
			" is of ordinary pages, so devices cannot reach it "
			"by physical addresses; use hugepages or --iova-mode va",
			row->off);
		return 0;
	}
	seg->page_iova = (uint64_t *)calloc(pages, sizeof(uint64_t));
	if (seg->page_iova == NULL)
		return cleat_err(-ENOMEM, "no memory for the IOVAs of %" PRIu64 " pages", pages);
	rc = cleat_iova_read_pagemap(va, row->len_bytes, row->page_bytes, seg->page_iova);
	if (rc < 0)
		return rc;
	seg->iova = cleat_iova_contiguous(seg->page_iova, pages, row->page_bytes);
	if (seg->iova != CLEAT_IOVA_NONE) {
		free(seg->page_iova);
		seg->page_iova = NULL;
	}
	return 0;
}

/* Make the table that other processes compute IOVAs from. @return its zone */
static int publish_table(struct cleat_heap *heap, const struct cleat_heap_segment *seg)
{
	uint64_t len_bytes = seg->len_bytes / seg->page_bytes * sizeof(uint64_t);
	char name[CLEAT_NAME_LEN];
	struct cleat_zone_request req = {
		.name = name,
		.len_bytes = len_bytes,
		.node = CLEAT_NODE_ANY,
	};
	struct cleat_zone_shm zone;
	int rc;

	(void)snprintf(name, sizeof(name), "cleat.iova.%u", seg->id);
	rc = cleat_zone_reserve(heap, &req, &zone);
	if (rc >= 0)
		memcpy((void *)(uintptr_t)zone.va, seg->page_iova, len_bytes);
	return rc;
}

static int segment_row(uint32_t index, struct cleat_segment_shm *row)
{
	if (index >= CLEAT_MAX_SEGMENTS ||
		cleat_registry->segments[index].kind != CLEAT_SEGMENT_MEMORY)
		return cleat_err(-ENOENT, "row %u holds no memory segment", index);
	*row = cleat_registry->segments[index];
	return 0;
}

int cleat_zone_prepare_segment(struct cleat_heap *heap, uint32_t segment_row_index)
{
	struct cleat_segment_shm row;
	struct cleat_heap_segment seg;
	int table = -1;
	int rc = segment_row(segment_row_index, &row);

	if (rc < 0)
		return rc;
	seg = (struct cleat_heap_segment){
		.off = row.off,
		.len_bytes = row.len_bytes,
		.page_bytes = row.page_bytes,
		.iova = CLEAT_IOVA_NONE,
		.node = row.node_got,
		.id = (uint16_t)segment_row_index,
	};
	rc = find_iovas(&row, &seg);
	if (rc == 0)
		rc = cleat_heap_add(heap, &seg);
	if (rc < 0) {
		free(seg.page_iova);
		return rc;
	}
	if (seg.page_iova) {
		table = publish_table(heap, &seg);
		if (table < 0) {
			(void)cleat_heap_remove(heap, seg.off); /* frees page_iova, too */
			return table;
		}
	}
	cleat_heap_close(heap, seg.off, 1);
	row.iova = seg.iova;
	row.iova_table_zone = table < 0 ? UINT32_MAX : (uint32_t)table;
	CLEAT_ROW_WRITE(&cleat_registry->segments[segment_row_index], &row);
	return 0;
}

void cleat_zone_open_segment(struct cleat_heap *heap, uint32_t segment_row_index)
{
	struct cleat_segment_shm row = cleat_registry->segments[segment_row_index];

	row.ready = 1;
	CLEAT_ROW_WRITE(&cleat_registry->segments[segment_row_index], &row);
	cleat_heap_close(heap, row.off, 0);
	cleat_iova_refresh();
}

int cleat_zone_add_segment(struct cleat_heap *heap, uint32_t segment_row_index)
{
	int rc = cleat_zone_prepare_segment(heap, segment_row_index);

	if (rc == 0)
		cleat_zone_open_segment(heap, segment_row_index);
	return rc;
}

/* Is there a zone in [off, off + len_bytes), the table itself excepted? */
static int check_empty(const struct cleat_segment_shm *segment)
{
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++) {
		const struct cleat_zone_shm *row = &cleat_registry->zones[i];

		if (row->len_bytes == 0 || i == segment->iova_table_zone ||
			row->va - cleat_window_base - segment->off >= segment->len_bytes)
			continue;
		return cleat_err(-EBUSY,
			"the segment at offset %#" PRIx64 " holds zone '%s'; free it first",
			segment->off, row->name);
	}
	return 0;
}

int cleat_zone_remove_segment(struct cleat_heap *heap, uint32_t segment_row_index)
{
	struct cleat_segment_shm row;
	uint32_t table;
	int rc = segment_row(segment_row_index, &row);

	if (rc == 0)
		rc = check_empty(&row);
	if (rc < 0)
		return rc;
	table = row.iova_table_zone;
	row.iova_table_zone = UINT32_MAX;
	row.iova = CLEAT_IOVA_NONE;
	row.ready = 0;
	CLEAT_ROW_WRITE(&cleat_registry->segments[segment_row_index], &row);
	cleat_iova_refresh();
	if (table != UINT32_MAX)
		(void)cleat_zone_free(heap, table);
	return cleat_heap_remove(heap, row.off);
}

/* ---- everybody ---- */

int cleat_zone_lookup(const char *name, struct cleat_zone_shm *out)
{
	return cleat_registry_find_zone(name, out);
}

void *cleat_zone_ptr(const struct cleat_zone_shm *zone)
{
	return cleat_ptr_of_va(zone->va, zone->len_bytes);
}

int cleat_zone_walk(cleat_zone_visit visit, void *arg)
{
	struct cleat_zone_shm row;

	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++) {
		int rc;

		if (CLEAT_ROW_READ(&row, &cleat_registry->zones[i]) < 0 || row.len_bytes == 0)
			continue;
		rc = visit(i, &row, arg);
		if (rc)
			return rc;
	}
	return 0;
}
