/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_settings.c - what is set for a whole port: addresses, MTU, offloads; checked against what
 * its device can do, then handed to its driver, then written to the registry.
 */
#include <errno.h>
#include <string.h>

#include "primary/ports.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/mbuf.h"
#include "runtime/port_offload.h"
#include "runtime/row.h"

#define MIN_MTU	    68
#define ETHER_BYTES 18 /* header and one VLAN tag; the device strips the checksum */

/* A virtual device has nothing behind it that would have to know: settings are its row's alone. */
static int is_virtual(const struct cleat_port_ctrl *ctrl)
{
	return ctrl->device == NULL || strcmp(ctrl->device->bus->name, "vdev") == 0;
}

static int check_open(const struct cleat_primary *p, uint32_t port, uint16_t slot)
{
	int rc = cleat_port_check(p, port);

	return rc < 0 ? rc : cleat_port_unheld(port, slot);
}

/* @return -EOPNOTSUPP: "port 0 (net_x0): its driver net_x cannot …" */
static int cannot(const struct cleat_port_ctrl *ctrl, const char *what)
{
	return cleat_err(-EOPNOTSUPP, "port %u (%s): its driver %s cannot %s", ctrl->port,
		ctrl->name, ctrl->driver, what);
}

static void write_row(uint32_t port, const struct cleat_port_shm *row)
{
	CLEAT_ROW_WRITE(&cleat_registry->ports[port], row);
}

/* ---- what is received ---- */

typedef int (*switch_fn)(struct cleat_port_ctrl *ctrl, int on);

static int set_flag(
	struct cleat_primary *p, uint32_t port, uint32_t flag, int on, switch_fn fn, int on_row)
{
	struct cleat_port_ctrl *ctrl = p->ports[port];
	struct cleat_port_shm row = cleat_registry->ports[port];
	int rc = 0;

	if (fn == NULL && !on_row && on != ((row.flags & flag) != 0))
		return cannot(ctrl, flag == CLEAT_PORT_PROMISCUOUS ? "be promiscuous"
								   : "receive all multicast");
	if (fn != NULL)
		rc = fn(ctrl, on);
	if (rc < 0)
		return rc;
	row.flags = on ? row.flags | flag : row.flags & ~flag;
	write_row(port, &row);
	return 0;
}

int cleat_port_promiscuous(struct cleat_primary *p, uint32_t port, uint16_t slot, int on)
{
	int rc = check_open(p, port, slot);
	struct cleat_port_ctrl *ctrl;

	if (rc < 0)
		return rc;
	ctrl = p->ports[port];
	return set_flag(p, port, CLEAT_PORT_PROMISCUOUS, on != 0, ctrl->ops->promiscuous_set,
		is_virtual(ctrl));
}

int cleat_port_allmulticast(struct cleat_primary *p, uint32_t port, uint16_t slot, int on)
{
	int rc = check_open(p, port, slot);

	return rc < 0 ? rc
		      : set_flag(p, port, CLEAT_PORT_ALLMULTI, on != 0,
				p->ports[port]->ops->allmulticast_set, 0);
}

int cleat_port_flags(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t flags)
{
	uint32_t changed;
	int rc = check_open(p, port, slot);

	if (rc < 0)
		return rc;
	if (flags & ~(CLEAT_PORT_PROMISCUOUS | CLEAT_PORT_ALLMULTI))
		return cleat_err(-EINVAL,
			"port %u: flags 0x%x: bits are %u promiscuous, %u allmulticast", port,
			flags, CLEAT_PORT_PROMISCUOUS, CLEAT_PORT_ALLMULTI);
	changed = flags ^ cleat_registry->ports[port].flags;
	if (changed & CLEAT_PORT_PROMISCUOUS)
		rc = cleat_port_promiscuous(p, port, slot, (flags & CLEAT_PORT_PROMISCUOUS) != 0);
	if (rc == 0 && (changed & CLEAT_PORT_ALLMULTI))
		rc = cleat_port_allmulticast(p, port, slot, (flags & CLEAT_PORT_ALLMULTI) != 0);
	return rc;
}

/* ---- addresses ---- */

