/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker asks of a port: its first user sets it, others take it as it is or are told. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/port_offload.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/ports.h"
#include "tests/support/toy.h"

#define SCATTER CLEAT_OFFLOAD_RX_SCATTER

static const struct toy toy = { .capa = SCATTER | CLEAT_OFFLOAD_TX_SEGMENTS,
	.offloads = CLEAT_OFFLOAD_TX_SEGMENTS,
	.max_mtu = 9000,
	.picky = true,
	.narrow = true };
static struct child primary;
static const struct cleat_port_shm *row;

static void setup(void)
{
	toy_data_register();
	toy_primary_start(&primary, &toy);
	attach_as("wisher");
	row = &cleat_registry->ports[0];
}

static void teardown(void)
{
	cleat_detach();
	primary_stop(&primary);
}

static void works(int rc)
{
	ck_assert_msg(rc >= 0, "%s", cleat_error());
}

static void refused(int rc, int status, const char *part)
{
	ck_assert_msg(rc == status, "%d: %s", rc, rc < 0 ? cleat_error() : "accepted");
	ck_assert_msg(strstr(cleat_error(), part) != NULL, "no '%s' in: %s", part, cleat_error());
	ck_assert_uint_eq(row->state, CLEAT_PORT_STARTED);
}

static int make_pool(const char *name, uint32_t data_bytes)
{
	const struct cleat_pool_request req = {
		.name = name, .count = 64, .data_bytes = data_bytes, .node = -1
	};
	int pool = cleat_ctl_pool_create(&req);

	works(pool);
	return pool;
}

/* Where the rx queues of port 0 are filled from. */
static void receives_into(int first, int second)
{
	const struct cleat_queue_row_shm *queues = cleat_registry->queues[0][CLEAT_RX];

	ck_assert_int_eq(queues[0].pool, first);
	ck_assert_int_eq(queues[1].pool, second);
	ck_assert_int_eq(queues[0].configured, 1);
	ck_assert_int_eq(queues[1].configured, 1);
}

START_TEST(first_user_sets_it)
{
	const struct cleat_port_wish wish = {
		.mtu = 9000, .has_offloads = 1, .offloads = SCATTER, .promiscuous = 1
	};
	const struct cleat_port_wish shorter = { .mtu = 1400, .has_offloads = 1 };

	works(cleat_port_prepare(0, CLEAT_RX, 0, &wish));
	ck_assert_uint_eq(row->mtu, 9000);
	ck_assert_uint_eq(row->offloads, SCATTER);
	ck_assert_uint_eq(row->flags, CLEAT_PORT_PROMISCUOUS);
	ck_assert_uint_eq(row->state, CLEAT_PORT_STARTED);
	works(cleat_port_prepare(0, CLEAT_TX, 0, &wish));
	works(cleat_port_prepare(0, CLEAT_RX, 0, &shorter));
	ck_assert_uint_eq(row->mtu, 1400);
	ck_assert_uint_eq(row->offloads, 0);
	ck_assert_uint_eq(row->flags, CLEAT_PORT_PROMISCUOUS); /* not asked for: left */
	ck_assert_uint_eq(row->rx_queues, 2);
}
END_TEST

START_TEST(refused_wishes_change_nothing)
{
	const struct cleat_port_wish lacks = { .has_offloads = 1,
		.offloads = SCATTER | CLEAT_OFFLOAD_RX_RSS };
	const struct cleat_port_wish too_long = { .mtu = 9001 };
	const struct cleat_port_wish no_room = { .mtu = 3000, .has_offloads = 1 };
	const struct cleat_port_wish own = { .pool = "own", .mtu = 1600 };
	int pool = make_pool("own", 0);

	works(cleat_port_prepare(0, CLEAT_RX, 0, &own));
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &lacks), -EOPNOTSUPP, "has no rx-rss");
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &too_long), -EINVAL, "68 to 9000");
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &no_room), -EINVAL, "MTU 3000 takes buffers");
	ck_assert_uint_eq(row->mtu, 1600);
	ck_assert_uint_eq(row->offloads, CLEAT_OFFLOAD_TX_SEGMENTS);
	receives_into(pool, pool);
}
END_TEST

