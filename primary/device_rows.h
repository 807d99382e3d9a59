/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device_rows.h - the registry's table of devices, kept equal to what the buses know.
 */
#ifndef CLEAT_PRIMARY_DEVICE_ROWS_H
#define CLEAT_PRIMARY_DEVICE_ROWS_H

#include "primary/primary.h"

/** Write the rows of all devices anew: after a scan, a probe, a removal. Which BARs are mapped
 * stays as it is. */
void cleat_device_rows_write(void);

/** Index of a device's row, made if there is none; -ENOSPC */
int cleat_device_row_of(const struct cleat_device *device);

/** A BAR of it lies at @p off in the window (0: not any more). @param slots  who has it mapped, by
 * slot; NULL: the primary alone */
void cleat_device_row_bar(
	const struct cleat_device *device, unsigned bar, uint64_t off, const bool *slots);

#endif
