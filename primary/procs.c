/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/procs.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/mempool.h"
#include "runtime/row.h"

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int is_alive(const struct cleat_proc_shm *row)
{
	return row->state == CLEAT_PROC_ATTACHING || row->state == CLEAT_PROC_READY;
}

/* @return a free slot, after a look whether the name is free */
static int find_slot(const char *name)
{
	const struct cleat_proc_shm *rows = cleat_registry->procs;
	int slot = -1;

	for (int i = 0; i < CLEAT_MAX_PROCS; i++) {
		if (rows[i].state == CLEAT_PROC_FREE)
			slot = slot < 0 ? i : slot;
		else if (is_alive(&rows[i]) && strcmp(rows[i].name, name) == 0)
			return cleat_err(-EEXIST,
				"the name %s is in use by pid %u; give another --name", name,
				rows[i].pid);
	}
	return slot < 0 ? cleat_err(-ENOSPC, "all %d slots are in use", CLEAT_MAX_PROCS) : slot;
}

int cleat_proc_attach(struct cleat_conn *c, const char *name, uint32_t tid, uint16_t *thread)
{
	struct cleat_proc_shm row = {
		.pid = (uint32_t)c->peer.pid,
		.uid = c->peer.uid,
		.start_time_ns = realtime_ns(),
		.state = CLEAT_PROC_ATTACHING,
		.role = CLEAT_ROLE_SECONDARY,
	};
	int first, slot, rc = cleat_name_check("process", name);

	if (rc < 0)
		return rc;
	slot = find_slot(name);
	if (slot < 0)
		return slot;
	first = cleat_proc_thread_add((uint16_t)slot, tid);
	if (first < 0)
		return first;
	(void)snprintf(row.name, sizeof(row.name), "%s", name);
	row.generation = cleat_registry->procs[slot].generation + 1;
	CLEAT_ROW_WRITE(&cleat_registry->procs[slot], &row);
	c->slot = (uint16_t)slot;
	c->p->procs[slot] = c;
	*thread = (uint16_t)first;
	return slot;
}

void cleat_proc_ready(struct cleat_conn *c)
{
	struct cleat_proc_shm row = cleat_registry->procs[c->slot];

	row.state = CLEAT_PROC_READY;
	row.attach_us = (uint32_t)((cleat_now_ns() - c->hello_ns) / 1000);
	CLEAT_ROW_WRITE(&cleat_registry->procs[c->slot], &row);
	cleat_log(CLEAT_LOG_INFO, "%s (pid %u, uid %u) attached in %u us, slot %u", row.name,
		row.pid, row.uid, row.attach_us, c->slot);
	cleat_server_event(c->p, CLEAT__EVENT_KIND__EVENT_PROC_READY, c->slot, row.name);
}

void cleat_proc_set_dying(struct cleat_primary *p, uint16_t slot)
{
	struct cleat_proc_shm row = cleat_registry->procs[slot];

	row.state = CLEAT_PROC_DYING;
	CLEAT_ROW_WRITE(&cleat_registry->procs[slot], &row);
	p->procs[slot] = NULL;
}

static void free_thread(uint32_t thread)
{
	struct cleat_thread_row_shm row = cleat_registry->threads[thread];

	row.slot = CLEAT_SLOT_NONE;
	row.lcore = 0xffff;
	row.tid = 0;
	CLEAT_ROW_WRITE(&cleat_registry->threads[thread], &row);
}

void cleat_proc_free(struct cleat_primary *p, uint16_t slot)
{
	struct cleat_proc_shm row = { .generation = cleat_registry->procs[slot].generation };

	(void)p;
	for (uint32_t i = 0; i < CLEAT_MAX_THREADS; i++) {
		if (cleat_registry->threads[i].slot == slot)
			free_thread(i);
	}
	CLEAT_ROW_WRITE(&cleat_registry->procs[slot], &row);
}

/* ---- threads ---- */

int cleat_proc_thread_add(uint16_t slot, uint32_t tid)
{
	for (int i = 1; i < CLEAT_MAX_THREADS; i++) {
		struct cleat_thread_row_shm row = cleat_registry->threads[i];

		if (row.slot != CLEAT_SLOT_NONE)
			continue;
		row.slot = slot;
		row.lcore = 0xffff;
		row.tid = tid;
		row.generation++;
		CLEAT_ROW_WRITE(&cleat_registry->threads[i], &row);
		return i;
	}
	return cleat_err(-ENOSPC, "all %d data-path threads are in use", CLEAT_MAX_THREADS - 1);
}

