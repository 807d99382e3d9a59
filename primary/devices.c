/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "primary/ports.h"
#include "primary/server.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/pci/pci.h"
#include "runtime/vdev.h"

#define BUS_VDEV "vdev"
#define BUS_PCI	 "pci"

typedef int (*spec_fn)(const char *spec);

static int each(const struct cleat_option_list *list, const char *option, spec_fn fn)
{
	for (size_t i = 0; i < list->count; i++) {
		int rc = fn(list->items[i]);

		if (rc < 0)
			return cleat_err_prefix(rc, "%s %s", option, list->items[i]);
	}
	return 0;
}

int cleat_devices_scan(struct cleat_primary *p)
{
	const struct cleat_options *o = p->options;
	struct cleat_bus *pci = cleat_bus_find(BUS_PCI);
	int rc;

	cleat_pci_sysfs_set(o->sysfs_root);
	if (pci != NULL && o->no_pci)
		pci->disabled = 1;
	rc = each(&o->allow, "--allow", cleat_bus_allow);
	rc = rc < 0 ? rc : each(&o->block, "--block", cleat_bus_block);
	rc = rc < 0 ? rc : each(&o->vdevs, "--vdev", cleat_vdev_add);
	return rc < 0 ? rc : cleat_bus_scan_all();
}

/* Ports that a probe added. */
static int set_up_new_ports(struct cleat_primary *p)
{
	for (uint32_t port = 0; port < CLEAT_MAX_PORTS; port++) {
		const struct cleat_port_shm *row = &cleat_registry->ports[port];
		int rc;

		if (p->ports[port] == NULL || row->rx_queues + row->tx_queues > 0)
			continue;
		rc = cleat_port_default(p, port);
		if (rc < 0)
			return cleat_err_prefix(rc, "port %u (%s)", port, row->name);
		cleat_log(CLEAT_LOG_INFO, "port %u: %s, driver %s, %u rx and %u tx queues", port,
			row->name, row->driver, row->rx_queues, row->tx_queues);
		cleat_server_event(p, CLEAT__EVENT_KIND__EVENT_PORT_ADDED, port, row->name);
	}
	return 0;
}

static int probe(struct cleat_device *device, void *arg)
{
	struct cleat_primary *p = arg;
	int rc;

	if (device->state != CLEAT_DEVICE_FOUND)
		return 0;
	rc = cleat_bus_probe(device, &p->services);
	if (rc == 0)
		return set_up_new_ports(p);
	if (strcmp(device->bus->name, BUS_VDEV) == 0 && rc != -EPERM)
		return rc; /* asked for by name, so its failure is ours */
	cleat_log(rc == -ENODEV || rc == -EPERM ? CLEAT_LOG_INFO : CLEAT_LOG_ERROR, "%s",
		device->why);
	return 0;
}

int cleat_devices_probe(struct cleat_primary *p)
{
	return cleat_device_iterate(probe, p);
}

void cleat_devices_remove(struct cleat_primary *p)
{
	for (uint32_t port = 0; port < CLEAT_MAX_PORTS; port++) {
		if (p->ports[port] == NULL)
			continue;
		cleat_registry->ports[port].rx_queues = 0; /* nobody reads any more */
		if (p->ports[port]->ops->stop != NULL)
			(void)p->ports[port]->ops->stop(p->ports[port]);
	}
	cleat_bus_remove_all();
}

int cleat_device_attach(struct cleat_primary *p, const char *args)
{
	struct cleat_device *device = cleat_vdev_plug(args);
	int rc;

	if (device == NULL)
		return cleat_err_prefix(-EINVAL, "device %.200s", args);
	rc = probe(device, p);
	if (rc == 0 && device->state != CLEAT_DEVICE_PROBED)
		rc = cleat_err(-EPERM, "%s", device->why);
	if (rc < 0) {
		char why[CLEAT_ERROR_LEN];

		(void)snprintf(why, sizeof(why), "%s", cleat_error());
		if (device->state == CLEAT_DEVICE_PROBED)
			(void)cleat_bus_remove(device);
		cleat_vdev_unplug(device);
		return cleat_err(rc, "%s", why);
	}
	return cleat_registry_find_port(device->name, NULL);
}

int cleat_device_detach(struct cleat_primary *p, const char *name)
{
	struct cleat_device *device = cleat_device_find(name);
	int rc;

	(void)p;
	if (device == NULL)
		return cleat_err(-ENOENT, "there is no device %.31s", name);
	rc = cleat_bus_remove(device);
	if (rc == 0 && strcmp(device->bus->name, BUS_VDEV) == 0)
		cleat_vdev_unplug(device);
	return rc;
}
