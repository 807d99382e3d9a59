/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_mmio.h - reads and writes of a device's registers in a mapped BAR.
 *
 * A write comes after all stores before it (descriptors, then the tail register); loads after a
 * read come after it. On x86 registers are mapped uncached, so that the processor keeps the order
 * and only the compiler must be told. A device that is gone reads as all ones.
 */
#ifndef CLEAT_PMD_COMMON_NIC_MMIO_H
#define CLEAT_PMD_COMMON_NIC_MMIO_H

#include <stdint.h>

#include "runtime/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_MMIO_GONE 0xffffffffU

/** Earlier stores to memory are seen by the device before later stores to its registers. */
cleat_inline void cleat_mmio_wmb(void)
{
#if defined(__x86_64__) || defined(__i386__)
	cleat_fence_compiler();
#elif defined(__aarch64__)
	__asm__ volatile("dmb oshst" ::: "memory");
#else
	cleat_fence_seq_cst();
#endif
}

/** Later loads from memory come after earlier reads of registers. */
cleat_inline void cleat_mmio_rmb(void)
{
#if defined(__x86_64__) || defined(__i386__)
	cleat_fence_compiler();
#elif defined(__aarch64__)
	__asm__ volatile("dmb oshld" ::: "memory");
#else
	cleat_fence_seq_cst();
#endif
}

cleat_inline void cleat_mmio_write32(volatile uint32_t *reg, uint32_t value)
{
	cleat_mmio_wmb();
	*reg = value;
}

cleat_inline uint32_t cleat_mmio_read32(const volatile uint32_t *reg)
{
	uint32_t value = *reg;

	cleat_mmio_rmb();
	return value;
}

/** The register at byte @p off of a BAR. */
cleat_inline volatile uint32_t *cleat_mmio_reg(void *bar, uint32_t off)
{
	return (volatile uint32_t *)((uintptr_t)bar + off);
}

#ifdef __cplusplus
}
#endif

#endif
