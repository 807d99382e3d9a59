/* SPDX-License-Identifier: BSD-3-Clause */
/* A process that has not read for long: what it must know is told when it reads again, and what it
 * could not be told of does not count as done. */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "primary/bars.h"
#include "primary/memory.h"
#include "primary/ports.h"
#include "runtime/error.h"
#include "tests/primary/inside.h"

#define REMOVED CLEAT__EVENT_KIND__EVENT_PORT_REMOVED
#define ADDED	CLEAT__EVENT_KIND__EVENT_PORT_ADDED
#define UNMAP	CLEAT__EVENT_KIND__EVENT_SEGMENT_REMOVE

static void send_claim(int sock, uint32_t id, uint32_t port)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__QueueClaim body = CLEAT__QUEUE_CLAIM__INIT;

	body.port = port;
	env.id = id;
	env.body_case = CLEAT__ENVELOPE__BODY_QUEUE_CLAIM;
	env.queue_claim = &body;
	inside_send(sock, &env);
}

static void send_port_left(int sock, uint32_t port)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortLeft body = CLEAT__PORT_LEFT__INIT;

	body.port = port;
	env.body_case = CLEAT__ENVELOPE__BODY_PORT_LEFT;
	env.port_left = &body;
	inside_send(sock, &env);
	inside_turn();
}

static uint16_t owner_of_rx0(uint32_t port)
{
	return cleat_registry->queues[port][CLEAT_RX][0].owner_slot;
}

START_TEST(removal_of_a_port_is_told_later)
{
	static struct inside_port port;
	uint32_t id = inside_port_add(&port, "net_inside0");
	const char *detail;
	uint16_t slot;
	int sock = inside_attach("deaf", &slot);

	send_claim(sock, 1, id);
	ck_assert_msg(inside_reply(sock, 1, &detail) == 0, "%s", detail);
	inside_fill(slot);
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
	ck_assert_uint_eq(cleat_registry->ports[id].state, CLEAT_PORT_REMOVED);
	ck_assert_uint_eq(inside_events(sock, REMOVED, id), 1);
	ck_assert_uint_eq(inside_events(sock, REMOVED, id), 0);
	send_port_left(sock, id);
	ck_assert_uint_eq(cleat_registry->ports[id].state, CLEAT_PORT_FREE);
	(void)close(sock);
}
END_TEST

/* It held nothing of it, so the port's id was free for the next one before it heard of it. */
START_TEST(a_port_that_left_and_came_again)
{
	static struct inside_port port, next;
	uint32_t id = inside_port_add(&port, "net_inside0");
	struct cleat_message m;
	unsigned removed = 0, added_after = 0;
	uint16_t slot;
	int sock = inside_attach("deaf", &slot);

	inside_fill(slot);
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
	ck_assert_uint_eq(inside_port_add(&next, "net_inside1"), id);
	for (unsigned idle = 0; idle < 3; idle++) {
		inside_turn();
		while (inside_next(sock, &m)) {
			idle = 0;
			if (m.env->body_case == CLEAT__ENVELOPE__BODY_EVENT &&
				m.env->event->subject == id) {
				removed += m.env->event->kind == REMOVED;
				added_after += m.env->event->kind == ADDED && removed == 1;
			}
			cleat_message_clear(&m);
		}
	}
	ck_assert_uint_eq(removed, 1);
	ck_assert_uint_eq(added_after, 1);
	ck_assert_int_eq(inside.services.port_remove(&inside, &next.ctrl), 0);
	(void)close(sock);
}
END_TEST

/* ---- BARs ---- */

static unsigned bars_used(void)
{
	unsigned n = 0;

	for (int i = 0; i < CLEAT_MAX_BARS; i++)
		n += inside.bars[i].len_bytes != 0;
	return n;
}

/* A device whose BAR, of two parts, was sent to that process. */
static struct cleat_device *device_of(uint16_t slot, uint16_t rows[2])
{
	struct cleat_device *device = inside_pci_device("0000:7f:1f.5");
	uint64_t len_bytes;
	void *va;

	ck_assert_msg(cleat_bar_map(&inside, device, 0, &va, &len_bytes) == 0, "%s", cleat_error());
	ck_assert_uint_eq(bars_used(), 1);
	rows[0] = inside.bars[0].rows[0];
	rows[1] = inside.bars[0].rows[1];
	ck_assert_int_eq(cleat_bars_offer(inside.procs[slot], device), 0);
	return device;
}

START_TEST(withdrawn_bars_are_asked_for_later)
{
	uint16_t slot, rows[2];
	int sock = inside_attach("deaf", &slot);
	struct cleat_device *device = device_of(slot, rows);

	inside_mapped(sock, rows[0], 0);
	inside_mapped(sock, rows[1], 0);
	(void)inside_events(sock, UNMAP, 0);
	inside_fill(slot);
	cleat_bars_withdraw(&inside, device);
	ck_assert_uint_eq(inside_events(sock, UNMAP, rows[0]), 1);
	ck_assert_uint_eq(bars_used(), 1);
	inside_mapped(sock, rows[0], 0);
	inside_mapped(sock, rows[0], 0); /* twice is not both */
	inside_turn();
	ck_assert_uint_eq(bars_used(), 1);
	inside_mapped(sock, rows[1], 0);
	inside_turn();
	ck_assert_uint_eq(bars_used(), 0);
	(void)close(sock);
}
END_TEST

