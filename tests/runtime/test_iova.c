/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/iova.h"
#include "runtime/row.h"
#include "tests/runtime/mem_help.h"

#define LEN (1ULL << 20)

static struct mem_world world;

static char *memory(void)
{
	return (char *)cleat_window_base + MEM_FIRST_OFF;
}

static void up(void)
{
	ck_assert_int_eq(mem_up(&world, LEN, CLEAT_PAGE_4K, CLEAT_IOVA_VA), 0);
}

static void down(void)
{
	mem_down(&world);
}

START_TEST(test_va_mode)
{
	ck_assert_uint_eq(cleat_iova_of(memory()), (uintptr_t)memory());
	ck_assert_uint_eq(cleat_iova_of(memory() + LEN - 1), (uintptr_t)memory() + LEN - 1);
	ck_assert_uint_eq(cleat_iova_of_range(memory() + 5, LEN - 5), (uintptr_t)memory() + 5);
	ck_assert_uint_eq(cleat_iova_of_range(memory() + 5, LEN - 4), CLEAT_IOVA_NONE);
}
END_TEST

START_TEST(test_what_has_none)
{
	int local;

	ck_assert_uint_eq(cleat_iova_of(memory() + LEN), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(cleat_iova_of(memory() - 1), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(cleat_iova_of((void *)cleat_window_base), CLEAT_IOVA_NONE); /* registry */
	ck_assert_uint_eq(
		cleat_iova_of((char *)cleat_window_base + MEM_WINDOW_LEN), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(cleat_iova_of(&local), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(cleat_iova_of(NULL), CLEAT_IOVA_NONE);
}
END_TEST

/* As a secondary: nothing is known until it is asked for, then the registry is read. */
START_TEST(test_refresh_on_miss)
{
	struct cleat_segment_shm row = cleat_registry->segments[1];

	cleat_iova_reset();
	ck_assert_uint_eq(cleat_iova_lookup(MEM_FIRST_OFF), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(cleat_iova_of(memory() + 7), (uintptr_t)memory() + 7);
	ck_assert_uint_ne(cleat_iova_lookup(MEM_FIRST_OFF), CLEAT_IOVA_NONE);

	/* the segment goes */
	row.ready = 0;
	CLEAT_ROW_WRITE(&cleat_registry->segments[1], &row);
	cleat_iova_refresh();
	ck_assert_uint_eq(cleat_iova_of(memory() + 7), CLEAT_IOVA_NONE);
}
END_TEST

/* PA mode as it looks to a secondary: a table in a zone. */
START_TEST(test_table)
{
	struct cleat_zone_request req = {
		.name = "table", .len_bytes = LEN / 4096 * 8, .node = CLEAT_NODE_ANY
	};
	struct cleat_segment_shm row = cleat_registry->segments[1];
	struct cleat_zone_shm zone;
	uint64_t *table;
	int index = cleat_zone_reserve(world.heap, &req, &zone);

	ck_assert_int_ge(index, 0);
	table = cleat_zone_ptr(&zone);
	for (uint64_t i = 0; i < LEN / 4096; i++)
		table[i] = (1000 + i + (i >= 100 ? 7U : 0U)) * 4096;
	row.iova = CLEAT_IOVA_NONE;
	row.iova_table_zone = (uint32_t)index;
	CLEAT_ROW_WRITE(&cleat_registry->segments[1], &row);
	cleat_iova_refresh();
	ck_assert_uint_eq(cleat_iova_of(memory()), 1000 * 4096);
	ck_assert_uint_eq(cleat_iova_of(memory() + 4096 * 3 + 17), 1003 * 4096 + 17);
	ck_assert_uint_eq(cleat_iova_of(memory() + 4096 * 100), 1107 * 4096);
	ck_assert_uint_eq(cleat_iova_of_range(memory(), 100 * 4096), 1000 * 4096);
	ck_assert_uint_eq(cleat_iova_of_range(memory(), 100 * 4096 + 1), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(
		cleat_iova_of_range(memory() + 100 * 4096, LEN - 100 * 4096), 1107 * 4096);

	/* a table that is too short is not used */
	row.iova_table_zone = CLEAT_MAX_ZONES - 1;
	CLEAT_ROW_WRITE(&cleat_registry->segments[1], &row);
	cleat_iova_reset();
	ck_assert_uint_eq(cleat_iova_of(memory()), CLEAT_IOVA_NONE);
}
END_TEST

START_TEST(test_contiguous)
{
	uint64_t table[] = { 8192, 12288, 16384, 4096 };

	ck_assert_uint_eq(cleat_iova_contiguous(table, 3, 4096), 8192);
	ck_assert_uint_eq(cleat_iova_contiguous(table, 4, 4096), CLEAT_IOVA_NONE);
	ck_assert_uint_eq(cleat_iova_contiguous(table, 0, 4096), CLEAT_IOVA_NONE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iova");
	TCase *tcase = tcase_create("iova");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, up, down);
	tcase_add_test(tcase, test_va_mode);
	tcase_add_test(tcase, test_what_has_none);
	tcase_add_test(tcase, test_refresh_on_miss);
	tcase_add_test(tcase, test_table);
	tcase_add_test(tcase, test_contiguous);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
