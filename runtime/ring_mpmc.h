/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_mpmc.h - many producers, many consumers: one CAS each, and nobody waits for a neighbour.
 *
 *   producer   intent = {ring, head, n}   announced in its own line (shared.h)
 *              CAS head                   claimed
 *              store each slot            published
 *              intent = 0
 *   consumer   copy full slots
 *              CAS tail                   taken
 *
 *   producer dies           what others see                  the reaper (ring_recover.h)
 *   before the CAS          nothing                          finds slots of others, or none
 *   between CAS and store   consumers stop at the empty one  makes a tombstone of it
 *   after the last store    the whole burst                  clears the intent
 *
 * Raw: no operation bracket (shared.h); the caller has one, or is alone.
 */
#ifndef CLEAT_RUNTIME_RING_MPMC_H
#define CLEAT_RUNTIME_RING_MPMC_H

#include "runtime/ring_slot.h"
#include "runtime/shared.h"

#ifdef __cplusplus
extern "C" {
#endif

/* intent: ring id + 1 in 12 bits, n in 12, the low 40 bits of the position. */
#define CLEAT_INTENT_POS_BITS 40
#define CLEAT_INTENT_POS_MASK ((1ULL << CLEAT_INTENT_POS_BITS) - 1)
static_assert(CLEAT_MAX_RINGS < 4096 && CLEAT_MAX_BURST < 4096, "an intent has 12 bits for each");

cleat_inline uint64_t cleat_intent(uint16_t ring, uint64_t pos, uint32_t n)
{
	return ((uint64_t)ring + 1) << 52 | (uint64_t)n << CLEAT_INTENT_POS_BITS |
	       (pos & CLEAT_INTENT_POS_MASK);
}

/*
 * The tail now, for a producer that is short of room and saw it at @p seen. If it has moved, but
 * not far, producers are faster than consumers, and each look takes the line of the tail from them.
 * So wait a little for more room at once: CLEAT_RING_SLIP pauses at most, longer where each wait
 * brought something, half as long after one that brought little.
 */
uint64_t cleat_ring_look_mpmc(struct cleat_ring *r, uint64_t seen);

/**
 * Claim room for up to @p n elements.
 *
 * @param pos  where they go: store each with cleat_ring_store() or cleat_slots_fill(), then
 *             cleat_ring_claim_end_mpmc(), nothing in between that can block
 * @return     how many, 0..n; with @p bulk n or 0. 0: nothing is claimed, nothing to end
 */
cleat_inline uint32_t cleat_ring_claim_mpmc(
	struct cleat_ring *r, uint32_t n, int bulk, uint64_t *pos)
{
	struct cleat_thread_shm *self = cleat_self.line;
	struct cleat_ring_shm *shm = r->shm;
	uint64_t size = r->size;
	uint64_t head = cleat_load_acquire(&shm->head);
	/* partner: the release store below, by another thread of this process */
	uint64_t limit = cleat_load_acquire(&r->limit);

	if (cleat_unlikely(n - 1 >= CLEAT_MAX_BURST)) {
		if (bulk || n == 0)
			return 0;
		n = CLEAT_MAX_BURST;
	}
	for (;;) {
		uint64_t room = limit - head;
		uint32_t count = n;

		if (cleat_unlikely(room < n || room > size)) {
			limit = cleat_ring_look_mpmc(r, limit - size) + size;
			cleat_store_release(&r->limit, limit);
			room = limit - head;
			if (cleat_unlikely(room > size)) {
				/* the tail has passed a head read before it: that head is old */
				uint64_t now = cleat_load_acquire(&shm->head);

				if (now == head)
					break; /* it is not: someone scribbled over the ring */
				head = now;
				continue;
			}
			if (room < n) {
				if (bulk || room == 0)
					break;
				count = (uint32_t)room;
			}
		}
		/* released, so that whoever reads this intent also sees the slots of those before
		 */
		cleat_store_release(&self->intent, cleat_intent(r->id, head, count));
		if (cleat_likely(cleat_cas_acq_rel(&shm->head, &head, head + count))) {
			*pos = head;
			return count;
		}
	}
	cleat_store_release(&self->intent, 0);
	return 0;
}

/** Every claimed slot is stored. */
cleat_inline void cleat_ring_claim_end_mpmc(struct cleat_ring *r)
{
	(void)r;
	/* partner: the acquire load of intents in ring_recover.c */
	cleat_store_release(&cleat_self.line->intent, 0);
}

cleat_inline uint32_t cleat_ring_put_mpmc(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n, int bulk)
{
	struct cleat_slots slots = cleat_ring_slots(r);
	uint64_t pos;

	n = cleat_ring_claim_mpmc(r, n, bulk, &pos);
	if (cleat_unlikely(n == 0))
		return 0;
	cleat_slots_fill(slots, pos, handles, n);
	cleat_ring_claim_end_mpmc(r);
	return n;
}

cleat_inline uint32_t cleat_ring_get_mpmc(
	struct cleat_ring *r, cleat_handle *out, uint32_t n, int bulk)
{
	struct cleat_slots slots = cleat_ring_slots(r);
	struct cleat_ring_shm *shm = r->shm;
	uint64_t tail = cleat_load_acquire(&shm->tail);

	if (cleat_unlikely(n > CLEAT_MAX_BURST)) {
		if (bulk)
			return 0;
		n = CLEAT_MAX_BURST;
	}
	for (;;) {
		struct cleat_ring_found found = cleat_slots_copy(slots, tail, out, n);

		if (cleat_unlikely(bulk && found.n < n)) {
			found.end = cleat_ring_after_tombstones(r, tail);
			found.n = 0;
		}
		if (found.end == tail) {
			/* seen from an old tail, slots of a newer lap look empty */
			uint64_t now = cleat_load_acquire(&shm->tail);

			if (cleat_likely(now == tail))
				return 0;
			tail = now;
			continue;
		}
		/* on success the tail had not moved, so no producer had reused what was copied */
		if (cleat_likely(cleat_cas_acq_rel(&shm->tail, &tail, found.end)))
			return (uint32_t)found.n;
	}
}

cleat_inline uint32_t cleat_ring_enqueue_mpmc_burst(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n)
{
	return cleat_ring_put_mpmc(r, handles, n, 0);
}

cleat_inline uint32_t cleat_ring_enqueue_mpmc_bulk(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n)
{
	return cleat_ring_put_mpmc(r, handles, n, 1);
}

cleat_inline uint32_t cleat_ring_dequeue_mpmc_burst(
	struct cleat_ring *r, cleat_handle *out, uint32_t n)
{
	return cleat_ring_get_mpmc(r, out, n, 0);
}

cleat_inline uint32_t cleat_ring_dequeue_mpmc_bulk(
	struct cleat_ring *r, cleat_handle *out, uint32_t n)
{
	return cleat_ring_get_mpmc(r, out, n, 1);
}

#ifdef __cplusplus
}
#endif

#endif
