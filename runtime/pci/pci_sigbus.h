/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_sigbus.h - BARs vanish under a running process when a device is unplugged: then a load or
 * store there raises SIGBUS. A guarded range reads as all ones instead, as an empty slot on a bus
 * does.
 *
 *   free → guarded → dead (a fault came: pages of ones lie there) → free
 *
 * Any process; add and remove from one thread at a time, faults in any thread.
 */
#ifndef CLEAT_RUNTIME_PCI_SIGBUS_H
#define CLEAT_RUNTIME_PCI_SIGBUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Guard a mapped range; the first call installs the handler. Other addresses are left to the
 * handler that was there before, or to the default: the process dies.
 *
 * @param va  page aligned. Borrowed until cleat_pci_guard_remove()
 * @return    0; -ENOSPC when all entries are in use; what sigaction() said
 */
int cleat_pci_guard_add(void *va, uint64_t len_bytes);

/** Before the range is unmapped. Harmless when it is not guarded. */
void cleat_pci_guard_remove(void *va);

/** All of them: when the window goes. */
void cleat_pci_guard_remove_all(void);

/** Has a fault been answered in the guarded range that @p va lies in? */
int cleat_pci_guard_is_dead(const void *va);

#ifdef __cplusplus
}
#endif

#endif
