/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_ps.c - the processes of an instance. */
#include <stdio.h>

#include "runtime/registry.h"
#include "runtime/row.h"
#include "runtime/shared.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "SLOT", "slot", 1 },
	{ "NAME", "name", 0 },
	{ "PID", "pid", 1 },
	{ "UID", "uid", 1 },
	{ "ROLE", "role", 0 },
	{ "STATE", "state", 0 },
	{ "AGE", "started_s", 1 },
	{ "ATTACH", "attach_us", 1 },
	{ "THREADS", "threads", 1 },
	{ "QUEUES", "queues", 1 },
	{ "LOOPS", "loops", 1 },
	{ NULL, NULL, 0 },
};

static const char *state_name(uint16_t state)
{
	static const char *const NAMES[] = { "free", "attaching", "ready", "dying" };

	return state < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[state] : "?";
}

/* How many threads a slot has, and how often their pipelines went round. */
static unsigned count_threads(uint16_t slot, uint64_t *loops)
{
	unsigned n = 0;

	*loops = 0;
	for (unsigned i = 0; i < CLEAT_MAX_THREADS; i++) {
		if (cleat_load_relaxed(&cleat_registry->threads[i].slot) != slot)
			continue;
		n++;
		*loops += cleat_load_relaxed(&cleat_shared->threads[i].loops);
	}
	return n;
}

static unsigned count_queues(uint16_t slot)
{
	unsigned n = 0;

	for (unsigned p = 0; p < CLEAT_MAX_PORTS; p++)
		for (unsigned q = 0; q < CLEAT_MAX_QUEUES; q++)
			for (unsigned d = 0; d < 2; d++) {
				const struct cleat_queue_row_shm *row =
					&cleat_registry->queues[p][d][q];

				n += cleat_load_relaxed(&row->configured) &&
				     cleat_load_relaxed(&row->owner_slot) == slot;
			}
	return n;
}

static void show(struct cleat_table *t, uint16_t slot, const struct cleat_proc_shm *row)
{
	char text[32];
	uint64_t loops;
	unsigned threads = count_threads(slot, &loops);

	cleat_table_number(t, slot);
	cleat_table_text(t, row->name);
	cleat_table_number(t, row->pid);
	cleat_table_number(t, row->uid);
	cleat_table_text(t, row->role == CLEAT_ROLE_PRIMARY ? "primary" : "secondary");
	cleat_table_text(t, state_name(row->state));
	cleat_table_both(
		t, row->start_time_ns / 1000000000U, cleat_age_text(row->start_time_ns, text));
	(void)snprintf(text, sizeof(text), "%.1f ms", row->attach_us / 1000.0);
	if (row->role == CLEAT_ROLE_PRIMARY)
		cleat_table_none(t);
	else
		cleat_table_both(t, row->attach_us, text);
	cleat_table_number(t, threads);
	cleat_table_number(t, count_queues(slot));
	cleat_table_number(t, loops);
}

static void show_header(void)
{
	const struct cleat_registry_header_shm *h = &cleat_registry->header;
	char age[24];

	printf("instance %.31s, version %.31s, epoch %llu, up %s", h->instance, h->version,
		(unsigned long long)h->epoch, cleat_age_text(h->start_time_ns, age));
	printf("; %llu secondaries ended, %llu mbufs taken back\n",
		(unsigned long long)cleat_load_relaxed(&h->reaped_procs),
		(unsigned long long)cleat_load_relaxed(&h->reaped_mbufs));
}

int cleat_cmd_ps(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);

	if (!tool->json)
		show_header();
	for (uint16_t i = 0; i < CLEAT_MAX_PROCS; i++) {
		struct cleat_proc_shm row;

		if (CLEAT_ROW_READ(&row, &cleat_registry->procs[i]) == 0 &&
			row.state != CLEAT_PROC_FREE)
			show(t, i, &row);
	}
	return cleat_tool_show(tool, t, "no process");
}
