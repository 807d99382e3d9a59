/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/vdev.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bus.h"
#include "runtime/kvargs.h"
#include "runtime/log.h"

static int vdev_scan(struct cleat_bus *bus);
static int vdev_match(const struct cleat_driver *driver, const struct cleat_device *device);
static int vdev_owns(const struct cleat_bus *bus, const char *name);

static struct cleat_bus vdev_bus = {
	.name = "vdev",
	.scan = vdev_scan,
	.match = vdev_match,
	.owns = vdev_owns,
};
CLEAT_BUS_REGISTER(vdev_bus)

/* Asked for, not scanned yet. */
struct wish {
	struct wish *next;
	char *name;
	char *args;
};
static struct wish *wishes;

/* A device's name is its driver's with a number behind: net_ring0. */
static int name_fits(const char *driver, const char *device)
{
	size_t len = strlen(driver);

	if (strncmp(driver, device, len) != 0)
		return 0;
	for (device += len; *device != '\0'; device++)
		if (!isdigit((unsigned char)*device))
			return 0;
	return 1;
}

static const struct cleat_driver *driver_for(const char *name)
{
	const struct cleat_driver *driver = NULL;

	while ((driver = cleat_driver_next(driver)) != NULL)
		if (strcmp(driver->bus, vdev_bus.name) == 0 && name_fits(driver->name, name))
			return driver;
	return NULL;
}

static int vdev_match(const struct cleat_driver *driver, const struct cleat_device *device)
{
	return name_fits(driver->name, device->name);
}

static int vdev_owns(const struct cleat_bus *bus, const char *name)
{
	(void)bus;
	return driver_for(name) != NULL;
}

static int no_driver(const char *name)
{
	const struct cleat_driver *driver = NULL;
	char known[256] = "none";
	size_t len = 0;

	while ((driver = cleat_driver_next(driver)) != NULL) {
		size_t add = strlen(driver->name);

		if (strcmp(driver->bus, vdev_bus.name) != 0 || len + add + 3 > sizeof(known))
			continue;
		if (len > 0) {
			memcpy(known + len, ", ", 2);
			len += 2;
		}
		memcpy(known + len, driver->name, add + 1);
		len += add;
	}
	return cleat_err(-ENODEV,
		"no driver for virtual device '%s'; a name is a driver and a number (net_null0); "
		"drivers: %s",
		name, known);
}

static int check(const char *spec, const struct cleat_kvargs *args)
{
	int ret = cleat_name_check("device", args->name);

	if (ret < 0)
		return ret;
	if (driver_for(args->name) == NULL)
		return no_driver(args->name);
	for (const struct wish *w = wishes; w != NULL; w = w->next)
		if (strcmp(w->name, args->name) == 0)
			return cleat_err(
				-EEXIST, "virtual device %s is asked for twice", args->name);
	if (cleat_device_find(args->name) != NULL)
		return cleat_err(-EEXIST, "virtual device '%s': there is a device %s already", spec,
			args->name);
	return 0;
}

int cleat_vdev_add(const char *spec)
{
	const char *comma = strchr(spec, ',');
	struct cleat_kvargs args;
	struct wish **at = &wishes;
	struct wish *w = NULL;
	int ret = cleat_kvargs_parse(spec, &args);

	if (ret >= 0)
		ret = check(spec, &args);
	if (ret >= 0) {
		w = (struct wish *)calloc(1, sizeof(*w));
		if (w != NULL) {
			w->name = strdup(args.name);
			w->args = strdup(comma != NULL ? comma + 1 : "");
		}
		if (w == NULL || w->name == NULL || w->args == NULL)
			ret = cleat_err(-ENOMEM, "no memory for virtual device %s", args.name);
	}
	cleat_kvargs_free(&args);
	if (ret < 0) {
		if (w != NULL) {
			free(w->name);
			free(w->args);
			free(w);
		}
		return ret;
	}
	while (*at != NULL)
		at = &(*at)->next;
	*at = w;
	return 0;
}

/* Devices of the allow list that nobody asked for otherwise, as `-a net_null0` in DPDK. Once: one
 * that is detached later stays away. */
static int add_allowed(struct cleat_bus *bus)
{
	const char *spec;

	for (; (spec = cleat_bus_allowed_nth(bus, bus->allowed_made)) != NULL;
		bus->allowed_made++) {
		int ret = cleat_vdev_add(spec);

		if (ret < 0 && ret != -EEXIST)
			return ret;
	}
	return 0;
}

static int vdev_scan(struct cleat_bus *bus)
{
	int ret = add_allowed(bus);

	while (wishes != NULL && ret >= 0) {
		struct wish *w = wishes;
		struct cleat_device *device = cleat_bus_add(bus, w->name, w->args, -1);

		if (device == NULL)
			return -ENOMEM;
		device->asked = 1;
		wishes = w->next;
		free(w->name);
		free(w->args);
		free(w);
	}
	return ret;
}

struct cleat_device *cleat_vdev_plug(const char *spec)
{
	struct cleat_device *device = NULL;
	size_t len = strcspn(spec, ",");

	if (cleat_vdev_add(spec) < 0 || vdev_scan(&vdev_bus) < 0)
		return NULL;
	for (struct cleat_device *d = vdev_bus.devices; d != NULL && device == NULL; d = d->next)
		if (strlen(d->name) == len && strncmp(d->name, spec, len) == 0)
			device = d;
	return device;
}

void cleat_vdev_unplug(struct cleat_device *device)
{
	cleat_bus_drop(device);
}