static int is_zero(const uint8_t mac[6])
{
	static const uint8_t ZERO[6];

	return memcmp(mac, ZERO, sizeof(ZERO)) == 0;
}

int cleat_port_mac(struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6])
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_port_shm row;
	int rc = check_open(p, port, slot);

	if (rc < 0)
		return rc;
	if ((mac[0] & 1) || is_zero(mac))
		return cleat_err(
			-EINVAL, "port %u: a group or zero address cannot be its MAC", port);
	ctrl = p->ports[port];
	if (ctrl->ops->mac_set == NULL && !is_virtual(ctrl))
		return cannot(ctrl, "change its MAC address");
	rc = ctrl->ops->mac_set ? ctrl->ops->mac_set(ctrl, mac) : 0;
	if (rc < 0)
		return rc;
	memcpy(ctrl->mac, mac, sizeof(ctrl->mac));
	row = cleat_registry->ports[port];
	memcpy(row.mac, mac, sizeof(row.mac));
	write_row(port, &row);
	return 0;
}

/* @return its index in the list, -1 if it is not there */
static int filter_index(const struct cleat_mac_filters *list, const uint8_t mac[6])
{
	for (unsigned int i = 0; i < list->n; i++)
		if (memcmp(list->macs[i], mac, 6) == 0)
			return (int)i;
	return -1;
}

static int check_filter_room(const struct cleat_port_ctrl *ctrl,
	const struct cleat_mac_filters *list, const uint8_t mac[6])
{
	if (is_zero(mac))
		return cleat_err(
			-EINVAL, "port %u: nothing is ever sent to the zero address", ctrl->port);
	if (filter_index(list, mac) >= 0 || memcmp(ctrl->mac, mac, 6) == 0)
		return cleat_err(-EEXIST, "port %u (%s) receives for that address already",
			ctrl->port, ctrl->name);
	if (list->n >= ctrl->max_mac_filters || list->n >= CLEAT_MAX_MAC_FILTERS)
		return cleat_err(-ENOSPC,
			"port %u (%s): all %u address filters are in use; remove one, or set it "
			"promiscuous",
			ctrl->port, ctrl->name, list->n);
	return 0;
}

int cleat_port_filter_add(
	struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6])
{
	struct cleat_mac_filters *list;
	struct cleat_port_ctrl *ctrl;
	int rc = check_open(p, port, slot);

	if (rc < 0)
		return rc;
	ctrl = p->ports[port];
	list = &p->filters[port];
	if (ctrl->ops->mac_filter_add == NULL || ctrl->max_mac_filters == 0)
		return cannot(ctrl, "receive for further addresses");
	rc = check_filter_room(ctrl, list, mac);
	rc = rc < 0 ? rc : ctrl->ops->mac_filter_add(ctrl, mac);
	if (rc < 0)
		return rc;
	memcpy(list->macs[list->n++], mac, 6);
	return 0;
}

int cleat_port_filter_remove(
	struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6])
{
	struct cleat_mac_filters *list;
	struct cleat_port_ctrl *ctrl;
	int at, rc = check_open(p, port, slot);

	if (rc < 0)
		return rc;
	ctrl = p->ports[port];
	list = &p->filters[port];
	at = filter_index(list, mac);
	if (at < 0)
		return cleat_err(
			-ENOENT, "port %u (%s) has no filter for that address", port, ctrl->name);
	if (ctrl->ops->mac_filter_remove == NULL)
		return cannot(ctrl, "remove an address again");
	rc = ctrl->ops->mac_filter_remove(ctrl, mac);
	if (rc < 0)
		return rc;
	memcpy(list->macs[at], list->macs[--list->n], 6);
	return 0;
}

/* ---- lengths ---- */

static int check_room(const struct cleat_port_ctrl *ctrl, uint32_t queue,
	const struct cleat_pool_row_shm *pool, uint32_t mtu, uint32_t offloads)
{
	uint32_t need = mtu + ETHER_BYTES;
	uint32_t have =
		pool->elt_bytes - (uint32_t)sizeof(struct cleat_mbuf) - pool->headroom_bytes;

	if (is_virtual(ctrl) || (offloads & CLEAT_OFFLOAD_RX_SCATTER) || need <= have)
		return 0;
	return cleat_err(-EINVAL,
		"port %u (%s): MTU %u takes buffers of %u bytes, pool %s of rx queue %u has %u; %s a "
		"pool with larger ones",
		ctrl->port, ctrl->name, mtu, need, pool->name, queue, have,
		ctrl->offload_capa & CLEAT_OFFLOAD_RX_SCATTER ? "switch rx-scatter on, or use"
							      : "use");
}

