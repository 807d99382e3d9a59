/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/pci/pci_dma.h"
#include "runtime/pci/pci_iova.h"

#define PAGE  4096ULL
#define AT(n) ((void *)(uintptr_t)(0x200000000000ULL + (n)))

/* ---- a container that notes what it has ---- */

static struct cleat_dma_run has[32];
static unsigned n_has, room;

static int fake_map(const struct cleat_dma_run *run)
{
	if (n_has == room)
		return cleat_err(-ENOSPC, "no more than %u", room);
	has[n_has++] = *run;
	return 0;
}

static int fake_unmap(const struct cleat_dma_run *run)
{
	for (unsigned i = 0; i < n_has; i++)
		if (memcmp(&has[i], run, sizeof(*run)) == 0) {
			has[i] = has[--n_has];
			return 0;
		}
	ck_abort_msg("unmap of what is not mapped");
	return -ENOENT;
}

static const struct cleat_dma_sink sink = { .map = fake_map, .unmap = fake_unmap };

static void setup(void)
{
	n_has = 0;
	room = 32;
}

static const uint64_t scattered[8] = { 0x10000, 0x11000, 0x12000, 0x40000, 0x13000, 0x14000, 0x8000,
	0x7000 };

START_TEST(merges_neighbours)
{
	struct cleat_dma_run runs[8];

	ck_assert_uint_eq(cleat_dma_merge(0x5000, scattered, 8, PAGE, NULL), 5);
	ck_assert_uint_eq(cleat_dma_merge(0x5000, scattered, 8, PAGE, runs), 5);
	ck_assert_uint_eq(runs[0].va, 0x5000);
	ck_assert_uint_eq(runs[0].iova, 0x10000);
	ck_assert_uint_eq(runs[0].len_bytes, 3 * PAGE);
	ck_assert_uint_eq(runs[1].va, 0x8000);
	ck_assert_uint_eq(runs[1].iova, 0x40000);
	ck_assert_uint_eq(runs[1].len_bytes, PAGE);
	ck_assert_uint_eq(runs[2].va, 0x9000);
	ck_assert_uint_eq(runs[2].iova, 0x13000);
	ck_assert_uint_eq(runs[2].len_bytes, 2 * PAGE);
	ck_assert_uint_eq(runs[4].va, 0xc000); /* falling addresses are no run */
	ck_assert_uint_eq(cleat_dma_merge(0x5000, scattered, 1, PAGE, runs), 1);
	ck_assert_uint_eq(runs[0].len_bytes, PAGE);
}
END_TEST

START_TEST(replays_to_each_container)
{
	uint64_t table[8];

	memcpy(table, scattered, sizeof(table));
	ck_assert_int_eq(cleat_pci_dma_map(AT(0), 1 << 20, 0x1000000, NULL, 0), 0);
	ck_assert_int_eq(cleat_pci_dma_map(AT(1 << 20), 8 * PAGE, 0, table, PAGE), 0);
	memset(table, 0, sizeof(table)); /* it was copied */
	ck_assert_uint_eq(n_has, 0);
	ck_assert_int_eq(cleat_pci_dma_attach(&sink), 0);
	ck_assert_uint_eq(n_has, 6);
	ck_assert_uint_eq(has[0].iova, 0x1000000);
	ck_assert_uint_eq(has[0].len_bytes, 1 << 20);
	ck_assert_uint_eq(has[1].iova, 0x10000);
	ck_assert_int_eq(cleat_pci_dma_map(AT(2 << 20), 1 << 20, 0x3000000, NULL, 0), 0);
	ck_assert_uint_eq(n_has, 7);
	cleat_pci_dma_unmap(AT(1 << 20), 8 * PAGE);
	ck_assert_uint_eq(n_has, 2);
	cleat_pci_dma_unmap(AT(1 << 20), 8 * PAGE); /* once is enough */

	cleat_pci_dma_detach(); /* the container is gone, and all in it */
	n_has = 0;
	cleat_pci_dma_unmap(AT(0), 1 << 20);
	ck_assert_int_eq(cleat_pci_dma_attach(&sink), 0);
	ck_assert_uint_eq(n_has, 1);
	ck_assert_uint_eq(has[0].iova, 0x3000000);
	cleat_pci_dma_unmap(AT(2 << 20), 1 << 20);
	ck_assert_uint_eq(n_has, 0);
	cleat_pci_dma_detach();
}
END_TEST

START_TEST(failure_leaves_nothing)
{
	room = 3;
	ck_assert_int_eq(cleat_pci_dma_attach(&sink), 0);
	ck_assert_int_eq(cleat_pci_dma_map(AT(0), PAGE, 0x1000, NULL, 0), 0);
	ck_assert_int_eq(cleat_pci_dma_map(AT(1 << 20), 8 * PAGE, 0, scattered, PAGE), -ENOSPC);
	ck_assert_uint_eq(n_has, 1);
	/* it is not in the list either */
	ck_assert_int_eq(cleat_pci_dma_map(AT(1 << 20), PAGE, 0x9000, NULL, 0), 0);
	cleat_pci_dma_detach();
	n_has = 0;
	room = 1;
	ck_assert_int_eq(cleat_pci_dma_attach(&sink), -ENOSPC);
	ck_assert_uint_eq(n_has, 0);
	/* and that container is forgotten */
	ck_assert_int_eq(cleat_pci_dma_map(AT(2 << 20), PAGE, 0x19000, NULL, 0), 0);
	ck_assert_uint_eq(n_has, 0);
	cleat_pci_dma_unmap(AT(0), PAGE);
	cleat_pci_dma_unmap(AT(1 << 20), PAGE);
	cleat_pci_dma_unmap(AT(2 << 20), PAGE);
}
END_TEST

