/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_ports.c - ports and their queues. */
#include <stdio.h>

#include "runtime/port.h"
#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column PORT_COLUMNS[] = {
	{ "PORT", "port", 1 },
	{ "NAME", "name", 0 },
	{ "DRIVER", "driver", 0 },
	{ "STATE", "state", 0 },
	{ "LINK", "link_up", 0 },
	{ "MBIT/S", "link_mbps", 1 },
	{ "MAC", "mac", 0 },
	{ "MTU", "mtu", 1 },
	{ "RXQ", "rx_queues", 1 },
	{ "TXQ", "tx_queues", 1 },
	{ "PROMISC", "promiscuous", 0 },
	{ NULL, NULL, 0 },
};

static const struct cleat_column QUEUE_COLUMNS[] = {
	{ "PORT", "port", 1 },
	{ "DIR", "dir", 0 },
	{ "QUEUE", "queue", 1 },
	{ "HOLDER", "holder", 0 },
	{ "SLOTS", "descriptors", 1 },
	{ "POOL", "pool", 0 },
	{ "PACKETS", "packets", 1 },
	{ "BYTES", "bytes", 1 },
	{ "ERRORS", "errors", 1 },
	{ "MISSED", "missed", 1 },
	{ NULL, NULL, 0 },
};

static const char *state_name(uint16_t state)
{
	static const char *const NAMES[] = { "free", "stopped", "started", "removed" };

	return state < sizeof(NAMES) / sizeof(NAMES[0]) ? NAMES[state] : "?";
}

static int read_port(unsigned port, struct cleat_port_shm *row)
{
	return CLEAT_ROW_READ(row, &cleat_registry->ports[port]) == 0 &&
	       row->state != CLEAT_PORT_FREE;
}

int cleat_cmd_ports(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(PORT_COLUMNS);
	struct cleat_port_shm row;
	char mac[24];

	for (unsigned p = 0; p < CLEAT_MAX_PORTS; p++) {
		if (!read_port(p, &row))
			continue;
		(void)snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", row.mac[0],
			row.mac[1], row.mac[2], row.mac[3], row.mac[4], row.mac[5]);
		cleat_table_number(t, p);
		cleat_table_text(t, row.name);
		cleat_table_text(t, row.driver);
		cleat_table_text(t, state_name(row.state));
		cleat_table_bool(t, row.link_up, "up", "down");
		cleat_table_number(t, row.link_mbps);
		cleat_table_text(t, mac);
		cleat_table_number(t, row.mtu);
		cleat_table_number(t, row.rx_queues);
		cleat_table_number(t, row.tx_queues);
		cleat_table_bool(t, (row.flags & CLEAT_PORT_PROMISCUOUS) != 0, "yes", "no");
	}
	return cleat_tool_show(tool, t, "no ports; start the primary with --vdev or --allow");
}

static void show_queue(struct cleat_table *t, unsigned port, const struct cleat_port_shm *port_row,
	enum cleat_dir dir, unsigned queue)
{
	const struct cleat_queue_shm *shm = cleat_port_queue(port_row, dir, queue);
	struct cleat_queue_row_shm row;
	struct cleat_pool_row_shm pool;

	if (CLEAT_ROW_READ(&row, &cleat_registry->queues[port][dir][queue]) != 0 || !row.configured)
		return;
	cleat_table_number(t, port);
	cleat_table_text(t, dir == CLEAT_RX ? "rx" : "tx");
	cleat_table_number(t, queue);
	cleat_table_who(t, row.owner_slot);
	cleat_table_number(t, row.descriptors);
	if (dir == CLEAT_RX && row.pool < CLEAT_MAX_POOLS &&
		CLEAT_ROW_READ(&pool, &cleat_registry->pools[row.pool]) == 0)
		cleat_table_text(t, pool.name);
	else
		cleat_table_none(t);
	cleat_table_number(t, shm ? cleat_load_relaxed(&shm->packets) : 0);
	cleat_table_number(t, shm ? cleat_load_relaxed(&shm->bytes) : 0);
	cleat_table_number(t, shm ? cleat_load_relaxed(&shm->errors) : 0);
	cleat_table_number(t, shm ? cleat_load_relaxed(&shm->missed) : 0);
}

int cleat_cmd_queues(const struct cleat_tool *tool)
{
	struct cleat_table *t = cleat_table_new(QUEUE_COLUMNS);
	struct cleat_port_shm row;

	for (unsigned p = 0; p < CLEAT_MAX_PORTS; p++) {
		if (!read_port(p, &row))
			continue;
		for (unsigned q = 0; q < CLEAT_MAX_QUEUES; q++)
			show_queue(t, p, &row, CLEAT_RX, q);
		for (unsigned q = 0; q < CLEAT_MAX_QUEUES; q++)
			show_queue(t, p, &row, CLEAT_TX, q);
	}
	return cleat_tool_show(tool, t, "no queues are set up");
}
