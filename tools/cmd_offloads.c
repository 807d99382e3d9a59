/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_offloads.c - what each port's device can do for its packets, and what of that is on. */
#include "runtime/port_offload.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "PORT", "port", 1 },
	{ "NAME", "name", 0 },
	{ "DRIVER", "driver", 0 },
	{ "OFFLOAD", "offload", 0 },
	{ "DEVICE HAS IT", "has", 0 },
	{ "IT IS", "on", 0 },
	{ NULL, NULL, 0 },
};

static void show_port(struct cleat_table *t, unsigned port, const struct cleat_port_shm *row)
{
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		const char *name = cleat_offload_name(bit);

		if (name == NULL)
			continue;
		cleat_table_number(t, port);
		cleat_table_text(t, row->name);
		cleat_table_text(t, row->driver);
		cleat_table_text(t, name);
		cleat_table_bool(t, (row->offload_capa & bit) != 0, "yes", "no");
		cleat_table_bool(t, (row->offloads & bit) != 0, "on", "off");
	}
}

int cleat_cmd_offloads(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);
	struct cleat_port_shm row;

	for (unsigned p = 0; p < CLEAT_MAX_PORTS; p++)
		if (CLEAT_ROW_READ(&row, &cleat_registry->ports[p]) == 0 &&
			row.state != CLEAT_PORT_FREE)
			show_port(t, p, &row);
	return cleat_tool_show(tool, t, "no ports; start the primary with --vdev or --allow");
}
