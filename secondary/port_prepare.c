/* SPDX-License-Identifier: BSD-3-Clause */
/* From "there is a port" to "its queue can be claimed", whoever else is doing the same. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/error.h"
#include "runtime/port_offload.h"
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

/* ---- as wished? ---- */

/* What is asked for. */
struct ask {
	uint16_t port, queue;
	enum cleat_dir dir;
	unsigned queues;  /* each way */
	const char *pool; /* for the rx queues; NULL: each its own */
	const struct cleat_port_wish *wish;
};

/* How the port is before we touch it. */
struct before {
	struct cleat_port_shm row;
	uint16_t pools[CLEAT_MAX_QUEUES]; /* that each rx queue had at last, or none */
};

static int read_before(uint16_t port, struct before *before)
{
	struct cleat_queue_row_shm queue;

	if (read_port(port, &before->row) < 0)
		return cleat_err(-ENODEV, "there is no port %u", port);
	for (unsigned q = 0; q < CLEAT_MAX_QUEUES; q++) {
		int err = CLEAT_ROW_READ(&queue, &cleat_registry->queues[port][CLEAT_RX][q]);

		if (err < 0)
			return cleat_err(-EIO, /* not -EAGAIN: it was waited for */
				"port %u: the row of rx queue %u in the registry does not come to "
				"rest",
				port, q);
		before->pools[q] = queue.pool;
	}
	return 0;
}

/* @return its name, NULL if there is none */
static const char *pool_of(
	const struct before *before, uint16_t queue, struct cleat_pool_row_shm *pool)
{
	uint16_t id = before->pools[queue];

	if (id >= CLEAT_MAX_POOLS || CLEAT_ROW_READ(pool, &cleat_registry->pools[id]) < 0 ||
		pool->name[0] == '\0')
		return NULL;
	pool->name[CLEAT_NAME_LEN - 1] = '\0';
	return pool->name;
}

/* In what the queue's pool differs; "" if it does not. */
static void pool_difference(
	const struct ask *ask, const struct before *before, char *text, size_t len)
{
	struct cleat_pool_row_shm pool;
	const char *is = ask->pool != NULL ? pool_of(before, ask->queue, &pool) : NULL;

	if (ask->pool != NULL && (is == NULL || strcmp(is, ask->pool) != 0))
		(void)snprintf(text, len, "rx queue %u filled from %s%s, not %s", ask->queue,
			is != NULL ? "pool " : "no pool", is != NULL ? is : "", ask->pool);
}

/* In what the port differs, as "MTU 1500, not 9000"; "" if it does not. */
static void difference(const struct ask *ask, const struct before *before, char *text, size_t len)
{
	const struct cleat_port_shm *row = &before->row;
	const struct cleat_port_wish *wish = ask->wish;
	char is[CLEAT_OFFLOAD_TEXT_LEN], not [CLEAT_OFFLOAD_TEXT_LEN];

	text[0] = '\0';
	if (ask->queue >= (ask->dir == CLEAT_RX ? row->rx_queues : row->tx_queues))
		(void)snprintf(text, len, "%u rx and %u tx queues (--queues), and no %s queue %u",
			row->rx_queues, row->tx_queues, ask->dir == CLEAT_RX ? "rx" : "tx",
			ask->queue);
	else if (wish->mtu != 0 && wish->mtu != row->mtu)
		(void)snprintf(text, len, "MTU %u, not %u", row->mtu, wish->mtu);
	else if (wish->has_offloads && wish->offloads != row->offloads)
		(void)snprintf(text, len, "the offloads %s, not %s",
			cleat_offload_text(row->offloads, is, sizeof(is)),
			cleat_offload_text(wish->offloads, not, sizeof(not )));
	else if (wish->promiscuous && !(row->flags & CLEAT_PORT_PROMISCUOUS))
		(void)snprintf(text, len, "only its own packets: it is not promiscuous");
	else
		pool_difference(ask, before, text, len);
}

/* @return 0, or -EBUSY when somebody holds a queue: then the port stays as it is */
static int check_free(uint16_t port, const struct cleat_port_shm *row, const char *has)
{
	char who[64];

	for (int i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		uint16_t owner =
			cleat_load_relaxed(&(&cleat_registry->queues[port][0][0])[i].owner_slot);

		if (owner != CLEAT_SLOT_NONE)
			return cleat_err(-EBUSY,
				"port %u (%s) has %s; it is set by its first user, and %s uses it",
				port, row->name, has, cleat_registry_who(owner, who, sizeof(who)));
	}
	return 0;
}

/* ---- make it so ---- */

static unsigned within(unsigned value, unsigned least, unsigned most)
{
	if (value < least)
		value = least;
	return value < most ? value : most;
}

/* No queue that was configured goes away. */
static int configure(uint16_t port, const struct cleat_port_shm *row, unsigned queues)
{
	return cleat_ctl_port_configure(port, within(queues, row->rx_queues, row->max_rx_queues),
		within(queues, row->tx_queues, row->max_tx_queues), 0);
}

/* Frames that get longer may need rx-scatter first; rx-scatter can go only when they are shorter.
 */
static int set_lengths_and_offloads(
	uint16_t port, const struct cleat_port_shm *row, const struct cleat_port_wish *wish)
{
	int longer = wish->mtu > row->mtu;
	int err = 0;

	if (wish->mtu != 0 && wish->mtu < row->mtu)
		err = cleat_ctl_port_mtu(port, wish->mtu);
	if (err == 0 && wish->has_offloads)
		err = cleat_ctl_port_offloads(port, wish->offloads);
	if (err == 0 && longer)
		err = cleat_ctl_port_mtu(port, wish->mtu);
	if (err == 0 && wish->promiscuous)
		err = cleat_ctl_port_promiscuous(port, 1);
	return err;
}

