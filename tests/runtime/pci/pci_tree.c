/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/pci/pci_tree.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/pci/pci.h"
#include "tests/support/spawn.h"

#define DEVICES "bus/pci/devices"

/* 82574L: two memory BARs, I/O ports, the BAR of the MSI-X table, an expansion ROM. */
const char tree_resource[] = "0x00000000febc0000 0x00000000febdffff 0x0000000000040200\n"
			     "0x00000000feb80000 0x00000000febbffff 0x0000000000040200\n"
			     "0x000000000000c080 0x000000000000c09f 0x0000000000040101\n"
			     "0x00000000febe0000 0x00000000febe3fff 0x0000000000040200\n"
			     "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			     "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
			     "0x00000000feb40000 0x00000000feb7ffff 0x0000000000046200\n";

static char root[256];

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

/* The full path of something, with nothing there any more and its folder made. */
static const char *place(const char *path)
{
	static char full[512];

	ck_assert_int_lt(snprintf(full, sizeof(full), "%s/%s", root, path), (int)sizeof(full));
	for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(full, 0755);
		*at = '/';
	}
	(void)nftw(full, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return full;
}

void tree_new(void)
{
	static unsigned count;

	(void)snprintf(root, sizeof(root), "%s/sys%u", test_dir(), count++);
	ck_assert_int_eq(mkdir(root, 0755), 0);
	(void)place(DEVICES "/none");
	cleat_pci_sysfs_set(root);
}

void tree_file(const char *path, const char *text)
{
	FILE *f = fopen(place(path), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

void tree_link(const char *path, const char *target)
{
	ck_assert_int_eq(symlink(target, place(path)), 0);
}

void tree_remove(const char *path)
{
	(void)place(path);
}

void tree_set(const char *address, const char *file, const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), DEVICES "/%s/%s", address, file);
	if (text != NULL)
		tree_file(path, text);
	else
		tree_remove(path);
}

void tree_set_link(const char *address, const char *file, const char *target)
{
	char path[256];

	(void)snprintf(path, sizeof(path), DEVICES "/%s/%s", address, file);
	tree_link(path, target);
}

void tree_nic(const char *address)
{
	tree_set(address, "vendor", "0x8086\n");
	tree_set(address, "device", "0x10d3\n");
	tree_set(address, "subsystem_vendor", "0x15d9\n");
	tree_set(address, "subsystem_device", "0x060a\n");
	tree_set(address, "class", "0x020000\n");
	tree_set(address, "revision", "0x01\n");
	tree_set(address, "irq", "22\n");
	tree_set(address, "local_cpulist", "0-3,8\n");
	tree_set(address, "local_cpus", "0000010f\n");
	tree_set(address, "numa_node", "0\n");
	tree_set(address, "resource", tree_resource);
	tree_set_link(address, "driver", "../../../bus/pci/drivers/e1000e");
	tree_set_link(address, "iommu_group", "../../../kernel/iommu_groups/7");
}
