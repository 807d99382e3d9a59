/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hugepages.h - which hugepages the kernel has, and how many are left.
 *
 * Source: Documentation/admin-guide/mm/hugetlbpage.rst of Linux.
 */
#ifndef CLEAT_RUNTIME_HUGEPAGES_H
#define CLEAT_RUNTIME_HUGEPAGES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_PAGE_4K 4096ULL
#define CLEAT_PAGE_2M (2ULL << 20)
#define CLEAT_PAGE_1G (1ULL << 30)

#define CLEAT_MAX_PAGE_SIZES 8
#define CLEAT_NODE_ANY	     0xffffU

struct cleat_hugepages {
	uint64_t page_bytes;
	uint64_t total;	    /* pages */
	uint64_t free;	    /* pages not in use */
	uint64_t reserved;  /* of the free ones, promised to mappings; 0 for a single node */
	uint64_t available; /* what a new segment can have: free - reserved + overcommit left */
};

/** Sizes the kernel has, largest first, into @p sizes. @return how many, 0 if none */
int cleat_hugepages_sizes(uint64_t sizes[CLEAT_MAX_PAGE_SIZES]);

/**
 * Counts of one size.
 *
 * @param node  NUMA node, or CLEAT_NODE_ANY for the whole machine
 * @return      0, or -ENOENT if the kernel has no such size or node
 */
int cleat_hugepages_read(uint64_t page_bytes, uint16_t node, struct cleat_hugepages *out);

/** The largest size of which @p len_bytes can be had now in whole pages; 0 if none. */
uint64_t cleat_hugepages_choose(uint64_t len_bytes, uint16_t node);

/** "2 MiB", "1 GiB", "4 KiB", "1536 KiB": exact, for messages. @return @p text */
const char *cleat_size_text(uint64_t bytes, char text[24]);

#ifdef __cplusplus
}
#endif

#endif
