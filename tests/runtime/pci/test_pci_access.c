/* SPDX-License-Identifier: BSD-3-Clause */
/* What is refused and with which words; UIO devices made of ordinary files. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_ioport.h"
#include "runtime/pci/pci_uio.h"
#include "tests/runtime/pci/pci_fake.h"
#include "tests/runtime/pci/pci_tree.h"
#include "tests/support/spawn.h"

#define NIC "0000:00:04.0"

static struct cleat_pci_device dev;
static int fds_before;

static void setup(void)
{
	tree_new();
	fds_before = fd_count();
}

static void teardown(void)
{
	ck_assert_int_eq(fd_count(), fds_before);
}

static void says(const char *part)
{
	ck_assert_msg(
		strstr(cleat_error(), part) != NULL, "'%s' is not in: %s", part, cleat_error());
}

static void bound_to(const char *driver)
{
	fake_uio(NIC, driver);
	ck_assert_int_eq(cleat_pci_read(NIC, &dev), 0);
}

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
	bound_to("virtio-pci");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -EBUSY);
	says("0000:00:04.0 belongs to the kernel's driver virtio-pci");
	says("cleat bind vfio-pci 0000:00:04.0");
	says("uio_pci_generic");
	ck_assert_ptr_null(dev.access);
	cleat_pci_close(&dev);

	/* it is asked anew: the scan is long ago */
	bound_to("uio_pci_generic");
	tree_set(NIC, "driver", NULL);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -ENODEV);
	says("bound to no kernel driver");
	tree_remove("bus/pci/devices/" NIC);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -ENODEV);
}
END_TEST

START_TEST(modes)
{
	bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_VA), -ENOTSUP);
	says("--iova-mode pa");
	says("vfio-pci");
	ck_assert_int_eq(cleat_pci_open(&dev, 0), -EINVAL);
	ck_assert_int_eq(cleat_pci_open(&dev, 3), -EINVAL);
}
END_TEST

START_TEST(vfio_without_iommu)
{
	uint64_t shift;

	bound_to("vfio-pci");
	tree_set(NIC, "iommu_group", NULL);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_VA), -ENOTSUP);
	says("no IOMMU is in charge");
	says("--iova-mode pa");
	ck_assert_int_eq(cleat_pci_iova_shift(&dev, 0, 1, &shift), -ENOTSUP);
	bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_iova_shift(&dev, 0, 1, &shift), -ENOTSUP);
	says("bound to igb_uio");
}
END_TEST

START_TEST(vfio_without_nodes)
{
	int fd;

	bound_to("vfio-pci"); /* group 7 */
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_VA), -ENOENT);
	says("module vfio");
	ck_assert_int_eq(mkdir(test_path("dev/vfio"), 0755), 0);
	fd = open(test_path("dev/vfio/vfio"), O_CREAT | O_RDWR, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_VA), -ENOTSUP); /* no VFIO behind it */
	fd = open(test_path("dev/vfio/noiommu-7"), O_CREAT | O_RDWR, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_VA), -ENOTSUP);
	says("protects nothing");
	ck_assert_int_eq(unlink(test_path("dev/vfio/noiommu-7")), 0);
	ck_assert_int_eq(unlink(test_path("dev/vfio/vfio")), 0);
	ck_assert_int_eq(rmdir(test_path("dev/vfio")), 0);
}
END_TEST

static void config_byte(unsigned off, uint8_t value)
{
	ck_assert_int_eq(dev.access->config_write(&dev, off, &value, 1), 0);
}

static unsigned command(void)
{
	uint16_t v;

	ck_assert_int_eq(cleat_pci_config_read(&dev, 4, &v, 2), 0);
	return v;
}

