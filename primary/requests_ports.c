/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * requests_ports.c - ports, their queues, and devices that come and go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "primary/bars.h"
#include "primary/devices.h"
#include "primary/ports.h"
#include "primary/requests.h"
#include "runtime/error.h"
#include "runtime/port.h"

#define MAX_XSTATS 512

static int check_direction(Cleat__Direction direction)
{
	if (direction == CLEAT__DIRECTION__DIRECTION_RX ||
		direction == CLEAT__DIRECTION__DIRECTION_TX)
		return 0;
	return cleat_err(-EINVAL, "direction %d is unknown", (int)direction);
}

static enum cleat_dir dir_of(Cleat__Direction direction)
{
	return direction == CLEAT__DIRECTION__DIRECTION_RX ? CLEAT_RX : CLEAT_TX;
}

static int configure(struct cleat_conn *c, const Cleat__PortConfigure *m)
{
	int rc = cleat_port_configure(c->p, m->port, c->slot, m->rx_queues, m->tx_queues);

	if (rc == 0 && m->mtu != 0)
		rc = cleat_port_mtu(c->p, m->port, c->slot, m->mtu);
	return rc < 0 ? rc : cleat_port_flags(c->p, m->port, c->slot, m->flags);
}

static int queue_setup(struct cleat_conn *c, const Cleat__QueueSetup *m)
{
	int rc = check_direction(m->direction);

	if (rc < 0)
		return rc;
	return cleat_port_queue_setup(
		c->p, m->port, c->slot, dir_of(m->direction), m->queue, m->descriptors, m->pool);
}

typedef int (*set_mac_fn)(
	struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6]);

static int set_mac(
	struct cleat_conn *c, uint32_t port, const ProtobufCBinaryData *mac, set_mac_fn fn)
{
	if (mac->len != 6)
		return cleat_err(-EINVAL, "a MAC address has 6 bytes, not %zu", mac->len);
	return fn(c->p, port, c->slot, mac->data);
}

static int set(struct cleat_conn *c, const Cleat__PortSet *m)
{
	switch (m->what_case) {
	case CLEAT__PORT_SET__WHAT_PROMISCUOUS:
		return cleat_port_promiscuous(c->p, m->port, c->slot, m->promiscuous);
	case CLEAT__PORT_SET__WHAT_ALLMULTICAST:
		return cleat_port_allmulticast(c->p, m->port, c->slot, m->allmulticast);
	case CLEAT__PORT_SET__WHAT_MTU:
		return cleat_port_mtu(c->p, m->port, c->slot, m->mtu);
	case CLEAT__PORT_SET__WHAT_MAC:
		return set_mac(c, m->port, &m->mac, cleat_port_mac);
	case CLEAT__PORT_SET__WHAT_MAC_FILTER_ADD:
		return set_mac(c, m->port, &m->mac_filter_add, cleat_port_filter_add);
	case CLEAT__PORT_SET__WHAT_MAC_FILTER_REMOVE:
		return set_mac(c, m->port, &m->mac_filter_remove, cleat_port_filter_remove);
	case CLEAT__PORT_SET__WHAT_OFFLOADS:
		return cleat_port_offloads(c->p, m->port, c->slot, m->offloads);
	default:
		return cleat_err(-EOPNOTSUPP, "this primary does not know that port setting");
	}
}

static int xstats(struct cleat_conn *c, uint32_t id, uint32_t port)
{
	struct cleat_xstat_value *values = calloc(MAX_XSTATS, sizeof(*values));
	Cleat__Stat *stats = calloc(MAX_XSTATS, sizeof(*stats));
	Cleat__Stat **list = calloc(MAX_XSTATS, sizeof(Cleat__Stat *));
	Cleat__Reply reply = CLEAT__REPLY__INIT;
	int n = -ENOMEM;

	if (values != NULL && stats != NULL && list != NULL)
		n = cleat_port_xstats((uint16_t)port, values, MAX_XSTATS);
	if (n > MAX_XSTATS)
		n = MAX_XSTATS;
	for (int i = 0; i < n; i++) {
		cleat__stat__init(&stats[i]);
		stats[i].name = values[i].name;
		stats[i].value = values[i].value;
		list[i] = &stats[i];
	}
	if (n >= 0) {
		reply.stats = list;
		reply.n_stats = (size_t)n;
		(void)cleat_conn_reply(c, id, &reply, NULL, 0);
	}
	free(list);
	free(stats);
	free(values);
	return n < 0 ? n : CLEAT_ANSWERED;
}

