/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * threads.h - further data-path threads, and processors for them.
 */
#ifndef CLEAT_SECONDARY_THREADS_H
#define CLEAT_SECONDARY_THREADS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Make the calling thread a data-path thread (the attaching one is already). @return its index;
 * -ENOSPC when CLEAT_MAX_THREADS are registered; -EALREADY */
int cleat_thread_register(void);
/** The calling thread leaves the data path; what lies in its caches goes back to the pools. */
int cleat_thread_release(void);

/** Claim a processor for the calling thread and pin it there. @return 0; -EBUSY when a process
 * holds it (the sentence names it); -EINVAL when this process may not run there */
int cleat_lcore_claim(unsigned lcore);
int cleat_lcore_release(unsigned lcore);

#ifdef __cplusplus
}
#endif

#endif
