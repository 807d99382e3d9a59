/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * resting - a worker for death.py: is the device done with a queue whose owner died?
 *
 *     resting INSTANCE PORT rx|tx
 *
 * Waits until queue 0 of that direction is nobody's, then looks at its ring for a while. The
 * primary clears it when the device has let go; a device that has not writes to it when a packet
 * comes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pmd/virtio/virtio_ring.h"
#include "pmd/virtio/virtio_shared.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/port.h"
#include "runtime/zone.h"
#include "secondary/attach.h"
#include "secondary/ports.h"

#define PATIENCE_MS 20000U
#define LOOK_MS	    200U
#define STEP_US	    2000U

struct resting {
	struct cleat_port_shm port;
	struct cleat_zone_shm ring;
	const uint8_t *bytes;
	uint16_t id;
	enum cleat_dir dir;
};

static int fail(const char *what)
{
	fprintf(stderr, "resting: %s: %s\n", what, cleat_error());
	return EXIT_FAILURE;
}

static int find(struct resting *r, const char *port)
{
	char name[CLEAT_NAME_LEN];
	int id = cleat_port_find(port, &r->port);

	if (id < 0)
		return id;
	r->id = (uint16_t)id;
	(void)snprintf(name, sizeof(name), "cleat.port.%u.%s0", (unsigned)id,
		r->dir == CLEAT_RX ? "rx" : "tx");
	id = cleat_zone_lookup(name, &r->ring);
	r->bytes = id < 0 ? NULL : cleat_zone_ptr(&r->ring);
	return id < 0 ? id : 0;
}

static int wait_until_unheld(const struct resting *r)
{
	uint64_t end_ms = cleat_now_ms() + PATIENCE_MS;
	const uint16_t *owner = &cleat_registry->queues[r->id][r->dir][0].owner_slot;

	while (cleat_load_relaxed(owner) != CLEAT_SLOT_NONE) {
		if (cleat_now_ms() > end_ms)
			return cleat_err(
				-EBUSY, "slot %u holds the queue", cleat_load_relaxed(owner));
		(void)usleep(STEP_US);
	}
	return 0;
}

/* Of a virtqueue the indexes, as old descriptors may stay. */
static int is_clear(const struct resting *r)
{
	if (strcmp(r->port.driver, "net_virtio") == 0) {
		const struct cleat_queue_shm *q = cleat_port_queue(&r->port, r->dir, 0);
		struct virtio_ring_layout at =
			virtio_ring_layout((uint16_t)q->driver[VIRTIO_W_SIZE], 0);
		uint16_t used = ((const struct virtio_used *)(r->bytes + at.used_off))->idx;
		uint16_t avail = ((const struct virtio_avail *)(r->bytes + at.avail_off))->idx;

		return used == 0 && avail == 0
			       ? 0
			       : cleat_err(-EIO, "used index %u, available %u", used, avail);
	}
	for (uint64_t i = 0; i < r->ring.len_bytes; i++)
		if (r->bytes[i] != 0)
			return cleat_err(-EIO, "byte %llu of its ring is 0x%02x",
				(unsigned long long)i, r->bytes[i]);
	return 0;
}

static int look(const struct resting *r)
{
	uint64_t end_ms = cleat_now_ms() + LOOK_MS;
	int rc;

	do {
		rc = is_clear(r);
		(void)usleep(STEP_US);
	} while (rc == 0 && cleat_now_ms() < end_ms);
	return rc;
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .instance = argv[1], .name = "resting" };
	struct resting r = { .id = 0 };
	int rc;

	if (argc != 4)
		return 2;
	r.dir = strcmp(argv[3], "rx") == 0 ? CLEAT_RX : CLEAT_TX;
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	rc = find(&r, argv[2]);
	rc = rc < 0 ? rc : wait_until_unheld(&r);
	rc = rc < 0 ? rc : look(&r);
	if (rc < 0)
		return fail(argv[3]);
	cleat_detach();
	return EXIT_SUCCESS;
}
