/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * null_config.h - what net_null's control side leaves in a queue's driver area for its data side.
 */
#ifndef CLEAT_PMD_NULL_CONFIG_H
#define CLEAT_PMD_NULL_CONFIG_H

#ifdef __cplusplus
extern "C" {
#endif

/* Words of cleat_queue_shm.driver. */
enum { CLEAT_NULL_SIZE = 0, CLEAT_NULL_COPY = 1 };

#define CLEAT_NULL_MIN_SIZE 14
#define CLEAT_NULL_MAX_SIZE 9216

#ifdef __cplusplus
}
#endif

#endif