/* They got as far as the queues: all that was set before is taken back, in an order that the device
 * takes. */
START_TEST(wishes_refused_late_change_nothing)
{
	const struct cleat_port_wish jumbo = {
		.mtu = 9000, .has_offloads = 1, .offloads = SCATTER
	};
	const struct cleat_port_wish no_scatter = {
		.has_offloads = 1, .promiscuous = 1, .queues = 2
	};

	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_port_configure(0, 1, 1, 0));
	works(cleat_port_prepare(0, CLEAT_RX, 0, &jumbo));
	refused(cleat_port_prepare(0, CLEAT_RX, 1, &no_scatter), -EINVAL, "MTU 9000 takes buffers");
	ck_assert_uint_eq(row->mtu, 9000);
	ck_assert_uint_eq(row->offloads, SCATTER);
	ck_assert_uint_eq(row->flags & CLEAT_PORT_PROMISCUOUS, 0);
	ck_assert_uint_eq(row->rx_queues, 1);
	ck_assert_uint_eq(row->tx_queues, 1);
}
END_TEST

START_TEST(pool_is_set_by_the_first_user)
{
	const struct cleat_port_wish own = { .pool = "own" }, back = { .pool = "default" };
	const struct cleat_port_wish none = { .mtu = 1600 };
	int was = cleat_registry_find_pool("default", NULL), pool = make_pool("own", 0);

	receives_into(was, was);
	works(cleat_port_prepare(0, CLEAT_RX, 0, &own));
	receives_into(pool, pool);
	works(cleat_port_prepare(0, CLEAT_RX, 1, &none)); /* not asked for: left */
	receives_into(pool, pool);
	works(cleat_port_prepare(0, CLEAT_TX, 0, &back)); /* receives nothing */
	receives_into(pool, pool);
	works(cleat_port_prepare(0, CLEAT_RX, 1, &back));
	receives_into(was, was);
	ck_assert_uint_eq(row->mtu, 1600);
}
END_TEST

START_TEST(each_queue_keeps_its_pool)
{
	const struct cleat_port_wish own = { .pool = "own" }, longer = { .mtu = 1600 };
	int was = cleat_registry_find_pool("default", NULL), pool = make_pool("own", 0);

	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_queue_setup(0, CLEAT_RX, 1, 0, "own"));
	works(cleat_ctl_port_start(0));
	works(cleat_port_prepare(0, CLEAT_RX, 1, &own)); /* it has what it asks for */
	receives_into(was, pool);
	works(cleat_port_prepare(0, CLEAT_TX, 0, &longer));
	receives_into(was, pool);
	ck_assert_uint_eq(row->mtu, 1600);
}
END_TEST

START_TEST(refused_pools_change_nothing)
{
	const struct cleat_port_wish none = { .pool = "nosuch", .promiscuous = 1 };
	const struct cleat_port_wish small = { .pool = "small", .mtu = 1400 };
	const struct cleat_port_wish wide = { .pool = "wide", .mtu = 1400, .promiscuous = 1 };
	int was = cleat_registry_find_pool("default", NULL), pool = make_pool("own", 0);

	(void)make_pool("small", 512);
	(void)make_pool("wide", 4096);
	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_queue_setup(0, CLEAT_RX, 1, 0, "own"));
	works(cleat_ctl_port_start(0));
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &none), -ENOENT, "nosuch");
	receives_into(was, pool);
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &small), -EINVAL, "pool small of rx queue 0");
	receives_into(was, pool);
	/* queue 0 has it already when queue 1 is refused */
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &wide), -EINVAL, "toy's rx queue 1");
	receives_into(was, pool);
	ck_assert_uint_eq(row->mtu, 1500);
	ck_assert_uint_eq(row->flags & CLEAT_PORT_PROMISCUOUS, 0);
}
END_TEST

