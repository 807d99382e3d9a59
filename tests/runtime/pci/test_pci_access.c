/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused and with which words; UIO devices made of ordinary files. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_ioport.h"
#include "runtime/pci/pci_uio.h"
#include "tests/runtime/pci/pci_card.h"
#include "tests/runtime/pci/pci_fake.h"
#include "tests/runtime/pci/pci_tree.h"
#include "tests/support/spawn.h"

START_TEST(methods)
{
	ck_assert_str_eq(cleat_pci_access_find("vfio-pci")->driver, "vfio-pci");
	ck_assert_str_eq(cleat_pci_access_find("igb_uio")->driver, "igb_uio");
	ck_assert_str_eq(cleat_pci_access_find("uio_pci_generic")->driver, "uio_pci_generic");
	ck_assert_ptr_null(cleat_pci_access_find("e1000e"));
	ck_assert_ptr_null(cleat_pci_access_find(""));
	ck_assert_ptr_nonnull(strstr(cleat_pci_access_names(), "igb_uio"));
}
END_TEST

START_TEST(kernel_drivers_are_left_alone)
{
	card_bound_to("virtio-pci");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -EBUSY);
	card_says("0000:00:04.0 belongs to the kernel's driver virtio-pci");
	card_says("cleat bind vfio-pci 0000:00:04.0");
	card_says("uio_pci_generic");
	ck_assert_ptr_null(card.access);
	cleat_pci_close(&card);

	/* it is asked anew: the scan is long ago */
	card_bound_to("uio_pci_generic");
	tree_set(NIC, "driver", NULL);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -ENODEV);
	card_says("bound to no kernel driver");
	tree_remove("bus/pci/devices/" NIC);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -ENODEV);
}
END_TEST

START_TEST(modes)
{
	card_bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_VA), -ENOTSUP);
	card_says("--iova-mode pa");
	card_says("vfio-pci");
	ck_assert_int_eq(cleat_pci_open(&card, 0), -EINVAL);
	ck_assert_int_eq(cleat_pci_open(&card, 3), -EINVAL);
}
END_TEST

START_TEST(vfio_without_iommu)
{
	uint64_t shift;

	card_bound_to("vfio-pci");
	tree_set(NIC, "iommu_group", NULL);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_VA), -ENOTSUP);
	card_says("no IOMMU is in charge");
	card_says("--iova-mode pa");
	ck_assert_int_eq(cleat_pci_iova_shift(&card, 0, 1, &shift), -ENOTSUP);
	card_bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_iova_shift(&card, 0, 1, &shift), -ENOTSUP);
	card_says("bound to igb_uio");
}
END_TEST

START_TEST(vfio_without_nodes)
{
	int fd;

	card_bound_to("vfio-pci"); /* group 7 */
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_VA), -ENOENT);
	card_says("module vfio");
	ck_assert_int_eq(mkdir(test_path("dev/vfio"), 0755), 0);
	fd = open(test_path("dev/vfio/vfio"), O_CREAT | O_RDWR, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(
		cleat_pci_open(&card, CLEAT_PCI_IOVA_VA), -ENOTSUP); /* no VFIO behind it */
	fd = open(test_path("dev/vfio/noiommu-7"), O_CREAT | O_RDWR, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_VA), -ENOTSUP);
	card_says("protects nothing");
	ck_assert_int_eq(unlink(test_path("dev/vfio/noiommu-7")), 0);
	ck_assert_int_eq(unlink(test_path("dev/vfio/vfio")), 0);
	ck_assert_int_eq(rmdir(test_path("dev/vfio")), 0);
}
END_TEST

START_TEST(uio_opens_and_closes)
{
	uint8_t buf[4];

	card_bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -EALREADY);
	ck_assert_uint_eq(card_command(), 0x03);
	ck_assert_int_eq(cleat_pci_master_on(&card), 0);
	ck_assert_uint_eq(card_command(), 0x07);
	ck_assert_int_eq(cleat_pci_config_read(&card, 254, buf, 4), -EIO);
	ck_assert_int_eq(card.access->unplug_fd(&card), -1);
	ck_assert_int_eq(card.access->reset(&card), -ENOTSUP);
	tree_set(NIC, "reset", "");
	ck_assert_int_eq(card.access->reset(&card), 0);
	cleat_pci_close(&card);
	ck_assert_ptr_null(card.access);
	cleat_pci_close(&card);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	cleat_pci_close(&card);
}
END_TEST