/* @param pool  NULL: each its own again; the primary chooses for a queue that had none */
static int set_up_queues(uint16_t port, const char *pool, const struct before *before)
{
	struct cleat_pool_row_shm own;
	struct cleat_port_shm row;
	int err = read_port(port, &row);

	for (uint16_t q = 0; err == 0 && q < row.rx_queues && q < CLEAT_MAX_QUEUES; q++)
		err = cleat_ctl_queue_setup(
			port, CLEAT_RX, q, 0, pool != NULL ? pool : pool_of(before, q, &own));
	for (uint16_t q = 0; err == 0 && q < row.tx_queues; q++)
		err = cleat_ctl_queue_setup(port, CLEAT_TX, q, 0, NULL);
	return err;
}

static int finish(uint16_t port, const char *pool, const struct before *before)
{
	int err = set_up_queues(port, pool, before);

	return err < 0 ? err : cleat_ctl_port_start(port);
}

/* Who only sends leaves each queue its pool, unless that is too small for what it wishes. */
static int finish_as_wished(const struct ask *ask, const struct before *before)
{
	int err = finish(ask->port, ask->pool, before);

	if (err == -EINVAL && ask->pool == NULL && ask->wish->pool != NULL)
		err = finish(ask->port, ask->wish->pool, before);
	return err;
}

/* The wish was refused: as it was, as far as that goes. @return @p err, with its sentence */
static int undo(uint16_t port, const struct before *before, int err)
{
	const struct cleat_port_shm *was = &before->row;
	const struct cleat_port_wish old = {
		.mtu = was->mtu, .has_offloads = 1, .offloads = was->offloads
	};
	struct cleat_port_shm now;
	char why[CLEAT_ERROR_LEN];

	if (err == -EBUSY) /* somebody else is at it, too */
		return err;
	(void)snprintf(why, sizeof(why), "%s", cleat_error());
	if (read_port(port, &now) == 0) {
		/* first: no queue that is set up limits the lengths */
		(void)cleat_ctl_port_configure(port, was->rx_queues, was->tx_queues, 0);
		if (now.mtu != was->mtu || now.offloads != was->offloads)
			(void)set_lengths_and_offloads(port, &now, &old);
		if (!(was->flags & CLEAT_PORT_PROMISCUOUS) && (now.flags & CLEAT_PORT_PROMISCUOUS))
			(void)cleat_ctl_port_promiscuous(port, 0);
	}
	(void)finish(port, NULL, before);
	return cleat_err(err, "%s", why);
}

/* The port is stopped. */
static int shape(const struct ask *ask, const struct before *before)
{
	int err = configure(ask->port, &before->row, ask->queues);

	if (err == 0)
		err = set_lengths_and_offloads(ask->port, &before->row, ask->wish);
	if (err == 0)
		err = finish_as_wished(ask, before);
	return err < 0 ? undo(ask->port, before, err) : -EAGAIN;
}

static int check_limit(const struct ask *ask, const struct cleat_port_shm *row)
{
	unsigned most = ask->dir == CLEAT_RX ? row->max_rx_queues : row->max_tx_queues;

	if (ask->queue < most)
		return 0;
	return cleat_err(-EINVAL, "port %u (%s) has no %s queue %u: it has %u", ask->port,
		row->name, ask->dir == CLEAT_RX ? "rx" : "tx", ask->queue, most);
}

/* One attempt. @return 0 done; -EAGAIN something was done, look again; -EBUSY somebody else is at
 * it */
static int step(const struct ask *ask)
{
	struct before before;
	char has[2 * CLEAT_OFFLOAD_TEXT_LEN + 64];
	int err = read_before(ask->port, &before);

	if (err == 0)
		err = check_limit(ask, &before.row);
	if (err < 0)
		return err;
	difference(ask, &before, has, sizeof(has));
	if (has[0] == '\0' && before.row.state == CLEAT_PORT_STARTED)
		return 0;
	if (has[0] == '\0') {
		err = finish_as_wished(ask, &before);
		return err < 0 ? err : -EAGAIN;
	}
	err = check_free(ask->port, &before.row, has);
	if (err == 0 && before.row.state == CLEAT_PORT_STARTED)
		err = cleat_ctl_port_stop(ask->port);
	return err < 0 ? err : shape(ask, &before);
}

int cleat_port_prepare(
	uint16_t port, enum cleat_dir dir, uint16_t queue, const struct cleat_port_wish *wish)
{
	static const struct timespec PAUSE = { .tv_nsec = PAUSE_NS };
	const struct ask ask = {
		.port = port,
		.queue = queue,
		.dir = dir,
		.queues = wish->queues > queue ? wish->queues : queue + 1U,
		.pool = dir == CLEAT_RX ? wish->pool : NULL,
		.wish = wish,
	};
	int err = -EAGAIN;

	if (ask.pool != NULL && cleat_registry_find_pool(ask.pool, NULL) < 0)
		return -ENOENT; /* before the port is stopped for it */
	for (int i = 0; i < TRIES && (err == -EAGAIN || err == -EBUSY || err == -EALREADY); i++) {
		if (err != -EAGAIN)
			(void)nanosleep(&PAUSE, NULL);
		err = step(&ask);
	}
	return err;
}
