/* SPDX-License-Identifier: BSD-3-Clause */
/* toy.h: bus, control side, and the primary that has them. */
#include "tests/support/toy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "runtime/bus.h"
#include "runtime/mbuf.h"

/* In the primary's process only. */
static const struct toy *toy;
static char instance[CLEAT_NAME_LEN];
static struct cleat_port_ctrl port;
static const struct cleat_services *services_of_it;

/* ---- control side ---- */

static int tell(struct cleat_port_ctrl *ctrl, enum toy_told what, uint64_t value)
{
	ctrl->hw_stats[what] = value;
	return 0;
}

static int promiscuous_set(struct cleat_port_ctrl *ctrl, int on)
{
	return tell(ctrl, TOY_PROMISCUOUS, (uint64_t)on);
}

static int allmulticast_set(struct cleat_port_ctrl *ctrl, int on)
{
	return tell(ctrl, TOY_ALLMULTI, (uint64_t)on);
}

static int mtu_set(struct cleat_port_ctrl *ctrl, unsigned mtu)
{
	if (toy->picky && mtu > TOY_BUFFER && !(ctrl->offloads & CLEAT_OFFLOAD_RX_SCATTER))
		return cleat_err(-EINVAL, "MTU %u takes buffers that the toy has not", mtu);
	if (toy->relinks) {
		ctrl->link.up = !ctrl->link.up;
		services_of_it->link_changed(services_of_it->ctx, ctrl);
	}
	return tell(ctrl, TOY_MTU, mtu);
}

static int offloads_set(struct cleat_port_ctrl *ctrl, uint32_t offloads)
{
	return tell(ctrl, TOY_OFFLOADS, offloads);
}

static int mac_filter_add(struct cleat_port_ctrl *ctrl, const uint8_t mac[6])
{
	(void)mac;
	if (ctrl->hw_stats[TOY_FILTERS] >= toy->room)
		return cleat_err(-ENOSPC, "the toy's table is full");
	return tell(ctrl, TOY_FILTERS, ctrl->hw_stats[TOY_FILTERS] + 1);
}

static int mac_filter_remove(struct cleat_port_ctrl *ctrl, const uint8_t mac[6])
{
	(void)mac;
	return tell(ctrl, TOY_FILTERS, ctrl->hw_stats[TOY_FILTERS] - 1);
}

static int queue_open(struct cleat_port_ctrl *ctrl, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	(void)ctrl;
	(void)queue;
	if (dir == CLEAT_TX || toy->deaf)
		return 0;
	grant->fds[0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	grant->n_fds = 1;
	return grant->fds[0] < 0 ? cleat_err(-errno, "no event descriptor") : 0;
}

static int rx_queue_setup(struct cleat_port_ctrl *ctrl, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	uint32_t room =
		pool->elt_bytes - (uint32_t)sizeof(struct cleat_mbuf) - pool->headroom_bytes;

	(void)ctrl;
	(void)descriptors;
	if (toy->narrow && queue == 1 && room > TOY_BUFFER)
		return cleat_err(-EINVAL, "the toy's rx queue 1 takes no buffers of %u", room);
	return 0;
}

static int queue_reset(struct cleat_port_ctrl *ctrl, enum cleat_dir dir, unsigned queue)
{
	(void)queue;
	if (!toy->stuck)
		return 0;
	return dir == CLEAT_TX ? 1 : cleat_err(-EIO, "%s does not stop", ctrl->name);
}

static const struct cleat_port_ops bare_ops = { .queue_open = queue_open };
static const struct cleat_port_ops full_ops = { .queue_open = queue_open,
	.rx_queue_setup = rx_queue_setup,
	.queue_reset = queue_reset,
	.promiscuous_set = promiscuous_set,
	.allmulticast_set = allmulticast_set,
	.mtu_set = mtu_set,
	.mac_filter_add = mac_filter_add,
	.mac_filter_remove = mac_filter_remove,
	.offloads_set = offloads_set };

static int probe(struct cleat_device *device, const struct cleat_services *services)
{
	int ret;

	services_of_it = services;
	port = (struct cleat_port_ctrl){ .name = device->name,
		.driver = TOY_DRIVER,
		.ops = toy->bare ? &bare_ops : &full_ops,
		.mac = { 2, 0, 0, 0, 0, 1 },
		.max_mtu = toy->max_mtu,
		.max_rx_queues = 2,
		.max_tx_queues = 2,
		.max_mac_filters = toy->filters,
		.offload_capa = toy->capa,
		.offloads = toy->offloads,
		.numa_node = -1,
		.device = device };
	ret = services->port_add(services->ctx, &port);
	return ret < 0 ? ret : 0;
}

static int toy_remove(struct cleat_device *device, const struct cleat_services *services)
{
	(void)device;
	return services->port_remove(services->ctx, &port);
}

static struct cleat_driver driver = {
	.name = TOY_DRIVER, .bus = "toy", .probe = probe, .remove = toy_remove, .usage = ""
};

/* ---- bus ---- */

static int scan(struct cleat_bus *bus)
{
	if (bus->devices != NULL)
		return 0;
	return cleat_bus_add(bus, "toy0", "", -1) != NULL ? 0 : -ENOMEM;
}

static int match(const struct cleat_driver *d, const struct cleat_device *device)
{
	(void)d;
	(void)device;
	return 1;
}

static int owns(const struct cleat_bus *bus, const char *name)
{
	(void)bus;
	return strcmp(name, "toy0") == 0;
}

static struct cleat_bus bus = { .name = "toy", .scan = scan, .match = match, .owns = owns };

/* ---- primary ---- */

static int run_primary(void *arg)
{
	static char words[][16] = { "cleat-primary", "--instance", "--no-pci", "--no-huge", "-m",
		"64" };
	char *argv[] = { words[0], words[1], instance, words[2], words[3], words[4], words[5],
		NULL };

	toy = arg;
	cleat_bus_register(&bus);
	cleat_driver_register(&driver);
	toy_data_register();
	return primary_inside(argv, NULL);
}

void toy_primary_start(struct child *c, const struct toy *with)
{
	static struct toy copy;

	copy = *with;
	(void)snprintf(
		instance, sizeof(instance), "%s", test_instance()); /* a child's is another */
	child_fork(c, "primary", run_primary, &copy);
	primary_wait(c);
}
