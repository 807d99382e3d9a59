/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/ring_help.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t world_bytes(uint32_t slots)
{
	return sizeof(struct ring_world) + cleat_ring_bytes(slots);
}

struct ring_world *ring_world_new(struct cleat_ring *r, uint32_t slots, enum cleat_ring_mode mode)
{
	struct ring_world *world = mmap(NULL, world_bytes(slots), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct cleat_registry_shm *registry = calloc(1, sizeof(*registry));
	struct cleat_ring_row_shm *row;

	if (world == MAP_FAILED || registry == NULL)
		abort();
	cleat_window_base = (uintptr_t)world;
	cleat_window_len = world_bytes(slots);
	cleat_shared = &world->shared;
	cleat_registry = registry;
	cleat_self_use(0);

	row = &registry->rings[RING_HELP_ID];
	row->off = (uintptr_t)&world->ring - cleat_window_base;
	row->slots = slots;
	row->mode = (uint16_t)mode;
	row->use = CLEAT_RING_USE_NAMED;
	if (cleat_ring_init(&world->ring, slots) < 0 ||
		cleat_ring_open_row(r, RING_HELP_ID, row) < 0)
		abort();
	return world;
}

void ring_world_free(struct ring_world *world, uint32_t slots)
{
	cleat_self_use(CLEAT_THREAD_NONE);
	free(cleat_registry);
	cleat_registry = NULL;
	cleat_shared = NULL;
	cleat_window_base = 0;
	cleat_window_len = 0;
	munmap(world, world_bytes(slots));
}

void ring_world_start_at(struct cleat_ring *r, uint64_t pos)
{
	r->shm->head = pos;
	r->shm->tail = pos;
	r->shm->shown = pos;
	r->limit = pos + r->size;
	r->show = pos + r->lag;
	/* what the lap before left in each slot */
	for (uint64_t p = pos - r->size; p != pos; p++)
		*cleat_ring_slot(r, p) = 0xdeadU << 1 | cleat_ring_lap(r, p);
}

static uint32_t checksum(uint32_t value)
{
	value *= 0x9e3779b1U;
	return (value >> 24) ^ 0x5a; /* so that no element is 0, the tombstone */
}

cleat_handle ring_element(uint32_t producer, uint32_t seq)
{
	uint32_t value = producer << 20 | seq;

	return value << 8 | checksum(value);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

void ring_produce(const struct ring_work *work)
{
	cleat_handle handles[CLEAT_MAX_BURST];
	struct ring_world *world = work->world;
	uint32_t random = 1 + work->producer;
	uint32_t seq = work->from;

	cleat_self_use(work->thread);
	while (seq < work->to && !cleat_load_relaxed(&world->failed)) {
		uint32_t n = 1 + next_random(&random) % work->max;
		uint32_t done;

		if (n > work->to - seq)
			n = work->to - seq;
		for (uint32_t i = 0; i < n; i++)
			handles[i] = ring_element(work->producer, seq + i);
		cleat_store_release(&world->producers[work->producer].offered, seq + n);
		done = work->bulk ? cleat_ring_enqueue_bulk(work->ring, handles, n)
				  : cleat_ring_enqueue_burst(work->ring, handles, n);
		if (work->bulk && done != 0 && done != n)
			abort();
		seq += done;
		cleat_store_release(&world->producers[work->producer].confirmed, seq);
		if (done == 0)
			sched_yield();
	}
}

static int check_element(const struct ring_work *work, cleat_handle element, uint32_t *next)
{
	uint32_t value = element >> 8;
	uint32_t producer = value >> 20;
	uint32_t seq = value & (RING_HELP_SEQS - 1);

	if ((element & 0xff) != checksum(value) || producer >= work->producers) {
		fprintf(stderr, "element %#x is damaged\n", element);
		return -1;
	}
	if (seq < next[producer]) {
		fprintf(stderr, "producer %u: %u after %u\n", producer, seq, next[producer]);
		return -1;
	}
	if (work->ring->mode == CLEAT_RING_SPSC && seq != next[producer]) {
		fprintf(stderr, "producer %u: %u, but %u is next\n", producer, seq, next[producer]);
		return -1;
	}
	next[producer] = seq + 1;
	if (__atomic_fetch_add(&work->world->seen[producer][seq], 1, __ATOMIC_RELAXED) != 0) {
		fprintf(stderr, "producer %u: %u came twice\n", producer, seq);
		return -1;
	}
	return 0;
}

int ring_consume(const struct ring_work *work)
{
	cleat_handle out[CLEAT_MAX_BURST];
	uint32_t next[RING_HELP_PRODUCERS] = { 0 };
	struct ring_world *world = work->world;
	uint32_t random = 0x12345U + work->thread;

	cleat_self_use(work->thread);
	while (cleat_load_acquire(&world->taken) < work->to) {
		uint32_t n = 1 + next_random(&random) % work->max;
		uint32_t got = work->bulk ? cleat_ring_dequeue_bulk(work->ring, out, n)
					  : cleat_ring_dequeue_burst(work->ring, out, n);

		if (cleat_load_relaxed(&world->failed))
			return -1;
		if (got > n || (work->bulk && got != 0 && got != n)) {
			fprintf(stderr, "%u asked, %u got\n", n, got);
			cleat_store_relaxed(&world->failed, 1U);
			return -1;
		}
		for (uint32_t i = 0; i < got; i++) {
			if (check_element(work, out[i], next) < 0) {
				cleat_store_relaxed(&world->failed, 1U);
				return -1;
			}
		}
		if (got)
			__atomic_fetch_add(&world->taken, got, __ATOMIC_ACQ_REL);
		else
			sched_yield();
	}
	return 0;
}
