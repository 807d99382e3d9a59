/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/handle.h"

#include "runtime/registry.h"

uintptr_t cleat_window_base;
uint64_t cleat_window_len;

void *cleat_ptr_of_va(uint64_t va, uint64_t len_bytes)
{
	uint64_t theirs = cleat_registry ? cleat_registry->header.window_base : cleat_window_base;
	uint64_t off = va - theirs;

	if (va < theirs || off >= cleat_window_len || len_bytes > cleat_window_len - off)
		return NULL;
	return (void *)(cleat_window_base + (uintptr_t)off);
}
