/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/ports.h"

#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/mempool.h"
#include "runtime/owner.h"
#include "runtime/row.h"
#include "secondary/attach.h"
#include "secondary/request.h"

static Cleat__Direction direction(enum cleat_dir dir)
{
	return dir == CLEAT_RX ? CLEAT__DIRECTION__DIRECTION_RX : CLEAT__DIRECTION__DIRECTION_TX;
}

int cleat_ctl_port_configure(uint16_t port, unsigned rx_queues, unsigned tx_queues, unsigned mtu)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortConfigure body = CLEAT__PORT_CONFIGURE__INIT;

	body.port = port;
	body.rx_queues = rx_queues;
	body.tx_queues = tx_queues;
	body.mtu = mtu;
	body.flags = cleat_registry != NULL && port < CLEAT_MAX_PORTS
			     ? cleat_load_relaxed(&cleat_registry->ports[port].flags)
			     : 0;
	env.body_case = CLEAT__ENVELOPE__BODY_PORT_CONFIGURE;
	env.port_configure = &body;
	return cleat_request_call(&env, NULL);
}

int cleat_ctl_queue_setup(
	uint16_t port, enum cleat_dir dir, uint16_t queue, unsigned descriptors, const char *pool)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__QueueSetup body = CLEAT__QUEUE_SETUP__INIT;

	body.port = port;
	body.queue = queue;
	body.direction = direction(dir);
	body.descriptors = descriptors;
	body.pool = cleat_request_text(dir == CLEAT_RX ? pool : NULL);
	body.node = -1;
	env.body_case = CLEAT__ENVELOPE__BODY_QUEUE_SETUP;
	env.queue_setup = &body;
	return cleat_request_call(&env, NULL);
}

int cleat_ctl_port_start(uint16_t port)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortStart body = CLEAT__PORT_START__INIT;

	body.port = port;
	env.body_case = CLEAT__ENVELOPE__BODY_PORT_START;
	env.port_start = &body;
	return cleat_request_call(&env, NULL);
}

int cleat_ctl_port_stop(uint16_t port)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortStop body = CLEAT__PORT_STOP__INIT;

	body.port = port;
	env.body_case = CLEAT__ENVELOPE__BODY_PORT_STOP;
	env.port_stop = &body;
	return cleat_request_call(&env, NULL);
}

static int port_set(Cleat__PortSet *body)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_PORT_SET;
	env.port_set = body;
	return cleat_request_call(&env, NULL);
}

int cleat_ctl_port_promiscuous(uint16_t port, int on)
{
	Cleat__PortSet body = CLEAT__PORT_SET__INIT;

	body.port = port;
	body.what_case = CLEAT__PORT_SET__WHAT_PROMISCUOUS;
	body.promiscuous = on != 0;
	return port_set(&body);
}

int cleat_ctl_port_mtu(uint16_t port, unsigned mtu)
{
	Cleat__PortSet body = CLEAT__PORT_SET__INIT;

	body.port = port;
	body.what_case = CLEAT__PORT_SET__WHAT_MTU;
	body.mtu = mtu;
	return port_set(&body);
}

int cleat_ctl_port_allmulticast(uint16_t port, int on)
{
	Cleat__PortSet body = CLEAT__PORT_SET__INIT;

	body.port = port;
	body.what_case = CLEAT__PORT_SET__WHAT_ALLMULTICAST;
	body.allmulticast = on != 0;
	return port_set(&body);
}

int cleat_ctl_port_offloads(uint16_t port, uint32_t offloads)
{
	Cleat__PortSet body = CLEAT__PORT_SET__INIT;

	body.port = port;
	body.what_case = CLEAT__PORT_SET__WHAT_OFFLOADS;
	body.offloads = offloads;
	return port_set(&body);
}

static int set_mac(uint16_t port, Cleat__PortSet__WhatCase what, const uint8_t mac[6])
{
	Cleat__PortSet body = CLEAT__PORT_SET__INIT;
	uint8_t copy[6];

	memcpy(copy, mac, sizeof(copy));
	body.port = port;
	body.what_case = what;
	body.mac.data = copy; /* one of a union of three of that kind */
	body.mac.len = sizeof(copy);
	return port_set(&body);
}

int cleat_ctl_port_mac(uint16_t port, const uint8_t mac[6])
{
	return set_mac(port, CLEAT__PORT_SET__WHAT_MAC, mac);
}

int cleat_ctl_port_filter_add(uint16_t port, const uint8_t mac[6])
{
	return set_mac(port, CLEAT__PORT_SET__WHAT_MAC_FILTER_ADD, mac);
}

int cleat_ctl_port_filter_remove(uint16_t port, const uint8_t mac[6])
{
	return set_mac(port, CLEAT__PORT_SET__WHAT_MAC_FILTER_REMOVE, mac);
}

/* ---- claims ---- */

static int call_and_forget(Cleat__Envelope *env)
{
	return cleat_request_call(env, NULL);
}

/* @param send  how: with or without waiting for the answer */
static int send_release(
	uint16_t port, enum cleat_dir dir, uint16_t queue, int (*send)(Cleat__Envelope *env))
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__QueueRelease body = CLEAT__QUEUE_RELEASE__INIT;

	body.port = port;
	body.queue = queue;
	body.direction = direction(dir);
	env.body_case = CLEAT__ENVELOPE__BODY_QUEUE_RELEASE;
	env.queue_release = &body;
	return send(&env);
}

