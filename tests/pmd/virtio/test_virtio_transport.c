/* SPDX-License-Identifier: BSD-3-Clause */
/* net_virtio's transports: capabilities right and wrong, registers where they belong. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pmd/virtio/virtio_transport.h"
#include "runtime/handle.h"
#include "tests/runtime/pci/pci_fake.h"

#define BAR_LEN 0x4000U

static struct cleat_pci_device pci;
static struct virtio_transport t;
static uint8_t bar[BAR_LEN] __attribute__((aligned(4096)));
static unsigned mapped;

static int bar_map(
	void *ctx, struct cleat_device *device, unsigned number, void **va, uint64_t *len_bytes)
{
	(void)ctx;
	(void)device;
	if (number != 4)
		return cleat_err(-ENOENT, "no memory BAR %u", number);
	*va = bar;
	*len_bytes = BAR_LEN;
	mapped++;
	return 0;
}

static const struct cleat_services services = { .bar_map = bar_map };

static void capability(
	uint8_t at, uint8_t next, uint8_t type, uint8_t bar_, uint32_t off, uint32_t len)
{
	fake_capability(at, VIRTIO_PCI_CAP_ID, next);
	fake_config[at + 2] = 20;
	fake_config[at + VIRTIO_PCI_CAP_TYPE] = type;
	fake_config[at + VIRTIO_PCI_CAP_BAR] = bar_;
	memcpy(&fake_config[at + VIRTIO_PCI_CAP_OFFSET], &off, 4);
	memcpy(&fake_config[at + VIRTIO_PCI_CAP_LENGTH], &len, 4);
}

static void setup(void)
{
	uint32_t multiplier = 4;

	memset(&t, 0, sizeof(t));
	memset(bar, 0, sizeof(bar));
	mapped = 0;
	fake_open(&pci);
	t.pci = &pci;
	cleat_window_base = (uintptr_t)bar - 4096;
	cleat_window_len = BAR_LEN + 4096;
	fake_capability(0x40, 0x11, 0x50); /* MSI-X: not for us */
	capability(0x50, 0x60, VIRTIO_PCI_CAP_DEVICE, 4, 0x2000, 0x1000);
	capability(0x60, 0x80, VIRTIO_PCI_CAP_NOTIFY, 4, 0x3000, 0x1000);
	memcpy(&fake_config[0x60 + VIRTIO_PCI_CAP_MULTIPLIER], &multiplier, 4);
	capability(0x80, 0x90, VIRTIO_PCI_CAP_ISR, 4, 0x1000, 1);
	capability(0x90, 0xa0, VIRTIO_PCI_CAP_COMMON, 7, 0, 0x1000); /* a BAR of the future */
	capability(0xa0, 0xb0, VIRTIO_PCI_CAP_COMMON, 4, 0, 0x1000);
	capability(0xb0, 0, VIRTIO_PCI_CAP_COMMON, 4, 0x800, 0x100); /* the first counts */
}

static int open_modern(void)
{
	return cleat_virtio_modern_open(&t, &pci.device, &services);
}

START_TEST(capabilities_are_found)
{
	struct virtio_doorbell bell;
	uint16_t value = 3;

	ck_assert_int_eq(open_modern(), 0);
	ck_assert_uint_eq(mapped, 1);
	ck_assert_ptr_eq((void *)(uintptr_t)t.modern.common, bar);
	ck_assert_ptr_eq((void *)(uintptr_t)t.modern.config, bar + 0x2000);
	memcpy(bar + VIRTIO_COMMON_QUEUE_NOTIFY_OFF, &value, 2);
	ck_assert_int_eq(t.ops->doorbell(&t, 5, &bell), 0);
	ck_assert_int_eq(bell.fd, -1);
	ck_assert_uint_eq(bell.off, 4096 + 0x3000 + 3 * 4);
	ck_assert_int_eq(t.ops->notify(&t, 5), 0);
	ck_assert_uint_eq(bar[0x3000 + 12], 5);
	value = 0x400;
	memcpy(bar + VIRTIO_COMMON_QUEUE_NOTIFY_OFF, &value, 2);
	ck_assert_int_eq(t.ops->doorbell(&t, 5, &bell), -EPROTO);
}
END_TEST

START_TEST(queue_registers)
{
	struct virtio_queue_place place = { .desc = 0x1122334455667000,
		.avail = 0x1000,
		.used = 0x99aabbcc00002000,
		.size = 128,
		.vector = 2 };

	ck_assert_int_eq(open_modern(), 0);
	t.msix = 1;
	ck_assert_int_eq(t.ops->queue_enable(&t, 3, &place), 0);
	ck_assert_mem_eq(bar + VIRTIO_COMMON_QUEUE_SELECT, "\3\0\x80\0\2\0\1\0", 8);
	ck_assert_mem_eq(bar + VIRTIO_COMMON_QUEUE_DESC, "\0\x70\x66\x55\x44\x33\x22\x11", 8);
	ck_assert_mem_eq(bar + VIRTIO_COMMON_QUEUE_USED, "\0\x20\0\0\xcc\xbb\xaa\x99", 8);
}
END_TEST

