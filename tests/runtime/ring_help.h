/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_help.h - for the ring tests: a small world with one ring, and workers whose elements prove
 * their order and wholeness.
 */
#ifndef CLEAT_TESTS_RUNTIME_RING_HELP_H
#define CLEAT_TESTS_RUNTIME_RING_HELP_H

#include "runtime/ring.h"

/* The id of the world's ring. */
#define RING_HELP_ID 7

/* An element: producer in 3 bits, sequence in 20, checksum in 8. */
#define RING_HELP_PRODUCERS 8
#define RING_HELP_SEQS	    (1U << 20)

/* In memory that forked processes share. */
struct ring_world {
	struct cleat_shared_shm shared;
	uint32_t taken;	 /* elements, by all consumers */
	uint32_t failed; /* consumers that found something wrong */
	struct {
		uint32_t offered;   /* sequences below this may be in the ring */
		uint32_t confirmed; /* sequences below this are */
	} producers[RING_HELP_PRODUCERS];
	uint8_t seen[RING_HELP_PRODUCERS][RING_HELP_SEQS]; /* how often each was taken */
	struct cleat_ring_shm ring;			   /* last: its slots follow */
};

struct ring_work {
	struct ring_world *world;
	struct cleat_ring *ring;
	uint32_t producer;
	uint32_t producers; /* consumer: how many there are */
	uint32_t from, to;  /* producer: sequences; consumer: ends at @p to taken by all */
	uint32_t max;	    /* largest burst */
	uint16_t thread;
	uint16_t bulk;
};

/** A world with an empty ring, its registry row and the calling thread as thread 0; give it back
 * with ring_world_free(). Aborts if there is no memory. */
struct ring_world *ring_world_new(struct cleat_ring *r, uint32_t slots, enum cleat_ring_mode mode);
void ring_world_free(struct ring_world *world, uint32_t slots);

/** Let an empty ring start at @p pos, as if that many elements had passed. */
void ring_world_start_at(struct cleat_ring *r, uint64_t pos);

cleat_handle ring_element(uint32_t producer, uint32_t seq);

/** Enqueue work->from..to-1 in bursts of 1..max. */
void ring_produce(const struct ring_work *work);

/** Dequeue and check until work->to are taken by all consumers together. @return 0, or -1 after a
 * line on stderr */
int ring_consume(const struct ring_work *work);

#endif
