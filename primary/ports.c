/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/ports.h"

#include <errno.h>
#include <string.h>

#include "ipc/socket.h"
#include "primary/numa.h"
#include "primary/port_life.h"
#include "primary/server.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/owner.h"
#include "runtime/row.h"
#include "runtime/sweep.h"

#define DEFAULT_DESCRIPTORS 512
#define MAX_DESCRIPTORS	    32768

static const char *dir_name(enum cleat_dir dir)
{
	return dir == CLEAT_RX ? "rx" : "tx";
}

int cleat_port_check(const struct cleat_primary *p, uint32_t port)
{
	if (port < CLEAT_MAX_PORTS && p->ports[port] != NULL)
		return 0;
	return cleat_err(-ENODEV, "there is no port %u", port);
}

static void write_row(uint32_t port, const struct cleat_port_shm *row)
{
	CLEAT_ROW_WRITE(&cleat_registry->ports[port], row);
}

static void write_queue(
	uint32_t port, enum cleat_dir dir, uint32_t queue, const struct cleat_queue_row_shm *row)
{
	CLEAT_ROW_WRITE(&cleat_registry->queues[port][dir][queue], row);
}

int cleat_port_unheld(uint32_t port, uint16_t slot)
{
	char who[64];

	for (int i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		uint16_t owner = (&cleat_registry->queues[port][0][0])[i].owner_slot;

		if (owner != CLEAT_SLOT_NONE && owner != CLEAT_SLOT_DEVICE && owner != slot)
			return cleat_err(-EBUSY, "port %u: %s holds %s queue %d", port,
				cleat_registry_who(owner, who, sizeof(who)),
				dir_name(i / CLEAT_MAX_QUEUES == CLEAT_RX ? CLEAT_RX : CLEAT_TX),
				i % CLEAT_MAX_QUEUES);
	}
	return 0;
}

/* As for stopping: the hardware of a port cannot stop under a queue, not even under the asker's. */
static int check_may_stop(const struct cleat_port_ctrl *ctrl, uint32_t port, uint16_t slot)
{
	return cleat_port_unheld(port, ctrl->device != NULL ? CLEAT_SLOT_NONE : slot);
}

int cleat_port_stopped(uint32_t port)
{
	if (cleat_registry->ports[port].state == CLEAT_PORT_STARTED)
		return cleat_err(-EBUSY, "port %u is started; stop it first", port);
	return 0;
}

/* ---- configuration ---- */

int cleat_port_configure(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t rx_queues,
	uint32_t tx_queues)
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_port_shm row;
	int rc = cleat_port_check(p, port);

	rc = rc < 0 ? rc : cleat_port_stopped(port);
	rc = rc < 0 ? rc : cleat_port_unheld(port, slot);
	if (rc < 0)
		return rc;
	ctrl = p->ports[port];
	if (rx_queues > ctrl->max_rx_queues || tx_queues > ctrl->max_tx_queues)
		return cleat_err(-EINVAL, "port %u: has at most %u rx and %u tx queues", port,
			ctrl->max_rx_queues, ctrl->max_tx_queues);
	rc = ctrl->ops->configure ? ctrl->ops->configure(ctrl, rx_queues, tx_queues) : 0;
	if (rc < 0)
		return rc;
	for (int i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		struct cleat_queue_row_shm q = (&cleat_registry->queues[port][0][0])[i];

		q.configured = 0;
		CLEAT_ROW_WRITE(&(&cleat_registry->queues[port][0][0])[i], &q);
	}
	row = cleat_registry->ports[port];
	row.rx_queues = (uint16_t)rx_queues;
	row.tx_queues = (uint16_t)tx_queues;
	write_row(port, &row);
	return 0;
}

/* @param pool  "": the one on the port's node */
static int setup_rx(const struct cleat_primary *p, struct cleat_port_ctrl *ctrl, uint32_t queue,
	uint32_t descriptors, const char *pool, struct cleat_queue_row_shm *row)
{
	struct cleat_pool_row_shm pool_row;
	char name[CLEAT_NAME_LEN];
	int id = cleat_registry_find_pool(
		pool[0] != '\0' ? pool : cleat_numa_pool_for(p, ctrl, name), &pool_row);

	if (id < 0)
		return id;
	row->pool = (uint16_t)id;
	id = cleat_port_fits(ctrl, queue, &pool_row);
	if (id < 0 || ctrl->ops->rx_queue_setup == NULL)
		return id;
	return ctrl->ops->rx_queue_setup(ctrl, queue, descriptors, &pool_row);
}

