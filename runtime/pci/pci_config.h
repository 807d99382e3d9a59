/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_config.h - what the access methods do in a device's configuration space.
 *
 * Source: PCI Local Bus Specification 3.0, chapter 6 (6.2.2 command, 6.7 capabilities, 6.8 MSI and
 * MSI-X).
 */
#ifndef CLEAT_RUNTIME_PCI_CONFIG_H
#define CLEAT_RUNTIME_PCI_CONFIG_H

#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_PCI_CONFIG_LEN 256

#define CLEAT_PCI_COMMAND	  0x04	 /* 16 bits */
#define CLEAT_PCI_COMMAND_IO	  0x0001 /* answers in I/O space */
#define CLEAT_PCI_COMMAND_MEMORY  0x0002 /* answers in memory space */
#define CLEAT_PCI_COMMAND_MASTER  0x0004 /* may do DMA */
#define CLEAT_PCI_COMMAND_NO_INTX 0x0400 /* Interrupt Disable */
#define CLEAT_PCI_STATUS	  0x06	 /* 16 bits */
#define CLEAT_PCI_STATUS_CAPS	  0x0010 /* has capabilities */
#define CLEAT_PCI_CAP_FIRST	  0x34	 /* 8 bits */
#define CLEAT_PCI_INTERRUPT_PIN	  0x3d	 /* 8 bits; 0: no INTx */
#define CLEAT_PCI_CAP_ID_MSI	  0x05
#define CLEAT_PCI_CAP_ID_MSIX	  0x11

#define CLEAT_PCI_MSI_CONTROL_ON    0x0001
#define CLEAT_PCI_MSIX_CONTROL	    2 /* 16 bits, in the capability */
#define CLEAT_PCI_MSIX_CONTROL_SIZE 0x07ff
#define CLEAT_PCI_MSIX_CONTROL_ON   0x8000
#define CLEAT_PCI_MSIX_TABLE	    4 /* 32 bits: BAR in the low three, offset */
#define CLEAT_PCI_MSIX_ENTRY_BYTES  16

/** Set and clear bits of the command register; writes only if something changes.
 * @return 0; -EIO: the device is gone */
int cleat_pci_command(struct cleat_pci_device *dev, uint16_t set, uint16_t clear);

/** Let it answer in the spaces it has BARs in, but do no DMA. */
int cleat_pci_command_on(struct cleat_pci_device *dev);

/** Are its interrupts MSI? */
int cleat_pci_msi_is_on(struct cleat_pci_device *dev);

/** Where the device keeps its MSI-X table. */
struct cleat_pci_msix {
	unsigned bar;
	uint64_t off, len_bytes;
};
/** @return 1 with @p out, 0 if the device has no MSI-X, negative errno */
int cleat_pci_msix_table(struct cleat_pci_device *dev, struct cleat_pci_msix *out);

/**
 * What may be mapped of a BAR when [hole_off, hole_off + hole_len) may not: whole pages beside it.
 *
 * @param out  receives off and len_bytes of up to two pieces
 * @return     how many: 0 if the hole takes every page
 */
unsigned cleat_pci_around_hole(uint64_t bar_len, uint64_t hole_off, uint64_t hole_len,
	uint64_t page, struct cleat_pci_piece out[2]);

#ifdef __cplusplus
}
#endif

#endif
