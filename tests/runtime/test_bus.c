/* SPDX-License-Identifier: BSD-3-Clause */
/* Buses: scan, match, probe, remove, iterate; allow and block lists; the vdev bus. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bus.h"
#include "runtime/vdev.h"

static unsigned probes, removes, refusals, silences, unplugs;
static int stuck; /* removals fail */
static char last_removed[CLEAT_NAME_LEN];
static const struct cleat_services services = { 0 };

static int test_probe(struct cleat_device *device, const struct cleat_services *given)
{
	ck_assert_ptr_eq(given, &services);
	if (strcmp(device->args, "fail=1") == 0)
		return cleat_err(-EIO, "device %s does not work", device->name);
	if (strcmp(device->args, "mute=1") == 0)
		return cleat_err(-ETIMEDOUT, "device %s does not answer", device->name);
	device->driver_data = &probes;
	probes++;
	return 0;
}

static int test_remove(struct cleat_device *device, const struct cleat_services *given)
{
	ck_assert_ptr_eq(given, &services);
	ck_assert_ptr_eq(device->driver_data, &probes);
	if (stuck) {
		refusals++;
		return cleat_err(-EIO, "device %s does not stop", device->name);
	}
	memcpy(last_removed, device->name, sizeof(last_removed));
	removes++;
	return 0;
}

static struct cleat_driver vdev_driver = {
	.name = "net_test",
	.bus = "vdev",
	.probe = test_probe,
	.remove = test_remove,
};
CLEAT_DRIVER_REGISTER(vdev_driver)

/* A bus that finds three devices by itself, "t:0" to "t:2"; its driver does not know t:2. */
static int found_scan(struct cleat_bus *bus)
{
	static const char *const names[] = { "t:0", "t:1", "t:2" };

	for (unsigned i = 0; i < 3; i++)
		if (cleat_device_find(names[i]) == NULL)
			ck_assert_ptr_nonnull(cleat_bus_add(bus, names[i], "", 0));
	return 0;
}

static int found_match(const struct cleat_driver *driver, const struct cleat_device *device)
{
	(void)driver;
	return strcmp(device->name, "t:2") != 0;
}

static int found_owns(const struct cleat_bus *bus, const char *name)
{
	(void)bus;
	return strncmp(name, "t:", 2) == 0;
}

static void found_unplug(struct cleat_bus *bus, struct cleat_device *device)
{
	(void)bus;
	(void)device;
	unplugs++;
}

static int found_silence(struct cleat_bus *bus, struct cleat_device *device)
{
	(void)bus;
	ck_assert_int_eq(device->state, CLEAT_DEVICE_PROBED);
	silences++;
	return cleat_err(0, "a sentence of the bus's");
}

static struct cleat_bus found_bus = {
	.name = "found",
	.scan = found_scan,
	.match = found_match,
	.owns = found_owns,
	.unplug = found_unplug,
	.silence = found_silence,
};
CLEAT_BUS_REGISTER(found_bus)

static struct cleat_driver found_driver = {
	.name = "found_driver",
	.bus = "found",
	.probe = test_probe,
	.remove = test_remove,
};
CLEAT_DRIVER_REGISTER(found_driver)

static void teardown(void)
{
	cleat_bus_remove_all();
	cleat_bus_forget_lists();
	found_bus.disabled = 0;
	probes = removes = 0;
	stuck = 0;
}

static enum cleat_device_state state(const char *name)
{
	const struct cleat_device *device = cleat_device_find(name);

	ck_assert_ptr_nonnull(device);
	return device->state;
}

static int up(void)
{
	ck_assert_int_eq(cleat_bus_scan_all(), 0);
	return cleat_bus_probe_all(&services);
}

