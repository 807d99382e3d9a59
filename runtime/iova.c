/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/iova.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/row.h"

struct cleat_iova_chunk cleat_iova_chunks[CLEAT_IOVA_CHUNKS];

/* ---- every process: from the registry ---- */

static const uint64_t *table_of(const struct cleat_segment_shm *row)
{
	struct cleat_zone_shm zone;
	uint64_t need = row->len_bytes / row->page_bytes * sizeof(uint64_t);

	if (row->iova_table_zone >= CLEAT_MAX_ZONES ||
		CLEAT_ROW_READ(&zone, &cleat_registry->zones[row->iova_table_zone]) < 0 ||
		zone.len_bytes < need)
		return NULL;
	return (const uint64_t *)cleat_ptr_of_va(zone.va, need);
}

static int row_fits(const struct cleat_segment_shm *row)
{
	return row->kind == CLEAT_SEGMENT_MEMORY && row->ready && cleat_is_pow2(row->page_bytes) &&
	       row->off < cleat_window_len && row->len_bytes &&
	       row->len_bytes <= cleat_window_len - row->off;
}

/* Two threads may do this at once: they store the same. */
static void set_chunks(const struct cleat_segment_shm *row)
{
	const uint64_t *table = table_of(row);
	uint64_t first = row->off >> CLEAT_IOVA_CHUNK_SHIFT;
	uint64_t last = (row->off + row->len_bytes - 1) >> CLEAT_IOVA_CHUNK_SHIFT;

	if (table == NULL && row->iova == CLEAT_IOVA_NONE)
		return;
	for (uint64_t i = first; i <= last; i++) {
		struct cleat_iova_chunk *chunk = &cleat_iova_chunks[i];

		cleat_store_relaxed(&chunk->start_off, row->off);
		cleat_store_relaxed(&chunk->iova, row->iova);
		cleat_store_relaxed(&chunk->table, table);
		cleat_store_relaxed(&chunk->page_shift, (uint32_t)__builtin_ctzll(row->page_bytes));
		/* partner: the acquire load in cleat_iova_lookup() */
		cleat_store_release(&chunk->len_bytes, row->len_bytes);
	}
}

void cleat_iova_refresh(void)
{
	struct cleat_segment_shm row;
	uint8_t live[CLEAT_IOVA_CHUNKS] = { 0 };

	if (cleat_registry == NULL)
		return;
	for (unsigned i = 0; i < CLEAT_MAX_SEGMENTS; i++) {
		if (CLEAT_ROW_READ(&row, &cleat_registry->segments[i]) < 0 || !row_fits(&row))
			continue;
		set_chunks(&row);
		for (uint64_t off = row.off; off < row.off + row.len_bytes;
			off += 1ULL << CLEAT_IOVA_CHUNK_SHIFT)
			live[off >> CLEAT_IOVA_CHUNK_SHIFT] = 1;
	}
	for (unsigned i = 0; i < CLEAT_IOVA_CHUNKS; i++)
		if (!live[i])
			cleat_store_release(&cleat_iova_chunks[i].len_bytes, 0);
}

void cleat_iova_reset(void)
{
	memset(cleat_iova_chunks, 0, sizeof(cleat_iova_chunks));
}

uint64_t cleat_iova_of_slow(uint64_t off)
{
	cleat_iova_refresh();
	return cleat_iova_lookup(off);
}

uint64_t cleat_iova_of_range(const void *p, uint64_t len_bytes)
{
	uint64_t iova = cleat_iova_of(p);
	const struct cleat_iova_chunk *chunk;
	uint64_t in, page;

	if (iova == CLEAT_IOVA_NONE || len_bytes == 0)
		return iova;
	chunk = &cleat_iova_chunks[((uintptr_t)p - cleat_window_base) >> CLEAT_IOVA_CHUNK_SHIFT];
	in = (uintptr_t)p - cleat_window_base - chunk->start_off;
	if (len_bytes > chunk->len_bytes - in)
		return CLEAT_IOVA_NONE;
	page = 1ULL << chunk->page_shift;
	for (uint64_t i = in >> chunk->page_shift;
		chunk->table && i < (in + len_bytes - 1) >> chunk->page_shift; i++)
		if (chunk->table[i + 1] != chunk->table[i] + page)
			return CLEAT_IOVA_NONE;
	return iova;
}

/* ---- the primary: from the kernel ---- */

/* Source: Documentation/admin-guide/mm/pagemap.rst: bits 0-54 frame number, 63 present; the frame
 * number reads as zero without CAP_SYS_ADMIN. */
#define PAGEMAP_FRAME	((1ULL << 55) - 1)
#define PAGEMAP_PRESENT (1ULL << 63)

static int read_entry(int fd, uintptr_t va, uint64_t system_page, uint64_t *physical)
{
	uint64_t entry;

	if (pread(fd, &entry, sizeof(entry), (off_t)(va / system_page * sizeof(entry))) !=
		sizeof(entry))
		return cleat_err(-EFAULT, "/proc/self/pagemap has no entry for %#llx",
			(unsigned long long)va);
	if (!(entry & PAGEMAP_PRESENT))
		return cleat_err(
			-EFAULT, "the page at %#llx is not present", (unsigned long long)va);
	if ((entry & PAGEMAP_FRAME) == 0)
		return cleat_err(-EPERM,
			"the kernel hides physical addresses from this process; run it as root or with "
			"CAP_SYS_ADMIN, or use --iova-mode va");
	*physical = (entry & PAGEMAP_FRAME) * system_page;
	return 0;
}

int cleat_iova_read_pagemap(
	const void *va, uint64_t len_bytes, uint64_t page_bytes, uint64_t *table)
{
	uint64_t system_page = (uint64_t)sysconf(_SC_PAGESIZE);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return cleat_err(errno == EACCES || errno == EPERM ? -EPERM : -ENOTSUP,
			"cannot open /proc/self/pagemap: %s; use --iova-mode va", strerror(errno));
	for (uint64_t i = 0; rc == 0 && i < len_bytes / page_bytes; i++)
		rc = read_entry(fd, (uintptr_t)va + i * page_bytes, system_page, &table[i]);
	(void)close(fd);
	return rc;
}

int cleat_iova_pa_check(void)
{
	volatile uint64_t here = 1; /* a page that is present */
	uint64_t physical;
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uintptr_t va = (uintptr_t)&here & ~(uintptr_t)(page - 1);

	return cleat_iova_read_pagemap((const void *)va, page, page, &physical);
}

uint64_t cleat_iova_contiguous(const uint64_t *table, uint64_t pages, uint64_t page_bytes)
{
	for (uint64_t i = 1; i < pages; i++)
		if (table[i] != table[i - 1] + page_bytes)
			return CLEAT_IOVA_NONE;
	return pages ? table[0] : CLEAT_IOVA_NONE;
}