/* Every queue that is set up, with this MTU and these offloads. */
static int check_rooms(const struct cleat_port_ctrl *ctrl, uint32_t mtu, uint32_t offloads)
{
	int rc = 0;

	for (uint32_t q = 0; rc == 0 && q < CLEAT_MAX_QUEUES; q++) {
		const struct cleat_queue_row_shm *row =
			&cleat_registry->queues[ctrl->port][CLEAT_RX][q];

		if (row->configured)
			rc = check_room(ctrl, q, &cleat_registry->pools[row->pool], mtu, offloads);
	}
	return rc;
}

int cleat_port_fits(
	const struct cleat_port_ctrl *ctrl, uint32_t queue, const struct cleat_pool_row_shm *pool)
{
	const struct cleat_port_shm *row = &cleat_registry->ports[ctrl->port];

	return check_room(ctrl, queue, pool, row->mtu, row->offloads);
}

int cleat_port_mtu(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t mtu)
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_port_shm row;
	int rc = check_open(p, port, slot);

	if (rc < 0)
		return rc;
	ctrl = p->ports[port];
	row = cleat_registry->ports[port];
	if (mtu < MIN_MTU || mtu > row.max_mtu)
		return cleat_err(-EINVAL, "port %u: MTU %u is not from %d to %u", port, mtu,
			MIN_MTU, row.max_mtu);
	if (ctrl->ops->mtu_set == NULL && !is_virtual(ctrl) && mtu != row.mtu)
		return cannot(ctrl, "change its MTU");
	rc = check_rooms(ctrl, mtu, row.offloads);
	if (rc == 0 && ctrl->ops->mtu_set != NULL)
		rc = ctrl->ops->mtu_set(ctrl, mtu);
	if (rc < 0)
		return rc;
	row = cleat_registry->ports[port]; /* the driver may have told of a new link */
	row.mtu = ctrl->mtu = (uint16_t)mtu;
	write_row(port, &row);
	return 0;
}

/* ---- offloads ---- */

static int check_offloads(const struct cleat_port_ctrl *ctrl, uint32_t offloads)
{
	char lacks[CLEAT_OFFLOAD_TEXT_LEN], has[CLEAT_OFFLOAD_TEXT_LEN];
	uint32_t unknown = offloads & ~cleat_offload_known();

	if (unknown != 0)
		return cleat_err(-EINVAL, "port %u: 0x%x are no offloads that this primary knows",
			ctrl->port, unknown);
	if ((offloads & ~ctrl->offload_capa) == 0)
		return 0;
	return cleat_err(-EOPNOTSUPP, "port %u (%s): its driver %s has no %s; it has: %s",
		ctrl->port, ctrl->name, ctrl->driver,
		cleat_offload_text(offloads & ~ctrl->offload_capa, lacks, sizeof(lacks)),
		cleat_offload_text(ctrl->offload_capa, has, sizeof(has)));
}

int cleat_port_offloads(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t offloads)
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_port_shm row;
	int rc = check_open(p, port, slot);

	rc = rc < 0 ? rc : check_offloads(p->ports[port], offloads);
	rc = rc < 0 ? rc : cleat_port_stopped(port);
	if (rc < 0)
		return rc;
	ctrl = p->ports[port];
	row = cleat_registry->ports[port];
	rc = check_rooms(ctrl, row.mtu, offloads);
	if (rc == 0 && ctrl->ops->offloads_set == NULL && offloads != row.offloads)
		rc = cannot(ctrl, "switch its offloads");
	if (rc == 0 && ctrl->ops->offloads_set != NULL)
		rc = ctrl->ops->offloads_set(ctrl, offloads);
	if (rc < 0)
		return rc;
	row.offloads = ctrl->offloads = offloads;
	write_row(port, &row);
	return 0;
}
