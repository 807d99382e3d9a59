/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_scan.c - one PCI device, read from sysfs. Only files that wake no device are read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/log.h"
#include "runtime/pci/pci.h"
#include "runtime/pci/pci_resource.h"
#include "runtime/pci/pci_sysfs.h"

#define UINT24_MAX   0xffffffU
#define NODE_MAX     1023
#define CPU_TEXT_LEN 4096
#define GROUP_MAX    0xffffffUL
#define RESOURCE_LEN 4096

/* A file that every device has, or has where it applies; then @p missing is taken without it. */
#define REQUIRED UINT64_MAX
static int number(
	const char *address, const char *file, uint64_t most, uint64_t missing, uint64_t *out)
{
	int code = cleat_pci_sysfs_number(address, file, most, out);

	if (code != -ENOENT)
		return code;
	if (missing == REQUIRED)
		return cleat_err_prefix(-EPROTO, "PCI device %s", address);
	*out = missing;
	return 0;
}

static int read_ids(struct cleat_pci_device *dev)
{
	const struct {
		const char *file;
		uint64_t most, missing;
	} FILES[] = {
		{ "vendor", UINT16_MAX, REQUIRED },
		{ "device", UINT16_MAX, REQUIRED },
		{ "subsystem_vendor", UINT16_MAX, 0 },
		{ "subsystem_device", UINT16_MAX, 0 },
		{ "class", UINT24_MAX, REQUIRED },
		{ "revision", UINT8_MAX, 0 },
		{ "irq", INT32_MAX, 0 },
	};
	uint64_t v[sizeof(FILES) / sizeof(FILES[0])];

	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++) {
		int code = number(
			dev->device.name, FILES[i].file, FILES[i].most, FILES[i].missing, &v[i]);

		if (code < 0)
			return code;
	}
	dev->vendor = (uint16_t)v[0];
	dev->device_id = (uint16_t)v[1];
	dev->subvendor = (uint16_t)v[2];
	dev->subdevice = (uint16_t)v[3];
	dev->class_code = (uint32_t)v[4];
	dev->revision = (uint8_t)v[5];
	dev->irq = (uint32_t)v[6];
	return 0;
}

/* -1 is the kernel's word for none. */
static int read_node(struct cleat_pci_device *dev)
{
	char text[32];
	uint64_t node;
	int code = cleat_pci_sysfs_text(dev->device.name, "numa_node", text, sizeof(text));

	dev->device.numa_node = -1;
	if (code == -ENOENT || (code > 0 && strcmp(text, "-1") == 0))
		return 0;
	code = number(dev->device.name, "numa_node", NODE_MAX, REQUIRED, &node);
	if (code < 0)
		return code;
	if (node < CLEAT_MAX_NODES)
		dev->device.numa_node = (int)node;
	else
		cleat_log(CLEAT_LOG_WARNING,
			"PCI device %s is on node %d; nodes from %d on are treated as none",
			dev->device.name, (int)node, CLEAT_MAX_NODES);
	return 0;
}

/* The list where the kernel gives one, else made of the mask. */
static int read_cpus(struct cleat_pci_device *dev)
{
	char text[CPU_TEXT_LEN];
	const char *name = dev->device.name;
	int code = cleat_pci_sysfs_text(name, "local_cpulist", text, sizeof(text));

	if (code >= 0)
		return cleat_pci_cpus_from_list(
			name, text, dev->local_cpus, sizeof(dev->local_cpus));
	if (code != -ENOENT)
		return code;
	code = cleat_pci_sysfs_text(name, "local_cpus", text, sizeof(text));
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return code;
	return cleat_pci_cpus_from_mask(name, text, dev->local_cpus, sizeof(dev->local_cpus));
}

static int read_bars(struct cleat_pci_device *dev)
{
	char text[RESOURCE_LEN];
	int code = cleat_pci_sysfs_text(dev->device.name, "resource", text, sizeof(text));

	if (code == -ENOENT)
		return cleat_err_prefix(-EPROTO, "PCI device %s", dev->device.name);
	if (code < 0)
		return code;
	return cleat_pci_resource_parse(dev->device.name, text, dev->bars);
}

