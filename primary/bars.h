/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bars.h - BARs of devices in the window: mapped here once, and in each process that claims a
 * queue.
 *
 *   mapped here → sent to a process (it may have it mapped) → withdrawn (asked to unmap) → it
 *   answered or ended → … nobody is left → the place is free again
 *
 * A BAR is one row of this table and one segment row for each part that may be mapped. For each
 * part and process (struct cleat_bar_holder):
 *
 *   sent        it has it, and owes the answer to the Map; a refusal: it has it not
 *   withdrawn   it is asked to unmap it, at once or when it takes messages again, and owes the
 *               answer to that; a refusal: it has it until it ends
 *
 * The place is free when no process has any part nor owes an answer. An answer to the Map that
 * comes late is not taken for one to the other question.
 */
#ifndef CLEAT_PRIMARY_BARS_H
#define CLEAT_PRIMARY_BARS_H

#include "primary/server.h"

/** For drivers: cleat_services.bar_map. */
int cleat_bar_map(
	void *ctx, struct cleat_device *device, unsigned bar, void **va, uint64_t *len_bytes);

/** The process is about to use a port of that device: send it the BARs that it has not got.
 * @return 0; -ENOBUFS if it does not take messages */
int cleat_bars_offer(struct cleat_conn *c, const struct cleat_device *device);

/** The process answered for a segment. @return whether that segment is a BAR's */
bool cleat_bars_answered(struct cleat_primary *p, uint16_t slot, uint32_t segment, int status);

/** The device goes: unmapped here, everybody is asked to unmap. For buses:
 * cleat_services.bars_unmap. */
void cleat_bars_withdraw(void *ctx, struct cleat_device *device);

/** The process takes messages again: it is asked to unmap what it was not asked yet. */
void cleat_bars_remind(struct cleat_conn *c);

/** The process is gone, with all its mappings. */
void cleat_bars_release(struct cleat_primary *p, uint16_t slot);

#endif
