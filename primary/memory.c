/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "primary/dma.h"
#include "primary/numa.h"
#include "primary/place.h"
#include "primary/pools.h"
#include "primary/server.h"
#include "proto/version.h"
#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/lcore.h"
#include "runtime/log.h"
#include "runtime/row.h"
#include "runtime/window.h"

#define REGISTRY_ROW 0
#define HEADROOM     128

uint16_t cleat_memory_node(int node)
{
	return node < 0 ? (uint16_t)CLEAT_NODE_ANY : (uint16_t)node;
}

static void progress(uint64_t done, uint64_t total, uint64_t elapsed_ms, void *arg)
{
	uint64_t *told_ms = arg;

	if (elapsed_ms < *told_ms + 1000)
		return;
	*told_ms = elapsed_ms;
	cleat_log(CLEAT_LOG_NOTICE, "memory: %" PRIu64 " of %" PRIu64 " MiB ready", done >> 20,
		total >> 20);
}

/* ---- registry ---- */

/* Which processors there are, and where. */
static void write_lcores(struct cleat_registry_shm *r)
{
	struct cleat_cpuset cpus;
	int limited = cleat_lcore_available(&cpus) == 0;

	for (unsigned i = 0; i < CLEAT_MAX_LCORES; i++) {
		int node = cleat_lcore_node(i);

		r->lcores[i].present = (uint16_t)(limited && cleat_cpuset_has(&cpus, i));
		r->lcores[i].numa_node = node < 0 ? 0xffff : (uint16_t)node;
	}
}

static uint64_t realtime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* The primary is slot 0 and thread 0. */
static void write_self(struct cleat_registry_shm *r)
{
	struct cleat_proc_shm proc = {
		.name = "primary",
		.pid = (uint32_t)getpid(),
		.uid = geteuid(),
		.start_time_ns = realtime_ns(),
		.generation = 1,
		.state = CLEAT_PROC_READY,
		.role = CLEAT_ROLE_PRIMARY,
	};
	struct cleat_thread_row_shm thread = {
		.slot = 0, .lcore = 0xffff, .tid = (uint32_t)gettid(), .generation = 1
	};

	CLEAT_ROW_WRITE(&r->procs[0], &proc);
	CLEAT_ROW_WRITE(&r->threads[0], &thread);
}

static void format(const struct cleat_primary *p)
{
	struct cleat_registry_header_shm h = {
		.epoch = 1,
		.window_base = p->options->window_base,
		.window_len = p->options->window_len,
		.start_time_ns = realtime_ns(),
		.primary_pid = (uint32_t)getpid(),
		.iova_mode = p->iova_mode,
		.iova_shift = p->iova_shift,
	};

	(void)snprintf(h.instance, sizeof(h.instance), "%s", p->options->instance);
	(void)snprintf(h.version, sizeof(h.version), "%s", CLEAT_VERSION);
	cleat_registry_format(&h);
}

int cleat_memory_registry(struct cleat_primary *p)
{
	struct cleat_segment_options opt = {
		.name = "cleat-registry",
		.len_bytes = CLEAT_REGISTRY_LEN,
		.page_bytes = CLEAT_PAGE_4K,
		.kind = CLEAT_SEGMENT_REGISTRY,
		.node = CLEAT_NODE_ANY,
		.threads = 1,
	};
	struct cleat_segment_shm row;
	int rc = cleat_segment_create(&p->segments[REGISTRY_ROW], &opt);

	if (rc < 0)
		return rc;
	cleat_registry = (struct cleat_registry_shm *)cleat_window_base;
	p->growth.row = -1;
	format(p);
	write_lcores(cleat_registry);
	cleat_segment_row(&p->segments[REGISTRY_ROW], &row);
	row.ready = 1;
	CLEAT_ROW_WRITE(&cleat_registry->segments[REGISTRY_ROW], &row);
	write_self(cleat_registry);
	return 0;
}

/* ---- memory segments ---- */

static uint64_t choose_pages(const struct cleat_primary *p, uint64_t len_bytes, uint16_t node)
{
	uint64_t sizes[CLEAT_MAX_PAGE_SIZES], page;
	struct cleat_hugepages huge;
	int n;

	if (p->options->no_huge)
		return CLEAT_PAGE_4K;
	if (p->options->huge_bytes != 0)
		return p->options->huge_bytes;
	page = cleat_hugepages_choose(len_bytes, node);
	if (page != 0)
		return page;
	n = cleat_hugepages_sizes(sizes);
	for (int i = 0; i < n; i++) { /* there are some, only not enough: that is an error */
		if (cleat_hugepages_read(sizes[i], node, &huge) == 0 && huge.total > 0)
			return sizes[i];
	}
	cleat_log(CLEAT_LOG_WARNING,
		"no hugepages reserved: using 4 KiB pages, which is slower (as root: echo %" PRIu64
		" > /proc/sys/vm/nr_hugepages; or say --no-huge)",
		(uint64_t)((len_bytes + CLEAT_PAGE_2M - 1) / CLEAT_PAGE_2M));
	return CLEAT_PAGE_4K;
}

