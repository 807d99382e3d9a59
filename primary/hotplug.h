/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * hotplug.h - devices that come and go while we run, and the drivers' tick of once per second.
 *
 *   the kernel says            we
 *   bound to vfio-pci, …       scan, probe, tell everybody of the new port
 *   unbound, removed           take it from its driver: the port goes, BARs are unmapped everywhere
 *   vfio-pci: wants it back    the same; the kernel waits until the last mapping is gone
 */
#ifndef CLEAT_PRIMARY_HOTPLUG_H
#define CLEAT_PRIMARY_HOTPLUG_H

#include "primary/primary.h"

int cleat_hotplug_start(struct cleat_primary *p);
void cleat_hotplug_stop(struct cleat_primary *p);

#endif
