/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * devices.h - buses and devices as the options and the clients want them.
 */
#ifndef CLEAT_PRIMARY_DEVICES_H
#define CLEAT_PRIMARY_DEVICES_H

#include "primary/primary.h"

/** Put --allow, --block, --vdev and --no-pci to the buses, and scan. */
int cleat_devices_scan(struct cleat_primary *p);
/** Offer all devices to their drivers, and set up the ports that come of it. Fails if a device
 * given by --vdev does. */
int cleat_devices_probe(struct cleat_primary *p);
/** At the end, while the window stands: from here on no driver is called, and no device reaches
 * memory. */
void cleat_devices_remove(struct cleat_primary *p);

/** Scan again, forget what is gone, probe what is new. @return 0; the error of a device asked for
 * by name */
int cleat_devices_probe_new(struct cleat_primary *p);
/** Take a device from its driver: its ports go, its BARs are unmapped everywhere. If it does not
 * come to rest it keeps its driver and reaches no memory; cleat_devices_retry() tries again. */
int cleat_device_take_away(struct cleat_primary *p, struct cleat_device *device);

/** Once more for those that did not come to rest, and now and then for one that did not answer its
 * driver; not if that was attached, for whoever did so knows. */
void cleat_devices_retry(struct cleat_primary *p);

/** Make a device at run time, or take one of a bus in use: NAME or ADDRESS[,KEY=VALUE,…]. @return
 * its port; -EINVAL, … */
int cleat_device_attach(struct cleat_primary *p, const char *args);
/** Take a device away at run time; those who hold its queues find -ENODEV. */
int cleat_device_detach(struct cleat_primary *p, const char *name);

#endif
