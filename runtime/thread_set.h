/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * thread_set.h - a set of data-path threads, by index.
 */
#ifndef CLEAT_RUNTIME_THREAD_SET_H
#define CLEAT_RUNTIME_THREAD_SET_H

#include "runtime/arch.h"
#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_thread_set {
	uint64_t bits[CLEAT_MAX_THREADS / 64];
};

cleat_inline void cleat_thread_set_add(struct cleat_thread_set *set, uint32_t thread)
{
	set->bits[thread / 64] |= 1ULL << (thread % 64);
}

cleat_inline void cleat_thread_set_remove(struct cleat_thread_set *set, uint32_t thread)
{
	set->bits[thread / 64] &= ~(1ULL << (thread % 64));
}

cleat_inline int cleat_thread_set_has(const struct cleat_thread_set *set, uint32_t thread)
{
	return (int)(set->bits[thread / 64] >> (thread % 64) & 1);
}

#ifdef __cplusplus
}
#endif

#endif