static int setup_tx(struct cleat_port_ctrl *ctrl, uint32_t queue, uint32_t descriptors)
{
	return ctrl->ops->tx_queue_setup ? ctrl->ops->tx_queue_setup(ctrl, queue, descriptors) : 0;
}

static int check_queue(uint32_t port, enum cleat_dir dir, uint32_t queue)
{
	const struct cleat_port_shm *row = &cleat_registry->ports[port];
	uint32_t have = dir == CLEAT_RX ? row->rx_queues : row->tx_queues;

	if (queue >= have)
		return cleat_err(-EINVAL, "port %u: there is no %s queue %u, it has %u", port,
			dir_name(dir), queue, have);
	return 0;
}

static uint32_t default_descriptors(const struct cleat_port_ctrl *ctrl)
{
	uint16_t max = ctrl->max_descriptors;

	return max != 0 && max < DEFAULT_DESCRIPTORS ? max : DEFAULT_DESCRIPTORS;
}

static int check_descriptors(const struct cleat_port_ctrl *ctrl, uint32_t port, uint32_t n)
{
	uint32_t max = ctrl->max_descriptors != 0 ? ctrl->max_descriptors : MAX_DESCRIPTORS;

	if (n > max)
		return cleat_err(-EINVAL, "port %u: %u descriptors: at most %u", port, n, max);
	if (ctrl->align_descriptors != 0 && n % ctrl->align_descriptors != 0)
		return cleat_err(-EINVAL, "port %u: %u descriptors: not a multiple of %u", port, n,
			ctrl->align_descriptors);
	return 0;
}

int cleat_port_queue_setup(struct cleat_primary *p, uint32_t port, uint16_t slot,
	enum cleat_dir dir, uint32_t queue, uint32_t descriptors, const char *pool)
{
	struct cleat_queue_row_shm row;
	int rc = cleat_port_check(p, port);

	rc = rc < 0 ? rc : cleat_port_stopped(port);
	rc = rc < 0 ? rc : check_queue(port, dir, queue);
	rc = rc < 0 ? rc : cleat_port_unheld(port, slot);
	if (rc < 0)
		return rc;
	if (descriptors == 0)
		descriptors = default_descriptors(p->ports[port]);
	rc = check_descriptors(p->ports[port], port, descriptors);
	if (rc < 0)
		return rc;
	row = cleat_registry->queues[port][dir][queue];
	row.configured = 0; /* if the set-up fails, what there was before is gone, too */
	write_queue(port, dir, queue, &row);
	if (dir == CLEAT_RX)
		rc = setup_rx(p, p->ports[port], queue, descriptors, pool, &row);
	else
		rc = setup_tx(p->ports[port], queue, descriptors);
	if (rc < 0)
		return rc;
	row = (struct cleat_queue_row_shm){ .configured = 1,
		.owner_slot = row.owner_slot,
		.claims = row.claims,
		.pool = row.pool,
		.descriptors = (uint16_t)descriptors,
		/* the driver may just have set it */
		.ring = cleat_registry->queues[port][dir][queue].ring };
	write_queue(port, dir, queue, &row);
	return 0;
}

int cleat_port_default(struct cleat_primary *p, uint32_t port)
{
	const struct cleat_port_ctrl *ctrl = p->ports[port];
	uint32_t rx = ctrl->default_rx_queues ? ctrl->default_rx_queues : ctrl->max_rx_queues;
	uint32_t tx = ctrl->default_tx_queues ? ctrl->default_tx_queues : ctrl->max_tx_queues;
	int rc = cleat_port_configure(p, port, 0, rx, tx);

	for (uint32_t q = 0; rc == 0 && q < rx; q++)
		rc = cleat_port_queue_setup(p, port, 0, CLEAT_RX, q, 0, "");
	for (uint32_t q = 0; rc == 0 && q < tx; q++)
		rc = cleat_port_queue_setup(p, port, 0, CLEAT_TX, q, 0, "");
	return rc == 0 ? cleat_port_start(p, port) : rc;
}

