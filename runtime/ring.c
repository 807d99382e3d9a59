/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.c - making a ring, opening one, looking into one.
 */
#include "runtime/ring.h"

#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/owner.h"

uint64_t cleat_ring_bytes(uint32_t slots)
{
	return sizeof(struct cleat_ring_shm) +
	       cleat_align_up((uint64_t)slots * sizeof(uint32_t), CLEAT_FALSE_SHARING);
}

static int check_slots(uint32_t slots)
{
	if (slots < 2 || slots > CLEAT_MAX_RING || !cleat_is_pow2(slots))
		return cleat_err(-EINVAL, "a ring has a power of two from 2 to %u slots, not %u",
			CLEAT_MAX_RING, slots);
	return 0;
}

int cleat_ring_init(struct cleat_ring_shm *shm, uint32_t slots)
{
	int rc = check_slots(slots);

	if (rc < 0)
		return rc;
	memset(shm, 0, cleat_ring_bytes(slots));
	return 0;
}

int cleat_ring_open(struct cleat_ring *r, struct cleat_ring_shm *shm, uint32_t slots, uint16_t id,
	enum cleat_ring_mode mode)
{
	int rc = check_slots(slots);

	if (rc < 0)
		return rc;
	if (mode != CLEAT_RING_SPSC && mode != CLEAT_RING_MPMC)
		return cleat_err(-EINVAL, "ring %u: unknown mode %d", id, (int)mode);
	memset(r, 0, sizeof(*r));
	r->shm = shm;
	r->slots = (uint32_t *)(shm + 1);
	r->size = slots;
	r->id = id;
	r->mode = (uint16_t)mode;
	r->lag = slots / 8;
	r->ahead = slots / 2 < CLEAT_RING_FETCHED ? slots / 2 : CLEAT_RING_FETCHED;
	r->owner = CLEAT_OWNER_BITS(CLEAT_OWNER_RING, id);
	if (mode == CLEAT_RING_MPMC)
		r->limit = cleat_load_acquire(&shm->tail) + slots;
	else
		r->show = cleat_load_relaxed(&shm->shown) + r->lag;
	return 0;
}

int cleat_ring_open_row(struct cleat_ring *r, uint32_t id, const struct cleat_ring_row_shm *row)
{
	uint64_t bytes;
	int rc;

	if (id >= CLEAT_MAX_RINGS)
		return cleat_err(-EINVAL, "ring %u: ids end at %u", id, CLEAT_MAX_RINGS - 1);
	if (row->use == CLEAT_RING_USE_FREE)
		return cleat_err(-ENOENT, "ring %u does not exist", id);
	rc = check_slots(row->slots);
	if (rc < 0)
		return cleat_err_prefix(rc, "ring %u", id);
	bytes = cleat_ring_bytes(row->slots);
	if (row->off == 0 || row->off % CLEAT_CACHE_LINE != 0 || row->off >= cleat_window_len ||
		bytes > cleat_window_len - row->off)
		return cleat_err(-EINVAL, "ring %u: its row points outside the window", id);
	return cleat_ring_open(r, (struct cleat_ring_shm *)(cleat_window_base + row->off),
		row->slots, (uint16_t)id, (enum cleat_ring_mode)row->mode);
}

uint32_t cleat_ring_count(const struct cleat_ring *r)
{
	uint64_t tail = cleat_load_acquire(&r->shm->tail);
	uint64_t used = cleat_load_acquire(&r->shm->head) - tail;

	if ((int64_t)used < 0)
		return 0;
	return (uint32_t)(used < r->size ? used : r->size);
}

static void pause_times(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		cleat_pause();
}

/* The next of 0, 1, 3, 7, ... up to @p most, a power of two. */
static uint32_t longer(uint32_t n, uint32_t most)
{
	return n < most / 2 ? 2 * n + 1 : most;
}

void cleat_ring_slip_spsc(struct cleat_ring *r, uint64_t tail)
{
	if (cleat_load_relaxed(&r->shm->shown) == tail) {
		r->slip /= 2;
		return;
	}
	cleat_ring_show_spsc(r, tail);
	r->slip = longer(r->slip, CLEAT_RING_SLIP);
	pause_times(r->slip);
}

uint32_t cleat_ring_look_spsc(struct cleat_ring *r, uint64_t head, uint32_t n, int bulk)
{
	/* partner: the release stores of the consumer: copies up to there are over */
	uint64_t limit = cleat_load_acquire(&r->shm->shown) + r->size;
	uint64_t room = limit - head;

	if (room > r->size)
		return 0; /* shown is beyond head: not recovered yet */
	r->limit = limit;
	if (room >= n)
		return n;
	return bulk ? 0 : (uint32_t)room;
}

