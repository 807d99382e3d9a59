/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/bus_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum list_kind { ALLOW, BLOCK };

struct entry {
	struct entry *next;
	const struct cleat_bus *bus;
	enum list_kind kind;
	size_t name_len;
	char spec[];
};

static struct entry *entries; /* in the order given */

/* Which bus is meant, and where its part of the text begins: "pci:0000:01:00.0" or just the name.
 */
static const struct cleat_bus *bus_of(const char *spec, const char **rest)
{
	struct cleat_bus *bus = NULL;
	char name[CLEAT_NAME_LEN] = "";
	size_t len;

	while ((bus = cleat_bus_next(bus)) != NULL) {
		len = strlen(bus->name);
		if (strncmp(spec, bus->name, len) == 0 && spec[len] == ':') {
			*rest = spec + len + 1;
			return bus;
		}
	}
	*rest = spec;
	len = strcspn(spec, ",");
	if (len >= sizeof(name))
		return NULL;
	memcpy(name, spec, len);
	while ((bus = cleat_bus_next(bus)) != NULL)
		if (bus->owns(bus, name))
			return bus;
	return NULL;
}

/* The name that @p rest begins with, as the bus writes it. */
static int name_of(const struct cleat_bus *bus, const char *rest, char out[CLEAT_NAME_LEN])
{
	char name[CLEAT_NAME_LEN] = "";
	size_t len = strcspn(rest, ",");

	if (len == 0 || len >= sizeof(name))
		return cleat_err(-EINVAL, "'%s' does not begin with the name of a device", rest);
	memcpy(name, rest, len);
	if (bus->canonical != NULL)
		return bus->canonical(bus, name, out);
	memcpy(out, name, sizeof(name));
	return 0;
}

static struct entry *entry_new(
	const struct cleat_bus *bus, enum list_kind kind, const char *name, const char *args)
{
	size_t name_len = strlen(name);
	struct entry *e = (struct entry *)malloc(sizeof(*e) + name_len + strlen(args) + 1);

	if (e == NULL) {
		(void)cleat_err(-ENOMEM, "no memory for the device list");
		return NULL;
	}
	e->next = NULL;
	e->bus = bus;
	e->kind = kind;
	e->name_len = name_len;
	memcpy(e->spec, name, name_len);
	memcpy(e->spec + name_len, args, strlen(args) + 1);
	return e;
}

static int add(enum list_kind kind, const char *spec)
{
	struct entry **at = &entries;
	const char *rest;
	const struct cleat_bus *bus = bus_of(spec, &rest);
	char name[CLEAT_NAME_LEN];
	int ret;

	if (bus == NULL)
		return cleat_err(-EINVAL, "'%s' is not the name of a device of any bus", spec);
	if (kind == ALLOW && bus->disabled)
		return cleat_err(
			-EINVAL, "'%s': bus %s is not looked at (--no-pci)", spec, bus->name);
	if (kind == BLOCK && strchr(rest, ',') != NULL)
		return cleat_err(-EINVAL, "blocked device '%s' takes no arguments", spec);
	ret = name_of(bus, rest, name);
	if (ret < 0)
		return ret;
	for (; *at != NULL; at = &(*at)->next)
		if ((*at)->bus == bus && (*at)->kind != kind)
			return cleat_err(-EINVAL,
				"'%s': bus %s cannot have both allowed and blocked devices", spec,
				bus->name);
	*at = entry_new(bus, kind, name, rest + strcspn(rest, ","));
	return *at != NULL ? 0 : -ENOMEM;
}

int cleat_bus_allow(const char *spec)
{
	return add(ALLOW, spec);
}

int cleat_bus_block(const char *spec)
{
	return add(BLOCK, spec);
}

const char *cleat_bus_allowed_nth(const struct cleat_bus *bus, unsigned nth)
{
	for (const struct entry *e = entries; e != NULL; e = e->next)
		if (e->bus == bus && e->kind == ALLOW && nth-- == 0)
			return e->spec;
	return NULL;
}

void cleat_bus_forget_lists(void)
{
	while (entries != NULL) {
		struct entry *next = entries->next;

		free(entries);
		entries = next;
	}
	for (struct cleat_bus *bus = cleat_bus_next(NULL); bus != NULL; bus = cleat_bus_next(bus))
		bus->allowed_made = 0;
}

int cleat_bus_lists_hide(const struct cleat_device *device)
{
	int has_allowed = 0;

	for (const struct entry *e = entries; e != NULL; e = e->next) {
		if (e->bus != device->bus)
			continue;
		if (strlen(device->name) == e->name_len &&
			strncmp(device->name, e->spec, e->name_len) == 0)
			return e->kind == BLOCK;
		has_allowed |= e->kind == ALLOW;
	}
	return has_allowed && !device->asked;
}
