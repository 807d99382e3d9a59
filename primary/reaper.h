/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * reaper.h - takes back what a process held, after its end is proved.
 *
 *   at once      row DYING, so the name is free; ring ends, queues, lcores released; others told
 *   each 1 ms    one step of the sweep (runtime/sweep.h), beside living traffic
 *   at the end   zones freed, rings and pools settled, threads and slot free, time noted
 */
#ifndef CLEAT_PRIMARY_REAPER_H
#define CLEAT_PRIMARY_REAPER_H

#include "primary/primary.h"

/** Begin. The connection is gone already. */
void cleat_reaper_start(struct cleat_primary *p, uint16_t slot);
/** Forget all sweeps under way: the primary ends. */
void cleat_reaper_stop(struct cleat_primary *p);

#endif