static int find_place(const struct cleat_primary *p, uint64_t len_bytes, uint64_t *off)
{
	int rc = cleat_place_memory(p, len_bytes, off);

	for (int i = 0; rc == 0 && i < CLEAT_MAX_SEGMENTS; i++)
		if (p->segments[i].len_bytes == 0)
			return i;
	return rc < 0 ? rc : cleat_err(-ENOSPC, "all %d segments are in use", CLEAT_MAX_SEGMENTS);
}

/* Nobody reserves ordinary pages: taking more than there are would have the kernel kill us. */
static int check_available(uint64_t len_bytes)
{
	unsigned long long total = 0, available = 0;
	FILE *info = fopen("/proc/meminfo", "re");
	char line[128];

	while (info != NULL && available == 0 && fgets(line, sizeof(line), info) != NULL) {
		(void)sscanf(line, "MemTotal: %llu", &total);
		(void)sscanf(line, "MemAvailable: %llu", &available);
	}
	if (info != NULL)
		(void)fclose(info);
	if (available == 0 || len_bytes / 1024 + total / 32 <= available)
		return 0;
	return cleat_err(-ENOMEM,
		"%" PRIu64
		" MiB on ordinary pages: of %llu MiB of memory %llu are available; ask for "
		"less (-m)",
		len_bytes >> 20, total >> 10, available >> 10);
}

/* @return the new segment's row, written but not ready */
static int make_segment(struct cleat_primary *p, uint64_t len_bytes, uint16_t node)
{
	uint64_t told_ms = 0;
	struct cleat_segment_options opt = {
		.name = "cleat-memory",
		.len_bytes = len_bytes,
		.kind = CLEAT_SEGMENT_MEMORY,
		.node = node,
		.progress = progress,
		.progress_arg = &told_ms,
	};
	struct cleat_segment_shm shm;
	int rc, row = find_place(p, len_bytes, &opt.off);

	if (row < 0)
		return row;
	opt.page_bytes = choose_pages(p, len_bytes, node);
	rc = opt.page_bytes == CLEAT_PAGE_4K ? check_available(len_bytes) : 0;
	rc = rc < 0 ? rc : cleat_segment_create(&p->segments[row], &opt);
	if (rc < 0) {
		memset(&p->segments[row], 0, sizeof(p->segments[row]));
		return rc;
	}
	cleat_segment_row(&p->segments[row], &shm);
	CLEAT_ROW_WRITE(&cleat_registry->segments[row], &shm);
	return row;
}

static void drop_segment(struct cleat_primary *p, int row)
{
	struct cleat_segment_shm empty = { 0 };

	CLEAT_ROW_WRITE(&cleat_registry->segments[row], &empty);
	cleat_segment_destroy(&p->segments[row]);
	memset(&p->segments[row], 0, sizeof(p->segments[row]));
}

static void log_segment(const struct cleat_segment *seg)
{
	char len[24], page[24];

	cleat_log(CLEAT_LOG_INFO, "memory: %s in pages of %s at 0x%" PRIx64,
		cleat_size_text(seg->len_bytes, len), cleat_size_text(seg->page_bytes, page),
		(uint64_t)cleat_window_base + seg->off);
	if (seg->node_asked != CLEAT_NODE_ANY && seg->node_asked != seg->node_got)
		cleat_log(CLEAT_LOG_WARNING, "memory: asked for node %u, got node %d",
			seg->node_asked, seg->node_got == CLEAT_NODE_ANY ? -1 : seg->node_got);
}

/* All that can fail comes before others are told of it: its addresses, and that devices reach it.
 * @return the new segment's row */
static int prepare_segment(struct cleat_primary *p, uint64_t len_bytes, int node)
{
	int row = make_segment(p, len_bytes, cleat_memory_node(node));
	int rc = row < 0 ? row : cleat_zone_prepare_segment(p->heap, (uint32_t)row);

	if (row < 0)
		return row;
	if (rc == 0) {
		rc = cleat_dma_map(p, &p->segments[row]);
		if (rc < 0)
			(void)cleat_zone_remove_segment(p->heap, (uint32_t)row);
	}
	if (rc == 0)
		return row;
	drop_segment(p, row);
	return rc;
}

/* From now on the allocator gives it out. */
static void open_segment(struct cleat_primary *p, int row)
{
	cleat_zone_open_segment(p->heap, (uint32_t)row);
	log_segment(&p->segments[row]);
}

static int make_share(struct cleat_primary *p, const struct cleat_share *share)
{
	int row = prepare_segment(p, share->bytes, share->node);

	if (row < 0)
		return row;
	open_segment(p, row);
	return 0;
}

