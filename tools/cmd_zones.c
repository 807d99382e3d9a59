/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_zones.c - named memory. */
#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "ZONE", "name", 0 },
	{ "ADDRESS", "va", 0 },
	{ "SIZE", "len_bytes", 1 },
	{ "NODE", "node", 1 },
	{ "IOVA", "iova", 0 },
	{ "OWNER", "owner", 0 },
	{ NULL, NULL, 0 },
};

int cleat_cmd_zones(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);

	for (unsigned i = 0; i < CLEAT_MAX_ZONES; i++) {
		struct cleat_zone_shm row;

		if (CLEAT_ROW_READ(&row, &cleat_registry->zones[i]) != 0 || row.len_bytes == 0)
			continue;
		cleat_table_text(t, row.name);
		cleat_table_hex(t, row.va);
		cleat_table_bytes(t, row.len_bytes);
		cleat_table_node(t, row.numa_node);
		if (row.iova == CLEAT_IOVA_NONE)
			cleat_table_none(t);
		else
			cleat_table_hex(t, row.iova);
		cleat_table_who(t, row.owner_slot);
	}
	return cleat_tool_show(tool, t, "no zones");
}
