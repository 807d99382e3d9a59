/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * place.h - where in the window a new thing goes: memory grows from the start, BARs from the end.
 */
#ifndef CLEAT_PRIMARY_PLACE_H
#define CLEAT_PRIMARY_PLACE_H

#include "primary/primary.h"

/** Behind all other memory, at a multiple of CLEAT_WINDOW_ALIGN. @return 0 or -ENOSPC */
int cleat_place_memory(const struct cleat_primary *p, uint64_t len_bytes, uint64_t *off);

/** The highest free place of that alignment (power of two). @return 0 or -ENOSPC */
int cleat_place_bar(
	const struct cleat_primary *p, uint64_t len_bytes, uint64_t align, uint64_t *off);

#endif
