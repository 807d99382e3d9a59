/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * boot.h - how the primary starts and ends: an ordered table of steps, each with its undo.
 */
#ifndef CLEAT_PRIMARY_BOOT_H
#define CLEAT_PRIMARY_BOOT_H

#include "primary/primary.h"

/** Do all steps; on failure undo those done and log one sentence. @return the exit code, 0: up */
enum cleat_exit cleat_boot_up(struct cleat_primary *p);

/** Undo all steps, last first. */
void cleat_boot_down(struct cleat_primary *p);

#endif
