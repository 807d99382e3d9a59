/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/error.h"
#include "runtime/window.h"
#include "tests/runtime/mem_help.h"

#define PAGES 4U

static struct cleat_segment_options options(uint64_t len_bytes)
{
	struct cleat_segment_options opt = {
		.name = "test.huge",
		.off = MEM_FIRST_OFF,
		.len_bytes = len_bytes,
		.page_bytes = CLEAT_PAGE_2M,
		.kind = CLEAT_SEGMENT_MEMORY,
		.node = CLEAT_NODE_ANY,
	};

	return opt;
}

START_TEST(test_sizes)
{
	uint64_t sizes[CLEAT_MAX_PAGE_SIZES];
	struct cleat_hugepages pages;
	int n = cleat_hugepages_sizes(sizes), has_2m = 0;
	char text[24];

	ck_assert_int_ge(n, 1);
	for (int i = 0; i < n; i++) {
		if (i)
			ck_assert_uint_lt(sizes[i], sizes[i - 1]);
		has_2m |= sizes[i] == CLEAT_PAGE_2M;
		ck_assert_int_eq(cleat_hugepages_read(sizes[i], CLEAT_NODE_ANY, &pages), 0);
		ck_assert_uint_le(pages.free, pages.total);
	}
	ck_assert(has_2m);
	ck_assert_int_eq(cleat_hugepages_read(12345, CLEAT_NODE_ANY, &pages), -ENOENT);
	ck_assert_uint_eq(
		cleat_hugepages_choose(PAGES * CLEAT_PAGE_2M, CLEAT_NODE_ANY), CLEAT_PAGE_2M);
	ck_assert_uint_eq(cleat_hugepages_choose(1ULL << 60, CLEAT_NODE_ANY), 0);
	ck_assert_str_eq(cleat_size_text(CLEAT_PAGE_2M, text), "2 MiB");
	ck_assert_str_eq(cleat_size_text(CLEAT_PAGE_1G, text), "1 GiB");
	ck_assert_str_eq(cleat_size_text(1536 << 10, text), "1536 KiB");
	ck_assert_str_eq(cleat_size_text(0, text), "0 B");
}
END_TEST

START_TEST(test_create_and_give_back)
{
	struct cleat_segment_options opt = options(PAGES * CLEAT_PAGE_2M - 5);
	uint64_t before = mem_hugepages_free();
	struct cleat_segment seg;
	char line[256];

	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, MEM_WINDOW_LEN), 0);
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), 0);
	ck_assert_uint_eq(seg.len_bytes, PAGES * CLEAT_PAGE_2M);
	((char *)cleat_window_base + seg.off)[seg.len_bytes - 1] = 1;
	cleat_window_occupant(cleat_window_base + seg.off, 1, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "test.huge"));

	/* read-only stays read-only with hugepages, too */
	ck_assert_int_eq(
		cleat_window_map(2 * MEM_FIRST_OFF, seg.len_bytes, seg.fd_ro, 0, 1), -EACCES);
	ck_assert_int_eq(cleat_window_map(2 * MEM_FIRST_OFF, seg.len_bytes, seg.fd_ro, 0, 0), 0);
	ck_assert_int_eq(((char *)cleat_window_base + 2 * MEM_FIRST_OFF)[seg.len_bytes - 1], 1);
	ck_assert_int_lt(mprotect((char *)cleat_window_base + 2 * MEM_FIRST_OFF, seg.len_bytes,
				 PROT_READ | PROT_WRITE),
		0);
	ck_assert_int_eq(cleat_window_unmap(2 * MEM_FIRST_OFF, seg.len_bytes), 0);
	cleat_segment_destroy(&seg);
	cleat_window_release();
	(void)before; /* other programs may take and give meanwhile */
	ck_assert_uint_ge(mem_hugepages_free(), PAGES);
}
END_TEST

START_TEST(test_exhausted)
{
	struct cleat_segment_options opt;
	struct cleat_hugepages pages;
	struct cleat_segment seg;
	char total[64];

	ck_assert_int_eq(cleat_hugepages_read(CLEAT_PAGE_2M, CLEAT_NODE_ANY, &pages), 0);
	opt = options((pages.total + 10) * CLEAT_PAGE_2M);
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, CLEAT_WINDOW_LEN_MAX), 0);
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -ENOMEM);
	snprintf(total, sizeof(total), "asked as %llu hugepages of 2 MiB",
		(unsigned long long)pages.total + 10);
	ck_assert_ptr_nonnull(strstr(cleat_error(), total));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "are free"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "--no-huge"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "hugepages-2048kB/nr_hugepages"));
	cleat_window_release();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment_huge");
	TCase *tcase = tcase_create("segment_huge");
	SRunner *runner;
	int failed;

	if (mem_hugepages_free() < 2 * PAGES) {
		printf("SKIP: needs %u free hugepages of 2 MiB\n", 2 * PAGES);
		return 77;
	}
	tcase_add_test(tcase, test_sizes);
	tcase_add_test(tcase, test_create_and_give_back);
	tcase_add_test(tcase, test_exhausted);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
