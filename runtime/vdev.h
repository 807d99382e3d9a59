/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdev.h - the bus of devices that exist because somebody asked for them by name.
 */
#ifndef CLEAT_RUNTIME_VDEV_H
#define CLEAT_RUNTIME_VDEV_H

#include "runtime/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Ask for a device, as --vdev does; found by the next scan.
 *
 * @param spec  `<driver name><number>,key=value,…`
 * @return      0; -EINVAL for bad grammar, -EEXIST if the name was asked for already, -ENODEV if no
 *              driver has such a name (the sentence lists those there are)
 */
int cleat_vdev_add(const char *spec);

/** Ask for a device and scan at once. Gives it to the bus. @return the device, or NULL. */
struct cleat_device *cleat_vdev_plug(const char *spec);
/** Forget a device that is not PROBED, so that its name is free again. */
void cleat_vdev_unplug(struct cleat_device *device);

#ifdef __cplusplus
}
#endif

#endif