/* Whoever only sends leaves the pools alone, but its wish must not fail for one that is too small
 * while a fitting one is named: then it takes that. */
START_TEST(sender_names_a_pool_for_long_frames)
{
	const struct cleat_port_wish none = { .mtu = 2040 }, wide = { .pool = "wide", .mtu = 2040 };
	const struct cleat_port_wish small = { .pool = "small", .mtu = 2040 };
	int was = cleat_registry_find_pool("default", NULL), pool = make_pool("wide", 4096);

	(void)make_pool("small", 512);
	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_port_configure(0, 1, 1, 0));
	works(cleat_ctl_queue_setup(0, CLEAT_RX, 0, 0, NULL));
	works(cleat_ctl_queue_setup(0, CLEAT_TX, 0, 0, NULL));
	works(cleat_ctl_port_start(0));
	refused(cleat_port_prepare(0, CLEAT_TX, 0, &none), -EINVAL, "pool default of rx queue 0");
	refused(cleat_port_prepare(0, CLEAT_TX, 0, &small), -EINVAL, "pool small of rx queue 0");
	ck_assert_int_eq(cleat_registry->queues[0][CLEAT_RX][0].pool, was);
	ck_assert_uint_eq(row->mtu, 1500);
	works(cleat_port_prepare(0, CLEAT_TX, 0, &wide));
	ck_assert_int_eq(cleat_registry->queues[0][CLEAT_RX][0].pool, pool);
	works(cleat_port_prepare(0, CLEAT_RX, 0, &wide));
	ck_assert_uint_eq(row->mtu, 2040);
}
END_TEST

/* The primary chooses for a queue that has none, also if it had one that is no more. */
START_TEST(pools_that_are_gone_are_forgotten)
{
	const struct cleat_port_wish own = { .pool = "own" }, none = { .queues = 2 };
	int was = cleat_registry_find_pool("default", NULL), pool = make_pool("own", 0);

	ck_assert_uint_ge(cleat_registry->queues[0][CLEAT_RX][2].pool, CLEAT_MAX_POOLS);
	works(cleat_port_prepare(0, CLEAT_RX, 1, &own));
	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_port_configure(0, 1, 1, 0));
	works(cleat_ctl_queue_setup(0, CLEAT_RX, 0, 0, NULL));
	works(cleat_ctl_pool_free("own"));
	ck_assert_int_eq(make_pool("stranger", 0), pool);
	works(cleat_port_prepare(0, CLEAT_RX, 1, &none));
	receives_into(was, was);
}
END_TEST

START_TEST(queues_are_added_for_the_first_user)
{
	const struct cleat_port_wish plain = { .queues = 1 };

	works(cleat_ctl_port_stop(0));
	works(cleat_ctl_port_configure(0, 1, 1, 0));
	works(cleat_port_prepare(0, CLEAT_TX, 0, &plain));
	ck_assert_uint_eq(row->rx_queues, 1);
	works(cleat_port_prepare(0, CLEAT_RX, 1, &plain));
	ck_assert_uint_eq(row->rx_queues, 2);
	works(cleat_ctl_queue_claim(0, CLEAT_RX, 1));
	refused(cleat_port_prepare(0, CLEAT_RX, 2, &plain), -EINVAL, "no rx queue 2: it has 2");
	works(cleat_ctl_queue_release(0, CLEAT_RX, 1));
}
END_TEST

static int hold_a_queue(void *instance)
{
	struct cleat_attach_options options = { .instance = instance, .name = "holder" };
	const struct cleat_port_wish wish = { .mtu = 1600 };

	if (cleat_attach(&options, NULL) < 0 || cleat_port_prepare(0, CLEAT_TX, 1, &wish) < 0 ||
		cleat_ctl_queue_claim(0, CLEAT_TX, 1) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		return 1;
	}
	fprintf(stderr, "holder is running\n");
	for (;;)
		sleep_us(1000000);
}

