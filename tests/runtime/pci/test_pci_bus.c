/* SPDX-License-Identifier: BSD-3-Clause */
/* The bus "pci" over made-up trees: what is found, again and again, what matches, what is left
 * alone. No device of a made-up tree can be opened, so none is. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/bus.h"
#include "runtime/log.h"
#include "runtime/pci/pci.h"
#include "tests/runtime/pci/pci_tree.h"

#define A "0000:01:00.0"
#define B "0000:01:00.1"
#define C "0000:0a:00.0"
#define D "10000:00:00.0"

static const struct cleat_services services = { 0 };
static unsigned probes, warnings;
static char last_warning[CLEAT_ERROR_LEN];

static int test_probe(struct cleat_device *device, const struct cleat_services *given)
{
	(void)device;
	(void)given;
	probes++;
	return 0;
}

static const struct cleat_pci_id IDS[] = {
	{ 0x8086, 0x10d3, CLEAT_PCI_ANY, 0x0001, 1 },
	CLEAT_PCI_ID(0x8086, 0x10d3, 2),
	{ 0 },
};

static struct cleat_driver test_driver = {
	.name = "net_aaa_test", /* before all others */
	.bus = "pci",
	.ids = IDS,
	.probe = test_probe,
	.remove = test_probe,
};
CLEAT_DRIVER_REGISTER(test_driver)

static void note(enum cleat_log_level level, const char *text, void *arg)
{
	(void)arg;
	if (level > CLEAT_LOG_WARNING)
		return;
	warnings++;
	(void)snprintf(last_warning, sizeof(last_warning), "%s", text);
}

static void setup(void)
{
	tree_new();
	cleat_log_set(note, NULL);
	cleat_bus_find("vdev")->disabled = 1;
}

static void teardown(void)
{
	cleat_bus_remove_all();
	cleat_bus_forget_lists();
}

static void scan(void)
{
	int code = cleat_bus_scan_all();

	ck_assert_msg(code == 0, "%d: %s", code, cleat_error());
}

/* The names of the bus's devices with spaces between. */
static const char *names(void)
{
	static char text[512];

	text[0] = '\0';
	for (struct cleat_device *d = cleat_bus_find("pci")->devices; d != NULL; d = d->next) {
		(void)strcat(text, text[0] != '\0' ? " " : "");
		(void)strcat(text, d->name);
	}
	return text;
}

static struct cleat_pci_device *get(const char *name)
{
	struct cleat_device *device = cleat_device_find(name);

	ck_assert_ptr_nonnull(device);
	ck_assert_ptr_nonnull(cleat_pci_of(device));
	return cleat_pci_of(device);
}

START_TEST(in_order)
{
	tree_nic(D);
	tree_nic(C);
	tree_nic(B);
	tree_nic(A);
	tree_nic("0000:00:02.0");
	tree_set("0000:00:02.0", "class", "0x010802\n"); /* a disk: not even mentioned */
	tree_file("bus/pci/devices/README", "no device");
	tree_nic("0000:1:0.0"); /* not as the kernel writes it */
	tree_set(C, "numa_node", "1\n");
	scan();
	ck_assert_str_eq(names(), A " " B " " C " " D);
	ck_assert_int_eq(get(C)->device.numa_node, 1);
	ck_assert_str_eq(get(C)->device.args, "");
	ck_assert_uint_eq(get(B)->vendor, 0x8086);
	ck_assert_ptr_eq(get(B)->device.bus, cleat_bus_find("pci"));
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

START_TEST(nothing_there)
{
	scan();
	ck_assert_str_eq(names(), "");
	cleat_pci_sysfs_set("/nowhere");
	scan();
	tree_file("bus/pci/devices", "no folder");
	tree_new();
	tree_file("bus/pci/devices", "no folder");
	ck_assert_int_eq(cleat_bus_scan_all(), -ENOTDIR);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "--no-pci"));
}
END_TEST

START_TEST(come_and_go)
{
	tree_nic(A);
	tree_nic(B);
	scan();
	tree_set(A, "", NULL);
	tree_nic(C);
	tree_set(B, "numa_node", "3\n");
	scan();
	ck_assert_str_eq(names(), A " " B " " C);
	ck_assert_int_eq(get(A)->gone, 1);
	ck_assert_int_eq(get(B)->gone, 0);
	ck_assert_int_eq(get(B)->device.numa_node, 3);
	ck_assert_int_eq(get(C)->gone, 0);
	tree_nic(A);
	scan();
	ck_assert_int_eq(get(A)->gone, 0);
	ck_assert_str_eq(names(), A " " B " " C);
}
END_TEST

START_TEST(broken_ones)
{
	tree_nic(A);
	tree_nic(B);
	tree_set(A, "vendor", "x\n");
	scan();
	ck_assert_str_eq(names(), B);
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(last_warning, A));
	scan();
	ck_assert_uint_eq(warnings, 1); /* told once */
	tree_set(B, "resource", "");
	scan();
	ck_assert_uint_eq(warnings, 2);
	ck_assert_int_eq(get(B)->gone, 0);
	ck_assert_uint_eq(get(B)->bars[0].kind, CLEAT_BAR_MEMORY);
	tree_nic(A);
	scan();
	ck_assert_str_eq(names(), B " " A);
}
END_TEST

