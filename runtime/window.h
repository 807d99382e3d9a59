/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * window.h - one range of addresses, reserved before anything else, the same in every process.
 *
 *   state of a byte range   how it looks to the kernel         how it gets there
 *   outside                 anything                           cleat_window_release()
 *   reserved                PROT_NONE, takes no memory         cleat_window_reserve(), _unmap()
 *   mapped                  MAP_SHARED of a segment or a BAR   cleat_window_map()
 *
 * Forbidden: outside → mapped. So a mapping never lands on somebody else's memory, and nobody
 * else's lands in the window. Processes do not share any of this state; it dies with the process.
 */
#ifndef CLEAT_RUNTIME_WINDOW_H
#define CLEAT_RUNTIME_WINDOW_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Reserve the window and set cleat_window_base and cleat_window_len.
 *
 * @param base       multiple of CLEAT_WINDOW_ALIGN; 0: wherever there is room (observers only)
 * @param len_bytes  multiple of CLEAT_WINDOW_ALIGN, at most CLEAT_WINDOW_LEN_MAX
 * @return           0; -EEXIST if something sits there (the sentence quotes the line of
 *                   /proc/self/maps); -EALREADY if this process has a window; -EINVAL; -ENOMEM
 */
int cleat_window_reserve(uint64_t base, uint64_t len_bytes);

/** Unmap the window with all that is in it. No pointer into it may be used any more. Harmless when
 * there is none. */
void cleat_window_release(void);

/**
 * Map a descriptor into the window.
 *
 * @param off        from the window's base, multiple of the page size behind @p fd
 * @param len_bytes  likewise
 * @param fd         borrowed
 * @param fd_off     where in @p fd the range starts
 * @param writable   0: read-only
 * @return           0; -ERANGE if it is not inside the window; else what mmap() said. On failure
 *                   the range is reserved again.
 */
int cleat_window_map(uint64_t off, uint64_t len_bytes, int fd, uint64_t fd_off, int writable);

/** Turn a mapped range back to a reserved one. @return 0, -ERANGE or what mmap() said */
int cleat_window_unmap(uint64_t off, uint64_t len_bytes);

/**
 * Which mapping of this process overlaps [base, base + len_bytes)?
 *
 * @param text  receives the first such line of /proc/self/maps, without newline; "" if none
 * @return      1 if there is one, 0 if none, negative errno if the file cannot be read
 */
int cleat_window_occupant(uint64_t base, uint64_t len_bytes, char *text, size_t text_len);

#ifdef __cplusplus
}
#endif

#endif
