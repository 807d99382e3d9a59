/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * zone_alloc.h - the primary's allocator: which parts of the memory segments are free.
 *
 * Works on offsets in the window and never touches the memory it manages; its state is a sorted
 * array of free blocks in the primary's own heap. It can be made anew from the registry after a
 * restart: cleat_heap_add() each segment, cleat_heap_claim() each zone.
 *
 * A block never reaches over the end of its segment, even if the next segment follows at once.
 * One thread.
 */
#ifndef CLEAT_RUNTIME_ZONE_ALLOC_H
#define CLEAT_RUNTIME_ZONE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_ZONE_UNIT 64ULL /* lengths and offsets are multiples of it */

struct cleat_heap_segment {
	uint64_t off;
	uint64_t len_bytes;
	uint64_t page_bytes;
	uint64_t iova;	     /* of the start; used when page_iova is NULL */
	uint64_t *page_iova; /* IOVA of each page, or NULL: contiguous. Owned by the heap */
	uint16_t node;	     /* 0xffff: mixed or unknown */
	uint16_t id;	     /* index of the registry's row */
	uint16_t closed;     /* 1: nothing is given out of it, cleat_heap_close() */
};

struct cleat_heap_block {
	uint64_t off;
	uint64_t len_bytes;
	const struct cleat_heap_segment *segment;
};

/* What a zone must be like. */
struct cleat_heap_want {
	uint64_t len_bytes;  /* rounded up to CLEAT_ZONE_UNIT */
	uint64_t align;	     /* of the address; power of two; 0: CLEAT_ZONE_UNIT */
	uint64_t boundary;   /* may not cross a multiple of this; power of two; 0: none */
	uint16_t node;	     /* 0xffff: any */
	uint16_t contiguous; /* 1: in IOVAs too; alignment beyond the page is of the address only */
};

struct cleat_heap_stats {
	uint64_t total_bytes;
	uint64_t free_bytes;
	uint64_t largest_bytes; /* largest free block */
	uint64_t blocks;	/* free blocks */
};

struct cleat_heap;

/** @return a heap without segments, or NULL when out of memory. Destroyed by cleat_heap_destroy().
 */
struct cleat_heap *cleat_heap_create(void);
void cleat_heap_destroy(struct cleat_heap *heap);

/**
 * Add a segment; all of it is free.
 *
 * @param segment  copied; the heap takes page_iova (allocated by malloc) on success
 * @return         0; -EEXIST if it overlaps one; -ENOSPC; -ENOMEM; -EINVAL
 */
int cleat_heap_add(struct cleat_heap *heap, const struct cleat_heap_segment *segment);

/** Give nothing out of the segment at @p off (1) until it is open again (0); what is taken stays.
 */
void cleat_heap_close(struct cleat_heap *heap, uint64_t off, int closed);

/** Take away the segment at @p off. @return 0; -ENOENT; -EBUSY if part of it is in use */
int cleat_heap_remove(struct cleat_heap *heap, uint64_t off);

/**
 * Best fit: the smallest free block that serves, its lowest suitable place.
 *
 * @param off  receives where; *want->len_bytes rounded up to CLEAT_ZONE_UNIT is taken
 * @return     0; -EINVAL for a want that nothing can satisfy; -ENOSPC when no block serves (the
 *             sentence names the largest free one)
 */
int cleat_heap_alloc(struct cleat_heap *heap, const struct cleat_heap_want *want, uint64_t *off);

/** Take exactly [off, off + len_bytes). @return 0, or -EBUSY if part of it is not free */
int cleat_heap_claim(struct cleat_heap *heap, uint64_t off, uint64_t len_bytes);

/** Give back a range that was taken; it melts into free neighbours. @return 0; -EINVAL if part of
 * it is free already or outside of all segments; -ENOMEM (nothing changed) */
int cleat_heap_free(struct cleat_heap *heap, uint64_t off, uint64_t len_bytes);

/** The segment that holds @p off, or NULL. Borrowed until that segment is removed. */
const struct cleat_heap_segment *cleat_heap_segment_of(const struct cleat_heap *heap, uint64_t off);

/** IOVA of a range of one segment, CLEAT_IOVA_NONE if not contiguous. */
uint64_t cleat_heap_iova(const struct cleat_heap *heap, uint64_t off, uint64_t len_bytes);

/** Free blocks in order of address: @p out is the first at or after @p from_off. @return 1, or 0
 * when there is none. Next call: from out->off + out->len_bytes. */
int cleat_heap_next_free(
	const struct cleat_heap *heap, uint64_t from_off, struct cleat_heap_block *out);

/** Sums over the open segments of a node (0xffff: all). */
void cleat_heap_stats(const struct cleat_heap *heap, uint16_t node, struct cleat_heap_stats *out);

#ifdef __cplusplus
}
#endif

#endif
