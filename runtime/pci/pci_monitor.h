/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_monitor.h - hears from the kernel that PCI devices come, go, or change their driver.
 *
 * Source: kernel uevents of subsystem "pci" (add, remove, bind, unbind), by libudev's monitor
 * "kernel", which needs no udev daemon.
 */
#ifndef CLEAT_RUNTIME_PCI_MONITOR_H
#define CLEAT_RUNTIME_PCI_MONITOR_H

#include "runtime/pci/pci.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_pci_change {
	CLEAT_PCI_NO_CHANGE = 0,
	CLEAT_PCI_ADDED = 1,
	CLEAT_PCI_REMOVED = 2,
	CLEAT_PCI_BOUND = 3, /* to some kernel driver */
	CLEAT_PCI_UNBOUND = 4,
};

/**
 * What a uevent means.
 *
 * @param action     of the event: "add"; others than the four are nothing to us
 * @param subsystem  "pci" is ours
 * @param name       of the kernel's device: an address
 * @param address    receives it
 * @return           0 if it is not about a PCI device's coming and going
 */
enum cleat_pci_change cleat_pci_change_of(
	const char *action, const char *subsystem, const char *name, char address[CLEAT_NAME_LEN]);

typedef void (*cleat_pci_change_fn)(void *arg, enum cleat_pci_change change, const char *address);

/** Listen. @return what to poll for reading, ours until cleat_pci_monitor_stop(); negative errno */
int cleat_pci_monitor_start(void);
/**
 * It is readable: tell what happened. Never waits.
 *
 * @return  0; 1: events were lost, there were too many at once: scan the bus; negative errno
 */
int cleat_pci_monitor_read(cleat_pci_change_fn fn, void *arg);
/** Harmless when it is not started. */
void cleat_pci_monitor_stop(void);

#ifdef __cplusplus
}
#endif

#endif
