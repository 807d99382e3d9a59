/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zone.h - memzones: named pieces of the window's memory.
 *
 * Reserving and freeing is the primary's (one thread); looking up and walking is everybody's.
 *
 *   free row → row written (name, owner) → name in the index     reserve
 *   name out of the index → memory zeroed → row cleared          free
 *
 * So whoever finds a name finds a whole row, and a reserved zone is always all zero.
 * The primary dies between two steps: a zone that nobody can find by name keeps its owner in its
 * row, and is found by walking. An owner dies: cleat_zone_free_owned().
 */
#ifndef CLEAT_RUNTIME_ZONE_H
#define CLEAT_RUNTIME_ZONE_H

#include "runtime/hugepages.h"
#include "runtime/registry.h"
#include "runtime/zone_alloc.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_ZONE_IOVA_CONTIGUOUS 0x1U

struct cleat_zone_request {
	const char *name;
	uint64_t len_bytes;  /* rounded up to 64 */
	uint64_t align;	     /* power of two; 0: 64 */
	uint64_t boundary;   /* not to be crossed; power of two, 0: none */
	uint32_t flags;	     /* CLEAT_ZONE_… */
	uint16_t node;	     /* CLEAT_NODE_ANY: any */
	uint16_t owner_slot; /* 0: the primary; it outlives all others */
};

/* ---- the primary ---- */

/**
 * Reserve a zone: memory, all zero, and its row.
 *
 * @param out  receives the row; may be NULL
 * @return     index of the row; -EEXIST if the name is taken; -EINVAL, -ENAMETOOLONG for a bad
 *             request; -ENOSPC when rows or memory do not suffice
 */
int cleat_zone_reserve(
	struct cleat_heap *heap, const struct cleat_zone_request *req, struct cleat_zone_shm *out);

/** Give a zone back. @return 0, or -ENOENT if the row is free */
int cleat_zone_free(struct cleat_heap *heap, uint32_t zone);

/** Give back all zones of a dead process. @return how many */
int cleat_zone_free_owned(struct cleat_heap *heap, uint16_t slot);

/** Hand a zone to another owner (0: it stays when its maker goes). @return 0 or -ENOENT */
int cleat_zone_set_owner(uint32_t zone, uint16_t slot);

/**
 * Put a memory segment into use, in two steps: all that can fail, then, once everybody has it
 * mapped, the rest.
 *
 *   row written → prepared (has IOVAs; nothing is given out of it) → open (its row says ready)
 *
 * @param segment_row  index of its row in the registry, already written (cleat_segment_row())
 * @return             0; -EPERM if physical addresses are needed and cannot be read; else as
 *                     cleat_heap_add()
 *
 * In PA mode a zone "cleat.iova.<row>" with one uint64_t per page is made, unless the pages are
 * contiguous. It may lie in the segment itself.
 */
int cleat_zone_prepare_segment(struct cleat_heap *heap, uint32_t segment_row);
void cleat_zone_open_segment(struct cleat_heap *heap, uint32_t segment_row);
/** Both. */
int cleat_zone_add_segment(struct cleat_heap *heap, uint32_t segment_row);

/** Take a segment out of use, open or not. @return 0; -EBUSY if zones lie in it (the sentence names
 * one) */
int cleat_zone_remove_segment(struct cleat_heap *heap, uint32_t segment_row);

/* ---- everybody ---- */

/** @return index of the row; -ENOENT. @p out may be NULL */
int cleat_zone_lookup(const char *name, struct cleat_zone_shm *out);

/** Address of a zone in this process; NULL if the row does not fit the window. */
void *cleat_zone_ptr(const struct cleat_zone_shm *zone);

/** Called for each zone in the order of rows; nonzero stops the walk. @p row is a copy. */
typedef int (*cleat_zone_visit)(uint32_t zone, const struct cleat_zone_shm *row, void *arg);

/** @return 0, or what the visitor stopped with */
int cleat_zone_walk(cleat_zone_visit visit, void *arg);

#ifdef __cplusplus
}
#endif

#endif
