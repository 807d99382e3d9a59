/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that do not answer their driver for a while are tried again, one at a time. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "primary/devices.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "tests/primary/inside.h"

#define DEVICES 3

static struct cleat_port_ctrl ports[DEVICES];
static int answers[DEVICES] = { -ETIMEDOUT, -ETIMEDOUT, -ETIMEDOUT }; /* what probes return */
static unsigned tries[DEVICES];

/* ---- a bus that always has three devices, "mute:0" to "mute:2" ---- */

static int scan(struct cleat_bus *bus)
{
	static const char *const NAMES[DEVICES] = { "mute:0", "mute:1", "mute:2" };

	for (unsigned i = 0; i < DEVICES; i++)
		if (cleat_device_find(NAMES[i]) == NULL)
			ck_assert_ptr_nonnull(cleat_bus_add(bus, NAMES[i], "", 0));
	return 0;
}

static int match(const struct cleat_driver *driver, const struct cleat_device *device)
{
	(void)driver;
	(void)device;
	return 1;
}

static int owns(const struct cleat_bus *bus, const char *name)
{
	(void)bus;
	return strncmp(name, "mute:", 5) == 0;
}

static struct cleat_bus bus = { .name = "mute", .scan = scan, .match = match, .owns = owns };
CLEAT_BUS_REGISTER(bus)

static unsigned number(const struct cleat_device *device)
{
	return (unsigned)(device->name[5] - '0');
}

static int probe(struct cleat_device *device, const struct cleat_services *services)
{
	static const struct cleat_port_ops OPS = { 0 };
	unsigned n = number(device);
	int rc;

	tries[n]++;
	if (answers[n] < 0)
		return cleat_err(answers[n], "%s says %d", device->name, answers[n]);
	ports[n] = (struct cleat_port_ctrl){ .name = device->name,
		.driver = "net_mute",
		.ops = &OPS,
		.max_rx_queues = 1,
		.max_tx_queues = 1,
		.numa_node = -1,
		.device = device };
	rc = services->port_add(services->ctx, &ports[n]);
	return rc < 0 ? rc : 0;
}

static int removed(struct cleat_device *device, const struct cleat_services *services)
{
	return services->port_remove(services->ctx, &ports[number(device)]);
}

static struct cleat_driver driver = {
	.name = "net_mute", .bus = "mute", .probe = probe, .remove = removed
};
CLEAT_DRIVER_REGISTER(driver)

/* ---- the tests: the primary has started, and no device answered ---- */

static void say(int first, int second, int third)
{
	answers[0] = first;
	answers[1] = second;
	answers[2] = third;
}

/* Until some device is tried, which comes ever more rarely. */
static void retry(void)
{
	unsigned before = tries[0] + tries[1] + tries[2];

	for (int i = 0; i < 6 && tries[0] + tries[1] + tries[2] == before; i++)
		cleat_devices_retry(&inside);
}

static void expect_tries(unsigned first, unsigned second, unsigned third)
{
	ck_assert_uint_eq(tries[0], first);
	ck_assert_uint_eq(tries[1], second);
	ck_assert_uint_eq(tries[2], third);
}

static enum cleat_device_state state(const char *name)
{
	return cleat_device_find(name)->state;
}

static const struct cleat_device_shm *row_of(const char *name)
{
	for (unsigned i = 0; i < CLEAT_MAX_DEVICES; i++)
		if (strcmp(cleat_registry->devices[i].name, name) == 0)
			return &cleat_registry->devices[i];
	ck_abort_msg("%s has no row", name);
	return NULL;
}

/* One each time, in turn. */
START_TEST(one_at_a_time)
{
	expect_tries(1, 1, 1);
	retry();
	expect_tries(2, 1, 1);
	retry();
	expect_tries(2, 2, 1);
	retry();
	expect_tries(2, 2, 2);
	retry();
	expect_tries(3, 2, 2);
	ck_assert_int_eq(state("mute:0"), CLEAT_DEVICE_FAILED);
	ck_assert_int_eq(cleat_registry_find_port("mute:0", NULL), -ENOENT);
}
END_TEST

