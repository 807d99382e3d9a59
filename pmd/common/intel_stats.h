/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * intel_stats.h - the statistics registers that 82540EM, 82574 and 82576 have in common.
 *
 * Each is cleared as it is read. Source: 8254x SDM 13.7; 82574 datasheet 10.2.7; 82576 datasheet
 * 8.18.
 */
#ifndef CLEAT_PMD_COMMON_INTEL_STATS_H
#define CLEAT_PMD_COMMON_INTEL_STATS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_INTEL_STATS     42
#define CLEAT_INTEL_RX_MISSED 3 /* one of them */

/** Their names, by index in cleat_port_ctrl.hw_stats. */
extern const char *const cleat_intel_stats_names[CLEAT_INTEL_STATS];

/** Add the registers to @p stats, a port's hw_stats. Nothing is added if the device is gone.
 * Control side only. */
void cleat_intel_stats_add(void *bar, uint64_t *stats);

#ifdef __cplusplus
}
#endif

#endif
