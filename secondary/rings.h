/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rings.h - named rings between processes: make, open, close, free.
 *
 * An SPSC ring's ends are held by one process each; the others are counted only, so that the
 * tool can show who feeds whom.
 */
#ifndef CLEAT_SECONDARY_RINGS_H
#define CLEAT_SECONDARY_RINGS_H

#include "runtime/ring.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_ring_end {
	CLEAT_RING_PRODUCER = 1,
	CLEAT_RING_CONSUMER = 2,
	CLEAT_RING_BOTH = 3,
};

/**
 * Make a ring.
 *
 * @param slots        power of two, 2..CLEAT_MAX_RING
 * @param or_existing  1: one of that name, size and mode will do
 * @return             its index; -EEXIST; -ENOSPC; -EINVAL
 */
int cleat_ctl_ring_create(
	const char *name, uint32_t slots, enum cleat_ring_mode mode, int or_existing);

/**
 * Open an end of a ring. Who will hold both opens them at once: of ends opened one by one, the
 * first counts as far from the other (ring_slot.h).
 *
 * @param ring  filled; valid until cleat_ctl_ring_close() or detach
 * @return      0; -ENOENT; -EBUSY when another process holds that end of an SPSC ring (the
 *              sentence names it)
 */
int cleat_ctl_ring_open(const char *name, enum cleat_ring_end end, struct cleat_ring *ring);
int cleat_ctl_ring_close(struct cleat_ring *ring, enum cleat_ring_end end);

/** Remove a ring; what it holds goes back to its pools. @return 0; -ENOENT; -EBUSY when open */
int cleat_ctl_ring_free(const char *name);

#ifdef __cplusplus
}
#endif

#endif