START_TEST(others_take_it_as_it_is)
{
	const struct cleat_port_wish same = { .mtu = 1600 };
	const struct cleat_port_wish other = { .mtu = 1500 };
	const struct cleat_port_wish loads = { .has_offloads = 1 };
	const struct cleat_port_wish promiscuous = { .promiscuous = 1 };
	const struct cleat_port_wish own = { .pool = "own" }, none = { .pool = "nosuch" };
	char instance[CLEAT_NAME_LEN];
	struct child holder;
	int pool;

	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	cleat_detach();
	child_fork(&holder, "holder", hold_a_queue, instance);
	child_wait_running(&holder);
	ck_assert_int_eq(cleat_attach(&(struct cleat_attach_options){ .instance = instance,
					      .name = "second" },
				 NULL),
		0);
	row = &cleat_registry->ports[0];
	works(cleat_port_prepare(0, CLEAT_RX, 0, &same));
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &other), -EBUSY,
		"port 0 (toy0) has MTU 1600, not 1500; it is set by its first user, and holder "
		"(pid");
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &loads), -EBUSY,
		"has the offloads tx-segments, not none");
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &promiscuous), -EBUSY, "not promiscuous");
	pool = make_pool("own", 0);
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &own), -EBUSY,
		"port 0 (toy0) has rx queue 0 filled from pool default, not own; it is set by its "
		"first user, and holder (pid");
	works(cleat_port_prepare(0, CLEAT_TX, 0, &own));
	refused(cleat_port_prepare(0, CLEAT_RX, 0, &none), -ENOENT, "nosuch"); /* that first */
	child_end(&holder);
	works(cleat_port_prepare(0, CLEAT_RX, 0, &other)); /* within the tries */
	ck_assert_uint_eq(row->mtu, 1500);
	works(cleat_port_prepare(0, CLEAT_RX, 0, &own));
	receives_into(pool, pool);
}
END_TEST

/* ---- the programs ---- */

static int worker(struct child *c, const char *option, const char *value)
{
	return child_run(c, "cleat-rxtx", "--instance", test_instance(), "--mode", "rxonly", "--rx",
		"port:0:0", "--packets", "10", option, value, NULL);
}

START_TEST(options_of_the_workers)
{
	struct child c, p;

	primary_start(&p, 32, "--vdev", "net_null0", "--vdev", "net_null1", NULL);
	ck_assert_msg(worker(&c, "--mtu", "9000") == 0, "%s", child_err(&c));
	child_end(&c);
	ck_assert_msg(worker(&c, "--offloads", "none") == 0, "%s", child_err(&c));
	child_end(&c);
	ck_assert_int_eq(worker(&c, "--offloads", "rx-vlan-strip"), 1);
	ck_assert_msg(
		strstr(child_err(&c),
			"port 0 (net_null0): its driver net_null has no rx-vlan-strip") != NULL,
		"%s", child_err(&c));
	child_end(&c);
	ck_assert_int_eq(worker(&c, "--offloads", "tso"), 2);
	ck_assert_msg(strstr(child_err(&c), "--offloads: 'tso' is no offload") != NULL, "%s",
		child_err(&c));
	child_end(&c);
	ck_assert_int_eq(worker(&c, "--mtu", "67"), 2);
	child_end(&c);
	ck_assert_int_eq(child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--rx",
				 "ring:a", "--tx", "ring:b", "--promiscuous", NULL),
		2);
	ck_assert_msg(strstr(child_err(&c), "neither") != NULL, "%s", child_err(&c));
	child_end(&c);
	ck_assert_msg(child_run(&c, "cleat-l2fwd", "--instance", test_instance(), "--promiscuous",
			      "--mtu", "1400", "--packets", "100", NULL) == 0,
		"%s", child_err(&c));
	child_end(&c);
	ck_assert_int_eq(
		child_run(&c, "cleat", "ports", "--json", "--instance", test_instance(), NULL), 0);
	ck_assert_ptr_nonnull(strstr(child_out(&c), "\"mtu\":1400"));
	ck_assert_ptr_nonnull(strstr(child_out(&c), "\"promiscuous\":true"));
	child_end(&c);
	primary_stop(&p);
}
END_TEST

