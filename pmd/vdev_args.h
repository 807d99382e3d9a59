/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vdev_args.h - arguments of devices on any bus, and what virtual devices have in common.
 */
#ifndef CLEAT_PMD_VDEV_ARGS_H
#define CLEAT_PMD_VDEV_ARGS_H

#include "runtime/driver.h"
#include "runtime/kvargs.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Parse and check a device's arguments. Gives @p out, to be freed whatever is returned. */
int cleat_vdev_args(const struct cleat_device *device, const struct cleat_kvkey *keys,
	struct cleat_kvargs *out);

/** Fill in a port whose link is always up and whose MAC is made from the device's name. */
void cleat_vdev_port(const struct cleat_device *device, struct cleat_port_ctrl *port,
	const struct cleat_port_ops *ops, unsigned rx_queues, unsigned tx_queues);

#ifdef __cplusplus
}
#endif

#endif
