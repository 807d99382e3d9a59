/* SPDX-License-Identifier: BSD-3-Clause */
/* What something that failed, or went, leaves behind: nothing that others take for real. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "primary/bars.h"
#include "primary/device_rows.h"
#include "primary/devices.h"
#include "primary/memory.h"
#include "primary/ports.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/mbuf.h"
#include "runtime/mempool.h"
#include "runtime/owner.h"
#include "runtime/pci/pci_dma.h"
#include "tests/primary/inside.h"

static void refused(int rc, int status, const char *part)
{
	ck_assert_msg(rc == status, "%d: %s", rc, rc < 0 ? cleat_error() : "accepted");
	ck_assert_msg(strstr(cleat_error(), part) != NULL, "no '%s' in: %s", part, cleat_error());
}

/* ---- ports ---- */

START_TEST(a_queue_whose_set_up_failed)
{
	static struct inside_port port;
	uint32_t id = inside_port_add(&port, "net_inside0");
	struct cleat_queue_grant grant;
	const struct cleat_queue_row_shm *row = &cleat_registry->queues[id][CLEAT_RX][0];

	ck_assert_int_eq(cleat_port_stop(&inside, id, 0), 0);
	ck_assert_uint_eq(row->configured, 1);
	port.setup_fails = 1;
	refused(cleat_port_queue_setup(&inside, id, 0, CLEAT_RX, 0, 0, ""), -EIO, "cannot be set");
	ck_assert_uint_eq(row->configured, 0);
	refused(cleat_port_start(&inside, id), -EINVAL, "rx queue 0 is not set up");
	refused(cleat_queue_claim(&inside, id, 5, CLEAT_RX, 0, &grant), -EINVAL, "not set up");
	port.setup_fails = 0;
	ck_assert_int_eq(cleat_port_queue_setup(&inside, id, 0, CLEAT_RX, 0, 0, ""), 0);
	ck_assert_int_eq(cleat_port_start(&inside, id), 0);
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
}
END_TEST

/* The device did not let go of its buffers, and then it left. */
START_TEST(buffers_of_a_stuck_queue)
{
	static struct inside_port port;
	uint32_t id = inside_port_add(&port, "net_inside0");
	struct cleat_queue_row_shm *row = &cleat_registry->queues[id][CLEAT_RX][0];
	struct cleat_mempool *pool = cleat_mempool_by_name("default");
	struct cleat_queue_grant grant;
	struct cleat_mbuf *mbufs[8];
	uint32_t all = cleat_mempool_available(pool);

	ck_assert_int_eq(cleat_queue_claim(&inside, id, 5, CLEAT_RX, 0, &grant), 0);
	ck_assert_int_eq(cleat_mbuf_alloc_bulk(pool, mbufs, 8), 0);
	for (unsigned i = 0; i < 8; i++)
		cleat_store_relaxed(&mbufs[i]->owner,
			cleat_owner_word(CLEAT_OWNER_QUEUE,
				cleat_owner_queue_id((uint16_t)id, 0, 0, row->claims)));
	port.reset_fails = 1;
	ck_assert_int_eq(cleat_queue_release(&inside, id, 5, CLEAT_RX, 0), 0);
	ck_assert_uint_eq(row->owner_slot, CLEAT_SLOT_DEVICE);
	ck_assert_uint_eq(cleat_mempool_available(pool), all - 8);
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
	ck_assert_uint_eq(cleat_registry->ports[id].state, CLEAT_PORT_FREE);
	ck_assert_uint_eq(row->owner_slot, CLEAT_SLOT_NONE);
	ck_assert_uint_eq(cleat_mempool_available(pool), all);
}
END_TEST

/* ---- devices ---- */

static struct inside_port stubborn;

static int stubborn_probe(struct cleat_device *device, const struct cleat_services *services)
{
	(void)services;
	(void)inside_port_new(&stubborn, device->name);
	return 0;
}

static int stubborn_remove(struct cleat_device *device, const struct cleat_services *services)
{
	(void)device;
	if (stubborn.keeps)
		return cleat_err(-EBUSY, "the driver keeps it");
	return services->port_remove(services->ctx, &stubborn.ctrl);
}

static struct cleat_driver stubborn_driver = { .name = "net_stubborn",
	.bus = "vdev",
	.probe = stubborn_probe,
	.remove = stubborn_remove,
	.usage = "" };

static const struct cleat_device_shm *row_of(const char *name)
{
	for (int i = 0; i < CLEAT_MAX_DEVICES; i++)
		if (strcmp(cleat_registry->devices[i].name, name) == 0)
			return &cleat_registry->devices[i];
	return NULL;
}

/* Its set-up fails, and its driver does not let go of it: it is in use by that driver. */
START_TEST(a_device_that_its_driver_keeps)
{
	const struct cleat_device_shm *row;

	cleat_driver_register(&stubborn_driver);
	stubborn.setup_fails = stubborn.keeps = 1;
	refused(cleat_device_attach(&inside, "net_stubborn0"), -EIO, "cannot be set up");
	row = row_of("net_stubborn0");
	ck_assert_ptr_nonnull(row);
	ck_assert_uint_eq(row->state, CLEAT_DEVICE_PROBED);
	ck_assert_str_eq(row->driver, "net_stubborn");
	/* and others are not kept from theirs by it */
	ck_assert_msg(cleat_device_attach(&inside, "net_null0") >= 0, "%s", cleat_error());
	refused(cleat_device_detach(&inside, "net_stubborn0"), -EBUSY, "the driver keeps it");
	stubborn.keeps = 0;
	ck_assert_msg(cleat_device_detach(&inside, "net_stubborn0") == 0, "%s", cleat_error());
	ck_assert_ptr_null(row_of("net_stubborn0"));
}
END_TEST

