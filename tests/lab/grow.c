/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grow - a worker for device tests: adds memory while devices run, makes a pool in it, and has a
 * port receive into that.
 *
 *     grow INSTANCE MIB POOL PORT
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/ports.h"
#include "secondary/zones.h"

static int fail(const char *what)
{
	fprintf(stderr, "grow: %s: %s\n", what, cleat_error());
	return 1;
}

static int set_up(uint16_t port, const char *pool)
{
	struct cleat_port_shm row = cleat_registry->ports[port];
	int rc = cleat_ctl_port_stop(port);

	for (uint16_t q = 0; rc == 0 && q < row.rx_queues; q++)
		rc = cleat_ctl_queue_setup(port, CLEAT_RX, q, 0, pool);
	return rc == 0 ? cleat_ctl_port_start(port) : rc;
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .name = "grow" };
	struct cleat_pool_request pool = { .node = -1 };
	uint64_t mib;
	int row;

	if (argc != 5)
		return 2;
	options.instance = argv[1];
	mib = strtoull(argv[2], NULL, 10);
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	row = cleat_ctl_memory_grow(mib << 20, 0xffff);
	if (row < 0)
		return fail("memory");
	pool.name = argv[3];
	pool.count = (uint32_t)(mib * 400); /* no other segment has room for it */
	if (cleat_ctl_pool_create(&pool) < 0)
		return fail("pool");
	if (set_up((uint16_t)strtoul(argv[4], NULL, 10), argv[3]) < 0)
		return fail("port");
	printf("segment %d\n", row);
	cleat_detach();
	return 0;
}
