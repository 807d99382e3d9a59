/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_probe_ctrl.c - from device to port, and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/common/intel_nic.h"
#include "pmd/vdev_args.h"

static int take_args(struct cleat_intel_nic *nic, const struct cleat_device *device)
{
	static const struct cleat_kvkey none[] = { { NULL, 0 } };
	const struct cleat_intel_chip *chip = nic->chip;
	struct cleat_kvargs args;
	int ret = cleat_vdev_args(device, chip->keys != NULL ? chip->keys : none, &args);

	if (ret >= 0 && chip->take_args != NULL)
		ret = chip->take_args(nic, &args);
	cleat_kvargs_free(&args);
	return ret;
}

static void fill_port(struct cleat_intel_nic *nic, struct cleat_device *device)
{
	const struct cleat_intel_chip *chip = nic->chip;
	struct cleat_port_ctrl *port = &nic->port;

	port->name = device->name;
	port->driver = device->driver->name;
	port->ops = chip->ops;
	port->driver_data = &nic->mac;
	port->mtu = 1500;
	port->max_mtu = (uint16_t)(cleat_intel_max_packet(chip) - cleat_intel_frame(0));
	port->max_rx_queues = port->max_tx_queues = chip->max_queues;
	port->default_rx_queues = port->default_tx_queues = 1;
	port->max_descriptors = CLEAT_NIC_MAX_DESCRIPTORS;
	port->align_descriptors = CLEAT_NIC_ALIGN;
	port->max_mac_filters = chip->max_mac_filters;
	port->offload_capa = chip->offload_capa;
	port->offloads = chip->offloads;
	port->numa_node = device->numa_node;
	port->device = device;
}

static struct cleat_intel_nic *new_nic(struct cleat_device *device,
	const struct cleat_services *services, const struct cleat_intel_chip *chip)
{
	struct cleat_intel_nic *nic = (struct cleat_intel_nic *)calloc(1, chip->nic_bytes);

	if (nic == NULL) {
		(void)cleat_err(-ENOMEM, "no memory for device %s", device->name);
		return NULL;
	}
	nic->chip = chip;
	nic->pci = cleat_pci_of(device);
	nic->mac.port = &nic->port;
	nic->mac.services = services;
	nic->mac.eerd_done = chip->eerd_done;
	nic->mac.eerd_shift = chip->eerd_shift;
	nic->mac.phy_lock = chip->phy_lock;
	fill_port(nic, device);
	return nic;
}

static int bring_up(struct cleat_intel_nic *nic, struct cleat_device *device)
{
	const struct cleat_services *services = nic->mac.services;
	uint64_t len = 0;
	int ret = services->bar_map(services->ctx, device, 0, &nic->mac.bar, &len);

	if (ret < 0)
		return ret;
	if (len < nic->chip->bar_bytes)
		return cleat_err(
			-EPROTO, "%s: BAR 0 has %llu bytes", device->name, (unsigned long long)len);
	ret = nic->chip->find(nic);
	ret = ret < 0 ? ret : cleat_pci_master_on(nic->pci); /* it is reset */
	if (ret < 0)
		return ret;
	memcpy(nic->port.mac, nic->mac.own, 6);
	(void)cleat_intel_link_get(&nic->port, &nic->port.link);
	return services->port_add(services->ctx, &nic->port);
}

int cleat_intel_probe(struct cleat_device *device, const struct cleat_services *services,
	const struct cleat_intel_chip *chip)
{
	struct cleat_intel_nic *nic = new_nic(device, services, chip);
	int ret;

	if (nic == NULL)
		return -ENOMEM;
	ret = take_args(nic, device);
	ret = ret < 0 ? ret : bring_up(nic, device);
	if (ret < 0) {
		free(nic);
		return ret;
	}
	device->driver_data = nic;
	return 0;
}

int cleat_intel_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_intel_nic *nic = (struct cleat_intel_nic *)device->driver_data;
	int ret = 0, gone = cleat_pci_is_gone(nic->pci);

	nic->running = 0;
	if (!gone)
		nic->chip->irq_mask(nic);
	cleat_nic_irq_close(&nic->irq);
	if (!gone)
		ret = nic->chip->leave(nic);
	if (ret < 0 && !cleat_pci_is_gone(nic->pci))
		return ret; /* it may still write to memory */
	ret = services->port_remove(services->ctx, &nic->port);
	if (ret < 0)
		return ret;
	device->driver_data = NULL;
	free(nic);
	return 0;
}