static bool was_reset(void)
{
	char byte = 0;
	int fd = cleat_pci_file_open(
		O_RDONLY, "%s/bus/pci/devices/" NIC "/reset", cleat_pci_sysfs());

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, &byte, 1), 0);
	close(fd);
	return byte == '1';
}

static void config_by_hand(uint8_t command)
{
	int fd = cleat_pci_file_open(
		O_WRONLY, "%s/bus/pci/devices/" NIC "/config", cleat_pci_sysfs());

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &command, 1, 4), 1);
	close(fd);
}

/* igb_uio lets a device do DMA when its node is opened; whoever had it may have left it receiving.
 */
START_TEST(igb_uio_resets_first)
{
	static struct cleat_pci_device other;

	card_bound_to("uio_pci_generic");
	tree_set(NIC, "reset", "");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert(!was_reset());
	cleat_pci_close(&card);
	card_bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert(was_reset());
	ck_assert_uint_eq(card_command(), 0x03);
	tree_set(NIC, "reset", "");
	card_config_byte(4, 0x07); /* somebody has its node open */
	other = card;
	other.access = NULL;
	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), -EBUSY);
	cleat_pci_close(&card);
	config_by_hand(0x07);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert(!was_reset());
	cleat_pci_close(&card);
}
END_TEST

/* Two primaries; then a worker that outlives one of them, by what it has mapped. */
START_TEST(uio_in_other_hands)
{
	static struct cleat_pci_device other;
	struct cleat_pci_piece p[CLEAT_PCI_MAX_PIECES];
	struct cleat_pci_ioport io;
	void *mapped;
	int kept;

	card_bound_to("uio_pci_generic");
	other = card;
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), -EBUSY);
	card_says("another process drives it");
	ck_assert_int_eq(card.access->pieces(&card, 0, p, 4), 1);
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, p[0].fd, 0);
	ck_assert_ptr_ne(mapped, MAP_FAILED);
	ck_assert_int_eq(card.access->ioport(&card, 2, &io), 0);
	kept = dup(io.fd);
	cleat_pci_close(&card);

	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(other.access->pieces(&other, 0, p, 4), -EBUSY);
	card_says("another process drives it");
	ck_assert_int_eq(other.access->ioport(&other, 2, &io), -EBUSY);
	cleat_pci_close(&other);
	ck_assert_int_eq(
		cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0); /* they are its own workers */
	ck_assert_int_eq(card.access->pieces(&card, 0, p, 4), 1);
	cleat_pci_close(&card);

	ck_assert_int_eq(munmap(mapped, 4096), 0);
	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(other.access->pieces(&other, 0, p, 4), 1);
	cleat_pci_close(&other);
	close(kept);
}
END_TEST

START_TEST(uio_is_not_there)
{
	card_bound_to("igb_uio");
	tree_remove("bus/pci/devices/" NIC "/uio");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -ENOENT);
	card_says(NIC " (igb_uio)");
	tree_set(NIC, "uio:uio3/name", "x"); /* an old kernel's way */
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	cleat_pci_close(&card);
	ck_assert_int_eq(unlink(fake_uio_node()), 0);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -ENOENT);
	card_says("/uio3");
	card_bound_to("igb_uio");
	tree_set(NIC, "config", NULL);
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -ENOENT);
}
END_TEST

START_TEST(uio_behind_an_iommu)
{
	card_bound_to("uio_pci_generic"); /* group 7 */
	tree_file("kernel/iommu_groups/7/type", "DMA-FQ\n");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), -ENOTSUP);
	card_says("iommu=pt");
	tree_file("kernel/iommu_groups/7/type", "identity\n");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	cleat_pci_close(&card);
}
END_TEST

