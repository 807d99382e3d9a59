/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/numa.h"

#include <errno.h>
#include <numa.h>
#include <stdio.h>

#include "primary/dma.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/hugepages.h"
#include "runtime/log.h"

#define POOL_DEFAULT "default"

static void add(struct cleat_primary *p, int node, uint64_t bytes)
{
	p->shares[p->n_shares++] = (struct cleat_share){ .node = node, .bytes = bytes };
}

static int by_option(struct cleat_primary *p)
{
	const struct cleat_options *o = p->options;

	for (unsigned node = 0; node < o->n_socket_mem; node++) {
		if (o->socket_mem[node] == 0)
			continue;
		if (node > 0 && (numa_available() < 0 || (int)node > numa_max_node()))
			return cleat_err(
				-EINVAL, "--socket-mem: this machine has no node %u", node);
		add(p, (int)node, o->socket_mem[node]);
	}
	return 0;
}

struct nodes {
	bool used[CLEAT_MAX_NODES];
	unsigned n;
};

static int note_node(struct cleat_device *device, void *arg)
{
	struct nodes *nodes = arg;
	int node = device->numa_node;

	if (node < 0 || node >= CLEAT_MAX_NODES || nodes->used[node] || !cleat_dma_usable(device))
		return 0;
	nodes->used[node] = true;
	nodes->n++;
	return 0;
}

static void by_devices(struct cleat_primary *p)
{
	struct nodes nodes = { 0 };

	(void)cleat_device_iterate(note_node, &nodes);
	for (int node = 0; node < CLEAT_MAX_NODES; node++)
		if (nodes.used[node])
			add(p, node,
				cleat_align_up(p->options->memory_bytes / nodes.n, CLEAT_PAGE_2M));
	if (nodes.n == 0)
		add(p, -1, p->options->memory_bytes);
	else if (nodes.n > 1)
		cleat_log(CLEAT_LOG_INFO,
			"memory is shared out over the %u nodes where the devices are", nodes.n);
}

int cleat_numa_choose(struct cleat_primary *p)
{
	const struct cleat_options *o = p->options;

	p->n_shares = 0;
	if (o->n_socket_mem > 0)
		return by_option(p);
	if (o->numa_node >= 0)
		add(p, o->numa_node, o->memory_bytes);
	else
		by_devices(p);
	return 0;
}

const char *cleat_numa_pool_name(
	const struct cleat_primary *p, unsigned i, char text[CLEAT_NAME_LEN])
{
	if (i == 0)
		(void)snprintf(text, CLEAT_NAME_LEN, POOL_DEFAULT);
	else
		(void)snprintf(text, CLEAT_NAME_LEN, POOL_DEFAULT ".node%d", p->shares[i].node);
	return text;
}

const char *cleat_numa_pool_for(const struct cleat_primary *p, const struct cleat_port_ctrl *port,
	char text[CLEAT_NAME_LEN])
{
	unsigned i = 0;

	while (i < p->n_shares && p->shares[i].node != port->numa_node)
		i++;
	return cleat_numa_pool_name(p, i < p->n_shares ? i : 0, text);
}
