/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/vdev_args.h"

int cleat_vdev_args(
	const struct cleat_device *device, const struct cleat_kvkey *keys, struct cleat_kvargs *out)
{
	char *text;
	int ret;

	memset(out, 0, sizeof(*out));
	if (asprintf(&text, "%s%s%s", device->name, device->args[0] != '\0' ? "," : "",
		    device->args) < 0)
		return cleat_err(-ENOMEM, "no memory for the arguments of %s", device->name);
	ret = cleat_kvargs_parse(text, out);
	free(text);
	return ret < 0 ? ret : cleat_kvargs_check(out, keys);
}

void cleat_vdev_port(const struct cleat_device *device, struct cleat_port_ctrl *port,
	const struct cleat_port_ops *ops, unsigned rx_queues, unsigned tx_queues)
{
	port->name = device->name;
	port->driver = device->driver->name;
	port->ops = ops;
	cleat_mac_from_name(device->name, port->mac);
	port->mtu = 1500;
	port->max_mtu = 65521; /* 65,535 with the Ethernet header */
	port->max_rx_queues = (uint16_t)rx_queues;
	port->max_tx_queues = (uint16_t)tx_queues;
	port->numa_node = -1;
	port->link.up = 1;
	port->link.mbps = 10000;
}
