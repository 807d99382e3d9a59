/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_access.c - picks the access method, and says what to do where there is none. */
#include "runtime/pci/pci_access.h"

#include <errno.h>
#include <string.h>

#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_methods.h"
#include "runtime/pci/pci_vfio.h"

/* The first choice first: messages name them in this order. */
static const struct cleat_pci_access *const methods[] = {
	&cleat_pci_vfio,
	&cleat_pci_uio_generic,
	&cleat_pci_igb_uio,
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

const struct cleat_pci_access *cleat_pci_access_find(const char *kernel_driver)
{
	for (size_t i = 0; i < N_METHODS; i++)
		if (strcmp(methods[i]->driver, kernel_driver) == 0)
			return methods[i];
	return NULL;
}

const char *cleat_pci_access_names(void)
{
	return "vfio-pci, uio_pci_generic, igb_uio";
}

static int refuse_driver(const struct cleat_pci_device *dev)
{
	const char *name = dev->device.name;

	if (dev->kernel_driver[0] == '\0')
		return cleat_err(-ENODEV,
			"%s is bound to no kernel driver; bind it to one of %s: "
			"cleat bind vfio-pci %s",
			name, cleat_pci_access_names(), name);
	return cleat_err(-EBUSY,
		"%s belongs to the kernel's driver %s and is left alone; to use it here bind it to "
		"one of %s: cleat bind vfio-pci %s",
		name, dev->kernel_driver, cleat_pci_access_names(), name);
}

/* The mode is wrong, or wrong for the method. */
static int refuse_mode(const struct cleat_pci_device *dev, uint32_t iova_mode)
{
	if (iova_mode != CLEAT_PCI_IOVA_VA && iova_mode != CLEAT_PCI_IOVA_PA)
		return cleat_err(-EINVAL, "IOVA mode %u is neither VA nor PA", iova_mode);
	return cleat_err(-ENOTSUP,
		"%s is bound to %s, which has no IOMMU behind it and needs physical addresses; "
		"start with --iova-mode pa, or bind it to vfio-pci",
		dev->device.name, dev->kernel_driver);
}

int cleat_pci_open(struct cleat_pci_device *dev, uint32_t iova_mode)
{
	const struct cleat_pci_access *access;
	int ret;

	if (dev->access != NULL)
		return cleat_err(-EALREADY, "%s is open", dev->device.name);
	/* The driver may have changed since the scan, and BARs and group with it. */
	ret = cleat_pci_reread(dev);
	if (ret < 0)
		return ret;
	access = cleat_pci_access_find(dev->kernel_driver);
	if (access == NULL)
		return refuse_driver(dev);
	if (cleat_pci_is_recorded())
		return cleat_err(-ENODEV,
			"%s is only looked at: %s is no sysfs, so what it tells of is not here",
			dev->device.name, cleat_pci_sysfs());
	if ((access->iova_modes & iova_mode) == 0 ||
		iova_mode == (CLEAT_PCI_IOVA_VA | CLEAT_PCI_IOVA_PA))
		return refuse_mode(dev, iova_mode);
	dev->access = access;
	ret = access->open(dev);
	if (ret < 0) {
		dev->access = NULL;
		return cleat_err_prefix(ret, "%s (%s)", dev->device.name, access->driver);
	}
	return 0;
}

void cleat_pci_close(struct cleat_pci_device *dev)
{
	if (dev->access != NULL)
		dev->access->close(dev);
	else
		cleat_vfio_asked_forget(dev);
	dev->access = NULL;
	dev->access_data = NULL;
}

int cleat_pci_config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len)
{
	return dev->access->config_read(dev, off, buf, len);
}

int cleat_pci_config_write(
	struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len)
{
	return dev->access->config_write(dev, off, buf, len);
}
