/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arch.h - what the code needs from the compiler and the processor: memory orders, prefetch, time.
 *
 * Shared structs hold plain fixed-width fields, so that C++ can include them; every access to a
 * field that another thread or process may touch goes through these wrappers of the C11 memory
 * model.
 */
#ifndef CLEAT_RUNTIME_ARCH_H
#define CLEAT_RUNTIME_ARCH_H

#include <assert.h>
#include <stdint.h>

#define CLEAT_CACHE_LINE 64
/* Neighbouring lines are fetched in pairs by x86 prefetchers: hot lines of two writers lie this far
 * apart. */
#define CLEAT_FALSE_SHARING 128

#define cleat_load_relaxed(p)	  __atomic_load_n((p), __ATOMIC_RELAXED)
#define cleat_load_acquire(p)	  __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define cleat_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define cleat_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define cleat_fence_acquire()	  __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define cleat_fence_release()	  __atomic_thread_fence(__ATOMIC_RELEASE)
#define cleat_fence_seq_cst()	  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define cleat_fence_compiler()	  __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* One strong compare-and-swap; on failure *expected holds what was there. */
#define cleat_cas_acq_rel(p, expected, desired) \
	__atomic_compare_exchange_n(            \
		(p), (expected), (desired), 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)

#define cleat_likely(x)	  __builtin_expect(!!(x), 1)
#define cleat_unlikely(x) __builtin_expect(!!(x), 0)
#define cleat_inline	  static inline __attribute__((always_inline))
#define cleat_aligned(n)  __attribute__((aligned(n)))

/* Tells the processor that this is a spin loop. */
cleat_inline void cleat_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

cleat_inline void cleat_prefetch(const void *p)
{
	__builtin_prefetch(p, 0, 3);
}

/* For a line that will be written. */
cleat_inline void cleat_prefetch_write(const void *p)
{
	__builtin_prefetch(p, 1, 3);
}

/*
 * For a line that this core has written for another, and leaves alone now: it moves to the cache
 * that all share, where the other finds it sooner than in this core's. The core that does it pays:
 * so not for lines that it fetches itself soon after. x86's cldemote (SDM 2A), which processors
 * that do not have it take for a nop; it keeps its place behind stores to the line.
 */
cleat_inline void cleat_demote(const void *p)
{
#if defined(__x86_64__)
	__asm__ volatile("cldemote %0" : : "m"(*(const char *)p));
#else
	(void)p;
#endif
}

/* Round up to a power-of-two multiple. */
cleat_inline uint64_t cleat_align_up(uint64_t value, uint64_t align)
{
	return (value + align - 1) & ~(align - 1);
}

cleat_inline int cleat_is_pow2(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

/* Smallest power of two that is at least @p value (1 for 0); @p value must be at most 2^63. */
cleat_inline uint64_t cleat_pow2_ceil(uint64_t value)
{
	return value <= 1 ? 1 : 1ULL << (64 - __builtin_clzll(value - 1));
}

#endif
