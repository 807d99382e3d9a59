/* SPDX-License-Identifier: BSD-3-Clause */
/* Physical addresses of real hugepages, checked against what the kernel says page by page. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/iova.h"
#include "tests/runtime/mem_help.h"

#define PAGES 6U

static struct mem_world world;

START_TEST(test_every_page)
{
	uint64_t table[PAGES];
	char *at;

	ck_assert_int_eq(mem_up(&world, PAGES * CLEAT_PAGE_2M, CLEAT_PAGE_2M, CLEAT_IOVA_PA), 0);
	at = (char *)cleat_window_base + MEM_FIRST_OFF;
	ck_assert_int_eq(
		cleat_iova_read_pagemap(at, PAGES * CLEAT_PAGE_2M, CLEAT_PAGE_2M, table), 0);
	for (uint64_t i = 0; i < PAGES; i++) {
		ck_assert_uint_ne(table[i], 0);
		ck_assert_uint_eq(table[i] % CLEAT_PAGE_2M, 0);
		ck_assert_uint_eq(cleat_iova_of(at + i * CLEAT_PAGE_2M + 4711), table[i] + 4711);
	}
	cleat_iova_reset(); /* as another process computes it */
	for (uint64_t i = 0; i < PAGES; i++)
		ck_assert_uint_eq(cleat_iova_of(at + i * CLEAT_PAGE_2M + 99), table[i] + 99);
	mem_down(&world);
}
END_TEST

START_TEST(test_contiguous_zone)
{
	struct cleat_zone_request req = { .name = "dma",
		.len_bytes = 1 << 20,
		.align = 4096,
		.flags = CLEAT_ZONE_IOVA_CONTIGUOUS,
		.node = CLEAT_NODE_ANY };
	struct cleat_zone_shm zone;

	ck_assert_int_eq(mem_up(&world, PAGES * CLEAT_PAGE_2M, CLEAT_PAGE_2M, CLEAT_IOVA_PA), 0);
	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "dma%d", i);
		req.name = name;
		ck_assert_int_ge(cleat_zone_reserve(world.heap, &req, &zone), 0);
		ck_assert_uint_ne(zone.iova, CLEAT_IOVA_NONE);
		ck_assert_uint_eq(zone.iova % 4096, 0);
		ck_assert_uint_eq(
			cleat_iova_of_range(cleat_zone_ptr(&zone), zone.len_bytes), zone.iova);
	}
	mem_down(&world);
}
END_TEST

/* Ordinary pages move: they have no lasting physical address, and nobody gets one. */
START_TEST(test_ordinary_pages)
{
	struct cleat_zone_request req = { .name = "dma",
		.len_bytes = 4096,
		.flags = CLEAT_ZONE_IOVA_CONTIGUOUS,
		.node = CLEAT_NODE_ANY };

	ck_assert_int_eq(mem_up(&world, 1 << 20, CLEAT_PAGE_4K, CLEAT_IOVA_PA), 0);
	ck_assert_uint_eq(
		cleat_iova_of((char *)cleat_window_base + MEM_FIRST_OFF), CLEAT_IOVA_NONE);
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "contiguity"));
	req.flags = 0;
	ck_assert_int_ge(cleat_zone_reserve(world.heap, &req, NULL), 0);
	mem_down(&world);
}
END_TEST

static int check_as_nobody(void *arg)
{
	(void)arg;
	mem_become_nobody();
	return cleat_iova_pa_check() == -EPERM && strstr(cleat_error(), "--iova-mode va") ? 0 : 1;
}

START_TEST(test_without_the_right)
{
	ck_assert_int_eq(cleat_iova_pa_check(), 0);
	ck_assert_int_eq(mem_in_child(check_as_nobody, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iova_pa");
	TCase *tcase = tcase_create("iova_pa");
	SRunner *runner;
	int failed;

	if (geteuid() != 0 || cleat_iova_pa_check() < 0) {
		printf("SKIP: only root may read physical addresses\n");
		return 77;
	}
	if (mem_hugepages_free() < 2 * PAGES) {
		printf("SKIP: needs %u free hugepages of 2 MiB\n", 2 * PAGES);
		return 77;
	}
	tcase_add_test(tcase, test_every_page);
	tcase_add_test(tcase, test_contiguous_zone);
	tcase_add_test(tcase, test_ordinary_pages);
	tcase_add_test(tcase, test_without_the_right);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
