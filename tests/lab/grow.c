/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grow - a worker for device tests: adds memory while devices run and makes a pool in it.
 *
 *     grow INSTANCE MIB POOL
 */
#include <stdio.h>
#include <stdlib.h>

#include "runtime/error.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/zones.h"

static int fail(const char *what)
{
	fprintf(stderr, "grow: %s: %s\n", what, cleat_error());
	return 1;
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .name = "grow" };
	struct cleat_pool_request pool = { .node = -1 };
	uint64_t mib;
	int row;

	if (argc != 4)
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
	printf("segment %d\n", row);
	cleat_detach();
	return 0;
}