START_TEST(held_by_the_kernel)
{
	tree_nic(A);
	scan();
	ck_assert_int_eq(cleat_bus_probe(&get(A)->device, &services), -ENODEV);
	ck_assert_int_eq(get(A)->device.state, CLEAT_DEVICE_NO_DRIVER);
	ck_assert_ptr_nonnull(strstr(get(A)->device.why, "e1000e"));
	ck_assert_ptr_nonnull(strstr(get(A)->device.why, "cleat bind vfio-pci " A));
	ck_assert_uint_eq(get(A)->model, 2);
	scan();
	ck_assert_int_eq(get(A)->device.state, CLEAT_DEVICE_NO_DRIVER);
	tree_set(A, "driver", NULL);
	scan();
	ck_assert_int_eq(get(A)->device.state, CLEAT_DEVICE_FOUND); /* worth another try */
	ck_assert_int_eq(cleat_bus_probe(&get(A)->device, &services), -ENODEV);
	ck_assert_ptr_nonnull(strstr(get(A)->device.why, "bound to no kernel driver"));
	tree_set(A, "subsystem_device", "0x0001\n");
	tree_set_link(A, "driver", "../e1000e");
	scan();
	ck_assert_int_eq(cleat_bus_probe_all(&services), 0); /* no failure: nobody asked */
	ck_assert_uint_eq(get(A)->model, 1);
	ck_assert_uint_eq(probes, 0);
}
END_TEST

/* It is tried again when it is bound to another driver, not because of a scan. */
START_TEST(detached_until_bound_anew)
{
	tree_nic(A);
	scan();
	get(A)->device.detached = 1;
	scan();
	ck_assert_int_eq(get(A)->device.detached, 1);
	tree_set_link(A, "driver", "../vfio-pci");
	scan();
	ck_assert_int_eq(get(A)->device.detached, 0);
	ck_assert_int_eq(get(A)->device.state, CLEAT_DEVICE_FOUND);
}
END_TEST

START_TEST(bound_since_the_scan)
{
	tree_nic(A);
	tree_set_link(A, "driver", "../vfio-pci");
	scan();
	tree_set_link(A, "driver", "../e1000e"); /* its link is read again before it is opened */
	ck_assert_int_eq(cleat_bus_probe(&get(A)->device, &services), -ENODEV);
	ck_assert_ptr_nonnull(strstr(get(A)->device.why, "e1000e"));
	ck_assert_uint_eq(probes, 0);
}
END_TEST

START_TEST(unknown_to_all)
{
	tree_nic(A);
	tree_set(A, "device", "0xfffe\n");
	tree_set_link(A, "driver", "../vfio-pci");
	scan();
	ck_assert_int_eq(cleat_bus_probe(&get(A)->device, &services), -ENODEV);
	ck_assert_int_eq(get(A)->device.state, CLEAT_DEVICE_NO_DRIVER);
}
END_TEST

START_TEST(allowed)
{
	tree_nic(A);
	tree_nic(B);
	tree_nic(C);
	ck_assert_int_eq(cleat_bus_allow("01:00.1,queues=2,x=y"), 0);
	ck_assert_int_eq(cleat_bus_allow("pci:0000:0A:00.0"), 0);
	scan();
	ck_assert_int_eq(get(A)->device.asked, 0);
	ck_assert_int_eq(get(B)->device.asked, 1);
	ck_assert_str_eq(get(B)->device.args, "queues=2,x=y");
	ck_assert_int_eq(get(C)->device.asked, 1);
	ck_assert_str_eq(get(C)->device.args, "");
	ck_assert_int_eq(cleat_bus_probe(&get(A)->device, &services), -EPERM);
	ck_assert_int_eq(get(A)->device.state, CLEAT_DEVICE_IGNORED);
	ck_assert_int_eq(cleat_bus_probe(&get(B)->device, &services), -ENODEV);
}
END_TEST

START_TEST(blocked)
{
	tree_nic(A);
	tree_nic(B);
	ck_assert_int_eq(cleat_bus_block("1:0.0"), 0);
	scan();
	ck_assert_int_eq(cleat_bus_probe(&get(A)->device, &services), -EPERM);
	ck_assert_int_eq(cleat_bus_probe(&get(B)->device, &services), -ENODEV);
}
END_TEST

START_TEST(asked_for_in_vain)
{
	static const struct {
		const char *spec;
		int code;
		const char *word;
	} CASES[] = {
		{ "02:00.0", -ENODEV, "no PCI device 0000:02:00.0" },
		{ "00:02.0", -ENODEV, "no network controller" },
		{ "00:03.0,a=b", -EPROTO, "vendor" },
	};

	tree_nic(A);
	tree_nic("0000:00:02.0");
	tree_set("0000:00:02.0", "class", "0x010802\n");
	tree_nic("0000:00:03.0");
	tree_set("0000:00:03.0", "vendor", "x");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		ck_assert_int_eq(cleat_bus_allow(CASES[i].spec), 0);
		ck_assert_int_eq(cleat_bus_scan_all(), CASES[i].code);
		ck_assert_msg(strstr(cleat_error(), CASES[i].word) != NULL, "%s", cleat_error());
		teardown();
	}
	ck_assert_int_eq(cleat_bus_allow("pci:eth0"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "no PCI address"));
	ck_assert_int_eq(cleat_bus_allow("01:00.9"), -EINVAL);
	ck_assert_int_eq(cleat_bus_allow(A), 0);
	scan();
	tree_set(A, "", NULL);
	scan(); /* it was there at first */
	ck_assert_int_eq(get(A)->gone, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/pci/pci_bus");
	TCase *tc = tcase_create("bus");
	SRunner *runner;
	int failed;

	cleat_log_set_level(CLEAT_LOG_DEBUG);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, nothing_there);
	tcase_add_test(tc, come_and_go);
	tcase_add_test(tc, broken_ones);
	tcase_add_test(tc, held_by_the_kernel);
	tcase_add_test(tc, detached_until_bound_anew);
	tcase_add_test(tc, bound_since_the_scan);
	tcase_add_test(tc, unknown_to_all);
	tcase_add_test(tc, allowed);
	tcase_add_test(tc, blocked);
	tcase_add_test(tc, asked_for_in_vain);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
