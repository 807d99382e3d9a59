/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_bus.c - the bus "pci": network controllers of this machine, in the order of their addresses.
 *
 * Anything else (disks, bridges) is not looked at, and a device is opened only while the kernel
 * driver that holds it is one of pci_access.h.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bus.h"
#include "runtime/log.h"
#include "runtime/pci/pci.h"
#include "runtime/pci/pci_access.h"
#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_sysfs.h"
#include "runtime/registry.h"

static int pci_scan(struct cleat_bus *bus);
static int pci_match(const struct cleat_driver *driver, const struct cleat_device *device);
static int pci_owns(const struct cleat_bus *bus, const char *name);
static int pci_canonical(const struct cleat_bus *bus, const char *name, char out[CLEAT_NAME_LEN]);
static int pci_plug(struct cleat_bus *bus, struct cleat_device *device);
static void pci_unplug(struct cleat_bus *bus, struct cleat_device *device);
static int pci_silence(struct cleat_bus *bus, struct cleat_device *device);

static struct cleat_bus pci_bus = {
	.name = "pci",
	.scan = pci_scan,
	.match = pci_match,
	.owns = pci_owns,
	.canonical = pci_canonical,
	.plug = pci_plug,
	.unplug = pci_unplug,
	.silence = pci_silence,
	.device_bytes = sizeof(struct cleat_pci_device),
};
CLEAT_BUS_REGISTER(pci_bus)

struct cleat_pci_device *cleat_pci_of(struct cleat_device *device)
{
	return device->bus == &pci_bus ? (struct cleat_pci_device *)device : NULL;
}

/* ---- names ---- */

static int pci_owns(const struct cleat_bus *bus, const char *name)
{
	char address[CLEAT_NAME_LEN];

	(void)bus;
	return cleat_pci_address(name, address);
}

static int pci_canonical(const struct cleat_bus *bus, const char *name, char out[CLEAT_NAME_LEN])
{
	(void)bus;
	if (cleat_pci_address(name, out))
		return 0;
	return cleat_err(
		-EINVAL, "'%s' is no PCI address; one looks like 0000:01:00.0 or 01:00.0", name);
}

/* The allow list's entry for a device, or NULL. */
static const char *allowed_spec(const char *address)
{
	size_t len = strlen(address);
	const char *spec;

	for (unsigned i = 0; (spec = cleat_bus_allowed_nth(&pci_bus, i)) != NULL; i++)
		if (strncmp(spec, address, len) == 0 && (spec[len] == ',' || spec[len] == '\0'))
			return spec;
	return NULL;
}

/* ---- broken devices: told once ---- */

struct broken {
	struct broken *next;
	char address[CLEAT_NAME_LEN];
};
static struct broken *broken_devices;

static void tell_broken(const char *address)
{
	struct broken *b = broken_devices;

	while (b != NULL && strcmp(b->address, address) != 0)
		b = b->next;
	if (b != NULL)
		return;
	cleat_log(CLEAT_LOG_WARNING, "left out: %s", cleat_error());
	b = (struct broken *)calloc(1, sizeof(*b));
	if (b == NULL)
		return; /* then it is told again */
	memcpy(b->address, address, strlen(address) + 1);
	b->next = broken_devices;
	broken_devices = b;
}

/* ---- scan ---- */

#define CLASS_NETWORK 0x02U

/* Is it a network controller? What cannot be read is for cleat_pci_read() to complain about. */
static int is_network(const char *address)
{
	uint64_t class_code;
	int code = cleat_pci_sysfs_number(address, "class", 0xffffff, &class_code);

	return code < 0 || class_code >> 16 == CLASS_NETWORK;
}

static struct cleat_pci_device *known(const char *address)
{
	struct cleat_device *device = pci_bus.devices;

	while (device != NULL && strcmp(device->name, address) != 0)
		device = device->next;
	return (struct cleat_pci_device *)device;
}

static int add(const char *address)
{
	struct cleat_pci_device found;
	struct cleat_device *device, keep;
	const char *spec = allowed_spec(address);
	const char *comma = spec != NULL ? strchr(spec, ',') : NULL;
	int code = cleat_pci_read(address, &found);

	if (code == -ENODEV)
		return 0; /* it left meanwhile */
	if (code < 0 && spec != NULL)
		return code;
	if (code < 0) {
		tell_broken(address);
		return 0;
	}
	device = cleat_bus_add(
		&pci_bus, address, comma != NULL ? comma + 1 : "", found.device.numa_node);
	if (device == NULL)
		return -ENOMEM;
	device->asked = spec != NULL;
	keep = *device;
	*(struct cleat_pci_device *)device = found;
	*device = keep;
	cleat_log(CLEAT_LOG_DEBUG, "PCI device %s: %04x:%04x, kernel driver %s, node %d", address,
		found.vendor, found.device_id,
		found.kernel_driver[0] != '\0' ? found.kernel_driver : "none", device->numa_node);
	return 0;
}

/* What is open keeps what it was opened with; another device in its place means that it has gone.
 * What found no driver, or was held by another, is tried again once it is bound anew. */