static int read_driver(struct cleat_pci_device *dev)
{
	int code = cleat_pci_sysfs_link(dev->device.name, "driver", dev->kernel_driver);

	if (code == -ENOENT) {
		dev->kernel_driver[0] = '\0';
		return 0;
	}
	return code;
}

static int read_group(struct cleat_pci_device *dev)
{
	char text[CLEAT_NAME_LEN];
	char *end;
	unsigned long group;
	int code = cleat_pci_sysfs_link(dev->device.name, "iommu_group", text);

	dev->iommu_group = CLEAT_PCI_NO_GROUP;
	if (code == -ENOENT)
		return 0;
	if (code < 0)
		return code;
	group = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || group > GROUP_MAX)
		return cleat_err(-EPROTO,
			"PCI device %s: iommu_group links to '%s', no group's number",
			dev->device.name, text);
	dev->iommu_group = (int)group;
	return 0;
}

static int read_sriov(struct cleat_pci_device *dev)
{
	const char *name = dev->device.name;
	char parent[CLEAT_NAME_LEN];
	uint64_t now, total;
	int code = number(name, "sriov_totalvfs", UINT16_MAX, 0, &total);

	code = code < 0 ? code : number(name, "sriov_numvfs", UINT16_MAX, 0, &now);
	if (code < 0)
		return code;
	if (now > total)
		return cleat_err(-EPROTO,
			"PCI device %s: sriov_numvfs is %u, sriov_totalvfs only %u", name,
			(unsigned)now, (unsigned)total);
	dev->numvfs = (uint16_t)now;
	dev->totalvfs = (uint16_t)total;
	dev->physfn[0] = '\0';
	code = cleat_pci_sysfs_link(name, "physfn", parent);
	if (code == -ENOENT)
		return 0;
	if (code == 0 && !cleat_pci_address(parent, dev->physfn))
		return cleat_err(-EPROTO, "PCI device %s: physfn links to '%s', no PCI address",
			name, parent);
	return code;
}

/* There, and a folder. */
static int check_there(const char *address)
{
	char path[CLEAT_PCI_PATH_LEN];
	struct stat st;
	int code = cleat_pci_sysfs_path(path, address, "");

	if (code < 0)
		return code;
	if (stat(path, &st) < 0 && errno == ENOENT)
		return cleat_err(-ENODEV, "there is no PCI device %s (no %s)", address, path);
	if (stat(path, &st) < 0)
		return cleat_err(-EPROTO, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return cleat_err(-EPROTO, "%s is no folder", path);
	return 0;
}

/* A device that leaves while it is read has missing files; that is not the tree's fault. */
static int result(const char *address, int code)
{
	char why[CLEAT_ERROR_LEN];

	if (code >= 0)
		return 0;
	memcpy(why, cleat_error(), strlen(cleat_error()) + 1);
	if (check_there(address) == -ENODEV)
		return -ENODEV;
	return cleat_err(code == -ENAMETOOLONG ? code : -EPROTO, "%s", why);
}

int cleat_pci_reread(struct cleat_pci_device *dev)
{
	struct cleat_pci_device now = *dev; /* all of it changes, or nothing */
	int code = check_there(now.device.name);

	code = code < 0 ? code : read_driver(&now);
	code = code < 0 ? code : read_group(&now);
	code = code < 0 ? code : read_bars(&now);
	code = code < 0 ? code : read_sriov(&now);
	if (code < 0)
		return result(dev->device.name, code);
	*dev = now;
	return 0;
}

int cleat_pci_read(const char *address, struct cleat_pci_device *dev)
{
	int code;

	memset(dev, 0, sizeof(*dev));
	dev->device.numa_node = -1;
	dev->iommu_group = CLEAT_PCI_NO_GROUP;
	if (!cleat_pci_address(address, dev->device.name))
		return cleat_err(
			-EINVAL, "'%.40s' is no PCI address; one looks like 0000:01:00.0", address);
	code = check_there(dev->device.name);
	code = code < 0 ? code : read_ids(dev);
	code = code < 0 ? code : read_node(dev);
	code = code < 0 ? code : read_cpus(dev);
	if (code < 0)
		return result(dev->device.name, code);
	return cleat_pci_reread(dev);
}
