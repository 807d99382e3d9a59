/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_ctrl.c - net_virtio, control side: a virtio network device on PCI becomes a port.
 *
 * The modern interface is taken where it is offered; legacy=1 takes the other one.
 */
#include "pmd/virtio/virtio_ctrl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pmd/vdev_args.h"
#include "runtime/log.h"

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(VIRTIO_VENDOR, VIRTIO_DEVICE_NET_OLD, 0),
	CLEAT_PCI_ID(VIRTIO_VENDOR, VIRTIO_DEVICE_NET, 1),
	CLEAT_PCI_ID(0, 0, 0),
};

static const struct cleat_kvkey keys[] = { { "legacy", 0 }, { "queues", 0 }, { NULL, 0 } };

struct options {
	int legacy;
	uint64_t queues;
};

static int parse(const struct cleat_device *device, struct options *o)
{
	struct cleat_kvargs args;
	int rc = cleat_vdev_args(device, keys, &args);

	rc = rc < 0 ? rc : cleat_kvargs_bool(&args, "legacy", &o->legacy);
	rc = rc < 0 ? rc : cleat_kvargs_u64(&args, "queues", 1, CLEAT_MAX_QUEUES, &o->queues);
	cleat_kvargs_free(&args);
	return rc;
}

static int open_transport(struct virtio_device *d, const struct options *o)
{
	int rc = -ENOENT;

	if (o->legacy && d->transport.pci->device_id == VIRTIO_DEVICE_NET)
		return cleat_err(
			-EINVAL, "%s: legacy=1, but this device is modern only", d->device->name);
	if (!o->legacy)
		rc = cleat_virtio_modern_open(&d->transport, d->device, d->services);
	return rc == -ENOENT ? cleat_virtio_legacy_open(&d->transport, d->device) : rc;
}

static uint32_t capabilities(const struct virtio_device *d)
{
	uint32_t capa = CLEAT_OFFLOAD_TX_SEGMENTS;

	if (d->features & VIRTIO_NET_F_MRG_RXBUF)
		capa |= CLEAT_OFFLOAD_RX_SCATTER;
	if (d->features & VIRTIO_NET_F_GUEST_CSUM)
		capa |= CLEAT_OFFLOAD_RX_CHECKSUM;
	if (d->features & VIRTIO_NET_F_CSUM)
		capa |= CLEAT_OFFLOAD_TX_CHECKSUM;
	return capa;
}

/* Checksums of received packets stay as they were on the wire unless somebody asks. */
static int fill_port(struct virtio_device *d, const struct options *o)
{
	struct cleat_port_ctrl *port = &d->port;
	unsigned pairs = d->max_pairs < CLEAT_MAX_QUEUES ? d->max_pairs : CLEAT_MAX_QUEUES;

	if (o->queues > pairs)
		return cleat_err(-EINVAL, "%s: queues=%llu, but the device has %u queue pairs",
			port->name, (unsigned long long)o->queues, pairs);
	port->driver = d->device->driver->name;
	port->ops = &cleat_virtio_port_ops;
	port->driver_data = d;
	port->max_rx_queues = port->max_tx_queues = (uint16_t)pairs;
	port->default_rx_queues = port->default_tx_queues = (uint16_t)o->queues;
	port->max_mac_filters = d->features & VIRTIO_NET_F_CTRL_RX ? VIRTIO_MAX_FILTERS : 0;
	port->offload_capa = capabilities(d);
	port->offloads = port->offload_capa & ~CLEAT_OFFLOAD_RX_CHECKSUM;
	port->numa_node = d->device->numa_node;
	port->device = d->device;
	return 0;
}

static struct virtio_device *new_device(
	struct cleat_device *device, const struct cleat_services *services)
{
	struct virtio_device *d = (struct virtio_device *)calloc(1, sizeof(*d));

	if (d == NULL) {
		(void)cleat_err(-ENOMEM, "no memory for device %s", device->name);
		return NULL;
	}
	d->device = device;
	d->services = services;
	d->transport.pci = cleat_pci_of(device);
	d->port.name = device->name;
	d->irq_fd = -1;
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++) {
		d->vqs[i].event_fd = -1;
		d->vqs[i].generation = 1;
	}
	d->config_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->config_fd < 0) {
		(void)cleat_err(-errno, "eventfd: %s", strerror(errno));
		free(d);
		return NULL;
	}
	return d;
}

static void free_device(struct virtio_device *d)
{
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++)
		if (d->vqs[i].event_fd >= 0)
			(void)close(d->vqs[i].event_fd);
	(void)close(d->config_fd);
	free(d);
}

static int virtio_probe(struct cleat_device *device, const struct cleat_services *services)
{
	struct options o = { .legacy = 0, .queues = 1 };
	struct virtio_device *d = new_device(device, services);
	int rc;

	if (d == NULL)
		return -ENOMEM;
	rc = parse(device, &o);
	rc = rc < 0 ? rc : open_transport(d, &o);
	if (rc == 0) {
		cleat_virtio_irq_look(d);
		rc = cleat_virtio_learn(d);
		rc = rc < 0 ? rc : cleat_pci_master_on(d->transport.pci); /* it is reset */
	}
	rc = rc < 0 ? rc : fill_port(d, &o);
	rc = rc < 0 ? rc : services->port_add(services->ctx, &d->port);
	if (rc < 0) {
		free_device(d);
		return rc;
	}
	device->driver_data = d;
	cleat_log(CLEAT_LOG_INFO, "port %u (%s): %s virtio device, features 0x%llx, %u queue pairs",
		d->port.port, d->port.name, d->transport.ops->name, (unsigned long long)d->features,
		d->max_pairs);
	return 0;
}

static int virtio_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct virtio_device *d = (struct virtio_device *)device->driver_data;
	int rc = cleat_pci_is_gone(d->transport.pci) ? 0 : cleat_virtio_quiesce(d);

	if (rc < 0 && !cleat_pci_is_gone(d->transport.pci))
		return rc; /* it may still write to memory */
	d->state = VIRTIO_RESET;
	cleat_virtio_irq_close(d);
	rc = services->port_remove(services->ctx, &d->port);
	if (rc < 0)
		return rc;
	device->driver_data = NULL;
	free_device(d);
	return 0;
}

static struct cleat_driver virtio_driver = {
	.name = "net_virtio",
	.bus = "pci",
	.ids = ids,
	.probe = virtio_probe,
	.remove = virtio_remove,
	.usage = "legacy=0|1,queues=N",
};
CLEAT_DRIVER_REGISTER(virtio_driver)