/* Handles in a cache are another process's word: only mbufs of the pool are taken. */
static void flush_cache(struct cleat_mempool *mp, uint16_t thread)
{
	struct cleat_cache_shm *cache = cleat_mempool_cache(mp, thread);
	cleat_handle handles[CLEAT_MAX_CACHE];
	uint32_t n = 0, len = cache != NULL ? cleat_load_acquire(&cache->len) : 0;
	struct cleat_op op;

	if (len == 0)
		return;
	if (len > mp->cache_handles || len > CLEAT_MAX_CACHE)
		len = 0;
	for (uint32_t i = 0; i < len; i++) {
		cleat_handle handle = cleat_load_relaxed(&cleat_cache_handles(cache)[i]);

		if (cleat_mempool_index(mp, handle) >= 0)
			handles[n++] = handle;
	}
	op = cleat_op_enter();
	cleat_store_release(&cache->len, 0);
	if (n > 0)
		cleat_mempool_put_ring(mp, handles, n);
	cleat_op_exit(op);
}

int cleat_proc_thread_remove(uint16_t slot, uint32_t thread)
{
	if (thread >= CLEAT_MAX_THREADS || cleat_registry->threads[thread].slot != slot)
		return cleat_err(-EPERM, "thread %u is not yours", thread);
	if (cleat_load_acquire(&cleat_shared->threads[thread].busy) & 1)
		return cleat_err(-EBUSY, "thread %u is in the middle of an operation", thread);
	for (uint16_t i = 0; i < CLEAT_MAX_POOLS; i++) {
		struct cleat_mempool *mp =
			cleat_registry->pools[i].name[0] != '\0' ? cleat_mempool_by_id(i) : NULL;

		if (mp != NULL)
			flush_cache(mp, (uint16_t)thread);
	}
	for (uint32_t i = 0; i < CLEAT_MAX_LCORES; i++) {
		if (cleat_registry->lcores[i].owner_slot == slot &&
			cleat_registry->lcores[i].thread == thread)
			(void)cleat_proc_lcore_release(slot, i);
	}
	free_thread(thread);
	return 0;
}

/* ---- lcores ---- */

static void note_lcore(uint32_t thread, uint16_t lcore)
{
	struct cleat_thread_row_shm row = cleat_registry->threads[thread];

	row.lcore = lcore;
	CLEAT_ROW_WRITE(&cleat_registry->threads[thread], &row);
}

int cleat_proc_lcore_claim(uint16_t slot, uint32_t lcore, uint32_t thread)
{
	struct cleat_lcore_shm row;
	char who[64];

	if (lcore >= CLEAT_MAX_LCORES || !cleat_registry->lcores[lcore].present)
		return cleat_err(
			-EINVAL, "there is no lcore %u here; `cleat lcores` lists them", lcore);
	row = cleat_registry->lcores[lcore];
	if (row.owner_slot != CLEAT_SLOT_NONE && row.owner_slot != slot)
		return cleat_err(-EBUSY, "lcore %u is held by %s", lcore,
			cleat_registry_who(row.owner_slot, who, sizeof(who)));
	if (thread != CLEAT_THREAD_NONE &&
		(thread >= CLEAT_MAX_THREADS || cleat_registry->threads[thread].slot != slot))
		return cleat_err(-EPERM, "thread %u is not yours", thread);
	row.owner_slot = slot;
	row.thread = (uint16_t)thread;
	CLEAT_ROW_WRITE(&cleat_registry->lcores[lcore], &row);
	if (thread != CLEAT_THREAD_NONE)
		note_lcore(thread, (uint16_t)lcore);
	return 0;
}

int cleat_proc_lcore_release(uint16_t slot, uint32_t lcore)
{
	struct cleat_lcore_shm row;

	if (lcore >= CLEAT_MAX_LCORES || cleat_registry->lcores[lcore].owner_slot != slot)
		return cleat_err(-EPERM, "lcore %u is not yours", lcore);
	row = cleat_registry->lcores[lcore];
	if (row.thread < CLEAT_MAX_THREADS && cleat_registry->threads[row.thread].slot == slot)
		note_lcore(row.thread, 0xffff);
	row.owner_slot = CLEAT_SLOT_NONE;
	row.thread = CLEAT_THREAD_NONE;
	CLEAT_ROW_WRITE(&cleat_registry->lcores[lcore], &row);
	return 0;
}

void cleat_proc_lcores_release(uint16_t slot)
{
	for (uint32_t i = 0; i < CLEAT_MAX_LCORES; i++) {
		if (cleat_registry->lcores[i].owner_slot == slot)
			(void)cleat_proc_lcore_release(slot, i);
	}
}
