/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "primary/device_rows.h"
#include "primary/ports.h"
#include "primary/server.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/pci/pci.h"
#include "runtime/vdev.h"

#define BUS_PCI	 "pci"
#define MAX_REST 6U /* from try to try of devices that do not answer; each is 10 s */

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

/* Ports that a probe added. @param before  p->ports as they were before it */
static int set_up_new_ports(struct cleat_primary *p, struct cleat_port_ctrl *const *before)
{
	for (uint32_t port = 0; port < CLEAT_MAX_PORTS; port++) {
		const struct cleat_port_shm *row = &cleat_registry->ports[port];
		int rc;

		if (p->ports[port] == NULL || before[port] != NULL)
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

/* ---- the kernel wants one back ---- */

static int unplug_fd(struct cleat_device *device)
{
	struct cleat_pci_device *pci = cleat_pci_of(device);

	if (pci == NULL || pci->access == NULL || pci->access->unplug_fd == NULL)
		return -1;
	return pci->access->unplug_fd(pci);
}

/* If the device does not go now, the kernel signals it again after a while. */
static void on_unplug(void *arg)
{
	struct cleat_device *device = arg;
	struct cleat_primary *p = device->services->ctx;
	uint64_t count;

	while (read(unplug_fd(device), &count, sizeof(count)) < 0 && errno == EINTR)
		;
	cleat_log(CLEAT_LOG_NOTICE, "the kernel asks for device %s back", device->name);
	if (cleat_device_take_away(p, device) < 0)
		cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
	cleat_device_rows_write();
}

static int watch_unplug(struct cleat_primary *p, struct cleat_device *device)
{
	int fd = unplug_fd(device);

	return fd < 0 ? 0 : p->services.irq_watch(p, fd, on_unplug, device);
}

int cleat_device_take_away(struct cleat_primary *p, struct cleat_device *device)
{
	int fd = unplug_fd(device);
	int rc = cleat_bus_remove(device);

	if (rc == 0 && fd >= 0)
		p->services.irq_unwatch(p, fd);
	return rc;
}

/* ---- probe ---- */

/* With the ports that come of it, or not at all. */
static int probe_one(struct cleat_primary *p, struct cleat_device *device)
{
	struct cleat_port_ctrl *before[CLEAT_MAX_PORTS];
	char why[CLEAT_ERROR_LEN];
	int rc;

	memcpy(before, p->ports, sizeof(before));
	rc = cleat_bus_probe(device, &p->services);
	if (rc < 0)
		return rc;
	rc = set_up_new_ports(p, before);
	if (rc == 0)
		rc = watch_unplug(p, device);
	if (rc == 0)
		return 0;
	(void)snprintf(why, sizeof(why), "%s", cleat_error());
	if (cleat_device_take_away(p, device) < 0) { /* its driver keeps it */
		cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
		return cleat_err(rc, "%s", why);
	}
	device->state = CLEAT_DEVICE_FAILED;
	(void)snprintf(device->why, sizeof(device->why), "%s", why);
	return cleat_err(rc, "%s", why);
}

/* Why it was not probed. The kernel's own drivers hold most devices, and lists hide some. */
static void tell(int rc)
{
	cleat_log(rc == -ENODEV || rc == -EPERM ? CLEAT_LOG_INFO : CLEAT_LOG_ERROR, "%s",
		cleat_error());
}

static int probe(struct cleat_device *device, void *arg)
{
	struct cleat_primary *p = arg;
	int rc;

	if (device->state != CLEAT_DEVICE_FOUND || device->detached)
		return 0;
	rc = probe_one(p, device);
	if (rc == 0 || (device->asked && device->state != CLEAT_DEVICE_IGNORED))
		return rc; /* asked for by name: its failure is ours */
	tell(rc);
	return 0;
}

int cleat_devices_probe(struct cleat_primary *p)
{
	int rc = cleat_device_iterate(probe, p);

	cleat_device_rows_write();
	return rc;
}

/* Nothing of it may be left when the memory goes that it reaches, and its driver with it. */
static int take_away_one(struct cleat_device *device, void *arg)
{
	struct cleat_primary *p = arg;
	int fd;

	if (device->state != CLEAT_DEVICE_PROBED || cleat_device_take_away(p, device) == 0)
		return 0;
	cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
	fd = unplug_fd(device);
	if (fd >= 0)
		p->services.irq_unwatch(p, fd);
	cleat_bus_give_up(device);
	return 0;
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
	(void)cleat_device_iterate(take_away_one, p);
}

/* ---- at run time ---- */

/* A device of a scanned bus, or a virtual one made for this. @p args: NAME[,KEY=VALUE,…] */
static struct cleat_device *find_or_plug(const char *args)
{
	char name[CLEAT_NAME_LEN];
	struct cleat_device *device;

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(args, ","), args);
	if (!cleat_pci_address(name, name))
		return cleat_vdev_plug(args);
	if (cleat_bus_scan_all() < 0)
		return NULL;
	device = cleat_device_find(name);
	if (device == NULL)
		(void)cleat_err(-ENOENT, "there is no PCI network device %s", name);
	else if (cleat_bus_ask(device, args) < 0)
		return NULL;
	return device;
}

int cleat_device_attach(struct cleat_primary *p, const char *args)
{
	struct cleat_device *device = find_or_plug(args);
	char why[CLEAT_ERROR_LEN];
	int rc;

	if (device == NULL)
		return cleat_err_prefix(-EINVAL, "device %.200s", args);
	rc = probe_one(p, device);
	(void)snprintf(why, sizeof(why), "%s", cleat_error());
	device->mute = 0; /* whoever asked has the answer */
	if (rc == 0)
		rc = cleat_registry_find_port(device->name, NULL);
	else if (cleat_pci_of(device) == NULL && device->state != CLEAT_DEVICE_PROBED)
		cleat_vdev_unplug(device);
	cleat_device_rows_write();
	return rc < 0 ? cleat_err(rc, "%s", why) : rc;
}

/* A device that was taken away and is in no machine, or was made for somebody who asked. */
static void forget_if_gone(struct cleat_device *device)
{
	const struct cleat_pci_device *pci = cleat_pci_of(device);

	if (device->state == CLEAT_DEVICE_PROBED)
		return;
	if (pci == NULL)
		cleat_vdev_unplug(device);
	else if (pci->gone)
		cleat_bus_drop(device);
}

int cleat_device_detach(struct cleat_primary *p, const char *name)
{
	struct cleat_device *device = cleat_device_find(name);
	int rc;

	if (device == NULL)
		return cleat_err(-ENOENT, "there is no device %.31s", name);
	rc = cleat_device_take_away(p, device);
	if (rc == 0)
		forget_if_gone(device);
	cleat_device_rows_write();
	return rc;
}

static int take_if_gone(struct cleat_device *device, void *arg)
{
	const struct cleat_pci_device *pci = cleat_pci_of(device);

	if (pci == NULL || !pci->gone)
		return 0;
	if (device->state == CLEAT_DEVICE_PROBED && cleat_device_take_away(arg, device) < 0)
		cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
	forget_if_gone(device);
	return 0;
}

static int is_leaving(struct cleat_device *device, void *arg)
{
	(void)arg;
	return device->leaving;
}

static int take_if_leaving(struct cleat_device *device, void *arg)
{
	if (!device->leaving)
		return 0;
	if (cleat_device_take_away(arg, device) < 0)
		cleat_log(CLEAT_LOG_DEBUG, "%s", cleat_error());
	forget_if_gone(device);
	return 0;
}

/* Calls from try to try of a mute device. */
static unsigned rest(const struct cleat_device *device)
{
	return device->mute < MAX_REST ? device->mute : MAX_REST;
}

/* New ones first, then whoever has waited longest. */
static int comes_before(const struct cleat_device *device, const struct cleat_device *other)
{
	if (rest(device) != rest(other))
		return rest(device) < rest(other);
	return (int)(device->tried - other->tried) < 0;
}

static int find_mute(struct cleat_device *device, void *arg)
{
	struct cleat_device **first = arg;

	if (device->mute != 0 && (*first == NULL || comes_before(device, *first)))
		*first = device;
	return 0;
}

static struct cleat_device *next_mute(void)
{
	struct cleat_device *first = NULL;

	(void)cleat_device_iterate(find_mute, &first);
	return first;
}

/* Devices that did not answer, such as functions whose physical one is not up: the next one, as
 * many calls after the last try as it was tried; then others, until one is mute again, as that
 * costs the primary's time. Told once. @return were any tried? */
static int probe_mute(struct cleat_primary *p)
{
	static unsigned calls; /* since the last try */
	struct cleat_device *device = next_mute();

	calls++;
	if (device == NULL || calls < rest(device))
		return 0;
	calls = 0;
	for (int mute = 0; !mute && device != NULL; device = next_mute()) {
		char before[CLEAT_ERROR_LEN];
		int rc;

		memcpy(before, device->why, sizeof(before));
		rc = probe_one(p, device);
		if (rc < 0 && strcmp(before, cleat_error()) != 0)
			tell(rc);
		mute = device->mute != 0;
	}
	return 1;
}

void cleat_devices_retry(struct cleat_primary *p)
{
	int leaving = cleat_device_iterate(is_leaving, NULL);

	if (leaving)
		(void)cleat_device_iterate(take_if_leaving, p);
	if (probe_mute(p) || leaving)
		cleat_device_rows_write();
}

int cleat_devices_probe_new(struct cleat_primary *p)
{
	int rc = cleat_bus_scan_all();

	if (rc >= 0)
		rc = cleat_device_iterate(take_if_gone, p);
	if (rc >= 0)
		rc = cleat_device_iterate(probe, p);
	cleat_device_rows_write();
	return rc;
}
