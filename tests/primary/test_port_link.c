/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tables say of a link is what the driver knows of it, so no change goes by untold. */
#include <string.h>
#include <unistd.h>

#include "primary/ports.h"
#include "runtime/error.h"
#include "tests/primary/inside.h"

static struct cleat_link cable;
static struct inside_port port;

static int link_get(struct cleat_port_ctrl *ctrl, struct cleat_link *out)
{
	(void)ctrl;
	*out = cable;
	return 0;
}

/* As drivers do, at an interrupt or once per second. */
static void driver_looks(void)
{
	if (cable.up == port.ctrl.link.up && cable.mbps == port.ctrl.link.mbps)
		return;
	port.ctrl.link = cable;
	inside.services.link_changed(inside.services.ctx, &port.ctrl);
}

static const struct cleat_port_shm *row_of(uint32_t id)
{
	return &cleat_registry->ports[id];
}

/* A start resets the device, and the link is away for a moment. */
START_TEST(a_link_that_comes_back_after_a_start_is_told)
{
	struct cleat_port_ops ops;
	uint32_t id = inside_port_add(&port, "net_inside0");
	uint16_t slot;
	int sock = inside_attach("watcher", &slot);

	ops = *port.ctrl.ops;
	ops.link_get = link_get;
	port.ctrl.ops = &ops;
	cable = (struct cleat_link){ .up = 1, .mbps = 1000 };
	driver_looks();
	ck_assert_uint_eq(row_of(id)->link_up, 1);

	ck_assert_int_eq(cleat_port_stop(&inside, id, slot), 0);
	cable = (struct cleat_link){ .up = 0 };
	ck_assert_int_eq(cleat_port_start(&inside, id), 0);
	ck_assert_uint_eq(row_of(id)->link_up, 0);
	(void)inside_events(sock, CLEAT__EVENT_KIND__EVENT_LINK, id);

	cable = (struct cleat_link){ .up = 1, .mbps = 1000 };
	driver_looks();
	ck_assert_uint_eq(row_of(id)->link_up, 1);
	ck_assert_uint_eq(row_of(id)->link_mbps, 1000);
	ck_assert_uint_eq(inside_events(sock, CLEAT__EVENT_KIND__EVENT_LINK, id), 1);

	(void)close(sock);
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { a_link_that_comes_back_after_a_start_is_told };

	return inside_run("primary/port_link", TESTS, sizeof(TESTS) / sizeof(TESTS[0]));
}
