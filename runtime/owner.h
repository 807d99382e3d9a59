/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * owner.h - the word in each mbuf that says whose it is, and outlives that owner.
 *
 *   kind     id              written by
 *   POOL     pool            free; a cache's flush to the pool's ring
 *   PROCESS  slot            alloc; dequeue from a ring; rx; tx for what it gives back
 *   RING     ring            enqueue, just before the slot is stored
 *   QUEUE    see below       a driver that hands buffers to a device
 *   SHARED   slot            the last direct holder, when clones still read the data
 *
 * Bits: kind 4 | id 16 | thread 12 | seq 32. The writer's thread and its operation counter make
 * each word differ from all before it: a word that did not change tells that nothing happened to
 * the mbuf. An mbuf changes hands in one direction only while its word stays the same:
 *
 *   POOL   on its way in → pool ring → a thread's cache → on its way out
 *   RING   on its way in → ring → on its way out
 *
 * "On its way" lasts no longer than one operation (shared.h). That is what audit.h builds on.
 * Whoever dies on the way leaves a word that names a place where the mbuf is not: lost, until the
 * sweep returns it.
 */
#ifndef CLEAT_RUNTIME_OWNER_H
#define CLEAT_RUNTIME_OWNER_H

#include "runtime/shared.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_owner_kind {
	CLEAT_OWNER_POOL = 1,
	CLEAT_OWNER_PROCESS = 2,
	CLEAT_OWNER_RING = 3,
	CLEAT_OWNER_QUEUE = 4,
	CLEAT_OWNER_SHARED = 5,
};

/*
 * Id of a queue: claim 5 | port 6 | tx 1 | queue 4. The claim's number (mod 32) tells the buffers
 * of one owner of the queue from those of the owner before, which the reaper may not have taken
 * yet.
 */
#define CLEAT_OWNER_TX 0x10U
static_assert(CLEAT_MAX_PORTS <= 64 && CLEAT_MAX_QUEUES <= 16, "bits of a queue's id");

/* Kind and id as they stand in a word. */
#define CLEAT_OWNER_BITS(kind, id) ((uint64_t)(kind) << 60 | CLEAT_ID_TAG(id))

/** The word with which the calling thread hands mbufs over, the same within one operation. */
cleat_inline uint64_t cleat_owner_word(enum cleat_owner_kind kind, uint16_t id)
{
	return CLEAT_OWNER_BITS(kind, id) | cleat_self.tag |
	       (uint32_t)cleat_load_relaxed(&cleat_self.line->busy);
}

/** The same in operation @p op. @param bits  CLEAT_OWNER_BITS() of the new owner */
cleat_inline uint64_t cleat_owner_word_in(struct cleat_op op, uint64_t bits)
{
	return bits | cleat_self.tag | (uint32_t)op.busy;
}

/** The same of this process as the new owner. */
cleat_inline uint64_t cleat_owner_mine_in(struct cleat_op op)
{
	return CLEAT_OWNER_BITS(CLEAT_OWNER_PROCESS, 0) | cleat_self.mine | (uint32_t)op.busy;
}

/** @return enum cleat_owner_kind, or another number if someone scribbled there */
cleat_inline unsigned cleat_owner_kind_of(uint64_t word)
{
	return (unsigned)(word >> 60);
}

cleat_inline uint16_t cleat_owner_id_of(uint64_t word)
{
	return (uint16_t)(word >> 44);
}

cleat_inline int cleat_owner_is(uint64_t word, enum cleat_owner_kind kind, uint16_t id)
{
	return word >> 44 == ((uint64_t)kind << 16 | id);
}

/** Id of a queue for CLEAT_OWNER_QUEUE. @param claims  of the queue's row */
cleat_inline uint16_t cleat_owner_queue_id(uint16_t port, uint16_t queue, int tx, uint16_t claims)
{
	return (uint16_t)((claims & 31U) << 11 | (port & 63U) << 5 | (tx ? CLEAT_OWNER_TX : 0U) |
			  (queue & 15U));
}

#ifdef __cplusplus
}
#endif

#endif