START_TEST(capabilities_are_wrong)
{
	uint32_t wrong = 0x3ffd;

	memcpy(&fake_config[0xa0 + VIRTIO_PCI_CAP_OFFSET], &wrong, 4); /* not aligned, too far */
	ck_assert_int_eq(open_modern(), -EPROTO);
	setup();
	wrong = 0xfffff000;
	memcpy(&fake_config[0x50 + VIRTIO_PCI_CAP_OFFSET], &wrong,
		4); /* off + len overflow 32 bits */
	ck_assert_int_eq(open_modern(), -EPROTO);
	setup();
	wrong = 20;
	memcpy(&fake_config[0xa0 + VIRTIO_PCI_CAP_LENGTH], &wrong, 4);
	ck_assert_int_eq(open_modern(), -EPROTO);
	setup();
	fake_config[0xa0 + VIRTIO_PCI_CAP_BAR] = 2; /* there is no such BAR */
	ck_assert_int_eq(open_modern(), -ENOENT);
	setup();
	fake_config[0x80 + VIRTIO_PCI_CAP_TYPE] = 99; /* no ISR: legacy, perhaps */
	ck_assert_int_eq(open_modern(), -ENOENT);
	setup();
	fake_gone = 1;
	ck_assert_int_lt(open_modern(), 0);
}
END_TEST

START_TEST(a_ring_of_capabilities)
{
	fake_config[0xb1] = 0x50;
	ck_assert_int_eq(open_modern(), 0); /* ends */
}
END_TEST

/* ---- legacy, its ports in a file ---- */

static int ports;

static int ioport(struct cleat_pci_device *dev, unsigned number, struct cleat_pci_ioport *out)
{
	(void)dev;
	ck_assert_uint_eq(number, 0);
	*out = (struct cleat_pci_ioport){ .fd = ports, .fd_off = 0x100, .len = 64 };
	return 0;
}

static void check_ports(unsigned off, const void *bytes, size_t len)
{
	uint8_t buf[16];

	ck_assert_int_eq(pread(ports, buf, len, 0x100 + off), (ssize_t)len);
	ck_assert_mem_eq(buf, bytes, len);
}

static int open_legacy(void)
{
	static struct cleat_pci_access access;

	access = *pci.access;
	access.ioport = ioport;
	pci.access = &access;
	pci.bars[0] = (struct cleat_pci_bar){ .len_bytes = 64, .kind = CLEAT_BAR_IO };
	ports = memfd_create("ports", MFD_CLOEXEC);
	ck_assert_int_ge(ports, 0);
	ck_assert_int_eq(ftruncate(ports, 0x200), 0);
	return cleat_virtio_legacy_open(&t, &pci.device);
}

START_TEST(legacy_registers)
{
	struct virtio_queue_place place = { .desc = 0x123456000, .size = 256 };
	struct virtio_doorbell bell;
	uint8_t mac[6] = { 2, 1 }, got[6];

	ck_assert_int_eq(open_legacy(), 0);
	ck_assert_int_eq(t.ops->queue_enable(&t, 1, &place), 0);
	check_ports(VIRTIO_LEGACY_QUEUE_PFN, "\x56\x34\x12\0", 4);
	check_ports(VIRTIO_LEGACY_QUEUE_SELECT, "\1\0", 2);
	place.desc = 1ULL << 44;
	ck_assert_int_eq(t.ops->queue_enable(&t, 1, &place), -ERANGE);
	ck_assert_int_eq(t.ops->doorbell(&t, 1, &bell), 0);
	ck_assert_int_eq(bell.fd, ports);
	ck_assert_uint_eq(bell.off, 0x110);
	ck_assert_int_eq(t.ops->config_write(&t, 0, mac, 6), 0);
	check_ports(20, mac, 6);
	t.msix = 1; /* the configuration moves */
	ck_assert_int_eq(t.ops->config_write(&t, 0, mac, 6), 0);
	check_ports(24, mac, 6);
	ck_assert_int_eq(t.ops->config_read(&t, 0, got, 6), 0);
	ck_assert_mem_eq(got, mac, 6);
	ck_assert_int_eq(t.ops->config_vector(&t, 0), 0);
	check_ports(20, "\0\0", 2);
	t.io.fd = -1;
	ck_assert_int_eq(t.ops->doorbell(&t, 1, &bell), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "vfio-pci"));
	(void)close(ports);
}
END_TEST

START_TEST(neither_interface)
{
	pci.bars[0].kind = CLEAT_BAR_MEMORY;
	ck_assert_int_eq(cleat_virtio_legacy_open(&t, &pci.device), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/virtio/transport");
	TCase *tc = tcase_create("transport");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, capabilities_are_found);
	tcase_add_test(tc, queue_registers);
	tcase_add_test(tc, capabilities_are_wrong);
	tcase_add_test(tc, a_ring_of_capabilities);
	tcase_add_test(tc, legacy_registers);
	tcase_add_test(tc, neither_interface);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
