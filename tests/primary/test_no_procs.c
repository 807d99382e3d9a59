/* SPDX-License-Identifier: BSD-3-Clause */
/* Who does not care for other processes is not woken by them, but told all else. */
#include <unistd.h>

#include "tests/primary/inside.h"

START_TEST(coming_and_end_are_told_to_those_who_care)
{
	static struct inside_port port;
	uint16_t curious_slot, quiet_slot, slot;
	int curious = inside_attach("curious", &curious_slot);
	int quiet = inside_attach_no_procs("quiet", &quiet_slot);
	int sock = inside_attach("another", &slot);
	uint32_t id;

	ck_assert_uint_eq(inside_events(curious, CLEAT__EVENT_KIND__EVENT_PROC_READY, slot), 1);
	ck_assert_uint_eq(inside_events(quiet, CLEAT__EVENT_KIND__EVENT_PROC_READY, slot), 0);
	(void)close(sock);
	ck_assert_uint_eq(inside_events(curious, CLEAT__EVENT_KIND__EVENT_PROC_DIED, slot), 1);
	ck_assert_uint_eq(inside_events(quiet, CLEAT__EVENT_KIND__EVENT_PROC_DIED, slot), 0);
	id = inside_port_add(&port, "net_inside0");
	ck_assert_int_eq(inside.services.port_remove(&inside, &port.ctrl), 0);
	ck_assert_uint_eq(inside_events(quiet, CLEAT__EVENT_KIND__EVENT_PORT_REMOVED, id), 1);
	(void)close(curious);
	(void)close(quiet);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { coming_and_end_are_told_to_those_who_care };

	return inside_run("primary/no_procs", TESTS, sizeof(TESTS) / sizeof(TESTS[0]));
}
