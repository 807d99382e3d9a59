/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/device_rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/row.h"

static int is_row_of(const struct cleat_device_shm *row, const struct cleat_device *device)
{
	return strcmp(row->name, device->name) == 0 &&
	       strncmp(row->bus, device->bus->name, sizeof(row->bus)) == 0;
}

static int find(const struct cleat_device *device)
{
	for (int i = 0; i < CLEAT_MAX_DEVICES; i++)
		if (is_row_of(&cleat_registry->devices[i], device))
			return i;
	return -ENOENT;
}

static void fill_pci(struct cleat_device_shm *row, const struct cleat_pci_device *pci)
{
	(void)snprintf(row->kernel_driver, sizeof(row->kernel_driver), "%s", pci->kernel_driver);
	row->class_code = pci->class_code;
	row->vendor = pci->vendor;
	row->device = pci->device_id;
	row->iommu_group = pci->iommu_group;
	for (unsigned i = 0; i < CLEAT_PCI_BARS; i++) {
		row->bars[i].phys = pci->bars[i].phys;
		row->bars[i].len_bytes = pci->bars[i].len_bytes;
		row->bars[i].kind = pci->bars[i].kind;
	}
}

/* @param row  as it was: mapped BARs and interrupts stay */
static void fill(struct cleat_device_shm *row, struct cleat_device *device)
{
	const struct cleat_pci_device *pci = cleat_pci_of(device);

	(void)snprintf(row->name, sizeof(row->name), "%s", device->name);
	(void)snprintf(row->bus, sizeof(row->bus), "%s", device->bus->name);
	(void)snprintf(row->driver, sizeof(row->driver), "%s",
		device->driver != NULL ? device->driver->name : "");
	(void)snprintf(row->why, sizeof(row->why), "%.*s", (int)sizeof(row->why) - 1, device->why);
	row->state = (uint16_t)device->state;
	row->numa_node = device->numa_node < 0 ? 0xffff : (uint16_t)device->numa_node;
	row->iommu_group = CLEAT_PCI_NO_GROUP;
	if (pci != NULL)
		fill_pci(row, pci);
}

int cleat_device_row_of(const struct cleat_device *device)
{
	int row = find(device);

	for (int i = 0; row < 0 && i < CLEAT_MAX_DEVICES; i++) {
		struct cleat_device_shm fresh = { 0 };

		if (cleat_registry->devices[i].name[0] != '\0')
			continue;
		(void)snprintf(fresh.name, sizeof(fresh.name), "%s", device->name);
		(void)snprintf(fresh.bus, sizeof(fresh.bus), "%s", device->bus->name);
		CLEAT_ROW_WRITE(&cleat_registry->devices[i], &fresh);
		row = i;
	}
	return row >= 0 ? row
			: cleat_err(-ENOSPC, "the registry lists at most %d devices",
				  CLEAT_MAX_DEVICES);
}

static int write_one(struct cleat_device *device, void *arg)
{
	bool *alive = arg;
	int row = cleat_device_row_of(device);
	struct cleat_device_shm shm;

	if (row < 0) {
		cleat_log(CLEAT_LOG_WARNING, "device %s is not listed: %s", device->name,
			cleat_error());
		return 0;
	}
	alive[row] = true;
	shm = cleat_registry->devices[row];
	fill(&shm, device);
	CLEAT_ROW_WRITE(&cleat_registry->devices[row], &shm);
	return 0;
}

void cleat_device_rows_write(void)
{
	const struct cleat_device_shm empty = { 0 };
	bool alive[CLEAT_MAX_DEVICES] = { false };

	(void)cleat_device_iterate(write_one, alive);
	for (int i = 0; i < CLEAT_MAX_DEVICES; i++)
		if (!alive[i] && cleat_registry->devices[i].name[0] != '\0')
			CLEAT_ROW_WRITE(&cleat_registry->devices[i], &empty);
}

void cleat_device_row_bar(
	const struct cleat_device *device, unsigned bar, uint64_t off, const bool *slots)
{
	int row = find(device);
	struct cleat_device_shm shm;

	if (row < 0 || bar >= CLEAT_PCI_BARS)
		return;
	shm = cleat_registry->devices[row];
	shm.bars[bar].off = off;
	memset(shm.bars[bar].mapped, 0, sizeof(shm.bars[bar].mapped));
	if (off != 0)
		shm.bars[bar].mapped[0] = 1; /* slot 0: the primary */
	for (unsigned slot = 1; off != 0 && slots != NULL && slot < CLEAT_MAX_PROCS; slot++)
		if (slots[slot])
			shm.bars[bar].mapped[slot / 64] |= 1ULL << slot % 64;
	CLEAT_ROW_WRITE(&cleat_registry->devices[row], &shm);
}
