/* SPDX-License-Identifier: BSD-3-Clause */
/* One PCI device read from sysfs: as the kernel shows it, and from trees that are odd or broken. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/pci/pci.h"
#include "runtime/pci/pci_sysfs.h"
#include "tests/runtime/pci/pci_tree.h"

#define NIC "0000:01:00.0"

static struct cleat_pci_device dev;

static void setup(void)
{
	tree_new();
	tree_nic(NIC);
}

static void reads(void)
{
	int code = cleat_pci_read(NIC, &dev);

	ck_assert_msg(code == 0, "%d: %s", code, cleat_error());
}

/* The device cannot be read, and the sentence says @p word. */
static void breaks(const char *word)
{
	int code = cleat_pci_read(NIC, &dev);

	ck_assert_msg(code == -EPROTO, "%d, not EPROTO: %s", code, cleat_error());
	ck_assert_msg(strstr(cleat_error(), word) != NULL, "no '%s' in: %s", word, cleat_error());
	ck_assert_msg(strstr(cleat_error(), NIC) != NULL, "no address in: %s", cleat_error());
}

START_TEST(addresses)
{
	static const struct {
		const char *text, *is;
	} CASES[] = {
		{ "0000:01:00.0", "0000:01:00.0" },
		{ "01:00.0", "0000:01:00.0" },
		{ "1:0.7", "0000:01:00.7" },
		{ "0:0A:1F.7", "0000:0a:1f.7" },
		{ "10000:e1:00.0", "10000:e1:00.0" },
		{ "ffffffff:ff:1f.7", "ffffffff:ff:1f.7" },
		{ "", NULL },
		{ "net_null0", NULL },
		{ "01:00", NULL },
		{ "01:00.", NULL },
		{ "01:00.8", NULL },
		{ "01:20.0", NULL },
		{ "001:00.0", NULL },
		{ "01:00.0 ", NULL },
		{ " 01:00.0", NULL },
		{ "0000:01:00.0:1", NULL },
		{ "0000:0000:01:00.0", NULL },
		{ ":01:00.0", NULL },
		{ "123456789:01:00.0", NULL },
		{ "-1:00.0", NULL },
		{ "0x1:00.0", NULL },
		{ "::.", NULL },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char out[CLEAT_NAME_LEN] = "";
		int yes = cleat_pci_address(CASES[i].text, out);

		ck_assert_msg(yes == (CASES[i].is != NULL), "%s: %d", CASES[i].text, yes);
		if (yes)
			ck_assert_str_eq(out, CASES[i].is);
	}
}
END_TEST

START_TEST(a_device)
{
	reads();
	ck_assert_str_eq(dev.device.name, NIC);
	ck_assert_uint_eq(dev.vendor, 0x8086);
	ck_assert_uint_eq(dev.device_id, 0x10d3);
	ck_assert_uint_eq(dev.subvendor, 0x15d9);
	ck_assert_uint_eq(dev.subdevice, 0x060a);
	ck_assert_uint_eq(dev.class_code, 0x020000);
	ck_assert_uint_eq(dev.revision, 1);
	ck_assert_uint_eq(dev.irq, 22);
	ck_assert_str_eq(dev.local_cpus, "0-3,8");
	ck_assert_int_eq(dev.device.numa_node, 0);
	ck_assert_str_eq(dev.kernel_driver, "e1000e");
	ck_assert_int_eq(dev.iommu_group, 7);
	ck_assert_str_eq(dev.physfn, "");
	ck_assert_uint_eq(dev.totalvfs, 0);
	ck_assert_int_eq(dev.gone, 0);
}
END_TEST

