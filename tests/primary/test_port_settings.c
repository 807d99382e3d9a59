/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings of a port: what the device has is switched and told, what it lacks is refused by name.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/port_offload.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/ports.h"
#include "secondary/request.h"
#include "tests/support/toy.h"

#define CAPA                                                                                \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_TX_CHECKSUM | \
		CLEAT_OFFLOAD_TX_SEGMENTS)

static struct child primary;

static void up(const struct toy *toy)
{
	toy_data_register();
	toy_primary_start(&primary, toy);
	attach_as("setter");
}

static void down(void)
{
	cleat_detach();
	primary_stop(&primary);
}

static uint64_t told(enum toy_told what)
{
	return cleat_port_area(&cleat_registry->ports[0])->hw_stats[what];
}

static void refused(int rc, int status, const char *part)
{
	ck_assert_msg(rc == status, "%d: %s", rc, rc < 0 ? cleat_error() : "accepted");
	ck_assert_msg(strstr(cleat_error(), part) != NULL, "no '%s' in: %s", part, cleat_error());
}

static void works(int rc)
{
	ck_assert_msg(rc >= 0, "%s", cleat_error());
}

START_TEST(offloads)
{
	const struct toy toy = {
		.capa = CAPA, .offloads = CLEAT_OFFLOAD_TX_SEGMENTS, .max_mtu = 9000
	};
	const struct cleat_port_shm *row;

	up(&toy);
	row = &cleat_registry->ports[0];
	ck_assert_uint_eq(row->offload_capa, CAPA);
	ck_assert_uint_eq(row->offloads, CLEAT_OFFLOAD_TX_SEGMENTS);
	refused(cleat_ctl_port_offloads(0, CLEAT_OFFLOAD_RX_CHECKSUM), -EBUSY, "stop it first");
	works(cleat_ctl_port_stop(0));
	refused(cleat_ctl_port_offloads(0, CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP),
		-EOPNOTSUPP,
		"port 0 (toy0): its driver net_toy has no rx-vlan-strip; it has: "
		"rx-checksum,rx-scatter,tx-checksum,tx-segments");
	refused(cleat_ctl_port_offloads(0, 0x80000000U), -EINVAL, "0x80000000");
	ck_assert_uint_eq(row->offloads, CLEAT_OFFLOAD_TX_SEGMENTS);
	works(cleat_ctl_port_offloads(0, CLEAT_OFFLOAD_RX_CHECKSUM));
	ck_assert_uint_eq(row->offloads, CLEAT_OFFLOAD_RX_CHECKSUM);
	ck_assert_uint_eq(told(TOY_OFFLOADS), CLEAT_OFFLOAD_RX_CHECKSUM);
	works(cleat_ctl_port_offloads(0, 0));
	ck_assert_uint_eq(row->offloads, 0);
	works(cleat_ctl_port_start(0));
	down();
}
END_TEST

START_TEST(mtu_and_buffers)
{
	const struct toy toy = { .capa = CAPA, .max_mtu = 9000 };
	const struct cleat_pool_request big = {
		.name = "big", .count = 64, .data_bytes = 9018, .headroom_bytes = 128, .node = -1
	};
	const struct cleat_port_shm *row;

	up(&toy);
	row = &cleat_registry->ports[0];
	works(cleat_ctl_port_mtu(0, 2030)); /* 2048 with the header and a tag */
	refused(cleat_ctl_port_mtu(0, 2031), -EINVAL, "takes buffers of 2049 bytes, pool default");
	ck_assert_ptr_nonnull(strstr(cleat_error(), "switch rx-scatter on"));
	refused(cleat_ctl_port_mtu(0, 9001), -EINVAL, "68 to 9000");
	ck_assert_uint_eq(row->mtu, 2030);
	ck_assert_uint_eq(told(TOY_MTU), 2030);
	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_port_offloads(0, CLEAT_OFFLOAD_RX_SCATTER));
	works(cleat_ctl_port_mtu(0, 9000));
	refused(cleat_ctl_port_offloads(0, 0), -EINVAL, "MTU 9000");
	works(cleat_ctl_pool_create(&big));
	works(cleat_ctl_port_configure(0, 1, 1, 0));
	works(cleat_ctl_port_offloads(0, 0)); /* no queue is set up */
	refused(cleat_ctl_queue_setup(0, CLEAT_RX, 0, 0, NULL), -EINVAL, "pool default");
	works(cleat_ctl_queue_setup(0, CLEAT_RX, 0, 0, "big"));
	works(cleat_ctl_queue_setup(0, CLEAT_TX, 0, 0, NULL));
	works(cleat_ctl_port_start(0));
	ck_assert_uint_eq(row->mtu, 9000);
	down();
}
END_TEST