START_TEST(refuses)
{
	ck_assert_int_eq(cleat_pci_dma_map(AT(0), 0, 0x1000, NULL, 0), -EINVAL);
	ck_assert_int_eq(cleat_pci_dma_map(AT(0), PAGE + 1, 0, scattered, PAGE), -EINVAL);
	ck_assert_int_eq(cleat_pci_dma_map(AT(0), 2 * PAGE, 0x1000, NULL, 0), 0);
	ck_assert_int_eq(cleat_pci_dma_map(AT(PAGE), 2 * PAGE, 0x9000, NULL, 0), -EEXIST);
	cleat_pci_dma_unmap(AT(0), 2 * PAGE);
	ck_assert_int_eq(cleat_pci_dma_map(AT(PAGE), 2 * PAGE, 0x9000, NULL, 0), 0);
	cleat_pci_dma_unmap(AT(PAGE), 2 * PAGE);
}
END_TEST

/* ---- where the window goes ---- */

#define GIB   (1ULL << 30)
#define FIRST 0x200000000000ULL

static const struct cleat_iova_range vtd39[] = { { 0, 0xfedfffff },
	{ 0xfef00000, (1ULL << 39) - 1 } };
static const struct cleat_iova_range vtd48[] = { { 0, 0xfedfffff },
	{ 0xfef00000, (1ULL << 48) - 1 } };

static uint64_t placed(const struct cleat_iova_range *r, unsigned n, uint64_t first, uint64_t len)
{
	uint64_t shift = 1;

	ck_assert_int_eq(cleat_iova_place(r, n, first, first + len - 1, &shift), 0);
	return first - shift;
}

START_TEST(addresses_as_they_are)
{
	const struct cleat_iova_range all[] = { { 0, UINT64_MAX } };

	ck_assert_uint_eq(placed(vtd48, 2, FIRST, 128 * GIB), FIRST);
	ck_assert_uint_eq(placed(all, 1, FIRST, 128 * GIB), FIRST);
	ck_assert_uint_eq(placed(vtd39, 2, 0x100000000, GIB), 0x100000000);
}
END_TEST

START_TEST(shifted_into_range)
{
	const struct cleat_iova_range odd[] = { { 0x123000, 4 * GIB }, { 5 * GIB, 1ULL << 40 } };
	const struct cleat_iova_range tight[] = { { 0x7ff000, 0x7ff000 + GIB - 1 } };
	const struct cleat_iova_range high[] = { { 1ULL << 60, UINT64_MAX } };

	/* behind the interrupts' addresses, on a GiB */
	ck_assert_uint_eq(placed(vtd39, 2, FIRST, 128 * GIB), 4 * GIB);
	/* never at 0 */
	ck_assert_uint_eq(placed(vtd39, 2, FIRST, 2 * GIB), GIB);
	ck_assert_uint_eq(placed(odd, 2, FIRST, 4 * GIB), 5 * GIB);
	/* an offset in the GiB is kept; else that in 2 MiB; else that in a page */
	ck_assert_uint_eq(placed(vtd39, 2, FIRST + 0x5000, GIB), GIB + 0x5000);
	ck_assert_uint_eq(placed(tight, 1, FIRST, GIB / 2), 0x800000);
	ck_assert_uint_eq(placed(tight, 1, FIRST, GIB), 0x7ff000);
	/* upward works, too: subtraction wraps */
	ck_assert_uint_eq(placed(high, 1, FIRST, 128 * GIB), 1ULL << 60);
}
END_TEST

START_TEST(no_room)
{
	uint64_t shift;

	ck_assert_int_eq(
		cleat_iova_place(vtd39, 1, FIRST, FIRST + 128 * GIB - 1, &shift), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "--window-size"));
	ck_assert_int_eq(cleat_iova_place(NULL, 0, FIRST, FIRST + GIB - 1, &shift), -ENOTSUP);
	/* the range starts at 0, and its only place would be there */
	ck_assert_int_eq(cleat_iova_place(&(struct cleat_iova_range){ 0, 4095 }, 1, FIRST,
				 FIRST + 4095, &shift),
		-ENOTSUP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pci_dma");
	TCase *list = tcase_create("list"), *place = tcase_create("place");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(list, setup, NULL);
	tcase_add_test(list, merges_neighbours);
	tcase_add_test(list, replays_to_each_container);
	tcase_add_test(list, failure_leaves_nothing);
	tcase_add_test(list, refuses);
	tcase_add_test(place, addresses_as_they_are);
	tcase_add_test(place, shifted_into_range);
	tcase_add_test(place, no_room);
	suite_add_tcase(s, list);
	suite_add_tcase(s, place);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
