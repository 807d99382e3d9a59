/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_fake.h - a device whose configuration space is an array, and made-up files of UIO devices.
 */
#ifndef CLEAT_TESTS_RUNTIME_PCI_FAKE_H
#define CLEAT_TESTS_RUNTIME_PCI_FAKE_H

#include "runtime/pci/pci_access.h"

/** Its configuration space; a read beyond 256 bytes or with fake_gone set is -EIO. */
extern uint8_t fake_config[256];
extern int fake_gone;
/** Clears both and gives @p dev a method that works on them. */
void fake_open(struct cleat_pci_device *dev);
/** Put a capability of @p len bytes into it. */
void fake_capability(uint8_t at, uint8_t id, uint8_t next);

/** A device of tree_nic() at @p address under a driver of UIO, as uio3; node /dev is a folder. */
void fake_uio(const char *address, const char *driver);
/** A binary file of zeros below the tree's device. */
void fake_zeros(const char *address, const char *file, unsigned len);
/** Path of the node's file, a FIFO: what is written can be read. */
const char *fake_uio_node(void);

#endif
