/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_resource.h - texts of sysfs that have a form of their own: the table `resource`, and sets of
 * processors.
 *
 * Source: drivers/pci/pci-sysfs.c of the kernel (one line per resource: first address, last
 * address, flags; the first six are the BARs), include/linux/ioport.h (flags).
 */
#ifndef CLEAT_RUNTIME_PCI_RESOURCE_H
#define CLEAT_RUNTIME_PCI_RESOURCE_H

#include <stddef.h>

#include "runtime/pci/pci.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Read the table. A 64-bit BAR takes two lines, the second of which is empty, as the second
 * register of the pair is no BAR of its own. A BAR without an address assigned is none.
 *
 * @param address  for sentences
 * @return         0; -EPROTO with a sentence that names the line
 */
int cleat_pci_resource_parse(
	const char *address, const char *text, struct cleat_pci_bar bars[CLEAT_PCI_BARS]);

/** "0-3,8", checked and copied; cut at a comma if @p out is too small. @return 0; -EPROTO */
int cleat_pci_cpus_from_list(const char *address, const char *text, char *out, size_t len);

/** "00000001,0000000f" to "0-3,32", cut as above. @return 0; -EPROTO */
int cleat_pci_cpus_from_mask(const char *address, const char *text, char *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
