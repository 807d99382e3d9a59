/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lcore.h - processors: which there are, where they are, and pinning a thread to one.
 *
 * Who may use which is a claim in the registry (struct cleat_lcore_shm), granted by the primary.
 */
#ifndef CLEAT_RUNTIME_LCORE_H
#define CLEAT_RUNTIME_LCORE_H

#include <stdint.h>

#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_cpuset {
	uint64_t bits[CLEAT_MAX_LCORES / 64];
};

void cleat_cpuset_add(struct cleat_cpuset *set, unsigned cpu);
int cleat_cpuset_has(const struct cleat_cpuset *set, unsigned cpu);
unsigned cleat_cpuset_count(const struct cleat_cpuset *set);
/** The first processor of the set that is at least @p from; -1 if none. */
int cleat_cpuset_next(const struct cleat_cpuset *set, unsigned from);

/** "0-3,8" as in the option -l. @return 0; -EINVAL quoting the wrong part */
int cleat_cpuset_parse(const char *text, struct cleat_cpuset *out);
/** The other way. @return @p text */
const char *cleat_cpuset_format(const struct cleat_cpuset *set, char *text, unsigned len);

/** The processors this process may run on. */
int cleat_lcore_available(struct cleat_cpuset *out);
/** NUMA node of a processor, -1 if unknown. */
int cleat_lcore_node(unsigned cpu);
/** Pin the calling thread. @return 0; -EINVAL if it may not run there */
int cleat_lcore_pin(unsigned cpu);

#ifdef __cplusplus
}
#endif

#endif
