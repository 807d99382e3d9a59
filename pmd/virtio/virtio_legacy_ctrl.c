/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_legacy_ctrl.c - a legacy virtio device: all registers in one I/O BAR.
 *
 * Workers cannot do port instructions, so they notify with one write to a descriptor: one system
 * call for a burst, and only when the device asks for it (VIRTIO_USED_NO_NOTIFY). That descriptor
 * lets its holder write all of the device's ports; a site that minds uses the modern interface.
 *
 * Source: VIRTIO 1.2, 4.1.4, "Legacy Interfaces: A Note on PCI Device Layout".
 */
#include <errno.h>

#include "pmd/virtio/virtio_transport.h"

static int get(struct virtio_transport *t, uint32_t off, void *buf, uint32_t len)
{
	return cleat_pci_ioport_read(&t->io, off, buf, len);
}

static int set(struct virtio_transport *t, uint32_t off, uint32_t value, uint32_t len)
{
	return cleat_pci_ioport_write(&t->io, off, &value, len); /* little endian */
}

static int features(struct virtio_transport *t, uint64_t *offered)
{
	uint32_t low = 0;
	int rc = get(t, VIRTIO_LEGACY_DEVICE_FEATURES, &low, 4);

	*offered = low;
	return rc;
}

static int features_set(struct virtio_transport *t, uint64_t value)
{
	return set(t, VIRTIO_LEGACY_DRIVER_FEATURES, (uint32_t)value, 4);
}

static int status(struct virtio_transport *t, uint8_t *out)
{
	return get(t, VIRTIO_LEGACY_STATUS, out, 1);
}

static int status_set(struct virtio_transport *t, uint8_t value)
{
	return set(t, VIRTIO_LEGACY_STATUS, value, 1);
}

static uint32_t config_off(const struct virtio_transport *t)
{
	return t->msix ? VIRTIO_LEGACY_CONFIG_MSIX : VIRTIO_LEGACY_CONFIG;
}

/* There is no generation number: the bytes are read until they are the same twice. */
static int config_read(struct virtio_transport *t, uint32_t off, void *buf, uint32_t len)
{
	uint8_t *out = (uint8_t *)buf;

	for (int tries = 0; tries < 100; tries++) {
		int same = tries > 0;

		for (uint32_t i = 0; i < len; i++) {
			uint8_t byte = 0;
			int rc = get(t, config_off(t) + off + i, &byte, 1);

			if (rc < 0)
				return rc;
			same = same && byte == out[i];
			out[i] = byte;
		}
		if (same)
			return 0;
	}
	return cleat_err(-EIO, "%s: its configuration does not stay still", t->pci->device.name);
}

static int config_write(struct virtio_transport *t, uint32_t off, const void *buf, uint32_t len)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < len; i++)
		rc = set(t, config_off(t) + off + i, ((const uint8_t *)buf)[i], 1);
	return rc;
}

static int queue_select(struct virtio_transport *t, uint16_t queue)
{
	return set(t, VIRTIO_LEGACY_QUEUE_SELECT, queue, 2);
}

static int queue_size(struct virtio_transport *t, uint16_t queue, uint16_t *size)
{
	int rc = queue_select(t, queue);

	*size = 0;
	return rc < 0 ? rc : get(t, VIRTIO_LEGACY_QUEUE_SIZE, size, 2);
}

static int set_vector(struct virtio_transport *t, uint32_t reg, uint16_t vector)
{
	uint16_t got = 0;
	int rc = set(t, reg, vector, 2);

	rc = rc < 0 ? rc : get(t, reg, &got, 2);
	if (rc == 0 && got != vector)
		return cleat_err(
			-ENOSPC, "%s: refuses interrupt vector %u", t->pci->device.name, vector);
	return rc;
}

static int queue_enable(
	struct virtio_transport *t, uint16_t queue, const struct virtio_queue_place *place)
{
	uint64_t page = place->desc >> VIRTIO_LEGACY_PAGE_SHIFT;
	int rc;

	if (page > UINT32_MAX)
		return cleat_err(-ERANGE,
			"%s: a ring at bus address 0x%llx is beyond what a legacy device reaches",
			t->pci->device.name, (unsigned long long)place->desc);
	rc = queue_select(t, queue);
	rc = rc < 0 ? rc : set(t, VIRTIO_LEGACY_QUEUE_PFN, (uint32_t)page, 4);
	if (rc == 0 && t->msix)
		rc = set_vector(t, VIRTIO_LEGACY_QUEUE_VECTOR, place->vector);
	return rc;
}

static int config_vector(struct virtio_transport *t, uint16_t vector)
{
	return set_vector(t, VIRTIO_LEGACY_CONFIG_VECTOR, vector);
}

static int isr(struct virtio_transport *t, uint8_t *out)
{
	return get(t, VIRTIO_LEGACY_ISR, out, 1);
}

static int notify(struct virtio_transport *t, uint16_t queue)
{
	return set(t, VIRTIO_LEGACY_QUEUE_NOTIFY, queue, 2);
}

static int doorbell(struct virtio_transport *t, uint16_t queue, struct virtio_doorbell *out)
{
	(void)queue;
	if (t->io.fd < 0)
		return cleat_err(-ENOTSUP,
			"%s: its ports can be reached by instructions only, which workers may not "
			"use; bind it to vfio-pci or uio_pci_generic, or use its modern interface",
			t->pci->device.name);
	out->fd = t->io.fd;
	out->off = t->io.fd_off + VIRTIO_LEGACY_QUEUE_NOTIFY;
	return 0;
}

static const struct virtio_transport_ops legacy_ops = {
	.name = "legacy",
	.features = features,
	.features_set = features_set,
	.status = status,
	.status_set = status_set,
	.config_read = config_read,
	.config_write = config_write,
	.queue_size = queue_size,
	.queue_enable = queue_enable,
	.config_vector = config_vector,
	.isr = isr,
	.notify = notify,
	.doorbell = doorbell,
};

int cleat_virtio_legacy_open(struct virtio_transport *t, struct cleat_device *device)
{
	int rc;

	if (t->pci->bars[VIRTIO_LEGACY_BAR].kind != CLEAT_BAR_IO)
		return cleat_err(-ENODEV,
			"%s: it has neither the capabilities of a modern virtio device nor the I/O "
			"BAR of a legacy one",
			device->name);
	if (t->pci->access->ioport == NULL)
		return cleat_err(-ENOTSUP, "%s: %s gives no way to I/O ports", device->name,
			t->pci->access->driver);
	rc = t->pci->access->ioport(t->pci, VIRTIO_LEGACY_BAR, &t->io);
	if (rc < 0)
		return rc;
	t->ops = &legacy_ops;
	return 0;
}
