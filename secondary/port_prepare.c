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

static int has_queue(const struct cleat_port_shm *row, enum cleat_dir dir, uint16_t queue)
{
	return queue < (dir == CLEAT_RX ? row->rx_queues : row->tx_queues);
}

/* In what the port differs, as "MTU 1500, not 9000"; "" if it does not. */
static const char *difference(const struct cleat_port_shm *row, enum cleat_dir dir, uint16_t queue,
	const struct cleat_port_wish *wish, char *text, size_t len)
{
	char is[CLEAT_OFFLOAD_TEXT_LEN], not [CLEAT_OFFLOAD_TEXT_LEN];

	text[0] = '\0';
	if (!has_queue(row, dir, queue))
		(void)snprintf(text, len, "%u rx and %u tx queues (--queues), and no %s queue %u",
			row->rx_queues, row->tx_queues, dir == CLEAT_RX ? "rx" : "tx", queue);
	else if (wish->mtu != 0 && wish->mtu != row->mtu)
		(void)snprintf(text, len, "MTU %u, not %u", row->mtu, wish->mtu);
	else if (wish->has_offloads && wish->offloads != row->offloads)
		(void)snprintf(text, len, "the offloads %s, not %s",
			cleat_offload_text(row->offloads, is, sizeof(is)),
			cleat_offload_text(wish->offloads, not, sizeof(not )));
	else if (wish->promiscuous && !(row->flags & CLEAT_PORT_PROMISCUOUS))
		(void)snprintf(text, len, "only its own packets: it is not promiscuous");
	return text;
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

/* The pool that an rx queue had at last. */
static const char *pool_of(uint16_t port, uint16_t queue, struct cleat_pool_row_shm *pool)
{
	struct cleat_queue_row_shm row;

	if (CLEAT_ROW_READ(&row, &cleat_registry->queues[port][CLEAT_RX][queue]) < 0 ||
		row.pool >= CLEAT_MAX_POOLS ||
		CLEAT_ROW_READ(pool, &cleat_registry->pools[row.pool]) < 0)
		return NULL;
	pool->name[CLEAT_NAME_LEN - 1] = '\0';
	return pool->name;
}

/* @param pool  NULL: each its own again */
static int set_up_queues(uint16_t port, const char *pool)
{
	struct cleat_pool_row_shm old;
	struct cleat_port_shm row;
	int err = read_port(port, &row);

	for (uint16_t q = 0; err == 0 && q < row.rx_queues; q++)
		err = cleat_ctl_queue_setup(
			port, CLEAT_RX, q, 0, pool != NULL ? pool : pool_of(port, q, &old));
	for (uint16_t q = 0; err == 0 && q < row.tx_queues; q++)
		err = cleat_ctl_queue_setup(port, CLEAT_TX, q, 0, NULL);
	return err;
}

static int finish(uint16_t port, const char *pool)
{
	int err = set_up_queues(port, pool);

	return err < 0 ? err : cleat_ctl_port_start(port);
}

/* The wish was refused: as it was, as far as that goes. @return @p err, with its sentence */
static int undo(uint16_t port, const struct cleat_port_shm *was, int err)
{
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
	(void)finish(port, NULL);
	return cleat_err(err, "%s", why);
}

/* The port is stopped. */
static int shape(uint16_t port, const struct cleat_port_shm *row, unsigned queues,
	const struct cleat_port_wish *wish)
{
	int err = configure(port, row, queues);

	if (err == 0)
		err = set_lengths_and_offloads(port, row, wish);
	if (err == 0)
		err = finish(port, wish->pool);
	return err < 0 ? undo(port, row, err) : -EAGAIN;
}

static int check_limit(
	uint16_t port, const struct cleat_port_shm *row, enum cleat_dir dir, uint16_t queue)
{
	unsigned most = dir == CLEAT_RX ? row->max_rx_queues : row->max_tx_queues;

	if (queue < most)
		return 0;
	return cleat_err(-EINVAL, "port %u (%s) has no %s queue %u: it has %u", port, row->name,
		dir == CLEAT_RX ? "rx" : "tx", queue, most);
}

/* One attempt. @return 0 done; -EAGAIN something was done, look again; -EBUSY somebody else is at
 * it */
static int step(uint16_t port, enum cleat_dir dir, uint16_t queue, unsigned queues,
	const struct cleat_port_wish *wish)
{
	struct cleat_port_shm row;
	char has[2 * CLEAT_OFFLOAD_TEXT_LEN + 64];
	int err;

	if (read_port(port, &row) < 0)
		return cleat_err(-ENODEV, "there is no port %u", port);
	err = check_limit(port, &row, dir, queue);
	if (err < 0)
		return err;
	(void)difference(&row, dir, queue, wish, has, sizeof(has));
	if (has[0] == '\0' && row.state == CLEAT_PORT_STARTED)
		return 0;
	if (has[0] == '\0') {
		err = finish(port, wish->pool);
		return err < 0 ? err : -EAGAIN;
	}
	err = check_free(port, &row, has);
	if (err == 0 && row.state == CLEAT_PORT_STARTED)
		err = cleat_ctl_port_stop(port);
	return err < 0 ? err : shape(port, &row, queues, wish);
}

int cleat_port_prepare(
	uint16_t port, enum cleat_dir dir, uint16_t queue, const struct cleat_port_wish *wish)
{
	static const struct timespec PAUSE = { .tv_nsec = PAUSE_NS };
	unsigned queues = wish->queues > queue ? wish->queues : queue + 1U;
	int err = -EAGAIN;

	for (int i = 0; i < TRIES && (err == -EAGAIN || err == -EBUSY || err == -EALREADY); i++) {
		if (err != -EAGAIN)
			(void)nanosleep(&PAUSE, NULL);
		err = step(port, dir, queue, queues, wish);
	}
	return err;
}
