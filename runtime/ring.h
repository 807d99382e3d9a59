/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring.h - queues of handles between processes, whatever their mode.
 *
 * ring_slot.h says what a ring is, ring_spsc.h and ring_mpmc.h how each mode works, ring_recover.h
 * what happens after a death.
 */
#ifndef CLEAT_RUNTIME_RING_H
#define CLEAT_RUNTIME_RING_H

#include "runtime/ring_mpmc.h"
#include "runtime/ring_spsc.h"
#include "runtime/shared.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Whatever the mode; one operation each (shared.h), so call them from a registered thread and
 * outside any other operation. burst: as many as there are; bulk: all @p n or none. @return how
 * many, 0..n.
 *
 * Ownership: enqueue takes the first <return value> handles, dequeue gives them. @p n is at most
 * CLEAT_MAX_BURST: a longer burst is cut to that, a longer bulk returns 0.
 */
cleat_inline uint32_t cleat_ring_enqueue(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n, int bulk)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t done;

	if (r->mode == CLEAT_RING_SPSC)
		done = cleat_ring_put_spsc(r, handles, n, bulk);
	else
		done = cleat_ring_put_mpmc(r, handles, n, bulk);
	cleat_op_exit(op);
	return done;
}

cleat_inline uint32_t cleat_ring_dequeue(
	struct cleat_ring *r, cleat_handle *out, uint32_t n, int bulk)
{
	struct cleat_op op = cleat_op_enter();
	uint32_t done;

	if (r->mode == CLEAT_RING_SPSC)
		done = cleat_ring_get_spsc(r, out, n, bulk);
	else
		done = cleat_ring_get_mpmc(r, out, n, bulk);
	cleat_op_exit(op);
	return done;
}

cleat_inline uint32_t cleat_ring_enqueue_burst(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n)
{
	return cleat_ring_enqueue(r, handles, n, 0);
}

cleat_inline uint32_t cleat_ring_enqueue_bulk(
	struct cleat_ring *r, const cleat_handle *handles, uint32_t n)
{
	return cleat_ring_enqueue(r, handles, n, 1);
}

cleat_inline uint32_t cleat_ring_dequeue_burst(struct cleat_ring *r, cleat_handle *out, uint32_t n)
{
	return cleat_ring_dequeue(r, out, n, 0);
}

cleat_inline uint32_t cleat_ring_dequeue_bulk(struct cleat_ring *r, cleat_handle *out, uint32_t n)
{
	return cleat_ring_dequeue(r, out, n, 1);
}

#ifdef __cplusplus
}
#endif

#endif
