/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * row.h - table rows that one process writes and all others read whole.
 *
 * A row starts or ends with whatever it likes but has one 32-bit field `seq`: even at rest, odd
 * while the primary writes. Rows are multiples of 8 bytes and 8-aligned.
 *
 *   state      seq    readers
 *   at rest    even   copy, and the copy counts if seq did not move meanwhile
 *   in change  odd    try again, then sleep between tries: the primary may have lost its processor
 *
 * The primary dies while seq is odd: the row stays unreadable (-EAGAIN) until the next primary
 * rewrites it.
 */
#ifndef CLEAT_RUNTIME_ROW_H
#define CLEAT_RUNTIME_ROW_H

#include <stddef.h>

#include "runtime/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Replace a row. Primary only, one thread.
 *
 * @param row      in the registry, @p len bytes
 * @param from     the new contents; its own seq field is ignored
 * @param seq_off  offsetof(the row's struct, seq)
 */
void cleat_row_write(void *row, const void *from, size_t len, size_t seq_off);

/**
 * Copy a row whole. Not for the data path: sleeps while the row is in change, for 200 ms at least.
 *
 * @return 0, or -EAGAIN: it did not stay still, so the primary stands or died while it wrote
 */
int cleat_row_read(void *to, const void *row, size_t len, size_t seq_off);

#define CLEAT_ROW_WRITE(row, from) \
	cleat_row_write((row), (from), sizeof(*(row)), offsetof(__typeof__(*(row)), seq))
#define CLEAT_ROW_READ(to, row) \
	cleat_row_read((to), (row), sizeof(*(row)), offsetof(__typeof__(*(row)), seq))

#ifdef __cplusplus
}
#endif

#endif