/* What a driver tells while it sets one is not lost. */
START_TEST(a_link_that_changes_meanwhile)
{
	const struct toy toy = { .max_mtu = 9000, .relinks = true };
	const struct cleat_port_shm *row;

	up(&toy);
	row = &cleat_registry->ports[0];
	ck_assert_uint_eq(row->link_up, 0);
	for (uint16_t i = 1; i <= 4; i++) {
		works(cleat_ctl_port_mtu(0, (uint16_t)(1500 + i)));
		ck_assert_uint_eq(row->mtu, 1500 + i);
		ck_assert_uint_eq(row->link_up, i % 2);
	}
	down();
}
END_TEST

START_TEST(filters)
{
	const struct toy toy = { .max_mtu = 1500, .filters = 3, .room = 2 };
	const uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 251 }, one[6] = { 2, 0, 0, 0, 0, 7 };
	const uint8_t own[6] = { 2, 0, 0, 0, 0, 1 }, zero[6] = { 0 }, third[6] = { 2, 1 };

	up(&toy);
	ck_assert_uint_eq(cleat_registry->ports[0].max_mac_filters, 3);
	works(cleat_ctl_port_filter_add(0, group));
	works(cleat_ctl_port_filter_add(0, one));
	refused(cleat_ctl_port_filter_add(0, one), -EEXIST, "already");
	refused(cleat_ctl_port_filter_add(0, own), -EEXIST, "already");
	refused(cleat_ctl_port_filter_add(0, zero), -EINVAL, "zero address");
	refused(cleat_ctl_port_filter_add(0, third), -ENOSPC, "the toy's table is full");
	refused(cleat_ctl_port_filter_remove(0, third), -ENOENT, "no filter");
	ck_assert_uint_eq(told(TOY_FILTERS), 2);
	works(cleat_ctl_port_filter_remove(0, group));
	works(cleat_ctl_port_filter_add(0, third));
	works(cleat_ctl_port_filter_remove(0, one));
	works(cleat_ctl_port_filter_remove(0, third));
	ck_assert_uint_eq(told(TOY_FILTERS), 0);
	down();
}
END_TEST

START_TEST(filters_are_counted)
{
	const struct toy toy = { .max_mtu = 1500, .filters = 1, .room = 9 };
	const uint8_t one[6] = { 2, 0, 0, 0, 0, 7 }, two[6] = { 2, 0, 0, 0, 0, 8 };

	up(&toy);
	works(cleat_ctl_port_filter_add(0, one));
	refused(cleat_ctl_port_filter_add(0, two), -ENOSPC, "all 1 address filters are in use");
	ck_assert_uint_eq(told(TOY_FILTERS), 1);
	down();
}
END_TEST

static int configure_flags(uint32_t flags)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortConfigure body = CLEAT__PORT_CONFIGURE__INIT;

	body.rx_queues = body.tx_queues = 1;
	body.flags = flags;
	env.body_case = CLEAT__ENVELOPE__BODY_PORT_CONFIGURE;
	env.port_configure = &body;
	return cleat_request_call(&env, NULL);
}

START_TEST(what_is_received)
{
	const struct toy toy = { .max_mtu = 1500 };
	const struct cleat_port_shm *row;

	up(&toy);
	row = &cleat_registry->ports[0];
	works(cleat_ctl_port_allmulticast(0, 1));
	works(cleat_ctl_port_promiscuous(0, 1));
	ck_assert_uint_eq(row->flags, CLEAT_PORT_PROMISCUOUS | CLEAT_PORT_ALLMULTI);
	ck_assert_uint_eq(told(TOY_PROMISCUOUS) + told(TOY_ALLMULTI), 2);
	works(cleat_ctl_port_promiscuous(0, 0));
	ck_assert_uint_eq(row->flags, CLEAT_PORT_ALLMULTI);
	works(cleat_ctl_port_stop(0));
	works(configure_flags(CLEAT_PORT_PROMISCUOUS)); /* these and no others */
	ck_assert_uint_eq(row->flags, CLEAT_PORT_PROMISCUOUS);
	ck_assert_uint_eq(told(TOY_PROMISCUOUS), 1);
	ck_assert_uint_eq(told(TOY_ALLMULTI), 0);
	refused(configure_flags(4), -EINVAL, "flags 0x4");
	works(cleat_ctl_port_configure(0, 1, 1, 0)); /* leaves them */
	ck_assert_uint_eq(row->flags, CLEAT_PORT_PROMISCUOUS);
	works(configure_flags(0));
	ck_assert_uint_eq(row->flags, 0);
	down();
}
END_TEST

