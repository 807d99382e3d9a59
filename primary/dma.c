/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/dma.h"

#include <errno.h>
#include <string.h>

#include "runtime/bus.h"
#include "runtime/bus_list.h"
#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/log.h"
#include "runtime/pci/pci_access.h"
#include "runtime/pci/pci_file.h"

/* ---- which addresses ---- */

static int has_driver(const struct cleat_device *device)
{
	const struct cleat_driver *driver = NULL;

	while ((driver = cleat_driver_next(driver)) != NULL)
		if (strcmp(driver->bus, device->bus->name) == 0 &&
			device->bus->match(driver, device))
			return 1;
	return 0;
}

/* The access method of a device that we may use, or NULL. */
static const struct cleat_pci_access *access_of(struct cleat_device *device)
{
	const struct cleat_pci_device *pci = cleat_pci_of(device);

	if (pci == NULL || cleat_bus_lists_hide(device) || !has_driver(device) ||
		cleat_pci_is_recorded())
		return NULL;
	return cleat_pci_access_find(pci->kernel_driver);
}

bool cleat_dma_usable(struct cleat_device *device)
{
	return access_of(device) != NULL;
}

static int needs_pa(struct cleat_device *device, void *arg)
{
	const struct cleat_pci_access *access = access_of(device);

	if (access == NULL || (access->iova_modes & CLEAT_PCI_IOVA_VA))
		return 0;
	*(const struct cleat_device **)arg = device;
	return 1;
}

/* The last answer holds for all devices asked about. */
static int ask_shift(struct cleat_device *device, void *arg)
{
	const struct cleat_pci_access *access = access_of(device);
	struct cleat_primary *p = arg;
	const struct cleat_options *o = p->options;

	if (access == NULL || !(access->iova_modes & CLEAT_PCI_IOVA_VA))
		return 0;
	/* a device that cannot be used says so again when it is probed */
	if (cleat_pci_iova_shift(cleat_pci_of(device), o->window_base,
		    o->window_base + o->window_len - 1, &p->iova_shift) < 0)
		cleat_log(CLEAT_LOG_WARNING, "%s", cleat_error());
	return 0;
}

static int choose_shift(struct cleat_primary *p)
{
	p->iova_shift = 0;
	(void)cleat_device_iterate(ask_shift, p);
	if (p->iova_shift != 0)
		cleat_log(CLEAT_LOG_INFO,
			"the IOMMU is too narrow for addresses of the window: devices see them less "
			"%#llx",
			(unsigned long long)p->iova_shift);
	return 0;
}

int cleat_dma_choose(struct cleat_primary *p)
{
	const struct cleat_device *why = NULL;

	p->iova_mode = p->options->iova_mode;
	if (p->iova_mode == CLEAT_OPTION_IOVA_AUTO) {
		(void)cleat_device_iterate(needs_pa, &why);
		p->iova_mode = why != NULL ? CLEAT_IOVA_PA : CLEAT_IOVA_VA;
	}
	if (why != NULL)
		cleat_log(CLEAT_LOG_INFO, "physical addresses, because of device %s", why->name);
	if (p->iova_mode == CLEAT_IOVA_PA)
		return cleat_iova_pa_check();
	return choose_shift(p);
}

/* ---- reaching it ---- */

static const char *start_of(const struct cleat_segment *seg)
{
	return (const char *)cleat_window_base + seg->off;
}

int cleat_dma_map(const struct cleat_primary *p, const struct cleat_segment *seg)
{
	const struct cleat_heap_segment *known = cleat_heap_segment_of(p->heap, seg->off);

	if (known == NULL)
		return cleat_err(-EINVAL, "memory at offset %#llx has no addresses for devices yet",
			(unsigned long long)seg->off);
	if (known->page_iova == NULL && known->iova == CLEAT_IOVA_NONE)
		return 0; /* ordinary pages without an IOMMU: no device reaches them */
	return cleat_pci_dma_map(
		start_of(seg), seg->len_bytes, known->iova, known->page_iova, seg->page_bytes);
}

void cleat_dma_unmap(const struct cleat_segment *seg)
{
	if (seg->kind == CLEAT_SEGMENT_MEMORY)
		cleat_pci_dma_unmap(start_of(seg), seg->len_bytes);
}
