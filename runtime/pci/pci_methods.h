/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_methods.h - the access methods there are; pci_access.c picks one by the kernel driver's name.
 */
#ifndef CLEAT_RUNTIME_PCI_METHODS_H
#define CLEAT_RUNTIME_PCI_METHODS_H

#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const struct cleat_pci_access cleat_pci_vfio;
extern const struct cleat_pci_access cleat_pci_uio_generic;
extern const struct cleat_pci_access cleat_pci_igb_uio;

#ifdef __cplusplus
}
#endif

#endif
