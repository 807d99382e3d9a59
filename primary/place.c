/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/place.h"

#include <errno.h>
#include <inttypes.h>

#include "primary/bars.h"
#include "runtime/error.h"

static uint64_t memory_end(const struct cleat_primary *p)
{
	uint64_t end = 0;

	for (int i = 0; i < CLEAT_MAX_SEGMENTS; i++) {
		const struct cleat_segment *seg = &p->segments[i];

		if (seg->len_bytes != 0 && seg->kind != CLEAT_SEGMENT_BAR &&
			seg->off + seg->len_bytes > end)
			end = seg->off + seg->len_bytes;
	}
	return end;
}

static uint64_t bars_start(const struct cleat_primary *p)
{
	uint64_t start = cleat_window_len;

	for (int i = 0; i < CLEAT_MAX_BARS; i++)
		if (p->bars[i].len_bytes != 0 && p->bars[i].off < start)
			start = p->bars[i].off;
	return start;
}

static int no_room(uint64_t len_bytes)
{
	return cleat_err(-ENOSPC,
		"the window of %" PRIu64 " GiB has no place for %" PRIu64 " MiB more",
		cleat_window_len >> 30, len_bytes >> 20);
}

int cleat_place_memory(const struct cleat_primary *p, uint64_t len_bytes, uint64_t *off)
{
	uint64_t end = bars_start(p);

	*off = cleat_align_up(memory_end(p), CLEAT_WINDOW_ALIGN);
	return *off < end && len_bytes <= end - *off ? 0 : no_room(len_bytes);
}

/* The lowest BAR that [off, off + len) touches, or NULL. */
static const struct cleat_bar *overlapping(
	const struct cleat_primary *p, uint64_t off, uint64_t len_bytes)
{
	const struct cleat_bar *found = NULL;

	for (int i = 0; i < CLEAT_MAX_BARS; i++) {
		const struct cleat_bar *bar = &p->bars[i];

		if (bar->len_bytes != 0 && off < bar->off + bar->len_bytes &&
			bar->off < off + len_bytes && (found == NULL || bar->off < found->off))
			found = bar;
	}
	return found;
}

int cleat_place_bar(
	const struct cleat_primary *p, uint64_t len_bytes, uint64_t align, uint64_t *off)
{
	uint64_t end = cleat_window_len, low = memory_end(p);
	const struct cleat_bar *bar;

	while (end >= len_bytes) {
		*off = (end - len_bytes) & ~(align - 1);
		if (*off < low)
			break;
		bar = overlapping(p, *off, len_bytes);
		if (bar == NULL)
			return 0;
		end = bar->off;
	}
	return no_room(len_bytes);
}
