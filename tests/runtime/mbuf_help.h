/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mbuf_help.h - for the tests of pools and mbufs: a window with a registry, pools and rings in it,
 * shared with forked children.
 */
#ifndef CLEAT_TESTS_RUNTIME_MBUF_HELP_H
#define CLEAT_TESTS_RUNTIME_MBUF_HELP_H

#include "runtime/audit.h"
#include "runtime/mbuf_ring.h"
#include "runtime/mempool.h"
#include "runtime/sweep.h"

#define MBUF_HELP_BYTES (64ULL << 20) /* of the window */

/* A window with an empty registry and slots 0..3 in use, thread t belonging to slot t; the caller
 * is the primary, thread 0. Aborts when it cannot. */
void mbuf_world_up(void);
void mbuf_world_down(void);

/* Forget pools, rings and what lies in the window; thread lines stay as they are. */
void mbuf_world_clear(void);

/* Work as the process in @p slot, with its one thread. */
void mbuf_world_be(uint16_t slot);

/* A new pool in the next free row. */
struct cleat_mempool *mbuf_world_pool(
	const char *name, uint32_t count, uint32_t data_bytes, uint32_t cache_handles);

/* A new ring. */
void mbuf_world_ring(
	struct cleat_ring *r, const char *name, uint32_t slots, enum cleat_ring_mode mode);

/* Bytes in use, from the shared area on; to copy and restore all but the registry. */
void *mbuf_world_memory(uint64_t *len_bytes);

/* Sweep until done, without sleeping. @return mbufs that went back; aborts if it fails */
uint64_t mbuf_world_sweep(uint16_t slot);

/* The audit of one pool. Fails the test if it cannot be had. */
struct cleat_audit mbuf_world_audit(const struct cleat_mempool *mp);

/* @return NULL if all mbufs can be taken, each once, and put back; else what is wrong */
const char *mbuf_world_take_all(struct cleat_mempool *mp);

#endif