/* Somebody has configured a port with no queues: it is not a new one when the next device comes. */
START_TEST(a_port_without_queues_is_not_new)
{
	uint16_t slot;
	int port = cleat_device_attach(&inside, "net_null0"), sock;

	ck_assert_msg(port >= 0, "%s", cleat_error());
	ck_assert_int_eq(cleat_port_stop(&inside, (uint32_t)port, 0), 0);
	ck_assert_int_eq(cleat_port_configure(&inside, (uint32_t)port, 0, 0, 0), 0);
	sock = inside_attach("looker", &slot);
	ck_assert_int_eq(cleat_device_attach(&inside, "net_null1"), port + 1);
	ck_assert_uint_eq(cleat_registry->ports[port].state, CLEAT_PORT_STOPPED);
	ck_assert_uint_eq(cleat_registry->ports[port].rx_queues, 0);
	ck_assert_uint_eq(
		inside_events(sock, CLEAT__EVENT_KIND__EVENT_PORT_ADDED, (uint32_t)port), 0);
	(void)close(sock);
}
END_TEST

/* ---- BARs ---- */

START_TEST(withdrawn_bars_are_no_devices)
{
	struct cleat_device *device = inside_pci_device("0000:7f:1f.5");
	int device_row = cleat_device_row_of(device);
	uint64_t len_bytes;
	uint16_t slot, row;
	void *va;
	int sock = inside_attach("holder", &slot);

	ck_assert_msg(cleat_bar_map(&inside, device, 0, &va, &len_bytes) == 0, "%s", cleat_error());
	ck_assert_int_eq(cleat_bars_offer(inside.procs[slot], device), 0);
	row = inside.bars[0].rows[1];
	ck_assert_int_eq(cleat_registry->segments[row].device, device_row);
	cleat_bars_withdraw(&inside, device);
	/* the place is not free yet, but whoever uses the device later need not have it */
	ck_assert_uint_eq(cleat_registry->segments[row].kind, CLEAT_SEGMENT_BAR);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(cleat_registry->segments[inside.bars[0].rows[i]].device, 0xffff);
	(void)close(sock);
	inside_turn();
	ck_assert_uint_eq(cleat_registry->segments[row].kind, CLEAT_SEGMENT_FREE);
}
END_TEST

/* ---- memory ---- */

static int map_nothing(const struct cleat_dma_run *run)
{
	return run->len_bytes == 4 << 20 ? cleat_err(-ENOSPC, "the IOMMU is full") : 0;
}

static int unmap_nothing(const struct cleat_dma_run *run)
{
	(void)run;
	return 0;
}

static unsigned segments_used(void)
{
	unsigned n = 0;

	for (int i = 0; i < CLEAT_MAX_SEGMENTS; i++)
		n += cleat_registry->segments[i].kind != CLEAT_SEGMENT_FREE ||
		     inside.segments[i].len_bytes != 0;
	return n;
}

static void ask_to_grow(int sock, uint32_t id)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__MemoryGrow grow = CLEAT__MEMORY_GROW__INIT;

	grow.len_bytes = 4 << 20;
	grow.node = -1;
	env.id = id;
	env.body_case = CLEAT__ENVELOPE__BODY_MEMORY_GROW;
	env.memory_grow = &grow;
	inside_send(sock, &env);
}

START_TEST(memory_that_devices_cannot_reach)
{
	static const struct cleat_dma_sink sink = { .map = map_nothing, .unmap = unmap_nothing };
	struct cleat_heap_stats before, after;
	unsigned segments = segments_used();
	const char *detail;
	uint16_t slot;
	int sock = inside_attach("asker", &slot);

	cleat_heap_stats(inside.heap, 0xffff, &before);
	ck_assert_int_eq(cleat_pci_dma_attach(&sink), 0);
	ask_to_grow(sock, 3);
	/* it is answered without a Map that it would have to answer first */
	ck_assert_int_eq(inside_reply(sock, 3, &detail), -ENOSPC);
	ck_assert_msg(strstr(detail, "the IOMMU is full") != NULL, "said: %s", detail);
	ck_assert_uint_eq(segments_used(), segments);
	ck_assert_int_eq(inside.growth.row, -1);
	cleat_heap_stats(inside.heap, 0xffff, &after);
	ck_assert_uint_eq(after.total_bytes, before.total_bytes);
	cleat_pci_dma_detach();
	ask_to_grow(sock, 4);
	inside_turn();
	ck_assert_int_gt(inside.growth.row, 0);
	/* nobody gets of it before all have it */
	cleat_heap_stats(inside.heap, 0xffff, &after);
	ck_assert_uint_eq(after.free_bytes, before.free_bytes);
	inside_mapped(sock, (uint32_t)inside.growth.row, 0);
	ck_assert_msg(inside_reply(sock, 4, &detail) == 0, "%s", detail);
	cleat_heap_stats(inside.heap, 0xffff, &after);
	ck_assert_uint_eq(after.total_bytes, before.total_bytes + (4 << 20));
	(void)close(sock);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { a_queue_whose_set_up_failed, buffers_of_a_stuck_queue,
		a_device_that_its_driver_keeps, a_port_without_queues_is_not_new,
		withdrawn_bars_are_no_devices, memory_that_devices_cannot_reach };

	return inside_run("primary/left_behind", TESTS, sizeof(TESTS) / sizeof(TESTS[0]));
}
