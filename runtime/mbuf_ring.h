/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_ring.h - packets over rings between processes: the slot and the owner word together.
 *
 *   enqueue   claim → owner of all segments = RING → slots stored → claim ended
 *   dequeue   slots copied → tail moved → owner of all segments = PROCESS
 *
 * Killed in enqueue: a packet whose owner is still PROCESS goes back with the dead process; one
 * with RING whose slot was stored is delivered; one in between is found by the sweep. Killed in
 * dequeue after the tail moved: RING but not in the ring, so the sweep finds it.
 */
#ifndef CLEAT_RUNTIME_MBUF_RING_H
#define CLEAT_RUNTIME_MBUF_RING_H

#include "runtime/handles.h"
#include "runtime/mbuf.h"
#include "runtime/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Write @p word into every segment. */
cleat_inline void cleat_mbuf_own(struct cleat_mbuf *m, uint64_t word)
{
	for (;;) {
		cleat_store_release(&m->owner, word);
		if (cleat_likely(m->next == CLEAT_HANDLE_NONE))
			return;
		m = cleat_mbuf_of(m->next);
	}
}

/* Fetch the packets from @p pos up to @p end of a ring whose only consumer we are. What a slot says
 * is not checked: it is an address for a prefetch only. @return where the first is that is not
 * there */
cleat_inline uint64_t cleat_ring_fetch_mbufs(const struct cleat_ring *r, uint64_t pos, uint64_t end)
{
	struct cleat_slots slots = cleat_ring_slots(r);
	uintptr_t base = cleat_window_base;

	for (; pos < end; pos++) {
		uint32_t slot = cleat_load_relaxed(cleat_slots_at(slots, pos));

		if ((slot & 1U) != cleat_slots_lap(slots, pos))
			break;
		cleat_mbuf_prefetch((struct cleat_mbuf *)cleat_ptr_at(base, slot >> 1),
			CLEAT_MBUF_HEADROOM_DEFAULT);
	}
	return pos;
}

/* @p got of @p wanted were taken: fetch others, each once, up to r->ahead behind them, or as many
 * as these. If fewer came than were wanted, there were no others. */
cleat_inline void cleat_ring_fetch_next_spsc(struct cleat_ring *r, uint32_t got, uint32_t wanted)
{
	uint64_t tail = cleat_load_relaxed(&r->shm->tail);
	uint32_t ahead = r->ahead;
	uint64_t pos = r->fetched;

	if (got < wanted)
		return;
	if ((int64_t)(pos - tail) < 0)
		pos = tail;
	pos = cleat_ring_fetch_mbufs(r, pos, tail + (got > ahead ? got : ahead));
	r->fetched = pos;
	if (cleat_unlikely(pos < tail + ahead))
		r->close = r->far;
}

cleat_inline uint32_t cleat_ring_put_mbufs(
	struct cleat_ring *r, struct cleat_op op, struct cleat_mbuf **mbufs, uint32_t n, int bulk)
{
	uint64_t word = cleat_owner_word_in(op, r->owner);
	struct cleat_slots slots = cleat_ring_slots(r);
	cleat_handle handles[CLEAT_MAX_BURST];
	uint64_t pos = 0;

	if (r->mode == CLEAT_RING_SPSC)
		n = cleat_ring_claim_spsc(r, n, bulk, &pos);
	else
		n = cleat_ring_claim_mpmc(r, n, bulk, &pos);
	if (cleat_unlikely(n == 0))
		return 0;
	for (uint32_t i = 0; i < n; i++)
		cleat_mbuf_own(mbufs[i], word);
	cleat_handles_of_ptrs(handles, mbufs, n);
	cleat_slots_fill(slots, pos, handles, n);
	if (r->mode == CLEAT_RING_SPSC)
		cleat_ring_claim_end_spsc(r, pos, pos + n);
	else
		cleat_ring_claim_end_mpmc(r);
	return n;
}

cleat_inline uint32_t cleat_ring_get_mbufs(
	struct cleat_ring *r, struct cleat_op op, struct cleat_mbuf **out, uint32_t n, int bulk)
{
	uint64_t word = cleat_owner_mine_in(op);
	cleat_handle handles[CLEAT_MAX_BURST];
	uint32_t got;

	if (r->mode == CLEAT_RING_SPSC) {
		if (cleat_unlikely(r->close))
			cleat_ring_wait_spsc(r, n);
		got = cleat_ring_get_spsc(r, handles, n, bulk);
		cleat_ring_fetch_next_spsc(r, got, n);
	} else {
		got = cleat_ring_get_mpmc(r, handles, n, bulk);
	}
	if (got > n)
		__builtin_unreachable(); /* else it warns of an @p out that has room for one */
	cleat_handles_to_ptrs(out, handles, got);
	for (uint32_t i = 0; i < got; i++)
		cleat_mbuf_prefetch(out[i], CLEAT_MBUF_HEADROOM_DEFAULT);
	for (uint32_t i = 0; i < got; i++)
		cleat_mbuf_own(out[i], word);
	return got;
}

/**
 * Hand packets to whoever reads the ring.
 *
 * @param n  1..CLEAT_MAX_BURST; a longer burst is cut
 * @return   how many were taken, the first ones; the others stay the caller's
 */
cleat_inline uint32_t cleat_ring_enqueue_mbufs(
	struct cleat_ring *r, struct cleat_mbuf **mbufs, uint32_t n)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t done;

	done = cleat_ring_put_mbufs(r, op, mbufs, n, 0);
	cleat_op_exit(op);
	return done;
}

/** Take packets from the ring; they are the caller's, whose thread is registered (shared.h). May
 * wait for about a microsecond, if it found nothing or left few the last time and waiting pays
 * (ring_spsc.h). @return how many, 0..n */
cleat_inline uint32_t cleat_ring_dequeue_mbufs(
	struct cleat_ring *r, struct cleat_mbuf **out, uint32_t n)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t done;

	done = cleat_ring_get_mbufs(r, op, out, n, 0);
	cleat_op_exit(op);
	return done;
}

/* All @p n or none. */
cleat_inline uint32_t cleat_ring_enqueue_mbufs_bulk(
	struct cleat_ring *r, struct cleat_mbuf **mbufs, uint32_t n)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t done;

	done = cleat_ring_put_mbufs(r, op, mbufs, n, 1);
	cleat_op_exit(op);
	return done;
}

cleat_inline uint32_t cleat_ring_dequeue_mbufs_bulk(
	struct cleat_ring *r, struct cleat_mbuf **out, uint32_t n)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t done;

	done = cleat_ring_get_mbufs(r, op, out, n, 1);
	cleat_op_exit(op);
	return done;
}

#ifdef __cplusplus
}
#endif

#endif
