/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * net_ring, control side: ports over rings.
 *
 *   net_ring0,queues=2                   what is sent on queue i is received on queue i
 *   net_ring0,rx_ring=a,tx_ring=b and
 *   net_ring1,rx_ring=b,tx_ring=a        a wire between two ports; workers may open a and b too
 *
 * Rings with a name are made by the first device that names them, unless somebody made them before,
 * and freed with the last one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/vdev_args.h"
#include "runtime/ring_recover.h"
#include "runtime/row.h"

#define DEFAULT_SLOTS 1024

/* A ring that devices here made, and how many of their queues use it. */
struct made_ring {
	struct made_ring *next;
	uint32_t ring;
	unsigned users;
};
static struct made_ring *made_rings;

struct ring_port {
	struct cleat_port_ctrl port;
	uint32_t rings[2][CLEAT_MAX_QUEUES];
	unsigned taken[2];
};

static const struct cleat_kvkey keys[] = { { "queues", 0 }, { "size", 0 }, { "rx_ring", 1 },
	{ "tx_ring", 1 }, { NULL, 0 } };

static struct made_ring *find_made(uint32_t ring)
{
	struct made_ring *m = made_rings;

	while (m != NULL && m->ring != ring)
		m = m->next;
	return m;
}

static int make_ring(const struct cleat_services *services, const char *name, uint32_t slots,
	enum cleat_ring_mode mode, enum cleat_ring_use use)
{
	struct made_ring *m = (struct made_ring *)calloc(1, sizeof(*m));
	int ring;

	if (m == NULL)
		return cleat_err(-ENOMEM, "no memory for ring %s", name);
	ring = services->ring_create(services->ctx, name, slots, mode, use, -1);
	if (ring < 0) {
		free(m);
		return ring;
	}
	m->ring = (uint32_t)ring;
	m->next = made_rings;
	made_rings = m;
	return ring;
}

/* The queue uses the ring: a made one lives at least as long. */
static void take_ring(struct ring_port *rp, enum cleat_dir dir, uint32_t ring)
{
	struct made_ring *m = find_made(ring);

	if (m != NULL)
		m->users++;
	rp->rings[dir][rp->taken[dir]++] = ring;
}

static void drop_ring(const struct cleat_services *services, uint32_t ring)
{
	struct made_ring **at = &made_rings;
	struct made_ring *m = find_made(ring);

	if (m == NULL || --m->users > 0)
		return;
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	free(m);
	(void)services->ring_free(services->ctx, ring);
}

static void drop_rings(struct ring_port *rp, const struct cleat_services *services)
{
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned i = 0; i < rp->taken[dir]; i++)
			drop_ring(services, rp->rings[dir][i]);
}

/* One ring per queue, both ends in this port. */
static int loopback(struct ring_port *rp, const struct cleat_services *services, const char *name,
	unsigned queues, uint32_t slots)
{
	for (unsigned i = 0; i < queues; i++) {
		char ring_name[CLEAT_NAME_LEN + 8];
		int ring;

		(void)snprintf(ring_name, sizeof(ring_name), "%s_q%u", name, i);
		ring = make_ring(services, ring_name, slots, CLEAT_RING_SPSC, CLEAT_RING_USE_PORT);
		if (ring < 0)
			return ring;
		take_ring(rp, CLEAT_RX, (uint32_t)ring);
		take_ring(rp, CLEAT_TX, (uint32_t)ring);
	}
	return 0;
}

static int named_ring(const struct cleat_services *services, const char *name, uint32_t slots)
{
	struct cleat_ring_row_shm row;
	int ring = cleat_registry_find_ring(name, &row);

	if (ring == -ENOENT)
		return make_ring(services, name, slots, CLEAT_RING_MPMC, CLEAT_RING_USE_NAMED);
	if (ring < 0)
		return ring;
	if (row.use != CLEAT_RING_USE_NAMED)
		return cleat_err(-EBUSY, "ring '%s' belongs to a pool or a port", name);
	if (row.mode != CLEAT_RING_MPMC)
		return cleat_err(-EBUSY,
			"ring '%s' is for one producer and one consumer; a port needs a ring of mode "
			"mpmc",
			name);
	return ring;
}

static int named_rings(struct ring_port *rp, const struct cleat_services *services,
	const struct cleat_kvargs *args, enum cleat_dir dir, uint32_t slots)
{
	const char *key = dir == CLEAT_RX ? "rx_ring" : "tx_ring";
	const char *name;

	if (cleat_kvargs_count(args, key) > CLEAT_MAX_QUEUES)
		return cleat_err(
			-EINVAL, "%s: more than %d times %s", args->name, CLEAT_MAX_QUEUES, key);
	for (unsigned i = 0; (name = cleat_kvargs_nth(args, key, i)) != NULL; i++) {
		int ring = cleat_name_check("ring", name);

		if (ring >= 0)
			ring = named_ring(services, name, slots);
		if (ring < 0)
			return cleat_err_prefix(ring, "%s", args->name);
		take_ring(rp, dir, (uint32_t)ring);
	}
	return 0;
}

