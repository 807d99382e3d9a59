/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_vfio.h"
#include "tests/runtime/pci/pci_fake.h"

static struct cleat_pci_device dev;

static void setup(void)
{
	fake_open(&dev);
}

START_TEST(finds_capabilities)
{
	fake_capability(0x50, 0x01, 0x60);
	fake_capability(0x60, 0x09, 0x73); /* low bits are reserved: 0x70 */
	fake_capability(0x70, 0x09, 0x00);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x01, 0), 0x50);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x09, 0), 0x60);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x09, 0x60), 0x70);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x09, 0x70), 0);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x11, 0), 0);
}
END_TEST

START_TEST(no_capabilities)
{
	fake_capability(0x50, 0x01, 0);
	fake_config[0x06] = 0; /* the status register denies them */
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x01, 0), 0);
	fake_gone = 1;
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x01, 0), 0);
	fake_gone = 0;
	memset(fake_config, 0xff, sizeof(fake_config)); /* unplugged */
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x01, 0), 0);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0xff, 0), 0);
}
END_TEST

START_TEST(broken_chains_end)
{
	fake_capability(0x50, 0x01, 0x60);
	fake_capability(0x60, 0x05, 0x50); /* in a circle */
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x09, 0), 0);
	fake_capability(0x60, 0x05, 0x10); /* into the header */
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x09, 0), 0);
	fake_capability(0x60, 0x05, 0xfc);
	ck_assert_uint_eq(cleat_pci_capability(&dev, 0x09, 0), 0);
}
END_TEST

START_TEST(gone_or_not)
{
	memset(fake_config, 0xff, 4); /* as of a virtual function */
	ck_assert(!cleat_pci_is_gone(&dev));
	fake_gone = 1; /* reads fail */
	ck_assert(cleat_pci_is_gone(&dev));
	fake_gone = 0;
	memset(fake_config, 0xff, sizeof(fake_config));
	ck_assert(cleat_pci_is_gone(&dev));
}
END_TEST

START_TEST(command_register)
{
	dev.bars[0].kind = CLEAT_BAR_MEMORY;
	fake_config[4] = 0x04; /* its owner was killed */
	ck_assert_int_eq(cleat_pci_command_on(&dev), 0);
	ck_assert_uint_eq(fake_config[4], 0x02);
	dev.bars[2].kind = CLEAT_BAR_IO;
	ck_assert_int_eq(cleat_pci_command_on(&dev), 0);
	ck_assert_uint_eq(fake_config[4], 0x03);
	ck_assert_int_eq(cleat_pci_master_on(&dev), 0);
	ck_assert_uint_eq(fake_config[4], 0x07);
	ck_assert_int_eq(cleat_pci_command(&dev, 0x400, 0x4), 0);
	ck_assert_uint_eq(fake_config[4], 0x03);
	ck_assert_uint_eq(fake_config[5], 0x04);
	memset(fake_config, 0xff, sizeof(fake_config));
	ck_assert_int_eq(cleat_pci_command(&dev, 0x400, 0), -EIO);
	fake_gone = 1;
	ck_assert_int_eq(cleat_pci_command(&dev, 0x400, 0), -EIO);
}
END_TEST

START_TEST(msix_on_or_not)
{
	ck_assert(!cleat_pci_msix_is_on(&dev));
	fake_capability(0x50, 0x11, 0);
	ck_assert(!cleat_pci_msix_is_on(&dev));
	fake_config[0x53] = 0x80;
	ck_assert(cleat_pci_msix_is_on(&dev));
	fake_gone = 1;
	ck_assert(!cleat_pci_msix_is_on(&dev));
}
END_TEST

START_TEST(msix_table)
{
	const uint8_t body[] = { 0x04, 0x80, 0x03, 0x20, 0x00,
		0x00 }; /* 5 vectors, BAR 3 + 0x2000 */
	struct cleat_pci_msix msix;

	ck_assert_int_eq(cleat_pci_msix_table(&dev, &msix), 0);
	fake_capability(0xa0, 0x11, 0);
	memcpy(fake_config + 0xa2, body, sizeof(body));
	ck_assert_int_eq(cleat_pci_msix_table(&dev, &msix), 1);
	ck_assert_uint_eq(msix.bar, 3);
	ck_assert_uint_eq(msix.off, 0x2000);
	ck_assert_uint_eq(msix.len_bytes, 80);
}
END_TEST

static void around(uint64_t bar, uint64_t off, uint64_t len, unsigned n, uint64_t first_len,
	uint64_t second_off, uint64_t second_len)
{
	struct cleat_pci_piece p[2] = { 0 };

	ck_assert_uint_eq(cleat_pci_around_hole(bar, off, len, 4096, p), n);
	ck_assert_uint_eq(p[0].len_bytes, n > 0 ? first_len : 0);
	ck_assert_uint_eq(p[1].off, second_off);
	ck_assert_uint_eq(p[1].len_bytes, second_len);
}

START_TEST(hole_around_the_table)
{
	struct cleat_pci_piece p[2];

	around(0x4000, 0x2000, 80, 2, 0x2000, 0x3000, 0x1000);
	around(0x4000, 0x1ff0, 80, 2, 0x1000, 0x3000, 0x1000); /* over the edge of a page */
	around(0x4000, 0x3000, 80, 1, 0x3000, 0, 0);
	around(0x1000, 0, 80, 0, 0, 0, 0);
	around(0x4000, 0x9000, 80, 1, 0x4000, 0, 0); /* what no sane device says */
	ck_assert_uint_eq(cleat_pci_around_hole(0x4000, 0, 80, 4096, p), 1);
	ck_assert_uint_eq(p[0].off, 0x1000);
	ck_assert_uint_eq(p[0].len_bytes, 0x3000);
}
END_TEST

START_TEST(vfio_capabilities)
{
	uint32_t words[16] = { 0 }; /* a header of 8 bytes is {u16 id, u16 version, u32 next} */

	words[4] = 1;
	words[5] = 32;
	words[8] = 3;
	words[9] = 0;
	ck_assert_ptr_eq(cleat_vfio_cap(words, sizeof(words), 16, 1), &words[4]);
	ck_assert_ptr_eq(cleat_vfio_cap(words, sizeof(words), 16, 3), &words[8]);
	ck_assert_ptr_null(cleat_vfio_cap(words, sizeof(words), 16, 2));
	ck_assert_ptr_null(cleat_vfio_cap(words, sizeof(words), 0, 1));
	words[9] = 16; /* back: the chain would not end */
	ck_assert_ptr_null(cleat_vfio_cap(words, sizeof(words), 16, 2));
	words[9] = 60; /* the header would not fit */
	ck_assert_ptr_null(cleat_vfio_cap(words, sizeof(words), 16, 2));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pci_config");
	TCase *tc = tcase_create("configuration space");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, finds_capabilities);
	tcase_add_test(tc, no_capabilities);
	tcase_add_test(tc, broken_chains_end);
	tcase_add_test(tc, gone_or_not);
	tcase_add_test(tc, command_register);
	tcase_add_test(tc, msix_on_or_not);
	tcase_add_test(tc, msix_table);
	tcase_add_test(tc, hole_around_the_table);
	tcase_add_test(tc, vfio_capabilities);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
