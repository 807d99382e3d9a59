/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_sysfs.h - the small files and links that sysfs has for one PCI device.
 *
 * A file is read whole and never waited for. What makes no sense is -EPROTO with a sentence that
 * names the file.
 */
#ifndef CLEAT_RUNTIME_PCI_SYSFS_H
#define CLEAT_RUNTIME_PCI_SYSFS_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_PCI_PATH_LEN 512

/**
 * The path of a file of a device; @p file "" is its folder, @p address "" the folder of all
 * devices.
 *
 * @return  0; -ENAMETOOLONG
 */
int cleat_pci_sysfs_path(char out[CLEAT_PCI_PATH_LEN], const char *address, const char *file);

/**
 * Read a text file, without the newline at its end.
 *
 * @param len  of @p out; a longer text is -EPROTO
 * @return     its length; -ENOENT if there is no such file; -EPROTO if it is no text; what open()
 *             or read() said
 */
int cleat_pci_sysfs_text(const char *address, const char *file, char *out, size_t len);

/** Read a number from 0 to @p most, decimal or with 0x. @return 0; as cleat_pci_sysfs_text() */
int cleat_pci_sysfs_number(const char *address, const char *file, uint64_t most, uint64_t *out);

/** The last part of where a link points. @return 0; -ENOENT, -EPROTO as above */
int cleat_pci_sysfs_link(const char *address, const char *file, char out[CLEAT_NAME_LEN]);

#ifdef __cplusplus
}
#endif

#endif