/* Its answers to the Map come after the BARs were withdrawn, and before it was asked to unmap. */
START_TEST(late_answers_to_a_map_are_none_to_an_unmap)
{
	uint16_t slot, rows[2];
	int sock = inside_attach("late", &slot);
	struct cleat_device *device = device_of(slot, rows);

	inside_fill(slot);
	cleat_bars_withdraw(&inside, device);
	ck_assert(cleat_bars_answered(&inside, slot, rows[0], 0));
	ck_assert(cleat_bars_answered(&inside, slot, rows[1], 0));
	ck_assert_uint_eq(bars_used(), 1);
	ck_assert_uint_eq(inside_events(sock, UNMAP, rows[1]), 1);
	ck_assert_uint_eq(bars_used(), 1);
	inside_mapped(sock, rows[0], 0);
	inside_mapped(sock, rows[1], 0);
	inside_turn();
	ck_assert_uint_eq(bars_used(), 0);
	(void)close(sock);
}
END_TEST

/* The order of answers as it is without any delay: two of Map, two of unmap. */
START_TEST(a_map_answered_after_the_unmap_was_asked_for)
{
	uint16_t slot, rows[2];
	int sock = inside_attach("slow", &slot);
	struct cleat_device *device = device_of(slot, rows);

	cleat_bars_withdraw(&inside, device);
	inside_mapped(sock, rows[0], 0);
	inside_mapped(sock, rows[1], -ENOMEM); /* then there is nothing to unmap */
	inside_mapped(sock, rows[0], 0);
	inside_turn();
	ck_assert_uint_eq(bars_used(), 1);
	inside_mapped(sock, rows[1], -ENOENT);
	inside_turn();
	ck_assert_uint_eq(bars_used(), 0);
	(void)close(sock);
}
END_TEST

START_TEST(who_cannot_unmap_keeps_it_until_its_end)
{
	uint16_t slot, rows[2];
	int sock = inside_attach("keeper", &slot);
	struct cleat_device *device = device_of(slot, rows);

	inside_mapped(sock, rows[0], 0);
	inside_mapped(sock, rows[1], 0);
	inside_turn();
	cleat_bars_withdraw(&inside, device);
	inside_mapped(sock, rows[0], -EOPNOTSUPP);
	inside_mapped(sock, rows[1], 0);
	inside_turn();
	ck_assert_uint_eq(bars_used(), 1);
	(void)close(sock);
	inside_turn();
	ck_assert_uint_eq(bars_used(), 0);
}
END_TEST

/* ---- memory ---- */

START_TEST(new_memory_is_offered_later)
{
	uint16_t slot, asker_slot;
	int sock = inside_attach("deaf", &slot), asker = inside_attach("asker", &asker_slot);
	const char *detail;
	int row;

	(void)inside_events(sock, ADDED, 0);
	inside_fill(slot);
	ck_assert_msg(
		cleat_memory_grow(&inside, 4 << 20, -1, asker_slot, 7) == 0, "%s", cleat_error());
	row = inside.growth.row;
	ck_assert_int_gt(row, 0);
	inside_mapped(asker, (uint32_t)row, 0);
	inside_turn();
	ck_assert_int_eq(inside.growth.row, row); /* not before the other one has it, too */
	ck_assert_uint_eq(cleat_registry->segments[row].ready, 0);
	(void)inside_events(sock, ADDED, 0);
	inside_mapped(sock, (uint32_t)row, 0);
	ck_assert_msg(inside_reply(asker, 7, &detail) == 0, "%s", detail);
	ck_assert_int_eq(inside.growth.row, -1);
	ck_assert_uint_eq(cleat_registry->segments[row].ready, 1);
	(void)close(sock);
	(void)close(asker);
}
END_TEST

/* ---- a reply that cannot be sent ---- */

static struct rlimit normal;

/* No descriptor number is left when the reply is to be kept for later. */
static int open_the_last(struct cleat_port_ctrl *ctrl, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	struct rlimit few;

	(void)ctrl;
	(void)dir;
	(void)queue;
	grant->fds[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	grant->n_fds = 1;
	few = normal;
	few.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	return 0;
}

START_TEST(a_claim_whose_reply_is_lost_is_undone)
{
	static const struct cleat_port_ops ops = { .queue_open = open_the_last };
	static struct inside_port port;
	uint32_t id = inside_port_add(&port, "net_inside0");
	struct cleat_conn *c;
	uint16_t slot;
	int sock = inside_attach("deaf", &slot);
	int fds = -1;

	c = inside.procs[slot];
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &normal), 0);
	port.ctrl.ops = &ops;
	send_claim(sock, 5, id);
	while (cleat_socket_send(c->sock, "x", 1, NULL, 0) == 0) /* full, and nothing is kept */
		;
	inside_turn();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &normal), 0);
	fds = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_uint_eq(owner_of_rx0(id), CLEAT_SLOT_NONE);
	ck_assert_uint_eq(cleat_registry->queues[id][CLEAT_RX][0].claims, 1); /* it was granted */
	(void)close(fds);
	(void)close(sock);
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { removal_of_a_port_is_told_later,
		a_port_that_left_and_came_again, withdrawn_bars_are_asked_for_later,
		late_answers_to_a_map_are_none_to_an_unmap,
		a_map_answered_after_the_unmap_was_asked_for,
		who_cannot_unmap_keeps_it_until_its_end, new_memory_is_offered_later,
		a_claim_whose_reply_is_lost_is_undone };

	return inside_run("primary/untold", TESTS, sizeof(TESTS) / sizeof(TESTS[0]));
}
