/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handle.h - 32-bit names for 64-byte units of the window, and the one place that turns them to
 * pointers.
 *
 * A handle is (address - window base) / 64: 31 bits, so a window holds at most 128 GiB. Handle 0 is
 * the registry and never an object, so it serves as "none".
 */
#ifndef CLEAT_RUNTIME_HANDLE_H
#define CLEAT_RUNTIME_HANDLE_H

#include <stddef.h>

#include "runtime/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_HANDLE_SHIFT 6
#define CLEAT_HANDLE_NONE  0U
#define CLEAT_HANDLE_MAX   0x7fffffffU

typedef uint32_t cleat_handle;

/* Where this process has the window; an observer may have it elsewhere than the primary. 0: no
 * window. */
extern uintptr_t cleat_window_base;
/* Bytes of the window. */
extern uint64_t cleat_window_len;

/** What a handle means, from a base that the caller holds in a register. */
cleat_inline void *cleat_ptr_at(uintptr_t base, cleat_handle handle)
{
	return (void *)(base + ((uintptr_t)handle << CLEAT_HANDLE_SHIFT));
}

/** Unchecked: for handles this process trusts (its own, or read from a ring on the data path). */
cleat_inline void *cleat_ptr(cleat_handle handle)
{
	return cleat_ptr_at(cleat_window_base, handle);
}

/** @param p  64-byte aligned address in the window */
cleat_inline cleat_handle cleat_handle_of(const void *p)
{
	return (cleat_handle)(((uintptr_t)p - cleat_window_base) >> CLEAT_HANDLE_SHIFT);
}

/** Checked: NULL unless [handle, handle + len_bytes) lies in the window past the registry's first
 * unit. */
cleat_inline void *cleat_ptr_checked(cleat_handle handle, uint64_t len_bytes)
{
	uint64_t off = (uint64_t)handle << CLEAT_HANDLE_SHIFT;

	if (handle == CLEAT_HANDLE_NONE || off >= cleat_window_len ||
		len_bytes > cleat_window_len - off)
		return NULL;
	return cleat_ptr(handle);
}

/** Translate an address as the primary sees it (zone rows hold such) to this process's; NULL if
 * outside. */
void *cleat_ptr_of_va(uint64_t va, uint64_t len_bytes);

#ifdef __cplusplus
}
#endif

#endif
