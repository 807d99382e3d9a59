/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_spsc.h - one producer, one consumer: no atomic read-modify-write, no look at the other's
 * line while there is room.
 *
 * Order of stores: producer slots, in order, then head; consumer copies, then tail. A producer
 * killed between its slots and head leaves head behind the full slots; the next producer's end
 * must be recovered first (cleat_ring_recover_producer() in ring_recover.h).
 *
 * The tail is the consumer's own and says where it stands, for its successor and for audits. The
 * producer, when it is short of room, reads `shown` in another line, which follows the tail once it
 * is an eighth of the ring behind, and when the consumer finds nothing. So a full ring does not
 * make both ends fight for one line, and it looks full until an eighth of it is free. Always shown
 * <= tail; a consumer killed between the two leaves that to its successor.
 *
 * A consumer faster than its producer would take each slot as it comes: then every store and every
 * look waits for the line that the other has. So it steps back a little when it finds nothing
 * behind a burst (cleat_ring_slip_spsc()), and finds more next time.
 *
 * Where another process consumes (cleat_ring.far), lines of slots leave the producer's core once
 * they are full: from the cache that all share they come sooner than from another core's.
 *
 * Raw: no operation bracket (shared.h); the caller has one, or is alone.
 */
#ifndef CLEAT_RUNTIME_RING_SPSC_H
#define CLEAT_RUNTIME_RING_SPSC_H

#include "runtime/ring_slot.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Slots, four lines of them, that a producer fetches before it needs them. */
#define CLEAT_RING_AHEAD (4 * CLEAT_SLOTS_PER_LINE)

/* As cleat_ring_claim_spsc() from @p head on, beyond what the producer knows of: a look at shown,
 * and at most what there is. */
uint32_t cleat_ring_look_spsc(struct cleat_ring *r, uint64_t head, uint32_t n, int bulk);

/**
 * Find room for up to @p n elements.
 *
 * @param pos  where they go: store each with cleat_ring_store() or cleat_slots_fill(), in order,
 *             then cleat_ring_claim_end_spsc()
 * @return     how many, 0..n; with @p bulk n or 0
 */
cleat_inline uint32_t cleat_ring_claim_spsc(
	struct cleat_ring *r, uint32_t n, int bulk, uint64_t *pos)
{
	struct cleat_slots slots = cleat_ring_slots(r);
	uint64_t limit = r->limit;
	uint64_t head = cleat_load_relaxed(&r->shm->head);
	uint32_t room;

	if (cleat_unlikely(n > CLEAT_MAX_BURST)) {
		if (bulk)
			return 0;
		n = CLEAT_MAX_BURST;
	}
	*pos = head;
	cleat_prefetch_write(cleat_slots_at(slots, head + CLEAT_RING_AHEAD));
	if (cleat_likely((int64_t)(limit - head) >= (int64_t)n))
		return n;
	room = cleat_ring_look_spsc(r, head, n, bulk);
	return room < n ? room : n; /* it is; so the compiler knows it, too */
}

/** The elements from @p pos up to @p end are stored; lines that are full, and that another process
 * reads next, leave this core. */
cleat_inline void cleat_ring_claim_end_spsc(struct cleat_ring *r, uint64_t pos, uint64_t end)
{
	cleat_store_release(&r->shm->head, end);
	if (r->far)
		cleat_slots_demote(cleat_ring_slots(r), pos, end);
}

cleat_inline uint32_t cleat_ring_put_spsc(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n, int bulk)
{
	struct cleat_slots slots = cleat_ring_slots(r);
	uint64_t pos;

	n = cleat_ring_claim_spsc(r, n, bulk, &pos);
	if (cleat_unlikely(n == 0))
		return 0;
	cleat_slots_fill(slots, pos, handles, n);
	cleat_ring_claim_end_spsc(r, pos, pos + n);
	return n;
}

/* Let the producer know that the tail is there. */
cleat_inline void cleat_ring_show_spsc(struct cleat_ring *r, uint64_t tail)
{
	/* partner: the acquire load in cleat_ring_look_spsc() */
	cleat_store_release(&r->shm->shown, tail);
	r->show = tail + r->lag;
}

/* Pauses, at most, of a consumer that steps back: about a microsecond. */
#define CLEAT_RING_SLIP 64U

/*
 * The consumer finds nothing: show the producer where it stands, and if that is news, wait before
 * the next look. Longer where something came during each wait, up to CLEAT_RING_SLIP pauses; half
 * as long after each look in vain, so that a seldom used ring costs nothing.
 */
void cleat_ring_slip_spsc(struct cleat_ring *r, uint64_t tail);

/* Packets that a consumer fetches lie so far behind those that it takes, or as far as a burst that
 * is longer: to fetch a line takes as long as to pass on a few packets. Less in rings of fewer than
 * two such. */
#define CLEAT_RING_FETCHED 8U
/* So many times, at most, a consumer does not wait where it has been of no use. */
#define CLEAT_RING_SKIPS 1024U

/*
 * Before its next look, a consumer that got all the packets it wanted (mbuf_ring.h), but left few,
 * of a ring that is far: it is close behind the producer, and each line goes to and fro between
 * them. So wait for CLEAT_RING_SLIP pauses, unless a burst of @p wanted and CLEAT_RING_FETCHED
 * behind it are there by now. If they are not there after it either, as with a producer that waits
 * for our answer, not again for one time, then three, up to CLEAT_RING_SKIPS.
 */
void cleat_ring_wait_spsc(struct cleat_ring *r, uint32_t wanted);

cleat_inline uint32_t cleat_ring_get_spsc(
	struct cleat_ring *r, cleat_handle *out, uint32_t n, int bulk)
{
	struct cleat_slots slots = cleat_ring_slots(r);
	struct cleat_ring_shm *shm = r->shm;
	uint64_t tail = cleat_load_relaxed(&shm->tail);
	struct cleat_ring_found found;

	if (cleat_unlikely(n > CLEAT_MAX_BURST)) {
		if (bulk)
			return 0;
		n = CLEAT_MAX_BURST;
	}
	found = cleat_slots_copy(slots, tail, out, n);
	if (cleat_unlikely(bulk && found.n < n)) {
		found.end = cleat_ring_after_tombstones(r, tail);
		found.n = 0;
	}
	if (cleat_unlikely(found.end == tail)) {
		cleat_ring_slip_spsc(r, tail);
		return 0;
	}
	cleat_store_release(&shm->tail, found.end);
	if (cleat_unlikely((int64_t)(found.end - r->show) >= 0))
		cleat_ring_show_spsc(r, found.end);
	return (uint32_t)found.n;
}

cleat_inline uint32_t cleat_ring_enqueue_spsc_burst(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n)
{
	return cleat_ring_put_spsc(r, handles, n, 0);
}

cleat_inline uint32_t cleat_ring_enqueue_spsc_bulk(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n)
{
	return cleat_ring_put_spsc(r, handles, n, 1);
}

cleat_inline uint32_t cleat_ring_dequeue_spsc_burst(
	struct cleat_ring *r, cleat_handle *out, uint32_t n)
{
	return cleat_ring_get_spsc(r, out, n, 0);
}

cleat_inline uint32_t cleat_ring_dequeue_spsc_bulk(
	struct cleat_ring *r, cleat_handle *out, uint32_t n)
{
	return cleat_ring_get_spsc(r, out, n, 1);
}

#ifdef __cplusplus
}
#endif

#endif
