/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * mem_help.h - a small primary for tests: window, registry, one memory segment, heap.
 */
#ifndef CLEAT_TESTS_RUNTIME_MEM_HELP_H
#define CLEAT_TESTS_RUNTIME_MEM_HELP_H

#include "runtime/segment.h"
#include "runtime/zone.h"

#ifdef __SANITIZE_THREAD__
#define MEM_BASE 0ULL /* the thread sanitizer leaves no room at the usual base */
#else
#define MEM_BASE CLEAT_WINDOW_BASE_DEFAULT
#endif
#define MEM_WINDOW_LEN (4ULL << 30)
#define MEM_FIRST_OFF  (1ULL << 30) /* of the first memory segment */

struct mem_world {
	struct cleat_segment registry;
	struct cleat_segment memory;
	struct cleat_heap *heap;
};

/* Window and formatted registry; aborts when that fails. */
void mem_registry_up(struct mem_world *world, enum cleat_iova_mode mode);

/* Registry and one segment in use, at row 1. @return 0 or why the segment could not be made */
int mem_up(struct mem_world *world, uint64_t len_bytes, uint64_t page_bytes,
	enum cleat_iova_mode mode);
void mem_down(struct mem_world *world);

/* Hugepages of 2 MiB that can be had now. */
uint64_t mem_hugepages_free(void);

/* Run @p fn in a child. @return the signal that killed it, or -(its exit code) */
int mem_in_child(int (*fn)(void *arg), void *arg);

/* Become user nobody for good, with /proc/self usable as any program of that user has it. */
void mem_become_nobody(void);

#endif
