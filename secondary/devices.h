/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devices.h - devices that come and go at run time, by request to the primary.
 *
 * Only root and the primary's own user may: a device's arguments name files that the primary opens.
 */
#ifndef CLEAT_SECONDARY_DEVICES_H
#define CLEAT_SECONDARY_DEVICES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Make a virtual device, or have the primary take one of a bus into use.
 *
 * @param spec  "net_null3,size=64", "0000:01:00.0,queues=2"
 * @return      its port id; -EEXIST, -ENOENT, -EPERM, the driver's error
 */
int cleat_ctl_device_attach(const char *spec);

/** Take a device away. Whoever holds queues of its ports finds -ENODEV. @return 0; -ENOENT; -EPERM
 */
int cleat_ctl_device_detach(const char *name);

#ifdef __cplusplus
}
#endif

#endif