/* Those that answer come all at once, as at the start: with a port, a row, and an event. */
START_TEST(answers_at_last)
{
	uint16_t slot;
	int sock = inside_attach("watcher", &slot);

	say(0, -ETIMEDOUT, 0);
	retry();
	expect_tries(2, 2, 1);
	retry();
	expect_tries(2, 3, 2);
	ck_assert_int_ge(cleat_registry_find_port("mute:0", NULL), 0);
	ck_assert_int_eq(cleat_registry_find_port("mute:1", NULL), -ENOENT);
	ck_assert_uint_eq(inside_events(sock, CLEAT__EVENT_KIND__EVENT_PORT_ADDED,
				  (uint32_t)cleat_registry_find_port("mute:2", NULL)),
		1);
	ck_assert_uint_eq(row_of("mute:2")->state, CLEAT_DEVICE_PROBED);
	ck_assert_str_eq(row_of("mute:2")->why, "");
	ck_assert_uint_eq(row_of("mute:1")->state, CLEAT_DEVICE_FAILED);
	close(sock);
}
END_TEST

/* A device that refuses is left alone from then on; why is in its row. */
START_TEST(refuses_at_last)
{
	say(-EIO, -EIO, -ETIMEDOUT);
	retry();
	expect_tries(2, 2, 2);
	ck_assert_str_eq(row_of("mute:0")->why, "mute:0 says -5");
	retry();
	expect_tries(2, 2, 3);
	say(0, 0, 0);
	retry();
	retry();
	expect_tries(2, 2, 4);
}
END_TEST

/* So is one that somebody took away, be it mute or not. */
START_TEST(taken_away)
{
	ck_assert_int_eq(cleat_device_detach(&inside, "mute:0"), 0);
	say(0, 0, 0);
	retry();
	expect_tries(1, 2, 2);
	ck_assert_int_eq(cleat_device_detach(&inside, "mute:1"), 0);
	retry();
	expect_tries(1, 2, 2);
}
END_TEST

/* The first time after one call, then after two, and so on, but not less than once in six. */
START_TEST(ever_more_rarely)
{
	unsigned all = 0;

	say(-EIO, -EIO, -ETIMEDOUT);
	for (int i = 0; i < 40; i++)
		cleat_devices_retry(&inside);
	all = tries[2];
	ck_assert_uint_ge(all, 8);
	ck_assert_uint_le(all, 10);
}
END_TEST

/* It does not wait until the turn of one that has been silent for long. */
START_TEST(new_one_comes_first)
{
	unsigned before;

	say(-EIO, -EIO, -ETIMEDOUT);
	for (int i = 0; i < 29; i++) /* mute:2 is tried after 27, and would be after 33 */
		cleat_devices_retry(&inside);
	say(-ETIMEDOUT, -EIO, -ETIMEDOUT);
	cleat_bus_anew(cleat_device_find("mute:0"));
	ck_assert_int_eq(cleat_devices_probe_new(&inside), 0);
	before = tries[0];
	cleat_devices_retry(&inside);
	ck_assert_uint_eq(tries[0], before + 1);
}
END_TEST

/* Nor does the old one wait until the new one has been silent for as long. */
START_TEST(old_one_is_not_forgotten)
{
	unsigned before;

	say(-EIO, -EIO, -ETIMEDOUT);
	for (int i = 0; i < 200; i++)
		cleat_devices_retry(&inside);
	say(-ETIMEDOUT, -EIO, -ETIMEDOUT);
	cleat_bus_anew(cleat_device_find("mute:0"));
	ck_assert_int_eq(cleat_devices_probe_new(&inside), 0);
	before = tries[2];
	for (int i = 0; i < 60; i++)
		cleat_devices_retry(&inside);
	ck_assert_uint_ge(tries[2], before + 2);
	ck_assert_uint_ge(tries[0], 6);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { one_at_a_time, answers_at_last, refuses_at_last, taken_away,
		ever_more_rarely, new_one_comes_first, old_one_is_not_forgotten };

	return inside_run("primary/device_mute", TESTS, sizeof(TESTS) / sizeof(TESTS[0]));
}
