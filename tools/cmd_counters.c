/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_counters.c - stats --all: every counter of each port by its name, the device's own as hw_….
 */
#include <stdlib.h>

#include "runtime/port.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

#define MAX_VALUES 1024 /* of one port */

static const struct cleat_column COLUMNS[] = {
	{ "PORT", "port", 1 },
	{ "NAME", "name", 0 },
	{ "COUNTER", "counter", 0 },
	{ "VALUE", "value", 1 },
	{ NULL, NULL, 0 },
};

static void show_port(struct cleat_table *t, uint16_t port, struct cleat_xstat_value *values)
{
	struct cleat_port_shm row;
	int n = cleat_port_xstats(port, values, MAX_VALUES);

	if (n < 0 || CLEAT_ROW_READ(&row, &cleat_registry->ports[port]) < 0)
		return;
	for (int i = 0; i < n && i < MAX_VALUES; i++) {
		cleat_table_number(t, port);
		cleat_table_text(t, row.name);
		cleat_table_text(t, values[i].name);
		cleat_table_number(t, values[i].value);
	}
}

int cleat_cmd_counters(const struct cleat_tool *tool)
{
	static struct cleat_xstat_value values[MAX_VALUES];
	struct cleat_table *t = cleat_table_new(COLUMNS);

	for (uint16_t p = 0; p < CLEAT_MAX_PORTS; p++)
		if (cleat_load_relaxed(&cleat_registry->ports[p].state) != CLEAT_PORT_FREE)
			show_port(t, p, values);
	return cleat_tool_show(tool, t, "no ports; start the primary with --vdev or --allow");
}
