/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bus_list.h"
#include "runtime/log.h"

static struct cleat_bus *buses;

void cleat_bus_register(struct cleat_bus *bus)
{
	struct cleat_bus **at = &buses;

	while (*at != NULL && strcmp((*at)->name, bus->name) < 0)
		at = &(*at)->next;
	bus->next = *at;
	*at = bus;
}

struct cleat_bus *cleat_bus_next(struct cleat_bus *bus)
{
	return bus == NULL ? buses : bus->next;
}

struct cleat_bus *cleat_bus_find(const char *name)
{
	struct cleat_bus *bus = buses;

	while (bus != NULL && strcmp(bus->name, name) != 0)
		bus = bus->next;
	return bus;
}

const char *cleat_device_state_name(enum cleat_device_state state)
{
	static const char *const names[] = { "found", "probed", "ignored", "no driver", "failed" };

	return (unsigned)state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

struct cleat_device *cleat_bus_add(
	struct cleat_bus *bus, const char *name, const char *args, int numa_node)
{
	struct cleat_device **at = &bus->devices;
	struct cleat_device *device;

	if (strlen(name) >= CLEAT_NAME_LEN) {
		(void)cleat_err(-ENAMETOOLONG, "device name '%s' is longer than %d characters",
			name, CLEAT_NAME_LEN - 1);
		return NULL;
	}
	device = (struct cleat_device *)calloc(
		1, bus->device_bytes != 0 ? bus->device_bytes : sizeof(*device));
	if (device != NULL)
		device->args = strdup(args);
	if (device == NULL || device->args == NULL) {
		free(device);
		(void)cleat_err(-ENOMEM, "no memory for device %s", name);
		return NULL;
	}
	memcpy(device->name, name, strlen(name) + 1);
	device->bus = bus;
	device->numa_node = numa_node;
	while (*at != NULL)
		at = &(*at)->next;
	*at = device;
	return device;
}

void cleat_bus_drop(struct cleat_device *device)
{
	struct cleat_device **at = &device->bus->devices;

	while (*at != device)
		at = &(*at)->next;
	*at = device->next;
	if (device->bus->forget != NULL)
		device->bus->forget(device);
	free(device->args);
	free(device);
}

int cleat_bus_scan_all(void)
{
	int ret = 0;

	for (struct cleat_bus *bus = buses; bus != NULL && ret >= 0; bus = bus->next)
		if (!bus->disabled)
			ret = bus->scan(bus);
	return ret < 0 ? ret : 0;
}

static const struct cleat_driver *driver_of(const struct cleat_device *device)
{
	const struct cleat_driver *driver = NULL;

	while ((driver = cleat_driver_next(driver)) != NULL)
		if (strcmp(driver->bus, device->bus->name) == 0 &&
			device->bus->match(driver, device))
			return driver;
	return NULL;
}

static int not_probed(struct cleat_device *device, enum cleat_device_state state, int code)
{
	static unsigned tries;

	device->state = state;
	device->mute = code == -ETIMEDOUT ? device->mute + 1 : 0;
	if (device->mute != 0)
		device->tried = ++tries;
	memcpy(device->why, cleat_error(), sizeof(device->why) - 1);
	return code;
}

static void unplug(struct cleat_device *device)
{
	const struct cleat_services *services = device->services;

	if (services->bars_unmap != NULL)
		services->bars_unmap(services->ctx, device);
	if (device->bus->unplug != NULL)
		device->bus->unplug(device->bus, device);
}

int cleat_bus_probe(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_bus *bus = device->bus;
	const struct cleat_driver *driver;
	int ret;

	if (device->state == CLEAT_DEVICE_PROBED)
		return cleat_err(-EEXIST, "device %s is in use by driver %s already", device->name,
			device->driver->name);
	if (cleat_bus_lists_hide(device))
		return not_probed(device, CLEAT_DEVICE_IGNORED,
			cleat_err(-EPERM, "device %s is ignored by the allow or block list",
				device->name));
	driver = driver_of(device);
	if (driver == NULL)
		return not_probed(device, CLEAT_DEVICE_NO_DRIVER,
			cleat_err(-ENODEV, "device %s: no driver for it", device->name));
	ret = bus->plug != NULL ? bus->plug(bus, device) : 0;
	if (ret < 0)
		return not_probed(
			device, ret == -ENODEV ? CLEAT_DEVICE_NO_DRIVER : CLEAT_DEVICE_FAILED, ret);
	device->driver = driver;
	device->services = services;
	ret = driver->probe(device, services);
	if (ret < 0) {
		device->driver = NULL;
		device->driver_data = NULL;
		unplug(device);
		return not_probed(device, CLEAT_DEVICE_FAILED, ret);
	}
	device->state = CLEAT_DEVICE_PROBED;
	device->detached = device->leaving = 0;
	device->mute = 0;
	device->why[0] = '\0';
	cleat_log(CLEAT_LOG_INFO, "device %s: driver %s", device->name, driver->name);
	return 0;
}

int cleat_bus_probe_all(const struct cleat_services *services)
{
	int failed = 0;

	for (struct cleat_bus *bus = buses; bus != NULL; bus = bus->next) {
		for (struct cleat_device *device = bus->devices; device != NULL;
			device = device->next) {
			if (device->state != CLEAT_DEVICE_FOUND || device->detached ||
				cleat_bus_probe(device, services) >= 0)
				continue;
			if (device->state == CLEAT_DEVICE_FAILED) {
				failed++;
				cleat_log(CLEAT_LOG_ERROR, "%s", device->why);
			} else {
				cleat_log(CLEAT_LOG_INFO, "%s", device->why);
			}
		}
	}
	return failed;
}

static void no_driver_any_more(struct cleat_device *device)
{
	device->driver = NULL;
	device->driver_data = NULL;
	device->leaving = 0;
}

int cleat_bus_silence(struct cleat_device *device)
{
	struct cleat_bus *bus = device->bus;

	return bus->silence != NULL ? bus->silence(bus, device) : 0;
}

/* Told once, however often the removal is tried. @return @p code, the driver's, with its sentence
 */
static int keep_away(struct cleat_device *device, int code)
{
	int told = device->leaving;
	char why[CLEAT_ERROR_LEN];

	memcpy(why, cleat_error(), sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	device->leaving = 1;
	if (device->bus->silence == NULL)
		return code;
	if (cleat_bus_silence(device) < 0)
		cleat_log(CLEAT_LOG_WARNING,
			"device %s does not come to rest and may still write to memory: %s",
			device->name, cleat_error());
	else if (!told)
		cleat_log(CLEAT_LOG_WARNING,
			"device %s does not come to rest; it is kept from memory", device->name);
	return cleat_err(code, "%s", why);
}

static void away(struct cleat_device *device)
{
	device->state = CLEAT_DEVICE_FOUND;
	device->detached = 1;
	device->mute = 0;
	(void)snprintf(device->why, sizeof(device->why),
		"device %s was taken away; it is used again when it is attached or bound anew",
		device->name);
}

int cleat_bus_remove(struct cleat_device *device)
{
	int ret;

	if (device->mute != 0) {
		away(device);
		return 0;
	}
	if (device->state != CLEAT_DEVICE_PROBED)
		return cleat_err(
			-ENODEV, "device %s has no driver to remove it from", device->name);
	ret = device->driver->remove(device, device->services);
	if (ret < 0)
		return keep_away(device, ret);
	unplug(device);
	cleat_log(CLEAT_LOG_INFO, "device %s: removed from driver %s", device->name,
		device->driver->name);
	no_driver_any_more(device);
	away(device);
	return 0;
}

void cleat_bus_give_up(struct cleat_device *device)
{
	unplug(device);
	cleat_log(CLEAT_LOG_WARNING, "device %s: closed without its driver %s", device->name,
		device->driver->name);
	no_driver_any_more(device);
	device->state = CLEAT_DEVICE_FAILED;
}

int cleat_bus_ask(struct cleat_device *device, const char *spec)
{
	const char *comma = strchr(spec, ',');
	char *args;

	if (device->state == CLEAT_DEVICE_PROBED)
		return cleat_err(-EBUSY, "device %s is in use by driver %s already", device->name,
			device->driver->name);
	args = strdup(comma != NULL ? comma + 1 : "");
	if (args == NULL)
		return cleat_err(-ENOMEM, "no memory for the arguments of %s", device->name);
	free(device->args);
	device->args = args;
	device->asked = 1;
	cleat_bus_anew(device);
	return 0;
}

void cleat_bus_anew(struct cleat_device *device)
{
	if (device->state == CLEAT_DEVICE_PROBED)
		return;
	device->state = CLEAT_DEVICE_FOUND;
	device->detached = 0;
	device->mute = 0;
	device->why[0] = '\0';
}

static void remove_from(struct cleat_device *device)
{
	if (device == NULL)
		return;
	remove_from(device->next);
	if (device->state != CLEAT_DEVICE_PROBED || cleat_bus_remove(device) == 0)
		return;
	cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
	cleat_bus_give_up(device);
}

void cleat_bus_remove_all(void)
{
	for (struct cleat_bus *bus = buses; bus != NULL; bus = bus->next)
		remove_from(bus->devices);
	cleat_bus_forget_devices();
}

void cleat_bus_forget_devices(void)
{
	for (struct cleat_bus *bus = buses; bus != NULL; bus = bus->next)
		while (bus->devices != NULL)
			cleat_bus_drop(bus->devices);
}

struct cleat_device *cleat_device_find(const char *name)
{
	for (struct cleat_bus *bus = buses; bus != NULL; bus = bus->next)
		for (struct cleat_device *device = bus->devices; device != NULL;
			device = device->next)
			if (strcmp(device->name, name) == 0)
				return device;
	return NULL;
}

int cleat_device_iterate(int (*visit)(struct cleat_device *device, void *arg), void *arg)
{
	for (struct cleat_bus *bus = buses; bus != NULL; bus = bus->next) {
		struct cleat_device *next;

		for (struct cleat_device *device = bus->devices; device != NULL; device = next) {
			int ret;

			next = device->next; /* visit may drop it */
			ret = visit(device, arg);
			if (ret != 0)
				return ret;
		}
	}
	return 0;
}
