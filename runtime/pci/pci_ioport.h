/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_ioport.h - reads and writes of I/O ports, from any process that was given the descriptor.
 *
 * By descriptor each access is one system call; by instructions (x86, root only: iopl) none. It is
 * for devices that offer nothing else: legacy virtio.
 */
#ifndef CLEAT_RUNTIME_PCI_IOPORT_H
#define CLEAT_RUNTIME_PCI_IOPORT_H

#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @param len 1, 2 or 4. @return 0; -ERANGE; -EIO */
int cleat_pci_ioport_read(const struct cleat_pci_ioport *io, uint32_t off, void *buf, uint32_t len);
int cleat_pci_ioport_write(
	const struct cleat_pci_ioport *io, uint32_t off, const void *buf, uint32_t len);

#ifdef __cplusplus
}
#endif

#endif
