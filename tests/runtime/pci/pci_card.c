/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/pci/pci_card.h"

#include <stdlib.h>
#include <string.h>

#include "tests/runtime/pci/pci_fake.h"
#include "tests/runtime/pci/pci_tree.h"
#include "tests/support/spawn.h"

struct cleat_pci_device card;
static int fds_before;

void card_bound_to(const char *driver)
{
	fake_uio(NIC, driver);
	ck_assert_int_eq(cleat_pci_read(NIC, &card), 0);
}

void card_says(const char *part)
{
	ck_assert_msg(
		strstr(cleat_error(), part) != NULL, "'%s' is not in: %s", part, cleat_error());
}

void card_config_byte(unsigned off, uint8_t value)
{
	ck_assert_int_eq(card.access->config_write(&card, off, &value, 1), 0);
}

unsigned card_command(void)
{
	uint16_t v;

	ck_assert_int_eq(cleat_pci_config_read(&card, 4, &v, 2), 0);
	return v;
}

static void setup(void)
{
	tree_new();
	fds_before = fd_count();
}

static void teardown(void)
{
	ck_assert_int_eq(fd_count(), fds_before);
}

TCase *card_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	return tc;
}

int card_run(const char *name, TCase *const *cases, unsigned n)
{
	Suite *s = suite_create(name);
	SRunner *sr;
	int failed;

	test_dir();
	for (unsigned i = 0; i < n; i++)
		suite_add_tcase(s, cases[i]);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
