/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pmd/pmd_help.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/row.h"

#define QUEUES_BYTES sizeof(struct cleat_port_area_shm)

static struct cleat_port_ctrl *ports[CLEAT_MAX_PORTS];
static int fds_at_start;
static int live_rings;

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "test set-up: not so: %s\n", what);
		abort();
	}
}

/* Ports' shared state lies at the window's end, pools and rings at its start. */
static uint64_t queues_off(unsigned port)
{
	return MBUF_HELP_BYTES - (port + 1) * QUEUES_BYTES;
}

static int ring_create(void *ctx, const char *name, uint32_t slots, enum cleat_ring_mode mode,
	enum cleat_ring_use use, int node)
{
	struct cleat_ring_row_shm row;
	struct cleat_ring r;
	int id;

	(void)ctx;
	(void)node;
	if (cleat_registry_find_ring(name, NULL) >= 0)
		return cleat_err(-EEXIST, "ring %s exists", name);
	mbuf_world_ring(&r, name, slots, mode);
	id = cleat_registry_find_ring(name, &row);
	row.use = (uint16_t)use;
	CLEAT_ROW_WRITE(&cleat_registry->rings[id], &row);
	live_rings++;
	return id;
}

static int ring_free(void *ctx, uint32_t ring)
{
	struct cleat_ring_row_shm empty = { .seq = 0 };

	(void)ctx;
	CLEAT_ROW_WRITE(&cleat_registry->rings[ring], &empty);
	live_rings--;
	return 0;
}

static int port_add(void *ctx, struct cleat_port_ctrl *port)
{
	struct cleat_port_shm row = { .state = CLEAT_PORT_STOPPED };
	unsigned id = 0;

	(void)ctx;
	while (id < CLEAT_MAX_PORTS && ports[id] != NULL)
		id++;
	must(id < CLEAT_MAX_PORTS, "a port id is free");
	(void)snprintf(row.name, sizeof(row.name), "%s", port->name);
	(void)snprintf(row.driver, sizeof(row.driver), "%s", port->driver);
	row.max_rx_queues = port->max_rx_queues;
	row.max_tx_queues = port->max_tx_queues;
	row.queues_off = queues_off(id);
	port->port = (uint16_t)id;
	port->queues = (struct cleat_queue_shm *)(cleat_window_base + row.queues_off);
	memset(port->queues, 0, QUEUES_BYTES);
	for (unsigned i = 0; i < CLEAT_MAX_QUEUES; i++)
		cleat_registry->queues[id][0][i].ring = cleat_registry->queues[id][1][i].ring =
			0xffff;
	CLEAT_ROW_WRITE(&cleat_registry->ports[id], &row);
	ports[id] = port;
	return (int)id;
}

static int port_remove(void *ctx, struct cleat_port_ctrl *port)
{
	struct cleat_port_shm empty = { .seq = 0 };

	(void)ctx;
	cleat_port_gone(port->port);
	CLEAT_ROW_WRITE(&cleat_registry->ports[port->port], &empty);
	ports[port->port] = NULL;
	return 0;
}

static int queue_ring_set(void *ctx, const struct cleat_port_ctrl *port, enum cleat_dir dir,
	unsigned queue, uint32_t ring)
{
	(void)ctx;
	cleat_registry->queues[port->port][dir][queue].ring = (uint16_t)ring;
	return 0;
}

struct cleat_services pmd_services = {
	.ring_create = ring_create,
	.ring_free = ring_free,
	.port_add = port_add,
	.port_remove = port_remove,
	.queue_ring_set = queue_ring_set,
};

int pmd_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

void pmd_world_up(void)
{
	mbuf_world_up();
	fds_at_start = pmd_count_fds();
}

void pmd_world_down(void)
{
	cleat_queue_remove_all();
	cleat_bus_remove_all();
	for (unsigned i = 0; i < CLEAT_MAX_PORTS; i++)
		must(ports[i] == NULL, "all ports were removed");
	must(live_rings == 0, "all rings were freed");
	must(pmd_count_fds() == fds_at_start, "all descriptors were closed");
	mbuf_world_down();
}

struct cleat_port_ctrl *pmd_port(int port)
{
	return ports[port];
}

int pmd_plug(const char *spec)
{
	struct cleat_device *device = cleat_vdev_plug(spec);
	int ret;

	if (device == NULL)
		return -EINVAL;
	ret = cleat_bus_probe(device, &pmd_services);
	if (ret < 0) {
		cleat_vdev_unplug(device);
		return ret;
	}
	for (int i = 0; i < CLEAT_MAX_PORTS; i++)
		if (ports[i] != NULL && strcmp(ports[i]->name, device->name) == 0)
			return i;
	must(0, "the device made a port");
	return -1;
}

int pmd_unplug(int port)
{
	struct cleat_device *device = cleat_device_find(ports[port]->name);
	int ret = cleat_bus_remove(device);

	if (ret >= 0)
		cleat_vdev_unplug(device);
	return ret;
}

int pmd_claim(int port, enum cleat_dir dir, unsigned queue, struct cleat_mempool *pool)
{
	struct cleat_port_ctrl *ctrl = ports[port];
	struct cleat_queue_grant grant = { .n_fds = 0 };
	struct cleat_queue_conf conf = {
		.port = (uint16_t)port,
		.queue = (uint16_t)queue,
		.dir = dir,
		.removals = cleat_port_removals((uint16_t)port),
	};
	int ret = 0;

	if (ctrl->ops->queue_open != NULL)
		ret = ctrl->ops->queue_open(ctrl, dir, queue, &grant);
	if (ret < 0)
		return ret;
	conf.driver = ctrl->driver;
	conf.ring = cleat_registry->queues[port][dir][queue].ring;
	conf.shm = cleat_port_ctrl_queue(ctrl, dir, queue);
	conf.pool = pool;
	memcpy(conf.fds, grant.fds, sizeof(conf.fds));
	conf.n_fds = grant.n_fds;
	return cleat_queue_install(&conf);
}

int pmd_reset(int port, enum cleat_dir dir, unsigned queue)
{
	const struct cleat_port_ops *ops = ports[port]->ops;

	return ops->queue_reset != NULL ? ops->queue_reset(ports[port], dir, queue) : 0;
}

int pmd_release(int port, enum cleat_dir dir, unsigned queue)
{
	int ret = cleat_queue_remove((uint16_t)port, dir, (uint16_t)queue);

	return ret < 0 ? ret : pmd_reset(port, dir, queue);
}
