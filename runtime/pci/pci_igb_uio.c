/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_igb_uio.c - a device bound to igb_uio: one vector (MSI-X, MSI or INTx as the module chose).
 *
 * INTx goes on and off by writing 1 or 0, 32 bits, to /dev/uioN, and switches itself off. A vector
 * of MSI or MSI-X is on while the node is open, and is left alone: the module takes no lock between
 * such a write and the removal of the device, so a write at that moment reads a vector that is
 * freed (an oops in pci_msi_unmask_irq() of Linux 6.1), and the device stays locked.
 *
 * I/O ports are told by portio/portX/{start,size} below uioN.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_methods.h"
#include "runtime/pci/pci_sysfs.h"
#include "runtime/pci/pci_uio.h"

/* ---- open and close ---- */

/* The module makes the device a bus master when its node is opened, so one that a killed process
 * left receiving is brought to rest before, if it can be reset from outside. A bus master's node is
 * open in some process, whose device it is. */
static int rest_before_node(struct cleat_pci_device *dev)
{
	uint16_t command;
	int ret = cleat_pci_config_read(dev, CLEAT_PCI_COMMAND, &command, sizeof(command));

	if (ret < 0 || (command & CLEAT_PCI_COMMAND_MASTER))
		return ret;
	ret = cleat_uio_reset(dev);
	return ret == -ENOTSUP ? 0 : ret;
}

/* The node can be opened before the module's probe has ended, which then fails: opening switches
 * the interrupt on, and uio_register_device() asks for it once more. The kernel holds the device's
 * lock until the probe has ended, and a read of this file waits for it; what it says does not
 * matter. */
static void wait_for_probe(const struct cleat_pci_device *dev)
{
	char override[CLEAT_NAME_LEN];

	(void)cleat_pci_sysfs_text(dev->device.name, "driver_override", override, sizeof(override));
}

static int igb_open(struct cleat_pci_device *dev)
{
	wait_for_probe(dev);
	return cleat_uio_open(dev, rest_before_node);
}

/* ---- interrupts ---- */

static int irq_switch(struct cleat_pci_device *dev, uint32_t on)
{
	const struct cleat_uio *u = (const struct cleat_uio *)dev->access_data;

	if (u->messages || write(u->fd, &on, sizeof(on)) == (ssize_t)sizeof(on))
		return 0;
	return cleat_err(-EIO, "interrupt of %s, %s: %s", dev->device.name, on ? "on" : "off",
		strerror(errno));
}

static int irq_open(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd)
{
	struct cleat_uio *u = (struct cleat_uio *)dev->access_data;
	int ret;

	(void)fds;
	(void)n;
	if (u->irq_on)
		return cleat_err(-EALREADY, "interrupts of %s are on", dev->device.name);
	if (cleat_pci_is_gone(dev))
		return cleat_err(-EIO, "%s does not answer any more", dev->device.name);
	u->messages = cleat_pci_msix_is_on(dev) || cleat_pci_msi_is_on(dev);
	ret = irq_switch(dev, 1);
	if (ret < 0)
		return cleat_err_prefix(-ENOTSUP, "igb_uio gave it no interrupt");
	u->irq_on = 1;
	*irq_fd = u->fd;
	return 1;
}

static int irq_ack(struct cleat_pci_device *dev)
{
	int ret = cleat_uio_event(dev);

	return ret < 0 ? ret : irq_switch(dev, 1);
}

static void irq_close(struct cleat_pci_device *dev)
{
	struct cleat_uio *u = (struct cleat_uio *)dev->access_data;

	if (u->irq_on)
		irq_switch(dev, 0); /* fails if it is gone */
	u->irq_on = 0;
}

static void igb_close(struct cleat_pci_device *dev)
{
	irq_close(dev);
	cleat_uio_close(dev);
}

/* ---- I/O ports ---- */

static int portio_number(
	struct cleat_pci_device *dev, unsigned port, const char *what, uint64_t most, uint64_t *out)
{
	const struct cleat_uio *u = (const struct cleat_uio *)dev->access_data;
	char file[64];

	snprintf(file, sizeof(file), "%s/portio/port%u/%s", u->dir, port, what);
	return cleat_pci_sysfs_number(dev->device.name, file, most, out);
}

/* The port range that starts where the BAR does. */
static int find_portio(struct cleat_pci_device *dev, uint64_t first, struct cleat_pci_ioport *out)
{
	uint64_t start, size;

	for (unsigned i = 0;; i++) {
		int ret = portio_number(dev, i, "start", UINT16_MAX, &start);

		if (ret == 0)
			ret = portio_number(dev, i, "size", UINT16_MAX + 1ULL - start, &size);
		if (ret < 0)
			return cleat_err_prefix(
				ret, "igb_uio has no ports from 0x%llx", (unsigned long long)first);
		if (start != first)
			continue;
		out->base = (uint32_t)start;
		out->len = (uint32_t)size;
		return 0;
	}
}

/* By sysfs's file, so that a worker without privileges may; by instructions if it is not there. */
static int ioport(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_ioport *out)
{
	int ret;

	if (bar >= CLEAT_PCI_BARS || dev->bars[bar].kind != CLEAT_BAR_IO)
		return cleat_err(-ENOENT, "%s has no I/O BAR %u", dev->device.name, bar);
	memset(out, 0, sizeof(*out));
	ret = find_portio(dev, dev->bars[bar].phys, out);
	return ret < 0 ? ret : cleat_uio_ioport_file(dev, bar, out);
}

static int unplug_fd(struct cleat_pci_device *dev)
{
	(void)dev;
	return -1;
}

const struct cleat_pci_access cleat_pci_igb_uio = {
	.driver = "igb_uio",
	.iova_modes = CLEAT_PCI_IOVA_PA,
	.open = igb_open,
	.is_taken = cleat_uio_is_taken,
	.close = igb_close,
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
