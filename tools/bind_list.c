/* SPDX-License-Identifier: BSD-3-Clause */
/* bind_list.c - the network controllers of this machine and what holds them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/pci/pci_access.h"
#include "runtime/pci/pci_sysfs.h"
#include "tools/bind.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "ADDRESS", "address", 0 },
	{ "CLASS", "class", 0 },
	{ "ID", "id", 0 },
	{ "NODE", "node", 1 },
	{ "DRIVER", "driver", 0 },
	{ "GROUP", "iommu_group", 1 },
	{ "NET", "interfaces", 0 },
	{ "STATE", "state", 0 },
	{ "", "irq", 1 },
	{ "", "local_cpus", 0 },
	{ "", "physical_function", 0 },
	{ "", "functions", 1 },
	{ NULL, NULL, 0 },
};

/* PCI Code and ID Assignment Specification, base class 02. */
static const char *class_text(uint32_t class_code)
{
	switch (class_code >> 8) {
	case 0x0200:
		return "Ethernet";
	case 0x0207:
		return "InfiniBand";
	case 0x0208:
		return "fabric";
	default:
		return "network";
	}
}

static void cell_or_none(struct cleat_table *t, const char *text)
{
	if (text[0] != '\0')
		cleat_table_text(t, text);
	else
		cleat_table_none(t);
}

static void number_or_none(struct cleat_table *t, int n)
{
	if (n >= 0)
		cleat_table_number(t, (uint64_t)n);
	else
		cleat_table_none(t);
}

static void interfaces(struct cleat_table *t, const struct bind_device *d)
{
	char text[BIND_MAX_NETS * (IFNAMSIZ + 1)] = "";

	for (unsigned i = 0; i < d->n_nets; i++) {
		(void)strcat(text, i > 0 ? "," : "");
		(void)strcat(text, d->nets[i].name);
	}
	cell_or_none(t, text);
}

static void state(struct cleat_table *t, const struct bind_device *d)
{
	char text[BIND_TEXT_LEN];
	struct bind_use use;
	int used = bind_in_use(d, &use);

	if (used < 0)
		(void)snprintf(text, sizeof(text), "unknown: %.200s", cleat_error());
	else if (used > 0)
		(void)snprintf(text, sizeof(text), "in use: %s", use.brief);
	else if (cleat_pci_access_find(d->pci.kernel_driver) != NULL)
		(void)snprintf(text, sizeof(text), "ready for Cleat");
	else if (d->pci.kernel_driver[0] == '\0')
		(void)snprintf(text, sizeof(text), "no driver");
	else if (d->n_nets == 0)
		(void)snprintf(text, sizeof(text), "held, no interface seen");
	else
		(void)snprintf(text, sizeof(text), "not in use");
	cleat_table_text(t, text);
}

static int add_row(const char *address, void *arg)
{
	struct cleat_table *t = arg;
	struct bind_device d;
	uint64_t class_code;
	char ids[16];
	int code;

	/* Other devices are not looked at, broken or not. */
	if (cleat_pci_sysfs_number(address, "class", 0xffffff, &class_code) == 0 &&
		class_code >> 16 != 0x02)
		return 0;
	code = bind_read(address, &d);
	if (code < 0 && code != -ENODEV)
		fprintf(stderr, "cleat: left out: %s\n", cleat_error());
	if (code < 0)
		return 0;
	(void)snprintf(ids, sizeof(ids), "%04x:%04x", d.pci.vendor, d.pci.device_id);
	cleat_table_text(t, address);
	cleat_table_text(t, class_text(d.pci.class_code));
	cleat_table_text(t, ids);
	number_or_none(t, d.pci.device.numa_node);
	cell_or_none(t, d.pci.kernel_driver);
	number_or_none(t, d.pci.iommu_group);
	interfaces(t, &d);
	state(t, &d);
	cleat_table_number(t, d.pci.irq);
	cell_or_none(t, d.pci.local_cpus);
	cell_or_none(t, d.pci.physfn);
	cleat_table_number(t, d.pci.numvfs);
	return 0;
}

int bind_list(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);
	int code = bind_each(add_row, t);

	if (code < 0) {
		cleat_table_free(t);
		return code;
	}
	return cleat_tool_show(tool, t, "no network controllers on the PCI bus");
}
