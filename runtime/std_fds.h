/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * std_fds.h - descriptors 0, 1 and 2 are taken, whatever a program was started with.
 *
 * Without them the next socket or piece of memory gets such a number, and what the program prints
 * goes there.
 */
#ifndef CLEAT_RUNTIME_STD_FDS_H
#define CLEAT_RUNTIME_STD_FDS_H

#ifdef __cplusplus
extern "C" {
#endif

/** First of all in main(). Those that are closed become ones that cannot be read or written: EBADF,
 * as before. */
void cleat_std_fds_fill(void);

#ifdef __cplusplus
}
#endif

#endif
