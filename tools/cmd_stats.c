/* SPDX-License-Identifier: BSD-3-Clause */
/* cmd_stats.c - what each port moved: since its start, or per second with --watch. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ipc/observer.h"
#include "runtime/port.h"
#include "runtime/registry.h"
#include "runtime/row.h"
#include "tools/command.h"
#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "PORT", "port", 1 },
	{ "NAME", "name", 0 },
	{ "RX PACKETS", "rx_packets", 1 },
	{ "RX BYTES", "rx_bytes", 1 },
	{ "ERRORS", "rx_errors", 1 },
	{ "MISSED", "rx_missed", 1 },
	{ "TX PACKETS", "tx_packets", 1 },
	{ "TX BYTES", "tx_bytes", 1 },
	{ "ERRORS", "tx_errors", 1 },
	{ "DROPPED", "tx_dropped", 1 },
	{ NULL, NULL, 0 },
};

static const struct cleat_column RATE_COLUMNS[] = {
	{ "PORT", "port", 1 },
	{ "NAME", "name", 0 },
	{ "RX PACKETS/S", "rx_packets_per_s", 1 },
	{ "RX MBIT/S", "rx_bits_per_s", 1 },
	{ "MISSED/S", "rx_missed_per_s", 1 },
	{ "TX PACKETS/S", "tx_packets_per_s", 1 },
	{ "TX MBIT/S", "tx_bits_per_s", 1 },
	{ "DROPPED/S", "tx_dropped_per_s", 1 },
	{ NULL, NULL, 0 },
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

struct look {
	uint64_t at_ns;
	struct cleat_port_stats ports[CLEAT_MAX_PORTS];
	uint8_t there[CLEAT_MAX_PORTS];
};

static void take_look(struct look *out)
{
	struct timespec now;

	memset(out, 0, sizeof(*out));
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	out->at_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	for (uint16_t p = 0; p < CLEAT_MAX_PORTS; p++)
		out->there[p] =
			cleat_load_relaxed(&cleat_registry->ports[p].state) != CLEAT_PORT_FREE &&
			cleat_port_stats(p, &out->ports[p]) == 0;
}

static void port_cells(struct cleat_table *t, unsigned port)
{
	struct cleat_port_shm row;

	cleat_table_number(t, port);
	if (CLEAT_ROW_READ(&row, &cleat_registry->ports[port]) == 0)
		cleat_table_text(t, row.name);
	else
		cleat_table_none(t);
}

static struct cleat_table *totals(const struct look *look)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);

	for (unsigned p = 0; p < CLEAT_MAX_PORTS; p++) {
		const struct cleat_port_stats *s = &look->ports[p];

		if (!look->there[p])
			continue;
		port_cells(t, p);
		cleat_table_number(t, s->rx_packets);
		cleat_table_bytes(t, s->rx_bytes);
		cleat_table_number(t, s->rx_errors);
		cleat_table_number(t, s->rx_missed);
		cleat_table_number(t, s->tx_packets);
		cleat_table_bytes(t, s->tx_bytes);
		cleat_table_number(t, s->tx_errors);
		cleat_table_number(t, s->tx_dropped);
	}
	return t;
}

static uint64_t per_second(uint64_t now, uint64_t before, uint64_t ns)
{
	return now < before || ns == 0 ? 0 : (uint64_t)((double)(now - before) * 1e9 / (double)ns);
}

static void mbit_cell(struct cleat_table *t, uint64_t bits)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%.1f", (double)bits / 1e6);
	cleat_table_both(t, bits, text);
}

static struct cleat_table *rates(const struct look *now, const struct look *before)
{
	struct cleat_table *t = cleat_table_new(RATE_COLUMNS);
	uint64_t ns = now->at_ns - before->at_ns;

	for (unsigned p = 0; p < CLEAT_MAX_PORTS; p++) {
		const struct cleat_port_stats *n = &now->ports[p], *b = &before->ports[p];

		if (!now->there[p])
			continue;
		port_cells(t, p);
		cleat_table_number(t, per_second(n->rx_packets, b->rx_packets, ns));
		mbit_cell(t, 8 * per_second(n->rx_bytes, b->rx_bytes, ns));
		cleat_table_number(t, per_second(n->rx_missed, b->rx_missed, ns));
		cleat_table_number(t, per_second(n->tx_packets, b->tx_packets, ns));
		mbit_cell(t, 8 * per_second(n->tx_bytes, b->tx_bytes, ns));
		cleat_table_number(t, per_second(n->tx_dropped, b->tx_dropped, ns));
	}
	return t;
}

static void sleep_ms(unsigned ms)
{
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000L };

	(void)nanosleep(&t, NULL);
}

static int watch(const struct cleat_tool *tool)
{
	static struct look looks[2];
	struct sigaction act = { .sa_handler = on_signal };
	int ended = CLEAT_EXIT_OK;

	(void)sigaction(SIGINT, &act, NULL);
	(void)sigaction(SIGTERM, &act, NULL);
	take_look(&looks[0]);
	for (uint64_t i = 1; !interrupted && ended == CLEAT_EXIT_OK; i++) {
		sleep_ms(tool->interval_ms);
		if (interrupted)
			break;
		if (cleat_observer_refresh() != 0) {
			fputs("cleat: the primary is gone\n", stderr);
			return CLEAT_EXIT_NO_PRIMARY;
		}
		take_look(&looks[i & 1]);
		if (!tool->json && isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		ended = cleat_tool_show(tool, rates(&looks[i & 1], &looks[~i & 1]), "no ports");
		if (i == tool->rounds)
			break;
	}
	return ended;
}

int cleat_cmd_stats(const struct cleat_tool *tool)
{
	static struct look look;

	if (tool->all)
		return cleat_cmd_counters(tool);
	if (tool->watch)
		return watch(tool);
	take_look(&look);
	return cleat_tool_show(
		tool, totals(&look), "no ports; start the primary with --vdev or --allow");
}
