/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/rings.h"

#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/row.h"
#include "runtime/shared.h"
#include "secondary/request.h"

int cleat_ctl_ring_create(
	const char *name, uint32_t slots, enum cleat_ring_mode mode, int or_existing)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__RingCreate body = CLEAT__RING_CREATE__INIT;
	uint64_t ring;
	int err;

	body.name = cleat_request_text(name);
	body.slots = slots;
	body.mode = (uint32_t)mode;
	body.node = -1;
	body.or_existing = or_existing != 0;
	env.body_case = CLEAT__ENVELOPE__BODY_RING_CREATE;
	env.ring_create = &body;
	err = cleat_request_call(&env, &ring);
	return err < 0 ? err : (int)ring;
}

/* Is the other end of the ring another process's, as far as its row tells? */
static uint32_t is_far(const struct cleat_ring_row_shm *row, enum cleat_ring_end end)
{
	uint16_t other = end == CLEAT_RING_PRODUCER ? row->consumer_slot : row->producer_slot;

	return end != CLEAT_RING_BOTH && other != cleat_self_slot;
}

static int describe(const char *name, uint64_t id, enum cleat_ring_end end, struct cleat_ring *ring)
{
	struct cleat_ring_row_shm row;
	int err;

	if (id >= CLEAT_MAX_RINGS)
		return cleat_err(
			-EPROTO, "the primary says that ring %s has a number too high", name);
	err = CLEAT_ROW_READ(&row, &cleat_registry->rings[id]);
	if (err < 0)
		return cleat_err(
			err, "ring %s: its row in the registry does not come to rest", name);
	err = cleat_ring_open_row(ring, (uint32_t)id, &row);
	ring->far = err == 0 && is_far(&row, end);
	return err;
}

static int close_number(uint32_t id, enum cleat_ring_end end)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__RingClose body = CLEAT__RING_CLOSE__INIT;

	body.ring = id;
	body.end = (Cleat__RingEnd)end;
	env.body_case = CLEAT__ENVELOPE__BODY_RING_CLOSE;
	env.ring_close = &body;
	return cleat_request_call(&env, NULL);
}

int cleat_ctl_ring_open(const char *name, enum cleat_ring_end end, struct cleat_ring *ring)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__RingOpen body = CLEAT__RING_OPEN__INIT;
	char why[CLEAT_ERROR_LEN];
	uint64_t id;
	int err;

	body.name = cleat_request_text(name);
	body.end = (Cleat__RingEnd)end;
	env.body_case = CLEAT__ENVELOPE__BODY_RING_OPEN;
	env.ring_open = &body;
	err = cleat_request_call(&env, &id);
	if (err < 0)
		return err;
	err = describe(name, id, end, ring);
	if (err == 0)
		return 0;
	memcpy(why, cleat_error(), strlen(cleat_error()) + 1);
	(void)close_number((uint32_t)id, end);
	return cleat_err(err, "%s", why);
}

int cleat_ctl_ring_close(struct cleat_ring *ring, enum cleat_ring_end end)
{
	int err = close_number(ring->id, end);

	memset(ring, 0, sizeof(*ring));
	return err;
}

int cleat_ctl_ring_free(const char *name)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__RingFree body = CLEAT__RING_FREE__INIT;

	body.name = cleat_request_text(name);
	env.body_case = CLEAT__ENVELOPE__BODY_RING_FREE;
	env.ring_free = &body;
	return cleat_request_call(&env, NULL);
}