START_TEST(probes_and_removes)
{
	ck_assert_int_eq(cleat_vdev_add("net_test0,a=1"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test1,fail=1"), 0);
	ck_assert_int_eq(up(), 1);
	ck_assert_int_eq(state("net_test0"), CLEAT_DEVICE_PROBED);
	ck_assert_str_eq(cleat_device_find("net_test0")->args, "a=1");
	ck_assert_int_eq(state("net_test1"), CLEAT_DEVICE_FAILED);
	ck_assert_str_eq(cleat_device_find("net_test1")->why, "device net_test1 does not work");
	ck_assert_int_eq(state("t:0"), CLEAT_DEVICE_PROBED);
	ck_assert_int_eq(state("t:2"), CLEAT_DEVICE_NO_DRIVER);
	ck_assert_uint_eq(probes, 3);
	ck_assert_int_eq(cleat_bus_remove(cleat_device_find("t:2")), -ENODEV);
	ck_assert_int_eq(cleat_bus_remove(cleat_device_find("t:0")), 0);
	ck_assert_int_eq(state("t:0"), CLEAT_DEVICE_FOUND);
	ck_assert_int_eq(cleat_bus_probe(cleat_device_find("t:0"), &services), 0);
	ck_assert_int_eq(cleat_bus_probe(cleat_device_find("t:0"), &services), -EEXIST);
	cleat_bus_remove_all();
	ck_assert_uint_eq(removes, probes);
	ck_assert_ptr_null(cleat_device_find("net_test0"));
}
END_TEST

START_TEST(last_probed_goes_first)
{
	found_bus.disabled = 1;
	ck_assert_int_eq(cleat_vdev_add("net_test0"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test1"), 0);
	ck_assert_int_eq(up(), 0);
	ck_assert_ptr_null(cleat_device_find("t:0"));
	cleat_bus_remove_all();
	ck_assert_str_eq(last_removed, "net_test0");
}
END_TEST

START_TEST(blocked)
{
	ck_assert_int_eq(cleat_bus_block("t:1"), 0);
	ck_assert_int_eq(cleat_bus_block("net_test0"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test0"), 0);
	ck_assert_int_eq(up(), 0);
	ck_assert_int_eq(state("t:0"), CLEAT_DEVICE_PROBED);
	ck_assert_int_eq(state("t:1"), CLEAT_DEVICE_IGNORED);
	ck_assert_int_eq(state("net_test0"), CLEAT_DEVICE_IGNORED);
	ck_assert_int_eq(cleat_bus_probe(cleat_device_find("t:1"), &services), -EPERM);
}
END_TEST

START_TEST(allowed)
{
	ck_assert_int_eq(cleat_bus_allow("found:t:1"), 0);
	ck_assert_int_eq(cleat_bus_allow("net_test3,a=2"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test0"), 0);
	ck_assert_int_eq(up(), 0);
	ck_assert_int_eq(state("t:0"), CLEAT_DEVICE_IGNORED);
	ck_assert_int_eq(state("t:1"), CLEAT_DEVICE_PROBED);
	ck_assert_int_eq(state("net_test0"), CLEAT_DEVICE_PROBED);
	ck_assert_int_eq(state("net_test3"), CLEAT_DEVICE_PROBED);
	ck_assert_str_eq(cleat_device_find("net_test3")->args, "a=2");
}
END_TEST

START_TEST(wrong_lists)
{
	ck_assert_int_eq(cleat_bus_allow("t:0"), 0);
	ck_assert_int_eq(cleat_bus_block("t:1"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "found"));
	ck_assert_int_eq(cleat_bus_block("nobody0"), -EINVAL);
	ck_assert_int_eq(cleat_bus_block("net_test0,a=1"), -EINVAL);
}
END_TEST

START_TEST(wrong_vdevs)
{
	ck_assert_int_eq(cleat_vdev_add("net_nope0,a=1"), -ENODEV);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "net_test"));
	ck_assert_int_eq(cleat_vdev_add("net_testx"), -ENODEV);
	ck_assert_int_eq(cleat_vdev_add("net_test0,,"), -EINVAL);
	ck_assert_int_lt(cleat_vdev_add("net_test0000000000000000000000000000000"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test0"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test0"), -EEXIST);
	ck_assert_int_eq(cleat_bus_scan_all(), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test0"), -EEXIST);
}
END_TEST

START_TEST(plug_and_unplug)
{
	for (int i = 0; i < 3; i++) {
		struct cleat_device *device = cleat_vdev_plug("net_test0");

		ck_assert_ptr_nonnull(device);
		ck_assert_int_eq(cleat_bus_probe(device, &services), 0);
		ck_assert_int_eq(cleat_bus_remove(device), 0);
		cleat_vdev_unplug(device);
	}
	ck_assert_ptr_null(cleat_vdev_plug("net_nope0"));
}
END_TEST

START_TEST(does_not_come_to_rest)
{
	struct cleat_device *device;

	ck_assert_int_eq(up(), 0);
	device = cleat_device_find("t:0");
	stuck = 1;
	for (unsigned i = 1; i < 3; i++) {
		ck_assert_int_eq(cleat_bus_remove(device), -EIO);
		ck_assert_str_eq(cleat_error(), "device t:0 does not stop");
		ck_assert_int_eq(device->state, CLEAT_DEVICE_PROBED);
		ck_assert_int_eq(device->leaving, 1);
		ck_assert_int_eq(device->detached, 0);
		ck_assert_uint_eq(silences, i);
	}
	ck_assert_uint_eq(unplugs, 0);
	stuck = 0;
	ck_assert_int_eq(cleat_bus_remove(device), 0);
	ck_assert_int_eq(device->leaving, 0);
	ck_assert_int_eq(device->detached, 1);
	ck_assert_uint_eq(unplugs, 1);
	ck_assert_uint_eq(removes, 1);
}
END_TEST

START_TEST(given_up_at_the_end)
{
	struct cleat_device *device;

	ck_assert_int_eq(up(), 0);
	stuck = 1;
	device = cleat_device_find("t:1");
	ck_assert_int_eq(cleat_bus_remove(device), -EIO);
	cleat_bus_give_up(device);
	ck_assert_int_eq(device->state, CLEAT_DEVICE_FAILED);
	ck_assert_ptr_null(device->driver);
	ck_assert_uint_eq(unplugs, 1);
	ck_assert_uint_eq(refusals, 1);
	cleat_bus_remove_all(); /* t:0, once */
	ck_assert_uint_eq(unplugs, 2);
	ck_assert_uint_eq(refusals, 2);
	ck_assert_uint_eq(removes, 0);
	ck_assert_ptr_null(cleat_device_find("t:0"));
}
END_TEST

START_TEST(forgotten_without_a_call)
{
	ck_assert_int_eq(cleat_bus_scan_all(), 0);
	cleat_bus_forget_devices();
	ck_assert_ptr_null(cleat_device_find("t:0"));
	ck_assert_uint_eq(removes + refusals + unplugs + silences, 0);
}
END_TEST

START_TEST(detached_stays_away)
{
	struct cleat_device *device;

	ck_assert_int_eq(up(), 0);
	device = cleat_device_find("t:0");
	ck_assert_uint_eq(probes, 2);
	ck_assert_int_eq(cleat_bus_remove(device), 0);
	ck_assert_int_eq(up(), 0);
	ck_assert_uint_eq(probes, 2);
	ck_assert_int_eq(device->detached, 1);
	ck_assert_int_eq(cleat_bus_ask(device, "t:0,a=1"), 0);
	ck_assert_int_eq(up(), 0);
	ck_assert_uint_eq(probes, 3);
	ck_assert_int_eq(device->detached, 0);
	ck_assert_int_eq(cleat_bus_remove(device), 0);
	cleat_bus_anew(device);
	ck_assert_int_eq(up(), 0);
	ck_assert_uint_eq(probes, 4);
	device->leaving = 1;
	cleat_bus_anew(device); /* in use: nothing changes */
	ck_assert_int_eq(device->state, CLEAT_DEVICE_PROBED);
}
END_TEST

/* A device without a driver can be taken away if the driver may get it yet. */
START_TEST(mute_one_stays_away)
{
	struct cleat_device *device;

	ck_assert_int_eq(cleat_vdev_add("net_test0,mute=1"), 0);
	ck_assert_int_eq(cleat_vdev_add("net_test1,fail=1"), 0);
	ck_assert_int_eq(up(), 2);
	ck_assert_int_eq(cleat_bus_remove(cleat_device_find("net_test1")), -ENODEV);
	device = cleat_device_find("net_test0");
	ck_assert_uint_eq(device->mute, 1);
	ck_assert_int_eq(cleat_bus_remove(device), 0);
	ck_assert_int_eq(device->state, CLEAT_DEVICE_FOUND);
	ck_assert_int_eq(device->detached, 1);
	ck_assert_uint_eq(device->mute, 0);
	ck_assert_ptr_nonnull(strstr(device->why, "net_test0 was taken away"));
	ck_assert_int_eq(cleat_bus_remove(device), -ENODEV);
	ck_assert_int_eq(up(), 0);
	ck_assert_uint_eq(unplugs, 0);
}
END_TEST

START_TEST(allowed_vdev_stays_away)
{
	struct cleat_device *device;

	found_bus.disabled = 1;
	ck_assert_int_eq(cleat_bus_allow("net_test3"), 0);
	ck_assert_int_eq(up(), 0);
	device = cleat_device_find("net_test3");
	ck_assert_int_eq(cleat_bus_remove(device), 0);
	cleat_vdev_unplug(device);
	ck_assert_int_eq(up(), 0);
	ck_assert_ptr_null(cleat_device_find("net_test3"));
	ck_assert_int_eq(cleat_bus_allow("net_test4"), 0); /* a new wish is one */
	ck_assert_int_eq(up(), 0);
	ck_assert_ptr_null(cleat_device_find("net_test3"));
	ck_assert_int_eq(state("net_test4"), CLEAT_DEVICE_PROBED);
	teardown();
	ck_assert_int_eq(cleat_bus_allow("net_test3"), 0);
	ck_assert_int_eq(up(), 0);
	ck_assert_int_eq(state("net_test3"), CLEAT_DEVICE_PROBED);
}
END_TEST

START_TEST(plugs_the_one_named)
{
	struct cleat_device *device;

	ck_assert_int_eq(cleat_bus_allow("net_test3"), 0); /* comes with the same scan, behind it */
	device = cleat_vdev_plug("net_test00");
	ck_assert_ptr_nonnull(device);
	ck_assert_str_eq(device->name, "net_test00");
	ck_assert_ptr_nonnull(cleat_device_find("net_test3"));
	device = cleat_vdev_plug("net_test0,a=1");
	ck_assert_ptr_nonnull(device);
	ck_assert_str_eq(device->name, "net_test0");
}
END_TEST

static int count(struct cleat_device *device, void *arg)
{
	(void)device;
	return ++*(int *)arg == 2 ? 42 : 0;
}

START_TEST(iterates)
{
	int visited = 0;

	ck_assert_int_eq(cleat_bus_scan_all(), 0);
	ck_assert_int_eq(cleat_device_iterate(count, &visited), 42);
	ck_assert_int_eq(visited, 2);
}
END_TEST

/* This machine's devices are no part of the tests. */
static void no_pci(void)
{
	cleat_bus_find("pci")->disabled = 1;
}

int main(void)
{
	Suite *suite = suite_create("runtime/bus");
	TCase *tc = tcase_create("bus");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, no_pci, teardown);
	tcase_add_test(tc, probes_and_removes);
	tcase_add_test(tc, last_probed_goes_first);
	tcase_add_test(tc, blocked);
	tcase_add_test(tc, allowed);
	tcase_add_test(tc, wrong_lists);
	tcase_add_test(tc, wrong_vdevs);
	tcase_add_test(tc, plug_and_unplug);
	tcase_add_test(tc, iterates);
	tcase_add_test(tc, does_not_come_to_rest);
	tcase_add_test(tc, given_up_at_the_end);
	tcase_add_test(tc, forgotten_without_a_call);
	tcase_add_test(tc, detached_stays_away);
	tcase_add_test(tc, mute_one_stays_away);
	tcase_add_test(tc, allowed_vdev_stays_away);
	tcase_add_test(tc, plugs_the_one_named);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
