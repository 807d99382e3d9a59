/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of ports, read from the queues' shared state by any process. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/port.h"
#include "runtime/row.h"

struct cleat_port_area_shm *cleat_port_area(const struct cleat_port_shm *row)
{
	uint64_t unit = row->queues_off >> CLEAT_HANDLE_SHIFT;

	if (unit > CLEAT_HANDLE_MAX || row->queues_off % CLEAT_CACHE_LINE != 0)
		return NULL;
	return (struct cleat_port_area_shm *)cleat_ptr_checked(
		(cleat_handle)unit, sizeof(struct cleat_port_area_shm));
}

struct cleat_queue_shm *cleat_port_queue(
	const struct cleat_port_shm *row, enum cleat_dir dir, unsigned queue)
{
	struct cleat_port_area_shm *area = cleat_port_area(row);

	if (area == NULL || queue >= CLEAT_MAX_QUEUES)
		return NULL;
	return &area->queues[(unsigned)dir * CLEAT_MAX_QUEUES + queue];
}

struct cleat_queue_shm *cleat_port_ctrl_queue(
	const struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	return &port->queues[(unsigned)dir * CLEAT_MAX_QUEUES + queue];
}

static int port_row(uint16_t port, struct cleat_port_shm *row)
{
	int ret;

	if (cleat_registry == NULL || port >= CLEAT_MAX_PORTS)
		return cleat_err(-ENODEV, "there is no port %u", port);
	ret = CLEAT_ROW_READ(row, &cleat_registry->ports[port]);
	if (ret < 0)
		return cleat_err(ret,
			"port %u: its row in the registry does not come to rest; "
			"the primary may have died",
			port);
	if (row->state == CLEAT_PORT_FREE || cleat_port_area(row) == NULL)
		return cleat_err(-ENODEV, "there is no port %u", port);
	return 0;
}

/* The four counters of a queue, in the order of cleat_queue_shm. */
static void read_queue(const struct cleat_queue_shm *q, uint64_t values[4])
{
	values[0] = cleat_load_relaxed(&q->packets);
	values[1] = cleat_load_relaxed(&q->bytes);
	values[2] = cleat_load_relaxed(&q->errors);
	values[3] = cleat_load_relaxed(&q->missed);
}

/* Of all queues; what the device missed belongs to none of them. */
static void sum(const struct cleat_port_shm *row, uint64_t sums[2][4])
{
	const struct cleat_port_area_shm *area = cleat_port_area(row);

	memset(sums, 0, sizeof(uint64_t) * 8);
	for (unsigned dir = 0; dir < 2; dir++) {
		for (unsigned queue = 0; queue < CLEAT_MAX_QUEUES; queue++) {
			uint64_t values[4];

			read_queue(cleat_port_queue(row, (enum cleat_dir)dir, queue), values);
			for (unsigned i = 0; i < 4; i++)
				sums[dir][i] += values[i];
		}
	}
	sums[CLEAT_RX][3] += cleat_load_relaxed(&area->hw_stats[CLEAT_HW_RX_MISSED]);
}

int cleat_port_stats(uint16_t port, struct cleat_port_stats *out)
{
	struct cleat_port_shm row;
	uint64_t sums[2][4];
	int ret = port_row(port, &row);

	if (ret < 0)
		return ret;
	sum(&row, sums);
	out->rx_packets = sums[CLEAT_RX][0];
	out->rx_bytes = sums[CLEAT_RX][1];
	out->rx_errors = sums[CLEAT_RX][2];
	out->rx_missed = sums[CLEAT_RX][3];
	out->tx_packets = sums[CLEAT_TX][0];
	out->tx_bytes = sums[CLEAT_TX][1];
	out->tx_errors = sums[CLEAT_TX][2];
	out->tx_dropped = sums[CLEAT_TX][3];
	return 0;
}

/* Where the next value goes; counts on when the caller's array is full. */
struct sink {
	struct cleat_xstat_value *out;
	unsigned room;
	int count;
};

static void put(struct sink *sink, const char *prefix, const char *name, uint64_t value)
{
	if ((unsigned)sink->count < sink->room) {
		struct cleat_xstat_value *v = &sink->out[sink->count];

		(void)snprintf(v->name, sizeof(v->name), "%s_%s", prefix, name);
		v->value = value;
	}
	sink->count++;
}

static const char *const dir_names[2] = { "rx", "tx" };
static const char *const counter_names[2][4] = {
	{ "packets", "bytes", "errors", "missed" },
	{ "packets", "bytes", "errors", "dropped" },
};

static void put_queue(struct sink *sink, const struct cleat_port_shm *row, enum cleat_dir dir,
	unsigned queue, const struct cleat_data_ops *ops)
{
	const struct cleat_queue_shm *q = cleat_port_queue(row, dir, queue);
	uint64_t values[4];
	char prefix[16];

	read_queue(q, values);
	(void)snprintf(prefix, sizeof(prefix), "%s_q%u", dir_names[dir], queue);
	for (unsigned i = 0; i < 4; i++)
		put(sink, prefix, counter_names[dir][i], values[i]);
	for (unsigned i = 0; ops != NULL && i < ops->n_xstats; i++)
		if (ops->xstats[i].dir == (uint16_t)dir)
			put(sink, prefix, ops->xstats[i].name,
				cleat_load_relaxed(&q->driver[ops->xstats[i].word]));
}

static void put_hw(
	struct sink *sink, const struct cleat_port_area_shm *area, const struct cleat_data_ops *ops)
{
	for (unsigned i = 0; i < ops->n_hw_stats && i < CLEAT_MAX_HW_STATS; i++)
		if (ops->hw_stats[i] != NULL)
			put(sink, "hw", ops->hw_stats[i], cleat_load_relaxed(&area->hw_stats[i]));
}

int cleat_port_xstats(uint16_t port, struct cleat_xstat_value *out, unsigned n)
{
	struct sink sink = { out, n, 0 };
	const struct cleat_data_ops *ops;
	struct cleat_port_shm row;
	uint64_t sums[2][4];
	int ret = port_row(port, &row);

	if (ret < 0)
		return ret;
	row.driver[CLEAT_NAME_LEN - 1] = '\0';
	ops = cleat_data_find(row.driver);
	sum(&row, sums);
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < 4; i++)
			put(&sink, dir_names[dir], counter_names[dir][i], sums[dir][i]);
	for (unsigned i = 0; i < row.max_rx_queues && i < CLEAT_MAX_QUEUES; i++)
		put_queue(&sink, &row, CLEAT_RX, i, ops);
	for (unsigned i = 0; i < row.max_tx_queues && i < CLEAT_MAX_QUEUES; i++)
		put_queue(&sink, &row, CLEAT_TX, i, ops);
	if (ops != NULL)
		put_hw(&sink, cleat_port_area(&row), ops);
	return sink.count;
}

#define MAX_XSTATS 1024

int cleat_port_xstat(uint16_t port, const char *name, uint64_t *out)
{
	static __thread struct cleat_xstat_value values[MAX_XSTATS];
	int count = cleat_port_xstats(port, values, MAX_XSTATS);

	if (count < 0)
		return count;
	for (int i = 0; i < count && i < MAX_XSTATS; i++) {
		if (strcmp(values[i].name, name) == 0) {
			*out = values[i].value;
			return 0;
		}
	}
	return cleat_err(-ENOENT, "port %u has no statistic '%s'", port, name);
}
