/* SPDX-License-Identifier: BSD-3-Clause */
/* net_null, control side: ports that receive packets from nowhere and send them there. */
#include <errno.h>
#include <stdlib.h>

#include "pmd/null/null_config.h"
#include "pmd/vdev_args.h"
#include "runtime/port.h"

static const struct cleat_kvkey keys[] = { { "size", 0 }, { "copy", 0 }, { "queues", 0 },
	{ NULL, 0 } };

static const struct cleat_port_ops ops = { 0 };

struct options {
	uint64_t size;
	uint64_t queues;
	int copy;
};

static int parse(const struct cleat_device *device, struct options *o)
{
	struct cleat_kvargs args;
	int ret = cleat_vdev_args(device, keys, &args);

	if (ret >= 0)
		ret = cleat_kvargs_u64(
			&args, "size", CLEAT_NULL_MIN_SIZE, CLEAT_NULL_MAX_SIZE, &o->size);
	if (ret >= 0)
		ret = cleat_kvargs_u64(&args, "queues", 1, CLEAT_MAX_QUEUES, &o->queues);
	if (ret >= 0)
		ret = cleat_kvargs_bool(&args, "copy", &o->copy);
	cleat_kvargs_free(&args);
	return ret;
}

static int null_probe(struct cleat_device *device, const struct cleat_services *services)
{
	struct options o = { .size = 64, .queues = 1, .copy = 0 };
	struct cleat_port_ctrl *port;
	int ret = parse(device, &o);

	if (ret < 0)
		return ret;
	port = (struct cleat_port_ctrl *)calloc(1, sizeof(*port));
	if (port == NULL)
		return cleat_err(-ENOMEM, "no memory for device %s", device->name);
	cleat_vdev_port(device, port, &ops, (unsigned)o.queues, (unsigned)o.queues);
	ret = services->port_add(services->ctx, port);
	if (ret < 0) {
		free(port);
		return ret;
	}
	for (unsigned i = 0; i < 2 * CLEAT_MAX_QUEUES; i++) {
		port->queues[i].driver[CLEAT_NULL_SIZE] = o.size;
		port->queues[i].driver[CLEAT_NULL_COPY] = (uint64_t)o.copy;
	}
	device->driver_data = port;
	return 0;
}

static int null_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_port_ctrl *port = (struct cleat_port_ctrl *)device->driver_data;
	int ret = services->port_remove(services->ctx, port);

	if (ret >= 0)
		free(port);
	return ret;
}

static struct cleat_driver null_driver = {
	.name = "net_null",
	.bus = "vdev",
	.probe = null_probe,
	.remove = null_remove,
	.usage = "size=BYTES,copy=0|1,queues=N",
};
CLEAT_DRIVER_REGISTER(null_driver)