/* ---- state ---- */

/* The buffers that lie in a queue at rest go back to their pools. */
static void take_back(uint32_t port, enum cleat_dir dir, uint32_t queue)
{
	uint16_t claims = cleat_registry->queues[port][dir][queue].claims;

	if (cleat_sweep_queue(cleat_owner_queue_id(
		    (uint16_t)port, (uint16_t)queue, dir == CLEAT_TX, claims)) < 0)
		cleat_log(CLEAT_LOG_WARNING, "port %u %s queue %u: %s", port, dir_name(dir), queue,
			cleat_error());
}

/* The driver compares with ctrl->link: what the row says is what it knows, or it would not tell. */
static void read_link(struct cleat_port_ctrl *ctrl, struct cleat_port_shm *row)
{
	struct cleat_link link = ctrl->link;

	if (ctrl->ops->link_get != NULL && ctrl->ops->link_get(ctrl, &link) < 0)
		return;
	ctrl->link = link;
	row->link_up = (uint16_t)(link.up != 0);
	row->link_mbps = link.mbps;
}

void cleat_port_link_changed(void *ctx, struct cleat_port_ctrl *ctrl)
{
	struct cleat_port_shm row = cleat_registry->ports[ctrl->port];
	int was = row.link_up;

	read_link(ctrl, &row);
	write_row(ctrl->port, &row);
	if (row.link_up == was)
		return;
	cleat_log(CLEAT_LOG_INFO, "port %u (%s): link %s", ctrl->port, row.name,
		row.link_up ? "up" : "down");
	cleat_server_event(
		ctx, CLEAT__EVENT_KIND__EVENT_LINK, ctrl->port, row.link_up ? "up" : "down");
}

/* The device was reset: buffers it would not let go of are free. */
void cleat_port_free_stuck(uint32_t port)
{
	for (uint32_t i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		enum cleat_dir dir = i < CLEAT_MAX_QUEUES ? CLEAT_RX : CLEAT_TX;
		uint32_t queue = i % CLEAT_MAX_QUEUES;
		struct cleat_queue_row_shm row = cleat_registry->queues[port][dir][queue];

		if (row.owner_slot != CLEAT_SLOT_DEVICE)
			continue;
		take_back(port, dir, queue);
		row.owner_slot = CLEAT_SLOT_NONE;
		write_queue(port, dir, queue, &row);
	}
}

int cleat_port_start(struct cleat_primary *p, uint32_t port)
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_port_shm row;
	int rc = cleat_port_check(p, port);

	if (rc < 0 || cleat_registry->ports[port].state == CLEAT_PORT_STARTED)
		return rc;
	row = cleat_registry->ports[port];
	for (uint32_t i = 0; i < row.rx_queues + row.tx_queues; i++) {
		enum cleat_dir dir = i < row.rx_queues ? CLEAT_RX : CLEAT_TX;
		uint32_t queue = dir == CLEAT_RX ? i : i - row.rx_queues;

		if (!cleat_registry->queues[port][dir][queue].configured)
			return cleat_err(-EINVAL, "port %u: %s queue %u is not set up", port,
				dir_name(dir), queue);
	}
	ctrl = p->ports[port];
	rc = ctrl->ops->start ? ctrl->ops->start(ctrl) : 0;
	if (rc < 0)
		return rc;
	cleat_port_free_stuck(port);
	row.state = CLEAT_PORT_STARTED;
	read_link(ctrl, &row);
	write_row(port, &row);
	return 0;
}

int cleat_port_stop(struct cleat_primary *p, uint32_t port, uint16_t slot)
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_port_shm row;
	int rc = cleat_port_check(p, port);

	rc = rc < 0 ? rc : check_may_stop(p->ports[port], port, slot);
	if (rc < 0 || cleat_registry->ports[port].state != CLEAT_PORT_STARTED)
		return rc;
	ctrl = p->ports[port];
	rc = ctrl->ops->stop ? ctrl->ops->stop(ctrl) : 0;
	if (rc < 0)
		return rc;
	row = cleat_registry->ports[port];
	row.state = CLEAT_PORT_STOPPED;
	write_row(port, &row);
	return 0;
}