START_TEST(uio_opens_and_closes)
{
	uint8_t buf[4];

	bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -EALREADY);
	ck_assert_uint_eq(command(), 0x03);
	ck_assert_int_eq(cleat_pci_master_on(&dev), 0);
	ck_assert_uint_eq(command(), 0x07);
	ck_assert_int_eq(cleat_pci_config_read(&dev, 254, buf, 4), -EIO);
	ck_assert_int_eq(dev.access->unplug_fd(&dev), -1);
	ck_assert_int_eq(dev.access->reset(&dev), -ENOTSUP);
	tree_set(NIC, "reset", "");
	ck_assert_int_eq(dev.access->reset(&dev), 0);
	cleat_pci_close(&dev);
	ck_assert_ptr_null(dev.access);
	cleat_pci_close(&dev);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	cleat_pci_close(&dev);
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

	bound_to("uio_pci_generic");
	tree_set(NIC, "reset", "");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert(!was_reset());
	cleat_pci_close(&dev);
	bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert(was_reset());
	ck_assert_uint_eq(command(), 0x03);
	tree_set(NIC, "reset", "");
	config_byte(4, 0x07); /* somebody has its node open */
	other = dev;
	other.access = NULL;
	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), -EBUSY);
	cleat_pci_close(&dev);
	config_by_hand(0x07);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert(!was_reset());
	cleat_pci_close(&dev);
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

	bound_to("uio_pci_generic");
	other = dev;
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), -EBUSY);
	says("another process drives it");
	ck_assert_int_eq(dev.access->pieces(&dev, 0, p, 4), 1);
	mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, p[0].fd, 0);
	ck_assert_ptr_ne(mapped, MAP_FAILED);
	ck_assert_int_eq(dev.access->ioport(&dev, 2, &io), 0);
	kept = dup(io.fd);
	cleat_pci_close(&dev);

	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(other.access->pieces(&other, 0, p, 4), -EBUSY);
	says("another process drives it");
	ck_assert_int_eq(other.access->ioport(&other, 2, &io), -EBUSY);
	cleat_pci_close(&other);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0); /* they are its own workers */
	ck_assert_int_eq(dev.access->pieces(&dev, 0, p, 4), 1);
	cleat_pci_close(&dev);

	ck_assert_int_eq(munmap(mapped, 4096), 0);
	ck_assert_int_eq(cleat_pci_open(&other, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(other.access->pieces(&other, 0, p, 4), 1);
	cleat_pci_close(&other);
	close(kept);
}
END_TEST

START_TEST(uio_is_not_there)
{
	bound_to("igb_uio");
	tree_remove("bus/pci/devices/" NIC "/uio");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -ENOENT);
	says(NIC " (igb_uio)");
	tree_set(NIC, "uio:uio3/name", "x"); /* an old kernel's way */
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	cleat_pci_close(&dev);
	ck_assert_int_eq(unlink(fake_uio_node()), 0);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -ENOENT);
	says("/uio3");
	bound_to("igb_uio");
	tree_set(NIC, "config", NULL);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -ENOENT);
}
END_TEST

START_TEST(uio_behind_an_iommu)
{
	bound_to("uio_pci_generic"); /* group 7 */
	tree_file("kernel/iommu_groups/7/type", "DMA-FQ\n");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), -ENOTSUP);
	says("iommu=pt");
	tree_file("kernel/iommu_groups/7/type", "identity\n");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	cleat_pci_close(&dev);
}
END_TEST

START_TEST(uio_bars_by_resource)
{
	struct cleat_pci_piece p[CLEAT_PCI_MAX_PIECES];

	bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->pieces(&dev, 0, p, CLEAT_PCI_MAX_PIECES), 1);
	ck_assert_uint_eq(p[0].off, 0);
	ck_assert_uint_eq(p[0].len_bytes, 0x20000);
	ck_assert_uint_eq(p[0].fd_off, 0);
	ck_assert_int_ge(p[0].fd, 0);
	ck_assert_int_eq(dev.access->pieces(&dev, 2, p, 4), -ENOENT); /* I/O ports */
	ck_assert_int_eq(dev.access->pieces(&dev, 4, p, 4), -ENOENT);
	ck_assert_int_eq(dev.access->pieces(&dev, 6, p, 4), -ENOENT);
	ck_assert_int_eq(dev.access->pieces(&dev, 0, p, 0), -E2BIG);
	ck_assert_int_eq(dev.access->pieces(&dev, 1, p, 4), -ENOENT); /* no resource1, no map */
	says("no map of uio3");
	cleat_pci_close(&dev);
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

	bound_to("igb_uio");
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		tree_set(NIC, maps[i].file, maps[i].text);
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 0, &map), 0);
	ck_assert_str_eq(map.name, "BAR3");
	ck_assert_uint_eq(map.size, 0x4000);
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 1, &map), 0);
	ck_assert_str_eq(map.name, "");
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 2, &map), -ENOENT);

	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->pieces(&dev, 1, p, 2), 1);
	ck_assert_uint_eq(p[0].off, 0);
	ck_assert_uint_eq(p[0].fd_off, (uint64_t)sysconf(_SC_PAGESIZE)); /* map 1 */
	ck_assert_uint_eq(p[0].len_bytes, 0x40000);
	ck_assert_int_eq(dev.access->pieces(&dev, 3, p, 2), 1);
	ck_assert_uint_eq(p[0].fd_off, 0);

	tree_set(NIC, "uio/uio3/maps/map1/size", "many\n");
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 1, &map), -EPROTO);
	tree_set(NIC, "uio/uio3/maps/map1/size", NULL);
	ck_assert_int_eq(cleat_uio_map_read(NIC, "uio/uio3", 1, &map), -EPROTO);
	ck_assert_int_lt(dev.access->pieces(&dev, 1, p, 2), 0);
	cleat_pci_close(&dev);
}
END_TEST

