/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/pci/pci_fake.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_sysfs.h"
#include "tests/runtime/pci/pci_tree.h"
#include "tests/support/spawn.h"

uint8_t fake_config[256];
int fake_gone;

static int config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len)
{
	(void)dev;
	if (fake_gone || off + len > sizeof(fake_config))
		return cleat_err(-EIO, "gone");
	memcpy(buf, fake_config + off, len);
	return 0;
}

static int config_write(struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len)
{
	(void)dev;
	if (fake_gone || off + len > sizeof(fake_config))
		return cleat_err(-EIO, "gone");
	memcpy(fake_config + off, buf, len);
	return 0;
}

void fake_open(struct cleat_pci_device *dev)
{
	static const struct cleat_pci_access access = {
		.driver = "fake", .config_read = config_read, .config_write = config_write
	};

	memset(fake_config, 0, sizeof(fake_config));
	fake_gone = 0;
	memset(dev, 0, sizeof(*dev));
	(void)snprintf(dev->device.name, sizeof(dev->device.name), "0000:00:09.0");
	dev->access = &access;
}

void fake_capability(uint8_t at, uint8_t id, uint8_t next)
{
	fake_config[0x06] = 0x10;
	if (fake_config[0x34] == 0)
		fake_config[0x34] = at;
	fake_config[at] = id;
	fake_config[at + 1] = next;
}

void fake_zeros(const char *address, const char *file, unsigned len)
{
	char path[CLEAT_PCI_PATH_LEN];

	tree_set(address, file, "");
	ck_assert_int_eq(cleat_pci_sysfs_path(path, address, file), 0);
	ck_assert_int_eq(truncate(path, len), 0);
}

const char *fake_uio_node(void)
{
	static char path[300];

	(void)snprintf(path, sizeof(path), "%s/uio3", cleat_pci_dev());
	return path;
}

void fake_uio(const char *address, const char *driver)
{
	static char dev[256];
	char link[64];

	tree_nic(address);
	tree_set(address, "driver", NULL);
	(void)snprintf(link, sizeof(link), "../../../bus/pci/drivers/%s", driver);
	tree_set_link(address, "driver", link);
	fake_zeros(address, "config", 256);
	fake_zeros(address, "resource0", 0x20000);
	fake_zeros(address, "resource2", 0x20);
	tree_set(address, "uio/uio3/name", "a name\n");
	(void)snprintf(dev, sizeof(dev), "%s/dev", test_dir());
	(void)mkdir(dev, 0755);
	cleat_pci_dev_set(dev);
	(void)unlink(fake_uio_node());
	ck_assert_int_eq(mkfifo(fake_uio_node(), 0600), 0);
}