static bool filled_from(unsigned port, int pool)
{
	return cleat_registry->queues[port][CLEAT_RX][0].pool == pool;
}

static void flow(const char *from, const char *to, const char *option, const char *value, int code)
{
	struct child c;

	ck_assert_msg(child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--rx", from,
			      "--tx", to, "--packets", "10", option, value, NULL) == code,
		"%s", child_err(&c));
	if (code != 0)
		ck_assert_msg(strstr(child_err(&c), "--pool") != NULL, "%s", child_err(&c));
	child_end(&c);
}

static void generate(const char *option, const char *value, int code)
{
	struct child c;

	ck_assert_msg(child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--mode", "txonly",
			      "--tx", "port:0:0", "--packets", "10", "--size", "3000", option,
			      value, NULL) == code,
		"%s", child_err(&c));
	if (code != 0)
		ck_assert_msg(strstr(child_err(&c), "pool default has room for") != NULL, "%s",
			child_err(&c));
	child_end(&c);
}

START_TEST(pools_of_the_workers)
{
	struct child c, p;
	int was, pool;

	primary_start(&p, 32, "--vdev", "net_null0", "--vdev", "net_null1", NULL);
	attach_as("wisher");
	was = cleat_registry_find_pool("default", NULL);
	pool = make_pool("own", 4096);
	generate("--pool", "own", 0); /* made from it, but nothing is received */
	ck_assert(filled_from(0, was) && filled_from(1, was));
	generate("--burst", "8", 1);
	flow("port:0:0", "port:1:0", "--pool", "own", 0);
	ck_assert(filled_from(0, pool) && filled_from(1, was));
	flow("port:0:0", "port:0:0", "--mtu", "1400", 0);
	ck_assert(filled_from(0, pool));
	flow("port:0:0", "port:0:0", "--pool", "default", 0); /* both ways: not in its own way */
	ck_assert(filled_from(0, was));
	ck_assert_msg(child_run(&c, "cleat-l2fwd", "--instance", test_instance(), "--pool", "own",
			      "--packets", "100", NULL) == 0,
		"%s", child_err(&c));
	child_end(&c);
	ck_assert(filled_from(0, pool) && filled_from(1, pool));
	flow("ring:a", "port:1:0", "--pool", "own", 2); /* there is nothing that it could mean */
	cleat_detach();
	primary_stop(&p);
}
END_TEST

/* A worker does not stand in its own way either when a port has too few queues for it. */
START_TEST(queues_of_the_workers)
{
	struct child p;

	primary_start(&p, 32, "--vdev", "net_null0,queues=2", NULL);
	attach_as("wisher");
	for (int other = 0; other < 2; other++) {
		works(cleat_ctl_port_stop(0));
		works(cleat_ctl_port_configure(0, 1, 1, 0));
		flow(other == 0 ? "port:0:0" : "port:0:1", other == 0 ? "port:0:1" : "port:0:0",
			"--burst", "8", 0);
	}
	cleat_detach();
	primary_stop(&p);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_wish");
	TCase *tc = tcase_create("library"), *programs = tcase_create("programs");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, first_user_sets_it);
	tcase_add_test(tc, refused_wishes_change_nothing);
	tcase_add_test(tc, wishes_refused_late_change_nothing);
	tcase_add_test(tc, pool_is_set_by_the_first_user);
	tcase_add_test(tc, each_queue_keeps_its_pool);
	tcase_add_test(tc, refused_pools_change_nothing);
	tcase_add_test(tc, sender_names_a_pool_for_long_frames);
	tcase_add_test(tc, pools_that_are_gone_are_forgotten);
	tcase_add_test(tc, queues_are_added_for_the_first_user);
	tcase_add_test(tc, others_take_it_as_it_is);
	tcase_set_timeout(programs, 60);
	tcase_add_test(programs, options_of_the_workers);
	tcase_add_test(programs, pools_of_the_workers);
	tcase_add_test(programs, queues_of_the_workers);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, programs);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
