/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_ioport.h - reads and writes of I/O ports, from any process that was given the descriptor.
 *
 * By descriptor each access is one system call, 0.2 to 0.5 us of the processor on top of what the
 * port itself takes (about 1 us on a bus, an exit to the hypervisor in a guest). By instructions
 * (x86, root only: iopl) there is none. The descriptor comes first all the same, because it can be
 * given to a worker without privileges. It is for devices that offer nothing else: legacy virtio.
 *
 *   vfio-pci          the BAR's region of the device's descriptor
 *   igb_uio           portio/portX/{start,size} below uioN, and sysfs `resourceN`
 *   uio_pci_generic   sysfs `resourceN`
 *
 * To use instructions where there is a descriptor, set fd to -1 in a copy: base is always filled.
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
