/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_tree.h - a made-up sysfs with PCI devices in this test's directory.
 */
#ifndef CLEAT_TESTS_RUNTIME_PCI_TREE_H
#define CLEAT_TESTS_RUNTIME_PCI_TREE_H

/** Start an empty tree and make it the sysfs of this process. */
void tree_new(void);
/** A file or link below the tree, whatever was there before; folders are made as needed. */
void tree_file(const char *path, const char *text);
void tree_link(const char *path, const char *target);
void tree_remove(const char *path);
/** A device as the kernel shows one: 8086:10d3, class 0x020000, node 0, driver e1000e. */
void tree_nic(const char *address);
/** A file or link of that device; NULL removes it. */
void tree_set(const char *address, const char *file, const char *text);
void tree_set_link(const char *address, const char *file, const char *target);

/** The table `resource` of tree_nic(). */
extern const char tree_resource[];

#endif