/* Write a count as the kernel does, into the FIFO that stands for /dev/uio3. */
static void interrupt(int fd)
{
	const uint32_t count = 1;

	ck_assert_int_eq(write(fd, &count, 4), 4);
}

START_TEST(generic_interrupts)
{
	int irq_fd = -1;

	bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), -ENOTSUP); /* pin 0 */
	says("no interrupt line");
	says(dev.iommu_group != CLEAT_PCI_NO_GROUP ? "vfio-pci" : "igb_uio");
	dev.iommu_group = CLEAT_PCI_NO_GROUP;
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), -ENOTSUP);
	says("igb_uio");
	config_byte(0x3d, 1);
	config_byte(5, 0x04); /* masked */
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), 1);
	ck_assert_uint_eq(command(), 0x03);
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), -EALREADY);
	interrupt(irq_fd);
	config_byte(5, 0x04); /* as the kernel's handler does */
	ck_assert_int_eq(dev.access->irq_ack(&dev), 0);
	ck_assert_uint_eq(command(), 0x03);
	ck_assert_int_eq(dev.access->irq_ack(&dev), 0); /* nothing there: no harm */
	dev.access->irq_close(&dev);
	ck_assert_uint_eq(command(), 0x403);
	config_byte(4, 0xff);
	config_byte(5, 0xff); /* unplugged */
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), -EIO);
	cleat_pci_close(&dev);
}
END_TEST

static uint32_t written(int fd)
{
	uint32_t v = 99;

	ck_assert_int_eq(read(fd, &v, 4), 4);
	return v;
}

START_TEST(igb_interrupts)
{
	int irq_fd = -1;

	bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), 1);
	ck_assert_uint_eq(written(irq_fd), 1);
	interrupt(irq_fd);
	ck_assert_int_eq(dev.access->irq_ack(&dev), 0);
	ck_assert_uint_eq(written(irq_fd), 1);
	dev.access->irq_close(&dev);
	ck_assert_uint_eq(written(irq_fd), 0);
	dev.access->irq_close(&dev);
	cleat_pci_close(&dev);
}
END_TEST

/* The kernel module must not be asked to switch MSI and MSI-X: the device may go at that moment. */
START_TEST(igb_messages)
{
	static const uint8_t IDS[] = { 0x05, 0x11 }, ON[] = { 0x00, 0x80 };
	uint32_t v;
	int irq_fd = -1;

	bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	config_byte(0x06, 0x10); /* it has a capability at 0x40 */
	config_byte(0x34, 0x40);
	config_byte(0x40, IDS[_i]);
	config_byte(0x42, 0x01);
	config_byte(0x43, ON[_i]);
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), 1);
	interrupt(irq_fd);
	ck_assert_int_eq(dev.access->irq_ack(&dev), 0);
	dev.access->irq_close(&dev);
	ck_assert_int_ne(read(irq_fd, &v, 4), 4);
	config_byte(4, 0xff);
	config_byte(5, 0xff); /* unplugged: not taken for one without messages */
	ck_assert_int_eq(dev.access->irq_open(&dev, NULL, 0, &irq_fd), -EIO);
	ck_assert_int_ne(read(irq_fd, &v, 4), 4);
	cleat_pci_close(&dev);
}
END_TEST

