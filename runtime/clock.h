/* SPDX-License-Identifier: BSD-3-Clause */
/* clock.h - time that only goes forward, for deadlines; never on the data path. */
#ifndef CLEAT_RUNTIME_CLOCK_H
#define CLEAT_RUNTIME_CLOCK_H

#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

static inline uint64_t cleat_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail: the clock exists */
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static inline uint64_t cleat_now_us(void)
{
	return cleat_now_ns() / 1000;
}

static inline uint64_t cleat_now_ms(void)
{
	return cleat_now_ns() / 1000000;
}

#ifdef __cplusplus
}
#endif

#endif
