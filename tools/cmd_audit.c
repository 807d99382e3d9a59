/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_audit.c - where every mbuf of every pool is; exit code 0 only if all are accounted for. */
#include <stdio.h>

#include "runtime/audit.h"
#include "runtime/error.h"
#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

#define TIMEOUT_MS 10000 /* as the help says */

static const struct cleat_column COLUMNS[] = {
	{ "POOL", "pool", 0 },
	{ "SIZE", "size", 1 },
	{ "IN POOL", "in_pool", 1 },
	{ "PROCESSES", "in_processes", 1 },
	{ "RINGS", "in_rings", 1 },
	{ "QUEUES", "in_queues", 1 },
	{ "SHARED", "shared", 1 },
	{ "LOST", "lost", 1 },
	{ "TWICE", "duplicate", 1 },
	{ "ADDS UP", "ok", 0 },
	{ NULL, NULL, 0 },
};

static void show(struct cleat_table *t, unsigned pool, const struct cleat_audit *a)
{
	struct cleat_pool_row_shm row;

	if (CLEAT_ROW_READ(&row, &cleat_registry->pools[pool]) == 0)
		cleat_table_text(t, row.name);
	else
		cleat_table_none(t);
	cleat_table_number(t, a->size);
	cleat_table_number(t, a->in_pool);
	cleat_table_number(t, a->in_processes);
	cleat_table_number(t, a->in_rings);
	cleat_table_number(t, a->in_queues);
	cleat_table_number(t, a->shared);
	cleat_table_number(t, a->lost);
	cleat_table_number(t, a->duplicate);
	cleat_table_bool(t, cleat_audit_ok(a), "yes", "NO");
}

int cleat_cmd_audit(const struct cleat_tool *tool)
{
	static struct cleat_audit pools[CLEAT_MAX_POOLS];
	struct cleat_table *t;
	unsigned timeout_ms = tool->audit_timeout_ms != 0 ? tool->audit_timeout_ms : TIMEOUT_MS;
	int err = cleat_audit_run(pools, timeout_ms), bad = 0;

	if (err != 0) {
		fprintf(stderr, "cleat: audit: %s\n", cleat_error());
		return CLEAT_EXIT_FAILED;
	}
	t = cleat_table_new(COLUMNS);
	for (unsigned i = 0; i < CLEAT_MAX_POOLS; i++) {
		if (pools[i].size == 0)
			continue;
		show(t, i, &pools[i]);
		bad += !cleat_audit_ok(&pools[i]);
	}
	err = cleat_tool_show(tool, t, "no pools, so nothing to count");
	if (!tool->json)
		printf("%saudit: %s%s\n", bad ? cleat_red(stdout) : cleat_green(stdout),
			bad ? "does not add up" : "every mbuf is accounted for",
			cleat_plain(stdout));
	return bad ? CLEAT_EXIT_FAILED : err;
}