START_TEST(what_a_bare_device_lacks)
{
	const struct toy toy = { .max_mtu = 9000, .bare = true };
	const uint8_t one[6] = { 2, 0, 0, 0, 0, 7 };

	up(&toy);
	refused(cleat_ctl_port_promiscuous(0, 1), -EOPNOTSUPP,
		"port 0 (toy0): its driver net_toy cannot be promiscuous");
	works(cleat_ctl_port_promiscuous(0, 0));
	refused(cleat_ctl_port_allmulticast(0, 1), -EOPNOTSUPP, "receive all multicast");
	refused(cleat_ctl_port_mtu(0, 1400), -EOPNOTSUPP, "change its MTU");
	works(cleat_ctl_port_mtu(0, 1500));
	refused(cleat_ctl_port_mac(0, one), -EOPNOTSUPP, "change its MAC address");
	refused(cleat_ctl_port_filter_add(0, one), -EOPNOTSUPP, "further addresses");
	works(cleat_ctl_port_stop(0));
	refused(cleat_ctl_port_offloads(0, CLEAT_OFFLOAD_RX_RSS), -EOPNOTSUPP,
		"has no rx-rss; it has: none");
	works(cleat_ctl_port_offloads(0, 0));
	works(cleat_ctl_port_start(0));
	down();
}
END_TEST

/* Another process that holds a queue keeps everybody from setting the port. */
static int hold_a_queue(void *instance)
{
	struct cleat_attach_options options = { .instance = instance, .name = "holder" };

	if (cleat_attach(&options, NULL) < 0 || cleat_ctl_queue_claim(0, CLEAT_TX, 1) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		return 1;
	}
	fprintf(stderr, "holder is running\n");
	for (;;)
		sleep_us(1000000);
}

START_TEST(settings_are_the_holders)
{
	const struct toy toy = { .capa = CAPA, .max_mtu = 1500, .filters = 1, .room = 1 };
	const uint8_t one[6] = { 2, 0, 0, 0, 0, 7 };
	struct child holder;
	char instance[CLEAT_NAME_LEN];

	toy_data_register();
	toy_primary_start(&primary, &toy);
	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	child_fork(&holder, "holder", hold_a_queue, instance);
	child_wait_running(&holder);
	ck_assert_int_eq(cleat_attach(&(struct cleat_attach_options){ .instance = instance,
					      .name = "other" },
				 NULL),
		0);
	refused(cleat_ctl_port_promiscuous(0, 1), -EBUSY, "holder (pid");
	refused(cleat_ctl_port_allmulticast(0, 1), -EBUSY, "holder (pid");
	refused(cleat_ctl_port_mtu(0, 1400), -EBUSY, "holds tx queue 1");
	refused(cleat_ctl_port_mac(0, one), -EBUSY, "holder (pid");
	refused(cleat_ctl_port_filter_add(0, one), -EBUSY, "holder (pid");
	refused(cleat_ctl_port_filter_remove(0, one), -EBUSY, "holder (pid");
	refused(cleat_ctl_port_offloads(0, 0), -EBUSY, "holder (pid");
	works(cleat_ctl_queue_claim(0, CLEAT_TX, 0)); /* its own queue does not help */
	refused(cleat_ctl_port_mtu(0, 1400), -EBUSY, "holder (pid");
	child_end(&holder);
	down();
}
END_TEST

START_TEST(virtual_devices_stay_as_they_were)
{
	struct cleat_attach_options options = { .instance = test_instance(), .name = "setter" };
	const uint8_t one[6] = { 2, 0, 0, 0, 0, 7 };

	primary_start(&primary, 32, "--vdev", "net_null0", NULL);
	ck_assert_int_eq(cleat_attach(&options, NULL), 0);
	works(cleat_ctl_port_promiscuous(0, 1));
	works(cleat_ctl_port_mtu(0, 9000));
	works(cleat_ctl_port_mac(0, one));
	refused(cleat_ctl_port_allmulticast(0, 1), -EOPNOTSUPP, "net_null cannot");
	refused(cleat_ctl_port_filter_add(0, one), -EOPNOTSUPP, "net_null cannot");
	works(cleat_ctl_port_stop(0));
	refused(cleat_ctl_port_offloads(0, CLEAT_OFFLOAD_RX_VLAN_STRIP), -EOPNOTSUPP,
		"port 0 (net_null0): its driver net_null has no rx-vlan-strip; it has: none");
	works(cleat_ctl_port_offloads(0, 0));
	down();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_settings");
	TCase *tc = tcase_create("port_settings");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, offloads);
	tcase_add_test(tc, mtu_and_buffers);
	tcase_add_test(tc, a_link_that_changes_meanwhile);
	tcase_add_test(tc, filters);
	tcase_add_test(tc, filters_are_counted);
	tcase_add_test(tc, what_is_received);
	tcase_add_test(tc, what_a_bare_device_lacks);
	tcase_add_test(tc, settings_are_the_holders);
	tcase_add_test(tc, virtual_devices_stay_as_they_were);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
