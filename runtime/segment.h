/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * segment.h - a piece of memory as one memfd, placed on a node, all pages present; primary only.
 *
 * The memfd's mode is 0600 and its owner is the primary's user, so a process of another user that
 * received the read-only descriptor cannot reopen it for writing through /proc/self/fd.
 *
 * The primary dies: the memory lives as long as any process holds a descriptor or a mapping of it.
 */
#ifndef CLEAT_RUNTIME_SEGMENT_H
#define CLEAT_RUNTIME_SEGMENT_H

#include <stdint.h>

#include "runtime/hugepages.h"
#include "runtime/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Called in the creating thread after each piece; a program prints a line when it takes long. */
typedef void (*cleat_progress_fn)(
	uint64_t done_bytes, uint64_t total_bytes, uint64_t elapsed_ms, void *arg);

struct cleat_segment_options {
	const char *name;	    /* shown in /proc/<pid>/maps as memfd:<name> */
	uint64_t off;		    /* in the window; multiple of page_bytes */
	uint64_t len_bytes;	    /* rounded up to whole pages */
	uint64_t page_bytes;	    /* CLEAT_PAGE_4K, or a size of cleat_hugepages_sizes() */
	uint16_t kind;		    /* CLEAT_SEGMENT_REGISTRY or CLEAT_SEGMENT_MEMORY */
	uint16_t node;		    /* preferred NUMA node, or CLEAT_NODE_ANY */
	unsigned threads;	    /* that prefault; 0: one per processor, at most 16 */
	cleat_progress_fn progress; /* or NULL */
	void *progress_arg;
};

struct cleat_segment {
	uint64_t off;
	uint64_t len_bytes;
	uint64_t page_bytes;
	int fd;		 /* read-write; ours */
	int fd_ro;	 /* O_RDONLY reopen; ours. What secondaries get of the registry */
	uint64_t fd_off; /* where in fd it starts: not 0 for parts of BARs only */
	uint16_t kind;
	uint16_t node_asked; /* CLEAT_NODE_ANY: any */
	uint16_t node_got;   /* CLEAT_NODE_ANY: mixed or unknown */
};

/**
 * Make a segment, map it writable into the window, bring all its pages in.
 *
 * @param seg  filled on success
 * @return     0; -ENOMEM when memory or hugepages do not suffice (the sentence says how much was
 *             asked, how much is free and what to do); -ENOENT for a page size or node the machine
 *             has not; -ERANGE outside the window. On failure nothing is left behind.
 *
 * Ownership: the caller closes by cleat_segment_destroy().
 */
int cleat_segment_create(struct cleat_segment *seg, const struct cleat_segment_options *opt);

/** Unmap and close. The memory returns to the system when no other process maps it. */
void cleat_segment_destroy(struct cleat_segment *seg);

/** The registry row of a segment, not yet ready and without IOVA. */
void cleat_segment_row(const struct cleat_segment *seg, struct cleat_segment_shm *row);

#ifdef __cplusplus
}
#endif

#endif