uint64_t cleat_ring_look_mpmc(struct cleat_ring *r, uint64_t seen)
{
	uint32_t hold = cleat_load_relaxed(&r->hold);
	uint64_t tail = cleat_load_acquire(&r->shm->tail);
	uint64_t now = tail;

	if (tail != seen && tail - seen < r->lag) {
		pause_times(hold);
		now = cleat_load_acquire(&r->shm->tail);
		cleat_store_relaxed(&r->hold,
			(now - tail) * 4 >= hold ? longer(hold, CLEAT_RING_SLIP) : hold / 2);
	}
	return now;
}

static int slot_full(const struct cleat_ring *r, uint64_t pos, uint32_t *value)
{
	*value = cleat_load_acquire(cleat_ring_slot(r, pos));
	return (*value & 1U) == cleat_ring_lap(r, pos);
}

/* Are @p n elements there, or as many as there are slots? */
static int has(const struct cleat_ring *r, uint64_t tail, uint64_t n)
{
	uint32_t value;

	return slot_full(r, tail + (n < r->size ? n : r->size) - 1, &value);
}

void cleat_ring_wait_spsc(struct cleat_ring *r, uint32_t wanted)
{
	uint64_t tail = cleat_load_relaxed(&r->shm->tail);
	uint64_t enough = (uint64_t)wanted + r->ahead;

	r->close = 0;
	if (r->skip > 0) {
		r->skip--;
		return;
	}
	if (has(r, tail, enough)) /* they came while we were elsewhere */
		return;
	cleat_ring_show_spsc(r, tail);
	pause_times(CLEAT_RING_SLIP);
	r->skips = has(r, tail, enough) ? 0 : longer(r->skips, CLEAT_RING_SKIPS);
	r->skip = r->skips;
}

void cleat_slots_fill_on(
	struct cleat_slots s, uint64_t pos, const cleat_handle *handles, uint32_t n)
{
	uint64_t at = pos & (s.size - 1);
	uint64_t room = s.size - at;
	uint32_t first = room < n ? (uint32_t)room : n;
	uint32_t rest = n - first;
	uint32_t lap = cleat_slots_lap(s, pos);

	cleat_ring_fill_run(s.first + at, handles, first, lap);
	if (rest > at) /* of a lap and more, if someone scribbled over head */
		rest = (uint32_t)at;
	cleat_ring_fill_run(s.first, handles + first, rest, lap ^ 1U);
}

struct cleat_ring_found cleat_slots_copy_on(
	struct cleat_slots s, uint64_t pos, cleat_handle *out, uint32_t n)
{
	struct cleat_ring_found all = { .end = pos, .n = 0 };
	uint64_t limit = pos + s.size;

	while (all.n < n && all.end != limit) {
		uint64_t at = all.end & (s.size - 1);
		uint64_t run = s.size - at; /* up to the wrap */
		uint32_t lap = cleat_slots_lap(s, all.end);
		uint64_t got;

		if (run > n - all.n)
			run = n - all.n;
		if (run > limit - all.end)
			run = limit - all.end;
		got = cleat_ring_copy_run(s.first + at, out + all.n, (uint32_t)run, lap);
		all.n += got;
		all.end += got;
		if (got == run)
			continue;
		if (!cleat_ring_is_tombstone(s.first + at + got, lap))
			break;
		all.end++;
	}
	return all;
}

uint64_t cleat_ring_after_tombstones(const struct cleat_ring *r, uint64_t pos)
{
	uint64_t limit = pos + r->size;
	uint32_t value;

	while (pos != limit && slot_full(r, pos, &value) && value >> 1 == CLEAT_RING_TOMBSTONE)
		pos++;
	return pos;
}

void cleat_ring_peek_start(const struct cleat_ring *r, struct cleat_ring_cursor *cursor)
{
	uint64_t tail = cleat_load_acquire(&r->shm->tail);
	uint64_t end = tail + cleat_ring_count(r);
	uint32_t value;

	/* a dead SPSC producer leaves head behind */
	while (end != tail + r->size && slot_full(r, end, &value))
		end++;
	cursor->pos = tail;
	cursor->end = end;
}

uint32_t cleat_ring_peek(
	const struct cleat_ring *r, struct cleat_ring_cursor *cursor, cleat_handle *out, uint32_t n)
{
	uint32_t got = 0;
	uint32_t value;

	for (; got < n && cursor->pos != cursor->end; cursor->pos++)
		if (slot_full(r, cursor->pos, &value) && value >> 1 != CLEAT_RING_TOMBSTONE)
			out[got++] = value >> 1;
	return got;
}