START_TEST(ports_of_generic)
{
	struct cleat_pci_ioport io;
	uint32_t v = 0x12345678;
	uint16_t half = 0;

	bound_to("uio_pci_generic");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->ioport(&dev, 0, &io), -ENOENT); /* memory */
	ck_assert_int_eq(dev.access->ioport(&dev, 9, &io), -ENOENT);
	ck_assert_int_eq(dev.access->ioport(&dev, 2, &io), 0);
	ck_assert_uint_eq(io.base, 0xc080);
	ck_assert_uint_eq(io.len, 0x20);
	ck_assert_int_ge(io.fd, 0);
	ck_assert_int_eq(cleat_pci_ioport_write(&io, 4, &v, 4), 0);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 6, &half, 2), 0);
	ck_assert_uint_eq(half, 0x1234);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 31, &half, 1), 0);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 31, &half, 2), -ERANGE);
	ck_assert_int_eq(cleat_pci_ioport_read(&io, 0, &half, 3), -ERANGE);
	ck_assert_int_eq(cleat_pci_ioport_write(&io, UINT32_MAX, &half, 2), -ERANGE);
	fake_zeros(NIC, "resource2", 0); /* what the old descriptor sees is another file */
	cleat_pci_close(&dev);

	tree_set(NIC, "resource2", NULL);
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->ioport(&dev, 2, &io), 0);
	ck_assert_int_eq(io.fd, -1); /* by instructions, then; not tried here */
	ck_assert_uint_eq(io.base, 0xc080);
	cleat_pci_close(&dev);
}
END_TEST

START_TEST(ports_of_igb)
{
	struct cleat_pci_ioport io;

	bound_to("igb_uio");
	ck_assert_int_eq(cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA), 0);
	ck_assert_int_eq(dev.access->ioport(&dev, 2, &io), -ENOENT);
	says("no ports from 0xc080");
	tree_set(NIC, "uio/uio3/portio/port0/start", "0x60\n");
	tree_set(NIC, "uio/uio3/portio/port0/size", "0x8\n");
	tree_set(NIC, "uio/uio3/portio/port1/start", "0xc080\n");
	tree_set(NIC, "uio/uio3/portio/port1/size", "0x20\n");
	ck_assert_int_eq(dev.access->ioport(&dev, 2, &io), 0);
	ck_assert_uint_eq(io.base, 0xc080);
	ck_assert_uint_eq(io.len, 0x20);
	ck_assert_int_ge(io.fd, 0);
	tree_set(NIC, "uio/uio3/portio/port1/size", "0x8000\n"); /* beyond the last port */
	ck_assert_int_eq(dev.access->ioport(&dev, 2, &io), -EPROTO);
	cleat_pci_close(&dev);
}
END_TEST

static TCase *refused_tests(void)
{
	TCase *tc = tcase_create("refused");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, methods);
	tcase_add_test(tc, kernel_drivers_are_left_alone);
	tcase_add_test(tc, modes);
	tcase_add_test(tc, vfio_without_iommu);
	tcase_add_test(tc, vfio_without_nodes);
	return tc;
}

static TCase *uio_tests(void)
{
	TCase *tc = tcase_create("uio");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, uio_opens_and_closes);
	tcase_add_test(tc, igb_uio_resets_first);
	tcase_add_test(tc, uio_in_other_hands);
	tcase_add_test(tc, uio_is_not_there);
	tcase_add_test(tc, uio_behind_an_iommu);
	tcase_add_test(tc, uio_bars_by_resource);
	tcase_add_test(tc, uio_bars_by_maps);
	tcase_add_test(tc, generic_interrupts);
	tcase_add_test(tc, igb_interrupts);
	tcase_add_loop_test(tc, igb_messages, 0, 2);
	tcase_add_test(tc, ports_of_generic);
	tcase_add_test(tc, ports_of_igb);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("pci_access");
	SRunner *sr;
	int failed;

	test_dir();
	suite_add_tcase(s, refused_tests());
	suite_add_tcase(s, uio_tests());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
