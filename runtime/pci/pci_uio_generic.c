/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_uio_generic.c - a device bound to uio_pci_generic: one INTx line, no MSI.
 *
 * The kernel's handler masks the line by the bit Interrupt Disable of the command register
 * (PCI 3.0, 6.2.2) and lets us clear it.
 */
#include <errno.h>

#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_methods.h"
#include "runtime/pci/pci_uio.h"

static int irq_open(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd)
{
	struct cleat_uio *u = (struct cleat_uio *)dev->access_data;
	uint8_t pin;
	int ret = cleat_pci_config_read(dev, CLEAT_PCI_INTERRUPT_PIN, &pin, sizeof(pin));

	(void)fds;
	(void)n;
	if (ret < 0)
		return ret;
	if (pin == 0)
		return cleat_err(-ENOTSUP,
			"%s has no interrupt line, and uio_pci_generic knows no other interrupts; "
			"bind it to %s",
			dev->device.name,
			dev->iommu_group != CLEAT_PCI_NO_GROUP ? "vfio-pci" : "igb_uio");
	if (u->irq_on)
		return cleat_err(-EALREADY, "interrupts of %s are on", dev->device.name);
	ret = cleat_pci_command(dev, 0, CLEAT_PCI_COMMAND_NO_INTX);
	if (ret < 0)
		return ret;
	u->irq_on = 1;
	*irq_fd = u->fd;
	return 1;
}

static int irq_ack(struct cleat_pci_device *dev)
{
	int ret = cleat_uio_event(dev);

	return ret < 0 ? ret : cleat_pci_command(dev, 0, CLEAT_PCI_COMMAND_NO_INTX);
}

static void irq_close(struct cleat_pci_device *dev)
{
	struct cleat_uio *u = (struct cleat_uio *)dev->access_data;

	if (u->irq_on)
		cleat_pci_command(dev, CLEAT_PCI_COMMAND_NO_INTX, 0); /* fails if it is gone */
	u->irq_on = 0;
}

static int generic_open(struct cleat_pci_device *dev)
{
	return cleat_uio_open(dev, NULL);
}

static void generic_close(struct cleat_pci_device *dev)
{
	irq_close(dev);
	cleat_uio_close(dev);
}

/* By sysfs's file, which can be read and written for I/O BARs, or by instructions. */
static int ioport(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_ioport *out)
{
	const struct cleat_pci_bar *b = &dev->bars[bar < CLEAT_PCI_BARS ? bar : 0];

	if (bar >= CLEAT_PCI_BARS || b->kind != CLEAT_BAR_IO)
		return cleat_err(-ENOENT, "%s has no I/O BAR %u", dev->device.name, bar);
	*out = (struct cleat_pci_ioport){ .base = (uint32_t)b->phys,
		.len = (uint32_t)b->len_bytes };
	return cleat_uio_ioport_file(dev, bar, out);
}

static int unplug_fd(struct cleat_pci_device *dev)
{
	(void)dev;
	return -1;
}

const struct cleat_pci_access cleat_pci_uio_generic = {
	.driver = "uio_pci_generic",
	.iova_modes = CLEAT_PCI_IOVA_PA,
	.open = generic_open,
	.is_taken = cleat_uio_is_taken,
	.close = generic_close,
	.pieces = cleat_uio_pieces,
	.ioport = ioport,
	.config_read = cleat_uio_config_read,
	.config_write = cleat_uio_config_write,
	.irq_open = irq_open,
	.irq_ack = irq_ack,
	.irq_close = irq_close,
	.reset = cleat_uio_reset,
	.unplug_fd = unplug_fd,
};