START_TEST(uio_bars_by_resource)
{
	struct cleat_pci_piece p[CLEAT_PCI_MAX_PIECES];

	card_bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->pieces(&card, 0, p, CLEAT_PCI_MAX_PIECES), 1);
	ck_assert_uint_eq(p[0].off, 0);
	ck_assert_uint_eq(p[0].len_bytes, 0x20000);
	ck_assert_uint_eq(p[0].fd_off, 0);
	ck_assert_int_ge(p[0].fd, 0);
	ck_assert_int_eq(card.access->pieces(&card, 2, p, 4), -ENOENT); /* I/O ports */
	ck_assert_int_eq(card.access->pieces(&card, 4, p, 4), -ENOENT);
	ck_assert_int_eq(card.access->pieces(&card, 6, p, 4), -ENOENT);
	ck_assert_int_eq(card.access->pieces(&card, 0, p, 0), -E2BIG);
	ck_assert_int_eq(card.access->pieces(&card, 1, p, 4), -ENOENT); /* no resource1, no map */
	card_says("no map of uio3");
	cleat_pci_close(&card);
}
END_TEST

START_TEST(uio_bars_by_maps)
{
	const struct {
		const char *file, *text;
	} maps[] = {
		{ "uio/uio3/maps/map0/addr", "0xfebe0000\n" },
		{ "uio/uio3/maps/map0/offset", "0x0\n" },
		{ "uio/uio3/maps/map0/size", "0x4000\n" },
		{ "uio/uio3/maps/map0/name", "BAR3\n" },
		{ "uio/uio3/maps/map1/addr", "0x00000000feb80000\n" },
		{ "uio/uio3/maps/map1/offset", "0x0\n" },
		{ "uio/uio3/maps/map1/size", "0x0000000000040000\n" },
	};
	struct cleat_pci_piece p[2];
	struct cleat_uio_map map;

	card_bound_to("igb_uio");
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		tree_set(NIC, maps[i].file, maps[i].text);
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 0, &map), 0);
	ck_assert_str_eq(map.name, "BAR3");
	ck_assert_uint_eq(map.size, 0x4000);
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 1, &map), 0);
	ck_assert_str_eq(map.name, "");
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 2, &map), -ENOENT);

	ck_assert_int_eq(cleat_pci_open(&card, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(card.access->pieces(&card, 1, p, 2), 1);
	ck_assert_uint_eq(p[0].off, 0);
	ck_assert_uint_eq(p[0].fd_off, (uint64_t)sysconf(_SC_PAGESIZE)); /* map 1 */
	ck_assert_uint_eq(p[0].len_bytes, 0x40000);
	ck_assert_int_eq(card.access->pieces(&card, 3, p, 2), 1);
	ck_assert_uint_eq(p[0].fd_off, 0);

	tree_set(NIC, "uio/uio3/maps/map1/size", "many\n");
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 1, &map), -EPROTO);
	tree_set(NIC, "uio/uio3/maps/map1/size", NULL);
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 1, &map), -EPROTO);
	ck_assert_int_lt(card.access->pieces(&card, 1, p, 2), 0);
	cleat_pci_close(&card);
}
END_TEST

static TCase *refused_tests(void)
{
	TCase *tc = card_case("refused");

	tcase_add_test(tc, methods);
	tcase_add_test(tc, kernel_drivers_are_left_alone);
	tcase_add_test(tc, modes);
	tcase_add_test(tc, vfio_without_iommu);
	tcase_add_test(tc, vfio_without_nodes);
	return tc;
}

static TCase *uio_tests(void)
{
	TCase *tc = card_case("uio");

	tcase_add_test(tc, uio_opens_and_closes);
	tcase_add_test(tc, igb_uio_resets_first);
	tcase_add_test(tc, uio_in_other_hands);
	tcase_add_test(tc, uio_is_not_there);
	tcase_add_test(tc, uio_behind_an_iommu);
	tcase_add_test(tc, uio_bars_by_resource);
	tcase_add_test(tc, uio_bars_by_maps);
	return tc;
}

int main(void)
{
	TCase *const CASES[] = { refused_tests(), uio_tests() };

	return card_run("pci_access", CASES, 2);
}