START_TEST(bars)
{
	reads();
	ck_assert_uint_eq(dev.bars[0].phys, 0xfebc0000);
	ck_assert_uint_eq(dev.bars[0].len_bytes, 0x20000);
	ck_assert_uint_eq(dev.bars[0].kind, CLEAT_BAR_MEMORY);
	ck_assert_uint_eq(dev.bars[0].prefetchable, 0);
	ck_assert_uint_eq(dev.bars[2].phys, 0xc080);
	ck_assert_uint_eq(dev.bars[2].len_bytes, 32);
	ck_assert_uint_eq(dev.bars[2].kind, CLEAT_BAR_IO);
	ck_assert_uint_eq(dev.bars[4].kind, CLEAT_BAR_NONE);
	ck_assert_uint_eq(dev.bars[5].kind, CLEAT_BAR_NONE);
}
END_TEST

#define NO_BAR	 "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
#define BAR64	 "0x0000380000000000 0x00003800007fffff 0x000000000014220c\n"
#define BAR32	 "0x00000000fe000000 0x00000000fe000fff 0x0000000000040200\n"
#define UNSET	 "0x0000000000000000 0x0000000000000fff 0x0000000020040200\n"
#define DISABLED "0x00000000fe000000 0x00000000fe000fff 0x0000000010040200\n"

START_TEST(bars_of_64_bits)
{
	tree_set(NIC, "resource", BAR64 NO_BAR BAR32 UNSET DISABLED NO_BAR);
	reads();
	ck_assert_uint_eq(dev.bars[0].phys, 0x380000000000);
	ck_assert_uint_eq(dev.bars[0].len_bytes, 0x800000);
	ck_assert_uint_eq(dev.bars[0].prefetchable, 1);
	ck_assert_uint_eq(dev.bars[1].kind, CLEAT_BAR_NONE);
	ck_assert_uint_eq(dev.bars[2].kind, CLEAT_BAR_MEMORY);
	ck_assert_uint_eq(dev.bars[3].kind, CLEAT_BAR_NONE);
	ck_assert_uint_eq(dev.bars[4].kind, CLEAT_BAR_NONE);
}
END_TEST

