/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/mbuf_help.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/error.h"
#include "runtime/grace.h"
#include "runtime/mbuf_ref.h"
#include "runtime/row.h"

static uint64_t used; /* bytes of the window */
static uint64_t shared_off;
static unsigned n_pools, n_rings;

static void must(int ok)
{
	if (!ok) {
		fprintf(stderr, "test set-up: %s\n", cleat_error());
		abort();
	}
}

static uint64_t reserve(uint64_t bytes)
{
	uint64_t off = used;

	used += cleat_align_up(bytes, CLEAT_FALSE_SHARING);
	must(used <= MBUF_HELP_BYTES);
	return off;
}

void mbuf_world_up(void)
{
	struct cleat_registry_header_shm head = { .epoch = 1 };
	void *base = mmap(
		NULL, MBUF_HELP_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(base != MAP_FAILED);
	cleat_window_base = (uintptr_t)base;
	cleat_window_len = MBUF_HELP_BYTES;
	cleat_registry = base;
	head.window_base = cleat_window_base;
	head.window_len = cleat_window_len;
	cleat_registry_format(&head);
	used = CLEAT_REGISTRY_LEN;
	shared_off = reserve(sizeof(struct cleat_shared_shm));
	cleat_shared = (struct cleat_shared_shm *)(cleat_window_base + shared_off);
	for (uint16_t i = 0; i < 4; i++) {
		cleat_registry->procs[i].state = CLEAT_PROC_READY;
		cleat_registry->threads[i].slot = i;
	}
	must(cleat_grace_register() == 0);
	n_pools = n_rings = 0;
	mbuf_world_be(0);
}

void mbuf_world_down(void)
{
	cleat_self_slot = CLEAT_SLOT_NONE;
	cleat_self_use(CLEAT_THREAD_NONE);
	cleat_mempool_forget_all();
	munmap((void *)cleat_window_base, MBUF_HELP_BYTES);
	cleat_registry = NULL;
	cleat_shared = NULL;
	cleat_window_base = 0;
	cleat_window_len = 0;
}

void mbuf_world_clear(void)
{
	uint64_t first = shared_off + sizeof(struct cleat_shared_shm);

	for (unsigned i = 0; i < n_pools; i++)
		CLEAT_ROW_WRITE(
			&cleat_registry->pools[i], &(struct cleat_pool_row_shm){ .seq = 0 });
	for (unsigned i = 0; i < n_rings; i++)
		CLEAT_ROW_WRITE(
			&cleat_registry->rings[i], &(struct cleat_ring_row_shm){ .seq = 0 });
	memset((char *)cleat_window_base + first, 0, used - first);
	used = first;
	n_pools = n_rings = 0;
	cleat_mempool_forget_all();
}

void mbuf_world_be(uint16_t slot)
{
	cleat_self_slot = slot;
	cleat_self_use(slot);
}

static struct cleat_ring_row_shm ring_row(
	const char *name, uint64_t off, uint32_t slots, enum cleat_ring_mode mode, uint16_t use)
{
	struct cleat_ring_row_shm row = { .off = off, .slots = slots, .use = use };

	row.mode = (uint16_t)mode;
	snprintf(row.name, sizeof(row.name), "%s", name);
	return row;
}

struct cleat_mempool *mbuf_world_pool(
	const char *name, uint32_t count, uint32_t data_bytes, uint32_t cache_handles)
{
	struct cleat_mempool_layout layout;
	struct cleat_pool_row_shm row = { .count = count };
	struct cleat_ring_row_shm ring;
	struct cleat_mempool *mp;
	uint64_t at;

	must(cleat_mempool_layout(
		     &layout, count, data_bytes, CLEAT_MBUF_HEADROOM_DEFAULT, cache_handles) == 0);
	at = reserve(layout.bytes);
	snprintf(row.name, sizeof(row.name), "%s", name);
	row.first_off = at + layout.mbufs_off;
	row.caches_off = at + layout.caches_off;
	row.elt_bytes = layout.elt_bytes;
	row.cache_handles = cache_handles;
	row.cache_stride = layout.cache_stride;
	row.ring = (uint16_t)n_rings;
	row.headroom_bytes = CLEAT_MBUF_HEADROOM_DEFAULT;
	ring = ring_row(name, at + layout.ring_off, layout.ring_slots, CLEAT_RING_MPMC,
		CLEAT_RING_USE_POOL);
	must(cleat_mempool_init_shm((uint16_t)n_pools, &row, &ring) == 0);
	CLEAT_ROW_WRITE(&cleat_registry->rings[n_rings++], &ring);
	CLEAT_ROW_WRITE(&cleat_registry->pools[n_pools++], &row);
	mp = cleat_mempool_by_name(name);
	must(mp != NULL);
	return mp;
}

void mbuf_world_ring(
	struct cleat_ring *r, const char *name, uint32_t slots, enum cleat_ring_mode mode)
{
	struct cleat_ring_row_shm row =
		ring_row(name, reserve(cleat_ring_bytes(slots)), slots, mode, CLEAT_RING_USE_NAMED);

	CLEAT_ROW_WRITE(&cleat_registry->rings[n_rings], &row);
	must(cleat_ring_open_row(r, n_rings++, &row) == 0);
}

void *mbuf_world_memory(uint64_t *len_bytes)
{
	*len_bytes = used - shared_off;
	return (void *)(cleat_window_base + shared_off);
}

uint64_t mbuf_world_sweep(uint16_t slot)
{
	struct cleat_sweep *s;
	uint64_t count;
	int rc;

	cleat_registry->procs[slot].state = CLEAT_PROC_DYING;
	s = cleat_sweep_new(slot);
	must(s != NULL);
	do
		rc = cleat_sweep_step(s);
	while (rc == 0 && sched_yield() == 0);
	must(rc == 1);
	count = cleat_sweep_count(s);
	cleat_sweep_free(s);
	cleat_registry->procs[slot].state = CLEAT_PROC_READY;
	return count;
}

struct cleat_audit mbuf_world_audit(const struct cleat_mempool *mp)
{
	struct cleat_auditor *a = cleat_auditor_new();
	struct cleat_audit out;
	int rc;

	must(a != NULL);
	do
		rc = cleat_auditor_step(a);
	while (rc == 0 && sched_yield() == 0);
	must(rc == 1 && cleat_auditor_result(a, mp->id, &out) == 0);
	cleat_auditor_free(a);
	return out;
}

const char *mbuf_world_take_all(struct cleat_mempool *mp)
{
	struct cleat_mbuf **all = calloc(mp->count, sizeof(struct cleat_mbuf *));
	uint8_t *seen = calloc(mp->count, 1);
	const char *wrong = NULL;
	uint32_t n = 0;

	must(all != NULL && seen != NULL);
	for (; wrong == NULL && n < mp->count; n++) {
		int64_t index;

		all[n] = cleat_mbuf_alloc(mp);
		if (all[n] == NULL) {
			wrong = "not all mbufs can be taken";
			break;
		}
		index = cleat_mempool_index(mp, cleat_handle_of(all[n]));
		if (index < 0 || seen[index]++)
			wrong = "an mbuf came twice";
		else if (!cleat_mbuf_is_plain(all[n]))
			wrong = "a free mbuf still has references";
	}
	if (wrong == NULL && cleat_mbuf_alloc(mp) != NULL)
		wrong = "there is one mbuf too many";
	if (wrong == NULL)
		cleat_mbuf_free_bulk(all, n);
	free(all);
	free(seen);
	return wrong;
}
