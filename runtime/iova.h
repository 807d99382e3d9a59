/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iova.h - what a device calls an address of the window.
 *
 * VA mode: an IOMMU maps each segment at IOVA = address in the primary's window.
 * PA mode: no IOMMU; the IOVA is the physical address, per page from /proc/self/pagemap, read once
 * by the primary and kept in a zone ("cleat.iova.<segment>"), so that every process can compute it.
 *
 * Each process keeps one entry per GiB of the window, made from the registry's segment rows; a
 * look-up is two loads and an add. On a miss the registry is read again: never a system call.
 */
#ifndef CLEAT_RUNTIME_IOVA_H
#define CLEAT_RUNTIME_IOVA_H

#include "runtime/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_IOVA_CHUNK_SHIFT 30
#define CLEAT_IOVA_CHUNKS      (CLEAT_WINDOW_LEN_MAX >> CLEAT_IOVA_CHUNK_SHIFT)

struct cleat_iova_chunk {
	uint64_t start_off;    /* of the segment, in the window */
	uint64_t len_bytes;    /* of the segment; 0: none here. Stored last */
	uint64_t iova;	       /* of the start, if table is NULL */
	const uint64_t *table; /* IOVA of each page, or NULL if they are contiguous */
	uint32_t page_shift;
};

extern struct cleat_iova_chunk cleat_iova_chunks[CLEAT_IOVA_CHUNKS];

/** Read the registry's segment rows again. Any thread, any time after attach. */
void cleat_iova_refresh(void);

/** Forget all; at detach. */
void cleat_iova_reset(void);

/** The slow way of cleat_iova_of(): refresh, look again. */
uint64_t cleat_iova_of_slow(uint64_t off);

/** IOVA from the entry of the GiB that @p off lies in; CLEAT_IOVA_NONE if the entry is not for it.
 */
cleat_inline uint64_t cleat_iova_lookup(uint64_t off)
{
	const struct cleat_iova_chunk *c = &cleat_iova_chunks[off >> CLEAT_IOVA_CHUNK_SHIFT];
	/* partner: the release store in cleat_iova_refresh() */
	uint64_t len_bytes = cleat_load_acquire(&c->len_bytes);
	uint64_t in = off - c->start_off;

	if (cleat_unlikely(in >= len_bytes))
		return CLEAT_IOVA_NONE;
	if (c->table == NULL)
		return c->iova + in;
	return c->table[in >> c->page_shift] + (in & ((1ULL << c->page_shift) - 1));
}

/**
 * IOVA of an address in the window. No system call.
 *
 * @return  CLEAT_IOVA_NONE if @p p is not in a memory segment
 */
cleat_inline uint64_t cleat_iova_of(const void *p)
{
	uint64_t off = (uint64_t)((uintptr_t)p - cleat_window_base);
	uint64_t iova;

	if (cleat_unlikely(off >= cleat_window_len))
		return CLEAT_IOVA_NONE;
	iova = cleat_iova_lookup(off);
	return cleat_likely(iova != CLEAT_IOVA_NONE) ? iova : cleat_iova_of_slow(off);
}

/** IOVA of [p, p + len_bytes) if it is contiguous for a device, else CLEAT_IOVA_NONE. */
uint64_t cleat_iova_of_range(const void *p, uint64_t len_bytes);

/** 0 if this process may read physical addresses, else -EPERM or -ENOTSUP with a sentence. */
int cleat_iova_pa_check(void);

/**
 * Physical address of each page; primary only.
 *
 * @param va          start of pages that are present
 * @param table       receives len_bytes / page_bytes addresses
 * @return            0; -EPERM without CAP_SYS_ADMIN; -EFAULT if a page is not present
 */
int cleat_iova_read_pagemap(
	const void *va, uint64_t len_bytes, uint64_t page_bytes, uint64_t *table);

/** IOVA of the first page if all @p pages follow each other, else CLEAT_IOVA_NONE. */
uint64_t cleat_iova_contiguous(const uint64_t *table, uint64_t pages, uint64_t page_bytes);

#ifdef __cplusplus
}
#endif

#endif