/* ---- claims ---- */

int cleat_queue_claim(struct cleat_primary *p, uint32_t port, uint16_t slot, enum cleat_dir dir,
	uint32_t queue, struct cleat_queue_grant *grant)
{
	struct cleat_port_ctrl *ctrl;
	struct cleat_queue_row_shm row;
	char who[64];
	int rc = cleat_port_check(p, port);

	grant->n_fds = 0;
	rc = rc < 0 ? rc : check_queue(port, dir, queue);
	if (rc < 0)
		return rc;
	row = cleat_registry->queues[port][dir][queue];
	if (row.owner_slot != CLEAT_SLOT_NONE)
		return cleat_err(-EBUSY, "port %u %s queue %u is held by %s", port, dir_name(dir),
			queue, cleat_registry_who(row.owner_slot, who, sizeof(who)));
	if (!row.configured)
		return cleat_err(
			-EINVAL, "port %u %s queue %u is not set up", port, dir_name(dir), queue);
	ctrl = p->ports[port];
	rc = ctrl->ops->queue_open ? ctrl->ops->queue_open(ctrl, dir, queue, grant) : 0;
	if (rc < 0)
		return rc;
	row.owner_slot = slot;
	row.claims++;
	write_queue(port, dir, queue, &row);
	return 0;
}

/* @param dead  the owner is: its sweep takes back what lies in the queue */
static void free_queue(
	struct cleat_primary *p, uint32_t port, enum cleat_dir dir, uint32_t queue, bool dead)
{
	struct cleat_port_ctrl *ctrl = p->ports[port];
	struct cleat_queue_row_shm row = cleat_registry->queues[port][dir][queue];
	int ret = 0;

	row.owner_slot = CLEAT_SLOT_NONE;
	if (ctrl != NULL && ctrl->ops->queue_reset != NULL)
		ret = ctrl->ops->queue_reset(ctrl, dir, queue);
	if (ret < 0) {
		cleat_log(CLEAT_LOG_ERROR, "port %u %s queue %u: %s; stop and start the port", port,
			dir_name(dir), queue, cleat_error());
		row.owner_slot = CLEAT_SLOT_DEVICE;
	} else if (!dead) {
		take_back(port, dir, queue);
	}
	if (ret > 0)
		cleat_port_free_stuck(port);
	write_queue(port, dir, queue, &row);
	cleat_port_settle(p, port);
}

int cleat_queue_release(
	struct cleat_primary *p, uint32_t port, uint16_t slot, enum cleat_dir dir, uint32_t queue)
{
	if (port >= CLEAT_MAX_PORTS || queue >= CLEAT_MAX_QUEUES ||
		cleat_registry->queues[port][dir][queue].owner_slot != slot)
		return cleat_err(
			-EPERM, "port %u %s queue %u is not yours", port, dir_name(dir), queue);
	free_queue(p, port, dir, queue, false);
	return 0;
}

static void release_port(struct cleat_primary *p, uint32_t port, uint16_t slot, bool dead)
{
	for (uint32_t i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		enum cleat_dir dir = i < CLEAT_MAX_QUEUES ? CLEAT_RX : CLEAT_TX;
		uint32_t queue = i % CLEAT_MAX_QUEUES;

		if (cleat_registry->queues[port][dir][queue].owner_slot == slot)
			free_queue(p, port, dir, queue, dead);
	}
}

void cleat_ports_release(struct cleat_primary *p, uint16_t slot)
{
	for (uint32_t port = 0; port < CLEAT_MAX_PORTS; port++)
		release_port(p, port, slot, true);
}

void cleat_port_left(struct cleat_primary *p, uint32_t port, uint16_t slot)
{
	if (port < CLEAT_MAX_PORTS && cleat_registry->ports[port].state == CLEAT_PORT_REMOVED)
		release_port(p, port, slot, false);
}