static int make_rings(struct ring_port *rp, const struct cleat_services *services,
	const struct cleat_kvargs *args)
{
	uint64_t slots = DEFAULT_SLOTS, queues = 1;
	int named = cleat_kvargs_get(args, "rx_ring") != NULL ||
		    cleat_kvargs_get(args, "tx_ring") != NULL;
	int ret = cleat_kvargs_u64(args, "size", 2, CLEAT_MAX_RING, &slots);

	if (ret >= 0)
		ret = cleat_kvargs_u64(args, "queues", 1, CLEAT_MAX_QUEUES, &queues);
	if (ret < 0)
		return ret;
	if (!cleat_is_pow2(slots))
		return cleat_err(-EINVAL,
			"%s: size=%llu is not a power of two; the next one is %llu", args->name,
			(unsigned long long)slots, (unsigned long long)cleat_pow2_ceil(slots));
	if (!named)
		return loopback(rp, services, args->name, (unsigned)queues, (uint32_t)slots);
	if (cleat_kvargs_get(args, "queues") != NULL)
		return cleat_err(-EINVAL,
			"%s: queues= and rx_ring=/tx_ring= exclude each other; give one ring per "
			"queue",
			args->name);
	ret = named_rings(rp, services, args, CLEAT_RX, (uint32_t)slots);
	return ret < 0 ? ret : named_rings(rp, services, args, CLEAT_TX, (uint32_t)slots);
}

/* A producer that died may have left full slots beyond the head of a one-producer ring. */
static int queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	const struct ring_port *rp = (const struct ring_port *)port->driver_data;
	struct cleat_ring_row_shm row;
	struct cleat_ring ring;
	uint32_t id;
	int ret;

	if (dir != CLEAT_TX || queue >= rp->taken[dir])
		return 0;
	id = rp->rings[dir][queue];
	ret = CLEAT_ROW_READ(&row, &cleat_registry->rings[id]);
	if (ret < 0)
		return cleat_err(ret, "port %s: the row of ring %u cannot be read", port->name, id);
	if (row.mode != CLEAT_RING_SPSC)
		return 0;
	ret = cleat_ring_open_row(&ring, id, &row);
	if (ret < 0)
		return ret;
	cleat_ring_recover_producer(&ring);
	return 0;
}

static const struct cleat_port_ops ops = { .queue_reset = queue_reset };

static int add_port(
	struct cleat_device *device, const struct cleat_services *services, struct ring_port *rp)
{
	int ret;

	cleat_vdev_port(device, &rp->port, &ops, rp->taken[CLEAT_RX], rp->taken[CLEAT_TX]);
	rp->port.driver_data = rp;
	ret = services->port_add(services->ctx, &rp->port);
	if (ret < 0)
		return ret;
	for (unsigned dir = 0; dir < 2 && ret >= 0; dir++)
		for (unsigned i = 0; i < rp->taken[dir] && ret >= 0; i++)
			ret = services->queue_ring_set(services->ctx, &rp->port,
				(enum cleat_dir)dir, i, rp->rings[dir][i]);
	if (ret < 0)
		(void)services->port_remove(services->ctx, &rp->port);
	return ret < 0 ? ret : 0;
}

static int ring_probe(struct cleat_device *device, const struct cleat_services *services)
{
	struct ring_port *rp = (struct ring_port *)calloc(1, sizeof(*rp));
	struct cleat_kvargs args;
	int ret;

	if (rp == NULL)
		return cleat_err(-ENOMEM, "no memory for device %s", device->name);
	ret = cleat_vdev_args(device, keys, &args);
	if (ret >= 0)
		ret = make_rings(rp, services, &args);
	cleat_kvargs_free(&args);
	if (ret >= 0)
		ret = add_port(device, services, rp);
	if (ret < 0) {
		drop_rings(rp, services);
		free(rp);
		return ret;
	}
	device->driver_data = rp;
	return 0;
}

static int ring_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct ring_port *rp = (struct ring_port *)device->driver_data;
	int ret = services->port_remove(services->ctx, &rp->port);

	if (ret < 0)
		return ret;
	drop_rings(rp, services);
	free(rp);
	return 0;
}

static struct cleat_driver ring_driver = {
	.name = "net_ring",
	.bus = "vdev",
	.probe = ring_probe,
	.remove = ring_remove,
	.usage = "queues=N,size=SLOTS or rx_ring=NAME,…,tx_ring=NAME,…,size=SLOTS",
};
CLEAT_DRIVER_REGISTER(ring_driver)