static int claim(struct cleat_conn *c, uint32_t id, const Cleat__QueueClaim *m)
{
	Cleat__Reply reply = CLEAT__REPLY__INIT;
	struct cleat_queue_grant grant;
	int rc = check_direction(m->direction), sent = -EPIPE;

	if (rc == 0)
		rc = cleat_queue_claim(
			c->p, m->port, c->slot, dir_of(m->direction), m->queue, &grant);
	if (rc < 0)
		return rc;
	rc = cleat_bars_offer(
		c, c->p->ports[m->port]->device); /* mapped before it reads the reply */
	if (rc == 0)
		sent = cleat_conn_reply(c, id, &reply, grant.fds, grant.n_fds);
	for (unsigned int i = 0; i < grant.n_fds; i++)
		cleat_fd_close(&grant.fds[i]);
	if (sent < 0) /* it will not know that it has it */
		(void)cleat_queue_release(c->p, m->port, c->slot, dir_of(m->direction), m->queue);
	return rc < 0 ? rc : CLEAT_ANSWERED;
}

/* A device's arguments name files that the primary opens with its own rights. */
static int check_trusted(const struct cleat_conn *c)
{
	if (c->peer.uid == 0 || c->peer.uid == geteuid())
		return 0;
	return cleat_err(-EPERM, "only root and the primary's own user may change devices");
}

static int attach(struct cleat_conn *c, const char *args)
{
	int rc = check_trusted(c);

	return rc < 0 ? rc : cleat_device_attach(c->p, args);
}

static int detach(struct cleat_conn *c, const char *name)
{
	int rc = check_trusted(c);

	return rc < 0 ? rc : cleat_device_detach(c->p, name);
}

int cleat_request_ports(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2)
{
	int rc;

	(void)value2;
	switch (env->body_case) {
	case CLEAT__ENVELOPE__BODY_PORT_CONFIGURE:
		return configure(c, env->port_configure);
	case CLEAT__ENVELOPE__BODY_QUEUE_SETUP:
		return queue_setup(c, env->queue_setup);
	case CLEAT__ENVELOPE__BODY_PORT_START:
		return cleat_port_start(c->p, env->port_start->port);
	case CLEAT__ENVELOPE__BODY_PORT_STOP:
		return cleat_port_stop(c->p, env->port_stop->port, c->slot);
	case CLEAT__ENVELOPE__BODY_PORT_SET:
		return set(c, env->port_set);
	case CLEAT__ENVELOPE__BODY_PORT_XSTATS:
		rc = cleat_port_check(c->p, env->port_xstats->port);
		return rc < 0 ? rc : xstats(c, env->id, env->port_xstats->port);
	case CLEAT__ENVELOPE__BODY_QUEUE_CLAIM:
		return claim(c, env->id, env->queue_claim);
	case CLEAT__ENVELOPE__BODY_QUEUE_RELEASE:
		rc = check_direction(env->queue_release->direction);
		return rc < 0 ? rc
			      : cleat_queue_release(c->p, env->queue_release->port, c->slot,
					dir_of(env->queue_release->direction),
					env->queue_release->queue);
	case CLEAT__ENVELOPE__BODY_DEVICE_ATTACH:
		rc = attach(c, env->device_attach->args);
		*value = (uint64_t)(rc < 0 ? 0 : rc);
		return rc < 0 ? rc : 0;
	case CLEAT__ENVELOPE__BODY_DEVICE_DETACH:
		return detach(c, env->device_detach->name);
	default:
		return CLEAT_NOT_MINE;
	}
}
