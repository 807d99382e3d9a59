/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_file.h - the files that the access methods keep open: device nodes, and sysfs's of a device.
 *
 * Paths are made with printf's rules. Errors carry a sentence with the path. For files of sysfs
 * that are read once there is pci_sysfs.h.
 */
#ifndef CLEAT_RUNTIME_PCI_FILE_H
#define CLEAT_RUNTIME_PCI_FILE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where device nodes are: "/dev" unless changed (tests). Borrows @p root for ever. */
void cleat_pci_dev_set(const char *root);
const char *cleat_pci_dev(void);

/** Is sysfs somewhere else, and no sysfs? Then what it tells of is not in this machine, and what
 * this machine has of the same name is something else. @return 1 or 0 */
int cleat_pci_is_recorded(void);

/** @return a descriptor (O_CLOEXEC), the caller's; negative errno */
int cleat_pci_file_open(int flags, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Is it there? @return 1 or 0 */
int cleat_pci_file_exists(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * All of @p len at @p off, or an error.
 *
 * @return 0; -EIO: the device is gone, or there are not as many bytes
 */
int cleat_pci_pread(int fd, void *buf, size_t len, uint64_t off);
int cleat_pci_pwrite(int fd, const void *buf, size_t len, uint64_t off);

/** Close it if it is one (>= 0) and forget it. */
void cleat_pci_fd_close(int *fd);

#ifdef __cplusplus
}
#endif

#endif
