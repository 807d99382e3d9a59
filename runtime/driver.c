/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/driver.h"

#include <string.h>

/* Filled by constructors, before any thread; then only read. */
static struct cleat_driver *drivers;
static struct cleat_data_ops *data_sides;

void cleat_driver_register(struct cleat_driver *driver)
{
	struct cleat_driver **at = &drivers;

	while (*at != NULL && strcmp((*at)->name, driver->name) < 0)
		at = &(*at)->next;
	driver->next = *at;
	*at = driver;
}

const struct cleat_driver *cleat_driver_next(const struct cleat_driver *driver)
{
	return driver == NULL ? drivers : driver->next;
}

void cleat_data_register(struct cleat_data_ops *ops)
{
	ops->next = data_sides;
	data_sides = ops;
}

const struct cleat_data_ops *cleat_data_find(const char *driver)
{
	const struct cleat_data_ops *ops = data_sides;

	while (ops != NULL && strcmp(ops->name, driver) != 0)
		ops = ops->next;
	return ops;
}

void cleat_mac_from_name(const char *name, uint8_t mac[6])
{
	uint32_t hash = 2166136261U; /* FNV-1a, 32 bits */

	for (; *name != '\0'; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619U;
	mac[0] = 0x02; /* locally administered, unicast: IEEE 802, section 8.4 */
	mac[1] = 0xc1;
	for (int i = 0; i < 4; i++)
		mac[2 + i] = (uint8_t)(hash >> (24 - 8 * i));
}