/* A claim failed with @p err here, but the primary may count the queue as ours. */
static int give_back(int err, uint16_t port, enum cleat_dir dir, uint16_t queue,
	int (*send)(Cleat__Envelope *env))
{
	char why[CLEAT_ERROR_LEN];

	memcpy(why, cleat_error(), strlen(cleat_error()) + 1);
	(void)send_release(port, dir, queue, send); /* refused: it does not */
	return cleat_err(err, "%s", why);
}

/* What the data side needs to know, from the rows of port and queue. */
static int fill_conf(struct cleat_queue_conf *conf, struct cleat_port_shm *port_row)
{
	struct cleat_queue_row_shm row;
	int err = CLEAT_ROW_READ(port_row, &cleat_registry->ports[conf->port]);

	if (err == 0)
		err = CLEAT_ROW_READ(
			&row, &cleat_registry->queues[conf->port][conf->dir][conf->queue]);
	if (err < 0)
		return cleat_err(
			err, "port %u: its row in the registry does not come to rest", conf->port);
	port_row->driver[CLEAT_NAME_LEN - 1] = '\0';
	conf->driver = port_row->driver;
	conf->ring = row.ring;
	conf->descriptors = row.descriptors;
	conf->mtu = port_row->mtu;
	conf->offloads = port_row->offloads;
	conf->numa_node = port_row->numa_node == 0xffff ? -1 : port_row->numa_node;
	conf->owner_id =
		cleat_owner_queue_id(conf->port, conf->queue, conf->dir == CLEAT_TX, row.claims);
	conf->shm = cleat_port_queue(port_row, conf->dir, conf->queue);
	if (conf->dir == CLEAT_RX) {
		conf->pool = cleat_mempool_by_id(row.pool);
		if (conf->pool == NULL)
			return -ENOENT;
	}
	return 0;
}

/* The primary sent them before it granted the queue; a data side touches them without asking. */
static int check_bars(uint16_t port, uint16_t device)
{
	struct cleat_segment_shm row;

	for (unsigned i = 0; device != 0xffff && i < CLEAT_MAX_SEGMENTS; i++)
		if (CLEAT_ROW_READ(&row, &cleat_registry->segments[i]) == 0 &&
			row.kind == CLEAT_SEGMENT_BAR && row.device == device &&
			!cleat_attach_has_segment(i))
			return cleat_err(-EIO,
				"port %u: this process could not map BAR %u of its device", port,
				row.bar);
	return 0;
}

static void take_fds(struct cleat_queue_conf *conf, struct cleat_fds *fds)
{
	conf->n_fds = fds->n < CLEAT_MAX_QUEUE_FDS ? fds->n : CLEAT_MAX_QUEUE_FDS;
	for (unsigned i = 0; i < CLEAT_MAX_QUEUE_FDS; i++)
		conf->fds[i] = i < conf->n_fds ? cleat_fds_take(fds, i) : -1;
}

static int use_granted(struct cleat_queue_conf *conf, struct cleat_fds *fds)
{
	struct cleat_port_shm row;
	int err = fill_conf(conf, &row);

	if (err == 0)
		err = check_bars(conf->port, row.device);
	/* if the device has left, its rows are no more: the refusal to install says it better */
	if (err < 0 && conf->removals == cleat_port_removals(conf->port))
		return err;
	take_fds(conf, fds);
	return cleat_queue_install(conf);
}

int cleat_ctl_queue_claim(uint16_t port, enum cleat_dir dir, uint16_t queue)
{
	struct cleat_queue_conf conf = { .port = port, .queue = queue, .dir = dir };
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__QueueClaim body = CLEAT__QUEUE_CLAIM__INIT;
	struct cleat_message reply;
	int err;

	if (port >= CLEAT_MAX_PORTS || queue >= CLEAT_MAX_QUEUES)
		return cleat_err(-ENODEV, "there is no port %u queue %u", port, queue);
	if (cleat_queue_in_use(port, dir, queue))
		return cleat_err(-EBUSY, "port %u %s queue %u is in use in this process already",
			port, dir == CLEAT_RX ? "rx" : "tx", queue);
	body.port = port;
	body.queue = queue;
	body.direction = direction(dir);
	env.body_case = CLEAT__ENVELOPE__BODY_QUEUE_CLAIM;
	env.queue_claim = &body;
	conf.removals = cleat_port_removals(port);
	err = cleat_request_reply(&env, &reply);
	if (err == -ETIMEDOUT) /* it may be granted yet: the primary reads in our order */
		return give_back(err, port, dir, queue, cleat_request_tell);
	if (err < 0)
		return err;
	err = use_granted(&conf, &reply.fds);
	cleat_message_clear(&reply);
	if (err == 0 || err == -EBUSY) /* busy: another thread's claim stays */
		return err;
	return give_back(err, port, dir, queue, call_and_forget);
}

int cleat_ctl_queue_release(uint16_t port, enum cleat_dir dir, uint16_t queue)
{
	int removed = cleat_queue_remove(port, dir, queue);
	int err = send_release(port, dir, queue, call_and_forget);

	if (removed < 0 && err == -EPERM) /* neither here nor there */
		return cleat_err(removed, "port %u %s queue %u is not claimed by this process",
			port, dir == CLEAT_RX ? "rx" : "tx", queue);
	return err;
}
