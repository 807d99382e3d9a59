/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_recover.c - which slots a dead producer claimed and never stored.
 *
 * A claim lies below head; everything that reads head after it sees its intent, or, if that is gone
 * again, the slots. So: read head, then the intents. A slot below head that is empty and in no
 * living thread's intent was claimed by the dead.
 */
#include "runtime/ring_recover.h"

#include <errno.h>

#include "runtime/error.h"
#include "runtime/row.h"
#include "runtime/shared.h"

struct claim {
	uint32_t ring; /* UINT32_MAX: none */
	uint64_t from, to;
};

/*
 * The intent's positions that lie in the last @p size before @p head; from == to if none. Consumers
 * may have passed the stored front of a claim, and others filled the ring behind it: then its start
 * is more than @p size behind, its empty rest is not.
 */
static struct claim claim_of(uint64_t intent, uint64_t head, uint64_t size)
{
	struct claim c = { .ring = (uint32_t)(intent >> 52) - 1, .from = head, .to = head };
	uint64_t n = intent >> CLEAT_INTENT_POS_BITS & 0xfff;
	uint64_t behind = (head - intent) & CLEAT_INTENT_POS_MASK;
	uint64_t left = n < behind ? behind - n : 0; /* from the claim's end to head */

	if (left < size) {
		c.from = head - (behind < size ? behind : size);
		c.to = head - left;
	}
	return c;
}

static int living_overlaps(const struct cleat_ring *r, const struct claim *claim, uint64_t head,
	const struct cleat_thread_set *dead)
{
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++) {
		uint64_t intent;
		struct claim other;

		if (cleat_thread_set_has(dead, t))
			continue;
		/* partner: the release stores of intents in ring_mpmc.h */
		intent = cleat_load_acquire(&cleat_shared->threads[t].intent);
		if (intent == 0)
			continue;
		other = claim_of(intent, head, r->size);
		if (other.ring == r->id && other.from < claim->to && claim->from < other.to)
			return 1;
	}
	return 0;
}

int cleat_ring_recover_claim(
	struct cleat_ring *r, uint64_t intent, const struct cleat_thread_set *dead)
{
	uint64_t head = cleat_load_acquire(&r->shm->head);
	uint64_t tail = cleat_load_acquire(&r->shm->tail);
	struct claim claim = claim_of(intent, head, r->size);

	if (claim.from < tail)
		claim.from = tail;
	if (claim.from >= claim.to)
		return 0;
	if (living_overlaps(r, &claim, head, dead))
		return cleat_err(-EAGAIN,
			"ring %u: a living thread is in the middle of an enqueue to slots that a "
			"dead one may have claimed",
			r->id);
	for (uint64_t pos = claim.from; pos < claim.to; pos++) {
		uint32_t value = cleat_load_acquire(cleat_ring_slot(r, pos));

		if ((value & 1U) == cleat_ring_lap(r, pos))
			continue;
		/* Passed meanwhile, and perhaps full with the next lap: not empty at all. */
		if (cleat_load_acquire(&r->shm->tail) > pos)
			continue;
		cleat_ring_store(r, pos, CLEAT_RING_TOMBSTONE);
	}
	return 0;
}

/* An intent that names no living ring has nothing to recover. */
static int recover_thread(uint32_t thread, const struct cleat_thread_set *dead)
{
	uint64_t *line = &cleat_shared->threads[thread].intent;
	uint64_t intent = cleat_load_acquire(line);
	uint32_t id = (uint32_t)(intent >> 52) - 1;
	struct cleat_ring_row_shm row;
	struct cleat_ring ring;
	int rc = 0;

	if (intent == 0)
		return 0;
	if (id < CLEAT_MAX_RINGS) {
		rc = CLEAT_ROW_READ(&row, &cleat_registry->rings[id]);
		if (rc < 0)
			return rc;
		if (cleat_ring_open_row(&ring, id, &row) == 0 && ring.mode == CLEAT_RING_MPMC)
			rc = cleat_ring_recover_claim(&ring, intent, dead);
	}
	if (rc == 0)
		cleat_store_release(line, 0);
	return rc;
}

int cleat_ring_recover(const struct cleat_thread_set *dead)
{
	int rc = 0;

	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++) {
		int one = cleat_thread_set_has(dead, t) ? recover_thread(t, dead) : 0;

		if (one < 0)
			rc = one;
	}
	return rc;
}

void cleat_ring_recover_producer(struct cleat_ring *r)
{
	uint64_t tail = cleat_load_acquire(&r->shm->tail);
	uint64_t head = cleat_load_relaxed(&r->shm->head);

	if ((int64_t)(head - tail) < 0)
		head = tail;
	while (head - tail < r->size) {
		uint32_t value = cleat_load_acquire(cleat_ring_slot(r, head));

		if ((value & 1U) != cleat_ring_lap(r, head))
			break;
		head++;
	}
	cleat_store_release(&r->shm->head, head);
}