static void reread(struct cleat_pci_device *dev)
{
	struct cleat_device keep = dev->device;
	struct cleat_pci_device now;
	int code = cleat_pci_read(keep.name, &now);

	if (code < 0) {
		dev->gone = code == -ENODEV;
		if (!dev->gone)
			tell_broken(keep.name);
		return;
	}
	if (keep.state == CLEAT_DEVICE_PROBED) {
		dev->gone = now.vendor != dev->vendor || now.device_id != dev->device_id;
		memcpy(dev->kernel_driver, now.kernel_driver, sizeof(now.kernel_driver));
		return;
	}
	if (strcmp(now.kernel_driver, dev->kernel_driver) != 0 || now.vendor != dev->vendor ||
		now.device_id != dev->device_id)
		cleat_bus_anew(&keep);
	keep.numa_node = now.device.numa_node;
	now.had_locked = dev->had_locked;
	*dev = now; /* closed, so there is nothing of the access method's in it */
	dev->device = keep;
}

static int by_address(const struct dirent **a, const struct dirent **b)
{
	size_t len_a = strlen((*a)->d_name), len_b = strlen((*b)->d_name);

	if (len_a != len_b) /* longer domains are higher */
		return len_a < len_b ? -1 : 1;
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_address(const struct dirent *entry)
{
	char address[CLEAT_NAME_LEN];

	return cleat_pci_address(entry->d_name, address) && strcmp(address, entry->d_name) == 0;
}

static int look_at(const char *address)
{
	struct cleat_pci_device *dev = known(address);

	if (dev != NULL) {
		reread(dev);
		return 0;
	}
	return is_network(address) ? add(address) : 0;
}

/* Does the user ask for what is not there? Asked at the first scan: later, devices may have gone.
 */
static int check_allowed(void)
{
	static int checked;
	const char *spec;

	for (unsigned i = 0; !checked && (spec = cleat_bus_allowed_nth(&pci_bus, i)) != NULL; i++) {
		struct cleat_pci_device dev;
		char address[CLEAT_NAME_LEN] = "";
		int code;

		memcpy(address, spec, strcspn(spec, ","));
		if (known(address) != NULL)
			continue;
		code = cleat_pci_read(address, &dev);
		if (code < 0)
			return code;
		return cleat_err(-ENODEV,
			"PCI device %s is no network controller: its class is 0x%06x", address,
			dev.class_code);
	}
	checked = 1;
	return 0;
}

static int pci_scan(struct cleat_bus *bus)
{
	char path[CLEAT_PCI_PATH_LEN];
	struct dirent **entries;
	int n, code = cleat_pci_sysfs_path(path, "", "");

	if (code < 0)
		return code;
	for (struct cleat_device *d = bus->devices; d != NULL; d = d->next)
		((struct cleat_pci_device *)d)->gone = 1;
	n = scandir(path, &entries, is_address, by_address);
	if (n < 0 && errno != ENOENT)
		return cleat_err(-errno, "%s: %s; --no-pci goes without", path, strerror(errno));
	if (n < 0) /* a machine or container without the bus */
		cleat_log(CLEAT_LOG_INFO, "no PCI bus here: there is no %s", path);
	for (int i = 0; i < n; i++) {
		if (code >= 0)
			code = look_at(entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	return code < 0 ? code : check_allowed();
}

/* ---- drivers ---- */

static int id_fits(uint16_t wanted, uint16_t is)
{
	return wanted == CLEAT_PCI_ANY || wanted == is;
}

static int pci_match(const struct cleat_driver *driver, const struct cleat_device *device)
{
	struct cleat_pci_device *dev = (struct cleat_pci_device *)device;
	const struct cleat_pci_id *id = (const struct cleat_pci_id *)driver->ids;

	for (; id != NULL && id->vendor != 0; id++)
		if (id_fits(id->vendor, dev->vendor) && id_fits(id->device, dev->device_id) &&
			id_fits(id->subvendor, dev->subvendor) &&
			id_fits(id->subdevice, dev->subdevice)) {
			dev->model = id->model;
			return 1;
		}
	return 0;
}

static int pci_plug(struct cleat_bus *bus, struct cleat_device *device)
{
	struct cleat_pci_device *dev = (struct cleat_pci_device *)device;
	uint32_t mode = CLEAT_PCI_IOVA_VA;
	int code;

	(void)bus;
	if (cleat_registry != NULL && cleat_registry->header.iova_mode == CLEAT_IOVA_PA)
		mode = CLEAT_PCI_IOVA_PA;
	code = cleat_pci_open(dev, mode);
	/* The kernel's own drivers hold most devices of most machines: no failure of ours. */
	if (code < 0 &&
		(cleat_pci_access_find(dev->kernel_driver) == NULL || cleat_pci_is_recorded()))
		return -ENODEV;
	return code == -ENODEV ? -EIO : code;
}

static void pci_unplug(struct cleat_bus *bus, struct cleat_device *device)
{
	(void)bus;
	cleat_pci_close((struct cleat_pci_device *)device);
}

/* Bus mastering off: it can do no DMA. One that is gone does none, either. */
static int pci_silence(struct cleat_bus *bus, struct cleat_device *device)
{
	struct cleat_pci_device *dev = (struct cleat_pci_device *)device;

	(void)bus;
	return cleat_pci_is_gone(dev) ? 0 : cleat_pci_command(dev, 0, CLEAT_PCI_COMMAND_MASTER);
}
