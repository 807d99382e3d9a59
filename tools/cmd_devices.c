/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_devices.c - what lies on the buses, which driver has it, and where its BARs are. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "runtime/device.h"
#include "runtime/pci/pci.h"
#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "DEVICE", "device", 0 },
	{ "BUS", "bus", 0 },
	{ "ID", "id", 0 },
	{ "KERNEL", "kernel_driver", 0 },
	{ "DRIVER", "driver", 0 },
	{ "STATE", "state", 0 },
	{ "PORTS", "ports", 0 },
	{ "NODE", "node", 1 },
	{ "IOMMU", "iommu_group", 1 },
	{ NULL, NULL, 0 },
};

static const struct cleat_column BAR_COLUMNS[] = {
	{ "DEVICE", "device", 0 },
	{ "BAR", "bar", 1 },
	{ "PHYSICAL", "physical", 0 },
	{ "LENGTH", "len_bytes", 1 },
	{ "PROCESS", "process", 0 },
	{ "PID", "pid", 1 },
	{ "VIRTUAL", "virtual", 0 },
	{ NULL, NULL, 0 },
};

static int read_device(unsigned index, struct cleat_device_shm *row)
{
	return CLEAT_ROW_READ(row, &cleat_registry->devices[index]) == 0 && row->name[0] != '\0';
}

static void text_or_none(struct cleat_table *t, const char *text)
{
	if (text[0] != '\0')
		cleat_table_text(t, text);
	else
		cleat_table_none(t);
}

/* Ports whose device this is: "0" or "0 1". Virtual devices are known by their name. */
static void show_ports(struct cleat_table *t, unsigned index, const struct cleat_device_shm *device)
{
	struct cleat_port_shm port;
	char text[64] = "";
	size_t len = 0;

	for (unsigned p = 0; p < CLEAT_MAX_PORTS && len < sizeof(text) - 4; p++) {
		if (CLEAT_ROW_READ(&port, &cleat_registry->ports[p]) != 0 ||
			port.state == CLEAT_PORT_FREE || port.state == CLEAT_PORT_REMOVED ||
			(port.device != index && strcmp(port.name, device->name) != 0))
			continue;
		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s%u", len > 0 ? " " : "", p);
	}
	text_or_none(t, text);
}

static void show(struct cleat_table *t, unsigned index, const struct cleat_device_shm *row)
{
	char id[16] = "";

	if (row->vendor != 0)
		(void)snprintf(id, sizeof(id), "%04x:%04x", row->vendor, row->device);
	cleat_table_text(t, row->name);
	cleat_table_text(t, row->bus);
	text_or_none(t, id);
	text_or_none(t, row->kernel_driver);
	text_or_none(t, row->driver);
	cleat_table_text(t, cleat_device_state_name((enum cleat_device_state)row->state));
	show_ports(t, index, row);
	cleat_table_node(t, row->numa_node);
	if (row->iommu_group >= 0)
		cleat_table_number(t, (uint64_t)row->iommu_group);
	else
		cleat_table_none(t);
}

/* ---- BARs ---- */

static void bar_row(
	struct cleat_table *t, const struct cleat_device_shm *device, unsigned bar, uint16_t slot)
{
	const struct cleat_bar_shm *b = &device->bars[bar];
	struct cleat_proc_shm proc;

	cleat_table_text(t, device->name);
	cleat_table_number(t, bar);
	cleat_table_hex(t, b->phys);
	cleat_table_bytes(t, b->len_bytes);
	if (slot >= CLEAT_MAX_PROCS || CLEAT_ROW_READ(&proc, &cleat_registry->procs[slot]) != 0) {
		cleat_table_none(t);
		cleat_table_none(t);
		cleat_table_none(t);
		return;
	}
	cleat_table_text(t, proc.name);
	cleat_table_number(t, proc.pid);
	cleat_table_hex(t, cleat_registry->header.window_base + b->off);
}

static void show_bar(struct cleat_table *t, const struct cleat_device_shm *device, unsigned bar)
{
	const struct cleat_bar_shm *b = &device->bars[bar];
	int mapped = 0;

	if (b->kind == CLEAT_BAR_NONE || b->len_bytes == 0)
		return;
	for (uint16_t slot = 0; b->off != 0 && slot < CLEAT_MAX_PROCS; slot++) {
		if (!(b->mapped[slot / 64] >> slot % 64 & 1))
			continue;
		bar_row(t, device, bar, slot);
		mapped = 1;
	}
	if (!mapped)
		bar_row(t, device, bar, CLEAT_SLOT_NONE);
}

static struct cleat_table *bars_of_all(void)
{
	struct cleat_table *t = cleat_table_new(BAR_COLUMNS);
	struct cleat_device_shm row;

	for (unsigned i = 0; i < CLEAT_MAX_DEVICES; i++)
		for (unsigned bar = 0; read_device(i, &row) && bar < CLEAT_PCI_BARS; bar++)
			show_bar(t, &row, bar);
	return t;
}

/* ---- why not ---- */

static void print_reasons(void)
{
	struct cleat_device_shm row;

	for (unsigned i = 0; i < CLEAT_MAX_DEVICES; i++)
		if (read_device(i, &row) && row.why[0] != '\0' && row.state != CLEAT_DEVICE_PROBED)
			printf("%.*s\n", (int)sizeof(row.why), row.why);
}

static int show_for_programs(struct cleat_table *devices, struct cleat_table *bars)
{
	struct json_object *all = json_object_new_object();

	json_object_object_add(all, "devices", cleat_table_json(devices));
	json_object_object_add(all, "bars", cleat_table_json(bars));
	puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY));
	json_object_put(all);
	return fflush(stdout) == 0 ? CLEAT_EXIT_OK : CLEAT_EXIT_FAILED;
}

int cleat_cmd_devices(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(COLUMNS), *bars = bars_of_all();
	struct cleat_device_shm row;
	int code;

	for (unsigned i = 0; i < CLEAT_MAX_DEVICES; i++)
		if (read_device(i, &row))
			show(t, i, &row);
	if (tool->json) {
		code = show_for_programs(t, bars);
	} else {
		cleat_table_print(
			t, stdout, "no devices; start the primary with --vdev or --allow");
		if (cleat_table_rows(bars) > 0) {
			puts("");
			cleat_table_print(bars, stdout, "");
		}
		print_reasons();
		code = fflush(stdout) == 0 ? CLEAT_EXIT_OK : CLEAT_EXIT_FAILED;
	}
	cleat_table_free(bars);
	cleat_table_free(t);
	return code;
}
