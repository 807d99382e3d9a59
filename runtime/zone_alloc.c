/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/zone_alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/arch.h"
#include "runtime/error.h"
#include "runtime/handle.h"

struct block {
	uint64_t off, len_bytes;
};

struct cleat_heap {
	struct cleat_heap_segment *segments[CLEAT_MAX_SEGMENTS]; /* by offset */
	unsigned n_segments;
	struct block *blocks; /* free ones, by offset; no two of one segment touch */
	size_t n_blocks, room;
};

struct cleat_heap *cleat_heap_create(void)
{
	return (struct cleat_heap *)calloc(1, sizeof(struct cleat_heap));
}

void cleat_heap_destroy(struct cleat_heap *heap)
{
	if (heap == NULL)
		return;
	for (unsigned i = 0; i < heap->n_segments; i++) {
		free(heap->segments[i]->page_iova);
		free(heap->segments[i]);
	}
	free(heap->blocks);
	free(heap);
}

/* ---- the array of free blocks ---- */

/* Index of the first block that ends after @p off. */
static size_t block_after(const struct cleat_heap *heap, uint64_t off)
{
	size_t low = 0, high = heap->n_blocks;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (heap->blocks[mid].off + heap->blocks[mid].len_bytes <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Room for one more block, so that what follows cannot fail halfway. */
static int make_room(struct cleat_heap *heap)
{
	size_t room = heap->room ? heap->room * 2 : 64;
	struct block *blocks;

	if (heap->n_blocks < heap->room)
		return 0;
	blocks = (struct block *)realloc(heap->blocks, room * sizeof(*blocks));
	if (blocks == NULL)
		return cleat_err(-ENOMEM, "no memory for the list of free blocks");
	heap->blocks = blocks;
	heap->room = room;
	return 0;
}

static void insert_block(struct cleat_heap *heap, size_t at, uint64_t off, uint64_t len_bytes)
{
	memmove(&heap->blocks[at + 1], &heap->blocks[at],
		(heap->n_blocks - at) * sizeof(heap->blocks[0]));
	heap->blocks[at] = (struct block){ off, len_bytes };
	heap->n_blocks++;
}

static void remove_block(struct cleat_heap *heap, size_t at)
{
	heap->n_blocks--;
	memmove(&heap->blocks[at], &heap->blocks[at + 1],
		(heap->n_blocks - at) * sizeof(heap->blocks[0]));
}

/* Cut [off, off + len_bytes) out of block @p at, which holds it. Room for one block was made. */
static void take(struct cleat_heap *heap, size_t at, uint64_t off, uint64_t len_bytes)
{
	struct block *block = &heap->blocks[at];
	uint64_t before = off - block->off;
	uint64_t after = block->len_bytes - before - len_bytes;

	if (before == 0 && after == 0) {
		remove_block(heap, at);
		return;
	}
	if (before && after)
		insert_block(heap, at + 1, off + len_bytes, after);
	heap->blocks[at] = before ? (struct block){ heap->blocks[at].off, before }
				  : (struct block){ off + len_bytes, after };
}

/* ---- segments ---- */

const struct cleat_heap_segment *cleat_heap_segment_of(const struct cleat_heap *heap, uint64_t off)
{
	for (unsigned i = 0; i < heap->n_segments; i++)
		if (off - heap->segments[i]->off < heap->segments[i]->len_bytes)
			return heap->segments[i];
	return NULL;
}

static int check_segment(const struct cleat_heap *heap, const struct cleat_heap_segment *seg)
{
	if (seg->len_bytes == 0 || seg->off % CLEAT_ZONE_UNIT || seg->len_bytes % CLEAT_ZONE_UNIT ||
		!cleat_is_pow2(seg->page_bytes) || seg->off > UINT64_MAX - seg->len_bytes)
		return cleat_err(-EINVAL,
			"a segment of %" PRIu64 " bytes at %#" PRIx64 " is malformed",
			seg->len_bytes, seg->off);
	if (heap->n_segments == CLEAT_MAX_SEGMENTS)
		return cleat_err(-ENOSPC, "there are %d segments already", CLEAT_MAX_SEGMENTS);
	for (unsigned i = 0; i < heap->n_segments; i++)
		if (seg->off < heap->segments[i]->off + heap->segments[i]->len_bytes &&
			heap->segments[i]->off < seg->off + seg->len_bytes)
			return cleat_err(-EEXIST,
				"a segment at %#" PRIx64 " overlaps the one at %#" PRIx64, seg->off,
				heap->segments[i]->off);
	return 0;
}

int cleat_heap_add(struct cleat_heap *heap, const struct cleat_heap_segment *segment)
{
	struct cleat_heap_segment *copy;
	unsigned at = heap->n_segments;
	int rc = check_segment(heap, segment);

	if (rc == 0)
		rc = make_room(heap);
	if (rc < 0)
		return rc;
	copy = (struct cleat_heap_segment *)malloc(sizeof(*copy));
	if (copy == NULL)
		return cleat_err(-ENOMEM, "no memory for a segment's record");
	*copy = *segment;
	for (; at > 0 && heap->segments[at - 1]->off > segment->off; at--)
		heap->segments[at] = heap->segments[at - 1];
	heap->segments[at] = copy;
	heap->n_segments++;
	insert_block(heap, block_after(heap, segment->off), segment->off, segment->len_bytes);
	return 0;
}

void cleat_heap_close(struct cleat_heap *heap, uint64_t off, int closed)
{
	for (unsigned i = 0; i < heap->n_segments; i++)
		if (heap->segments[i]->off == off)
			heap->segments[i]->closed = closed != 0;
}

int cleat_heap_remove(struct cleat_heap *heap, uint64_t off)
{
	for (unsigned i = 0; i < heap->n_segments; i++) {
		struct cleat_heap_segment *seg = heap->segments[i];
		size_t at = block_after(heap, off);

		if (seg->off != off)
			continue;
		if (at == heap->n_blocks || heap->blocks[at].off != off ||
			heap->blocks[at].len_bytes != seg->len_bytes)
			return cleat_err(-EBUSY, "the segment at %#" PRIx64 " is in use", off);
		remove_block(heap, at);
		heap->n_segments--;
		memmove(&heap->segments[i], &heap->segments[i + 1],
			(heap->n_segments - i) * sizeof(heap->segments[0]));
		free(seg->page_iova);
		free(seg);
		return 0;
	}
	return cleat_err(-ENOENT, "no segment starts at %#" PRIx64, off);
}

/* ---- contiguity ---- */

static int has_iova(const struct cleat_heap_segment *seg)
{
	return seg->page_iova != NULL || seg->iova != CLEAT_IOVA_NONE;
}

/* End of the run of contiguous pages that @p off lies in. A page without an IOVA is no run. */
static uint64_t run_end(const struct cleat_heap_segment *seg, uint64_t off, uint64_t stop)
{
	uint64_t page = (off - seg->off) / seg->page_bytes;
	uint64_t last = (stop - 1 - seg->off) / seg->page_bytes;

	if (seg->page_iova == NULL)
		return stop;
	if (seg->page_iova[page] == CLEAT_IOVA_NONE)
		return off;
	while (page < last && seg->page_iova[page + 1] == seg->page_iova[page] + seg->page_bytes)
		page++;
	return page == last ? stop : seg->off + (page + 1) * seg->page_bytes;
}

uint64_t cleat_heap_iova(const struct cleat_heap *heap, uint64_t off, uint64_t len_bytes)
{
	const struct cleat_heap_segment *seg = cleat_heap_segment_of(heap, off);
	uint64_t in;

	if (seg == NULL || !has_iova(seg) || len_bytes == 0)
		return CLEAT_IOVA_NONE;
	in = off - seg->off;
	if (len_bytes > seg->len_bytes - in || run_end(seg, off, off + len_bytes) < off + len_bytes)
		return CLEAT_IOVA_NONE;
	if (seg->page_iova == NULL)
		return seg->iova + in;
	return seg->page_iova[in / seg->page_bytes] + in % seg->page_bytes;
}

/* ---- allocation ---- */

static int check_want(const struct cleat_heap_want *want)
{
	if (want->len_bytes == 0 || want->len_bytes > CLEAT_WINDOW_LEN_MAX)
		return cleat_err(-EINVAL,
			"a length of %" PRIu64 " bytes cannot be served; ask for 1 "
			"byte to %llu GiB",
			want->len_bytes, CLEAT_WINDOW_LEN_MAX >> 30);
	if (want->align && !cleat_is_pow2(want->align))
		return cleat_err(
			-EINVAL, "alignment %" PRIu64 " is not a power of two", want->align);
	if (want->boundary && !cleat_is_pow2(want->boundary))
		return cleat_err(
			-EINVAL, "boundary %" PRIu64 " is not a power of two", want->boundary);
	if (want->boundary && want->boundary < want->len_bytes)
		return cleat_err(-EINVAL,
			"%" PRIu64 " bytes cannot lie between two multiples of boundary %" PRIu64,
			want->len_bytes, want->boundary);
	return 0;
}

/* Lowest place in a free block for a zone. Alignment and boundary are of addresses. */
static int fit(const struct cleat_heap_want *want, uint64_t len, const struct block *block,
	const struct cleat_heap_segment *seg, uint64_t *place)
{
	uint64_t base = cleat_window_base;
	uint64_t align = want->align > CLEAT_ZONE_UNIT ? want->align : CLEAT_ZONE_UNIT;
	uint64_t start = base + block->off, end = start + block->len_bytes;
	uint64_t at = cleat_align_up(start, align);

	while (at >= start && at < end && len <= end - at) {
		uint64_t off = at - base, next;

		if (want->boundary && (at ^ (at + len - 1)) & ~(want->boundary - 1)) {
			next = cleat_align_up(at + 1, want->boundary);
		} else if (want->contiguous && run_end(seg, off, off + len) < off + len) {
			next = base + run_end(seg, off, off + len);
			if (next == at) /* no IOVA: to the next page */
				next += seg->page_bytes - (off - seg->off) % seg->page_bytes;
		} else {
			*place = off;
			return 1;
		}
		at = cleat_align_up(next, align);
	}
	return 0;
}

static int node_serves(const struct cleat_heap_want *want, const struct cleat_heap_segment *seg)
{
	return !seg->closed && (want->node == 0xffff || seg->node == want->node) &&
	       (!want->contiguous || has_iova(seg));
}

static int no_room(const struct cleat_heap *heap, const struct cleat_heap_want *want, uint64_t len)
{
	struct cleat_heap_stats stats;
	char node[16] = "", why[128] = "";

	cleat_heap_stats(heap, want->node, &stats);
	if (want->node != 0xffff)
		(void)snprintf(node, sizeof(node), " on node %u", want->node);
	if (stats.largest_bytes >= len)
		(void)snprintf(why, sizeof(why), ", but none satisfies%s%s%s",
			want->align > CLEAT_ZONE_UNIT ? " the alignment" : "",
			want->boundary ? " the boundary" : "",
			want->contiguous ? " IOVA contiguity" : "");
	return cleat_err(-ENOSPC,
		"%" PRIu64 " KiB asked%s; the largest free block is %" PRIu64 " KiB of %" PRIu64
		" KiB free%s%s",
		(len + 1023) >> 10, node, stats.largest_bytes >> 10, stats.free_bytes >> 10, why,
		stats.largest_bytes < len ? "; give the primary more memory (-m)" : "");
}

int cleat_heap_alloc(struct cleat_heap *heap, const struct cleat_heap_want *want, uint64_t *off)
{
	uint64_t len = cleat_align_up(want->len_bytes, CLEAT_ZONE_UNIT);
	size_t best = SIZE_MAX;
	uint64_t place = 0;
	int rc = check_want(want);

	if (rc == 0)
		rc = make_room(heap);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < heap->n_blocks; i++) {
		const struct block *block = &heap->blocks[i];
		const struct cleat_heap_segment *seg;
		uint64_t at;

		if (block->len_bytes < len ||
			(best != SIZE_MAX && block->len_bytes >= heap->blocks[best].len_bytes))
			continue;
		seg = cleat_heap_segment_of(heap, block->off);
		if (node_serves(want, seg) && fit(want, len, block, seg, &at)) {
			best = i;
			place = at;
		}
	}
	if (best == SIZE_MAX)
		return no_room(heap, want, len);
	take(heap, best, place, len);
	*off = place;
	return 0;
}

int cleat_heap_claim(struct cleat_heap *heap, uint64_t off, uint64_t len_bytes)
{
	uint64_t len = cleat_align_up(len_bytes, CLEAT_ZONE_UNIT);
	size_t at = block_after(heap, off);
	const struct block *block;
	int rc = make_room(heap);

	if (rc < 0)
		return rc;
	block = &heap->blocks[at];
	if (len < len_bytes || len == 0 || off % CLEAT_ZONE_UNIT || at == heap->n_blocks ||
		off < block->off || len > block->len_bytes - (off - block->off))
		return cleat_err(-EBUSY,
			"%" PRIu64 " bytes at offset %#" PRIx64 " are not all free", len_bytes,
			off);
	take(heap, at, off, len);
	return 0;
}

int cleat_heap_free(struct cleat_heap *heap, uint64_t off, uint64_t len_bytes)
{
	const struct cleat_heap_segment *seg = cleat_heap_segment_of(heap, off);
	uint64_t len = cleat_align_up(len_bytes, CLEAT_ZONE_UNIT);
	size_t at = block_after(heap, off);
	int joins_before, joins_after, rc;

	if (seg == NULL || len < len_bytes || len == 0 || off % CLEAT_ZONE_UNIT ||
		len > seg->len_bytes - (off - seg->off) ||
		(at < heap->n_blocks && heap->blocks[at].off < off + len))
		return cleat_err(-EINVAL,
			"%" PRIu64 " bytes at offset %#" PRIx64 " are not a zone's memory",
			len_bytes, off);
	rc = make_room(heap);
	if (rc < 0)
		return rc;
	joins_before = at > 0 && off > seg->off &&
		       heap->blocks[at - 1].off + heap->blocks[at - 1].len_bytes == off;
	joins_after = at < heap->n_blocks && heap->blocks[at].off == off + len &&
		      off + len < seg->off + seg->len_bytes;
	if (joins_before && joins_after) {
		heap->blocks[at - 1].len_bytes += len + heap->blocks[at].len_bytes;
		remove_block(heap, at);
	} else if (joins_before) {
		heap->blocks[at - 1].len_bytes += len;
	} else if (joins_after) {
		heap->blocks[at] = (struct block){ off, len + heap->blocks[at].len_bytes };
	} else {
		insert_block(heap, at, off, len);
	}
	return 0;
}

/* ---- reports ---- */

int cleat_heap_next_free(
	const struct cleat_heap *heap, uint64_t from_off, struct cleat_heap_block *out)
{
	size_t at = block_after(heap, from_off);

	if (at < heap->n_blocks && heap->blocks[at].off < from_off)
		at++;
	if (at == heap->n_blocks)
		return 0;
	*out = (struct cleat_heap_block){
		.off = heap->blocks[at].off,
		.len_bytes = heap->blocks[at].len_bytes,
		.segment = cleat_heap_segment_of(heap, heap->blocks[at].off),
	};
	return 1;
}

static int is_counted(const struct cleat_heap_segment *seg, uint16_t node)
{
	return !seg->closed && (node == 0xffff || seg->node == node);
}

void cleat_heap_stats(const struct cleat_heap *heap, uint16_t node, struct cleat_heap_stats *out)
{
	*out = (struct cleat_heap_stats){ 0 };
	for (unsigned i = 0; i < heap->n_segments; i++)
		if (is_counted(heap->segments[i], node))
			out->total_bytes += heap->segments[i]->len_bytes;
	for (size_t i = 0; i < heap->n_blocks; i++) {
		const struct block *block = &heap->blocks[i];

		if (!is_counted(cleat_heap_segment_of(heap, block->off), node))
			continue;
		out->blocks++;
		out->free_bytes += block->len_bytes;
		if (block->len_bytes > out->largest_bytes)
			out->largest_bytes = block->len_bytes;
	}
}