START_TEST(broken_bars)
{
	static const struct {
		const char *text, *word;
	} CASES[] = {
		{ "", "0 lines" },
		{ BAR32 NO_BAR, "2 lines" },
		{ BAR32 NO_BAR NO_BAR NO_BAR NO_BAR, "5 lines" },
		{ "rubbish\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR, "line 1 " },
		{ NO_BAR "0x0 0x1\n" NO_BAR NO_BAR NO_BAR NO_BAR, "line 2 " },
		{ NO_BAR NO_BAR "\n" NO_BAR NO_BAR NO_BAR, "line 3 " },
		{ "0x0 0x0 0x0 0x0\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR, "line 1 " },
		{ "0x0 0x 0x0\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR, "line 1 " },
		{ "0x11112222333344445 0x0 0x0\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR, "line 1 " },
		{ "0xfe000fff 0xfe000000 0x200\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR,
			"before its start" },
		{ "0x0 0xffffffffffffffff 0x200\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR,
			"cannot be" },
		{ "0x0 0xfffffffffffff 0x200\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR, "cannot be" },
		{ "0x100000000 0x10000001f 0x101\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR,
			"cannot be" },
		{ "0x1000 0x1fff 0x300\n" NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR, "both" },
		{ BAR64 BAR32 NO_BAR NO_BAR NO_BAR NO_BAR, "BAR 1 is where the upper half" },
		{ NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR BAR64, "upper half" },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		tree_set(NIC, "resource", CASES[i].text);
		breaks("resource");
		breaks(CASES[i].word);
	}
	tree_set(NIC, "resource", NULL);
	breaks("resource");
}
END_TEST

START_TEST(nodes_and_processors)
{
	char mask[2048] = "";

	tree_set(NIC, "numa_node", "-1\n");
	tree_set(NIC, "local_cpulist", "\n");
	reads();
	ck_assert_int_eq(dev.device.numa_node, -1);
	ck_assert_str_eq(dev.local_cpus, "");
	tree_set(NIC, "numa_node", "900\n"); /* more than Cleat has */
	tree_set(NIC, "local_cpulist", NULL);
	tree_set(NIC, "local_cpus", "00000001,8000000f\n");
	reads();
	ck_assert_int_eq(dev.device.numa_node, -1);
	ck_assert_str_eq(dev.local_cpus, "0-3,31-32");
	for (int i = 0; i < 200; i++)
		(void)strcat(mask, i % 8 == 7 ? "5," : "5");
	tree_set(NIC, "local_cpus", mask);
	reads();
	ck_assert_uint_lt(strlen(dev.local_cpus), sizeof(dev.local_cpus));
	ck_assert_int_eq(strncmp(dev.local_cpus, "0,2,4,6,", 8), 0);
	ck_assert_int_ne(dev.local_cpus[strlen(dev.local_cpus) - 1], ',');
	tree_set(NIC, "local_cpus", NULL);
	tree_set(NIC, "numa_node", NULL);
	reads();
	ck_assert_str_eq(dev.local_cpus, "");
	ck_assert_int_eq(dev.device.numa_node, -1);
}
END_TEST

START_TEST(virtual_function)
{
	tree_set_link(NIC, "physfn", "../0000:00:1f.6");
	tree_set(NIC, "sriov_totalvfs", "7\n");
	tree_set(NIC, "sriov_numvfs", "2\n");
	reads();
	ck_assert_str_eq(dev.physfn, "0000:00:1f.6");
	ck_assert_uint_eq(dev.numvfs, 2);
	ck_assert_uint_eq(dev.totalvfs, 7);
	tree_set(NIC, "sriov_numvfs", "8\n");
	breaks("sriov_numvfs");
}
END_TEST

START_TEST(little_there)
{
	static const char *const OPTIONAL[] = { "subsystem_vendor", "subsystem_device", "revision",
		"irq", "local_cpulist", "local_cpus", "numa_node", "driver", "iommu_group" };
	static const char *const REQUIRED[] = { "vendor", "device", "class" };

	for (size_t i = 0; i < sizeof(OPTIONAL) / sizeof(OPTIONAL[0]); i++)
		tree_set(NIC, OPTIONAL[i], NULL);
	reads();
	ck_assert_str_eq(dev.kernel_driver, "");
	ck_assert_int_eq(dev.iommu_group, CLEAT_PCI_NO_GROUP);
	for (size_t i = 0; i < sizeof(REQUIRED) / sizeof(REQUIRED[0]); i++) {
		tree_nic(NIC);
		tree_set(NIC, REQUIRED[i], NULL);
		breaks(REQUIRED[i]);
	}
}
END_TEST

START_TEST(garbage)
{
	static const char *const FILES[] = { "vendor", "device", "subsystem_vendor",
		"subsystem_device", "class", "revision", "irq", "numa_node", "sriov_totalvfs" };
	static const char *const TEXTS[] = { "", "\n", "x\n", "-2\n", "0x\n", "0x12345678901\n",
		"99999999999999999999999\n", "0x1 0x2\n", "12;\n", " 1\n", "\x01\x02\xff",
		"a text that is much longer than a number could ever be" };

	for (size_t f = 0; f < sizeof(FILES) / sizeof(FILES[0]); f++) {
		for (size_t t = 0; t < sizeof(TEXTS) / sizeof(TEXTS[0]); t++) {
			tree_set(NIC, FILES[f], TEXTS[t]);
			breaks(FILES[f]);
		}
		tree_nic(NIC);
	}
	tree_set(NIC, "local_cpulist", "0-3;rm\n");
	breaks("local_cpulist");
	tree_set(NIC, "local_cpulist", NULL);
	tree_set(NIC, "local_cpus", "0000000g\n");
	breaks("local_cpus");
}
END_TEST

START_TEST(odd_files)
{
	char path[CLEAT_PCI_PATH_LEN];
	char big[8192];

	tree_set(NIC, "vendor", NULL);
	tree_set(NIC, "vendor/below", ""); /* a folder */
	breaks("vendor");
	tree_set(NIC, "vendor", NULL);
	ck_assert_int_eq(cleat_pci_sysfs_path(path, NIC, "vendor"), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0); /* nobody writes: do not wait */
	breaks("vendor");
	tree_set_link(NIC, "vendor", "vendor");
	breaks("vendor");
	tree_nic(NIC);
	memset(big, '0', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	tree_set(NIC, "resource", big);
	breaks("resource");
}
END_TEST

START_TEST(odd_links)
{
	tree_set(NIC, "driver", NULL);
	tree_set(NIC, "driver/below", "");
	breaks("driver");
	tree_set_link(
		NIC, "driver", "a/name/longer/than/any/driver_of_the_kernel_ever_had_or_will_have");
	breaks("driver");
	tree_set_link(NIC, "driver", "somewhere/");
	breaks("driver");
	tree_set_link(NIC, "driver", "vfio-pci"); /* dangling is no matter: only the name counts */
	reads();
	ck_assert_str_eq(dev.kernel_driver, "vfio-pci");
	tree_set_link(NIC, "iommu_group", "../../iommu_groups/seven");
	breaks("iommu_group");
	tree_set_link(NIC, "iommu_group", "../../iommu_groups/99999999999999999999");
	breaks("iommu_group");
	tree_nic(NIC);
	tree_set_link(NIC, "physfn", "../nowhere");
	breaks("physfn");
}
END_TEST

START_TEST(odd_devices)
{
	ck_assert_int_eq(cleat_pci_read("0000:02:00.0", &dev), -ENODEV);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "0000:02:00.0"));
	ck_assert_int_eq(cleat_pci_read("eth0", &dev), -EINVAL);
	ck_assert_int_eq(cleat_pci_read("../../etc", &dev), -EINVAL);
	tree_link("bus/pci/devices/" NIC, NIC);
	breaks("symbolic links");
	tree_file("bus/pci/devices/" NIC, "a file");
	breaks("no folder");
	tree_link("bus/pci/devices/" NIC, "../../../devices/gone");
	ck_assert_int_eq(cleat_pci_read(NIC, &dev), -ENODEV);
	cleat_pci_sysfs_set("/nowhere");
	ck_assert_int_eq(cleat_pci_read(NIC, &dev), -ENODEV);
}
END_TEST

START_TEST(again)
{
	reads();
	tree_set_link(NIC, "driver", "../../../bus/pci/drivers/vfio-pci");
	tree_set(NIC, "vendor", "0x0001\n"); /* not read again */
	tree_set(NIC, "resource", NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR NO_BAR);
	ck_assert_int_eq(cleat_pci_reread(&dev), 0);
	ck_assert_str_eq(dev.kernel_driver, "vfio-pci");
	ck_assert_uint_eq(dev.vendor, 0x8086);
	ck_assert_uint_eq(dev.bars[0].kind, CLEAT_BAR_NONE);
	tree_set(NIC, "driver", NULL);
	tree_set(NIC, "resource", "rubbish");
	ck_assert_int_eq(cleat_pci_reread(&dev), -EPROTO);
	ck_assert_str_eq(dev.kernel_driver, "vfio-pci"); /* nothing half changed */
	tree_set(NIC, "", NULL);
	ck_assert_int_eq(cleat_pci_reread(&dev), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/pci/pci_scan");
	TCase *tc = tcase_create("scan");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, addresses);
	tcase_add_test(tc, a_device);
	tcase_add_test(tc, bars);
	tcase_add_test(tc, bars_of_64_bits);
	tcase_add_test(tc, broken_bars);
	tcase_add_test(tc, nodes_and_processors);
	tcase_add_test(tc, virtual_function);
	tcase_add_test(tc, little_there);
	tcase_add_test(tc, garbage);
	tcase_add_test(tc, odd_files);
	tcase_add_test(tc, odd_links);
	tcase_add_test(tc, odd_devices);
	tcase_add_test(tc, again);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
