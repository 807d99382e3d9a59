/* SPDX-License-Identifier: BSD-3-Clause */
/* From "there is a port" to "its queue can be claimed", whoever else is doing the same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/error.h"
#include "runtime/row.h"
#include "secondary/attach.h"
#include "secondary/ports.h"

#define TRIES	 100
#define PAUSE_NS 2000000L

static int read_port(unsigned long port, struct cleat_port_shm *row)
{
	if (cleat_registry == NULL || port >= CLEAT_MAX_PORTS ||
		CLEAT_ROW_READ(row, &cleat_registry->ports[port]) < 0 ||
		row->state == CLEAT_PORT_FREE || row->state == CLEAT_PORT_REMOVED)
		return -ENODEV;
	row->name[CLEAT_NAME_LEN - 1] = '\0';
	return 0;
}

/* "0 (net_pcap0), 1 (net_pcap1)" */
static const char *list_ports(char *text, size_t len)
{
	struct cleat_port_shm row;
	size_t used = 0;

	(void)snprintf(text, len, "none");
	for (unsigned port = 0; port < CLEAT_MAX_PORTS && used < len; port++)
		if (read_port(port, &row) == 0)
			used += (size_t)snprintf(text + used, len - used, "%s%u (%s)",
				used > 0 ? ", " : "", port, row.name);
	return text;
}

int cleat_port_find(const char *text, struct cleat_port_shm *row)
{
	char *end, list[256];
	unsigned long number = strtoul(text, &end, 10);
	int found;

	if (text[0] >= '0' && text[0] <= '9' && *end == '\0')
		found = read_port(number, row) == 0 ? (int)number : -ENODEV;
	else
		found = cleat_registry_find_port(text, row);
	if (found >= 0)
		return found;
	return cleat_err(-ENODEV, "there is no port %s; there are: %s", text,
		list_ports(list, sizeof(list)));
}

static unsigned at_most(unsigned value, unsigned limit)
{
	return value < limit ? value : limit;
}

static int configure(uint16_t port, const struct cleat_port_shm *row, unsigned queues)
{
	return cleat_ctl_port_configure(
		port, at_most(queues, row->max_rx_queues), at_most(queues, row->max_tx_queues), 0);
}

static int set_up_queues(uint16_t port, const char *pool)
{
	struct cleat_port_shm row;
	int err = read_port(port, &row);

	for (uint16_t q = 0; err == 0 && q < row.rx_queues; q++)
		err = cleat_ctl_queue_setup(port, CLEAT_RX, q, 0, pool);
	for (uint16_t q = 0; err == 0 && q < row.tx_queues; q++)
		err = cleat_ctl_queue_setup(port, CLEAT_TX, q, 0, NULL);
	return err;
}

static int has_queue(const struct cleat_port_shm *row, enum cleat_dir dir, uint16_t queue)
{
	return queue < (dir == CLEAT_RX ? row->rx_queues : row->tx_queues);
}

/* One attempt. @return 0 done; -EAGAIN something was done, look again; -EBUSY somebody else is at
 * it */
static int step(
	uint16_t port, enum cleat_dir dir, uint16_t queue, unsigned queues, const char *pool)
{
	struct cleat_port_shm row;
	int err;

	if (read_port(port, &row) < 0)
		return cleat_err(-ENODEV, "there is no port %u", port);
	if (queue >= (dir == CLEAT_RX ? row.max_rx_queues : row.max_tx_queues))
		return cleat_err(-EINVAL, "port %u (%s) has no %s queue %u: it has %u", port,
			row.name, dir == CLEAT_RX ? "rx" : "tx", queue,
			dir == CLEAT_RX ? row.max_rx_queues : row.max_tx_queues);
	if (has_queue(&row, dir, queue) && row.state == CLEAT_PORT_STARTED)
		return 0;
	if (row.state == CLEAT_PORT_STARTED)
		return cleat_err(-EINVAL,
			"port %u (%s) is started with %u rx and %u tx queues; its first user must ask for more (--queues)",
			port, row.name, row.rx_queues, row.tx_queues);
	if (!has_queue(&row, dir, queue)) {
		err = configure(port, &row, queues);
		return err < 0 ? err : -EAGAIN;
	}
	err = set_up_queues(port, pool);
	if (err == 0)
		err = cleat_ctl_port_start(port);
	return err < 0 ? err : -EAGAIN;
}

int cleat_port_prepare(
	uint16_t port, enum cleat_dir dir, uint16_t queue, unsigned queues, const char *pool)
{
	static const struct timespec PAUSE = { .tv_nsec = PAUSE_NS };
	int err = -EAGAIN;

	if (queues <= queue)
		queues = queue + 1U;
	for (int i = 0; i < TRIES && (err == -EAGAIN || err == -EBUSY || err == -EALREADY); i++) {
		if (err != -EAGAIN)
			(void)nanosleep(&PAUSE, NULL);
		err = step(port, dir, queue, queues, pool);
	}
	return err;
}