int cleat_memory_first(struct cleat_primary *p)
{
	struct cleat_zone_request req = {
		.name = "cleat.shared",
		.len_bytes = sizeof(struct cleat_shared_shm),
		.align = CLEAT_PAGE_4K,
		.node = CLEAT_NODE_ANY,
	};
	struct cleat_zone_shm zone;
	int rc = 0;

	p->heap = cleat_heap_create();
	if (p->heap == NULL)
		return cleat_err(-ENOMEM, "out of memory");
	for (unsigned i = 0; rc == 0 && i < p->n_shares; i++)
		rc = make_share(p, &p->shares[i]);
	if (rc < 0)
		return rc;
	rc = cleat_zone_reserve(p->heap, &req, &zone);
	if (rc < 0)
		return rc;
	cleat_shared = (struct cleat_shared_shm *)cleat_zone_ptr(&zone);
	cleat_store_release(&cleat_registry->header.shared_off, zone.va - cleat_window_base);
	return 0;
}

/* As many mbufs as half the free memory holds, in a ring's limits. */
static uint32_t default_count(const struct cleat_primary *p, int node)
{
	uint64_t each = sizeof(struct cleat_mbuf) + HEADROOM + p->options->mbuf_bytes;
	struct cleat_heap_stats stats;
	uint64_t count;

	cleat_heap_stats(p->heap, cleat_memory_node(node), &stats);
	count = stats.largest_bytes / 2 / each;
	if (count > 65536)
		count = 65536;
	return count < 64 ? 64 : (uint32_t)count;
}

static int make_pool(struct cleat_primary *p, unsigned share)
{
	char name[CLEAT_NAME_LEN];
	struct cleat_pool_want want = {
		.name = cleat_numa_pool_name(p, share, name),
		.count = p->options->mbuf_count,
		.data_bytes = p->options->mbuf_bytes,
		.headroom = HEADROOM,
		.cache_handles = p->options->mbuf_cache,
		.node = p->shares[share].node,
	};
	int rc;

	if (want.count == 0)
		want.count = default_count(p, want.node);
	rc = cleat_pool_create(p, &want);
	return rc < 0 ? rc : 0;
}

int cleat_memory_pool(struct cleat_primary *p)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < p->n_shares; i++)
		rc = make_pool(p, i);
	return rc;
}

void cleat_memory_release(struct cleat_primary *p)
{
	cleat_heap_destroy(p->heap);
	p->heap = NULL;
	cleat_registry = NULL;
	cleat_shared = NULL;
	for (int i = CLEAT_MAX_SEGMENTS - 1; i >= 0; i--) {
		if (p->segments[i].len_bytes == 0)
			continue;
		cleat_dma_unmap(&p->segments[i]);
		cleat_segment_destroy(&p->segments[i]);
	}
	memset(p->segments, 0, sizeof(p->segments));
}

/* ---- growth ---- */

static void end_growth(struct cleat_primary *p)
{
	struct cleat_growth *g = &p->growth;
	int row = g->row;

	g->row = -1;
	open_segment(p, row);
	if (g->asked_slot != CLEAT_SLOT_NONE && p->procs[g->asked_slot] != NULL)
		cleat_conn_answer(p->procs[g->asked_slot], g->asked_id, 0, (uint64_t)row);
	cleat_server_event(p, CLEAT__EVENT_KIND__EVENT_SEGMENT_READY, (uint32_t)row, "");
}

static void end_if_all_answered(struct cleat_primary *p)
{
	if (p->growth.row < 0)
		return;
	for (int slot = 0; slot < CLEAT_MAX_PROCS; slot++) {
		if (p->growth.waits[slot])
			return;
	}
	end_growth(p);
}

static int refuse_growth(const struct cleat_primary *p)
{
	uint16_t slot = 0;
	char who[64];

	while (slot < CLEAT_MAX_PROCS - 1 && !p->growth.waits[slot])
		slot++;
	return cleat_err(-EBUSY,
		"memory is growing already, %s has not yet mapped segment %d; ask again when it has",
		cleat_registry_who(slot, who, sizeof(who)), p->growth.row);
}

int cleat_memory_grow(struct cleat_primary *p, uint64_t len_bytes, int node, uint16_t asked_slot,
	uint32_t asked_id)
{
	struct cleat_growth *g = &p->growth;
	int row;

	if (g->row >= 0)
		return refuse_growth(p);
	if (len_bytes == 0 || len_bytes > CLEAT_WINDOW_LEN_MAX)
		return cleat_err(-EINVAL, "%" PRIu64 " bytes: not a sensible size", len_bytes);
	row = prepare_segment(p, len_bytes, node);
	if (row < 0)
		return row;
	memset(g, 0, sizeof(*g));
	g->row = row;
	g->asked_slot = asked_slot;
	g->asked_id = asked_id;
	cleat_server_offer_segment(p, (uint32_t)row, g->waits);
	end_if_all_answered(p);
	return 0;
}

void cleat_memory_mapped(struct cleat_primary *p, uint16_t slot)
{
	if (p->growth.asked_slot == slot && p->procs[slot] == NULL)
		p->growth.asked_slot = CLEAT_SLOT_NONE;
	p->growth.waits[slot] = false;
	end_if_all_answered(p);
}
