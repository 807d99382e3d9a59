/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_lcores.c - processors and who claimed them. */
#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "LCORE", "lcore", 1 },
	{ "NODE", "node", 1 },
	{ "HOLDER", "holder", 0 },
	{ "THREAD", "thread", 1 },
	{ "TID", "tid", 1 },
	{ NULL, NULL, 0 },
};

int cleat_cmd_lcores(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);

	for (unsigned i = 0; i < CLEAT_MAX_LCORES; i++) {
		struct cleat_lcore_shm row;
		struct cleat_thread_row_shm thread;

		if (CLEAT_ROW_READ(&row, &cleat_registry->lcores[i]) != 0 || !row.present)
			continue;
		cleat_table_number(t, i);
		cleat_table_node(t, row.numa_node);
		cleat_table_who(t, row.owner_slot);
		if (row.owner_slot != CLEAT_SLOT_NONE && row.thread < CLEAT_MAX_THREADS &&
			CLEAT_ROW_READ(&thread, &cleat_registry->threads[row.thread]) == 0) {
			cleat_table_number(t, row.thread);
			cleat_table_number(t, thread.tid);
		} else {
			cleat_table_none(t);
			cleat_table_none(t);
		}
	}
	return cleat_tool_show(tool, t, "no processors are listed");
}
