/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * numa.h - on which nodes the first memory lies, and which pool a port receives into.
 *
 *   --socket-mem 256,512   what it says, per node, in their order
 *   --numa-node 1          all of --memory there
 *   neither                where the devices are that may be used: all there, or shared out evenly
 *                          if they are on several nodes; anywhere if there are none
 *
 * The first node's pool is "default", the others' are "default.node<N>".
 */
#ifndef CLEAT_PRIMARY_NUMA_H
#define CLEAT_PRIMARY_NUMA_H

#include "primary/primary.h"

/** Decide on p->shares, after the scan. @return 0; -EINVAL: a node that the machine has not */
int cleat_numa_choose(struct cleat_primary *p);

/** Name of the pool of share @p i. @return @p text */
const char *cleat_numa_pool_name(
	const struct cleat_primary *p, unsigned i, char text[CLEAT_NAME_LEN]);

/** The pool on a port's node, or the first. @return @p text */
const char *cleat_numa_pool_for(const struct cleat_primary *p, const struct cleat_port_ctrl *port,
	char text[CLEAT_NAME_LEN]);

#endif
