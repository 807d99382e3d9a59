/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/row.h"
#include "tests/runtime/mem_help.h"

#define LEN (8ULL << 20)

static struct mem_world world;

static void up(void)
{
	ck_assert_int_eq(mem_up(&world, LEN, CLEAT_PAGE_4K, CLEAT_IOVA_VA), 0);
}

static void down(void)
{
	mem_down(&world);
}

static struct cleat_zone_request request(const char *name, uint64_t len_bytes)
{
	struct cleat_zone_request req = {
		.name = name, .len_bytes = len_bytes, .node = CLEAT_NODE_ANY
	};

	return req;
}

static uint64_t free_bytes(void)
{
	struct cleat_heap_stats stats;

	cleat_heap_stats(world.heap, 0xffff, &stats);
	return stats.free_bytes;
}

START_TEST(test_reserve_lookup_free)
{
	struct cleat_zone_request req = request("a", 1000);
	struct cleat_zone_shm row, found;
	int zone;

	req.align = 4096;
	req.owner_slot = 5;
	zone = cleat_zone_reserve(world.heap, &req, &row);
	ck_assert_int_ge(zone, 0);
	ck_assert_uint_eq(row.len_bytes, 1024);
	ck_assert_uint_eq(row.va % 4096, 0);
	ck_assert_uint_eq(row.iova, row.va);
	ck_assert_uint_eq(row.owner_slot, 5);
	ck_assert_uint_eq(row.numa_node, world.memory.node_got);
	ck_assert_int_eq(cleat_zone_lookup("a", &found), zone);
	ck_assert_uint_eq(found.va, row.va);
	ck_assert_ptr_eq(cleat_zone_ptr(&found), (void *)(uintptr_t)row.va);
	ck_assert_uint_eq(free_bytes(), LEN - 1024);

	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -EEXIST);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "'a' exists already"));
	ck_assert_int_eq(cleat_zone_free(world.heap, (uint32_t)zone), 0);
	ck_assert_int_eq(cleat_zone_free(world.heap, (uint32_t)zone), -ENOENT);
	ck_assert_int_eq(cleat_zone_free(world.heap, CLEAT_MAX_ZONES), -ENOENT);
	ck_assert_int_eq(cleat_zone_lookup("a", NULL), -ENOENT);
	ck_assert_uint_eq(free_bytes(), LEN);
}
END_TEST

START_TEST(test_always_zero)
{
	struct cleat_zone_request req = request("z", LEN / 2);
	struct cleat_zone_shm row;

	for (int round = 0; round < 4; round++) {
		int zone = cleat_zone_reserve(world.heap, &req, &row);
		char *at = cleat_zone_ptr(&row);

		ck_assert_int_ge(zone, 0);
		for (uint64_t i = 0; i < row.len_bytes; i++)
			if (at[i])
				ck_abort_msg("byte %lu is not zero", (unsigned long)i);
		memset(at, 0xa5, row.len_bytes);
		ck_assert_int_eq(cleat_zone_free(world.heap, (uint32_t)zone), 0);
	}
}
END_TEST

START_TEST(test_refusals)
{
	struct cleat_zone_request req = request("big", LEN + 1);

	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "zone big: "));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "largest free block is 8192 KiB"));
	req = request("", 64);
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -EINVAL);
	req = request("12345678901234567890123456789012", 64);
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -ENAMETOOLONG);
	req = request("none", 0);
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -EINVAL);
	req = request("flags", 64);
	req.flags = 0x80;
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -EINVAL);
	req = request("slot", 64);
	req.owner_slot = CLEAT_MAX_PROCS;
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -EINVAL);
	ck_assert_uint_eq(free_bytes(), LEN);
}
END_TEST

static int collect(uint32_t zone, const struct cleat_zone_shm *row, void *arg)
{
	(void)zone;
	strcat(arg, row->name);
	return strcmp(row->name, "stop") == 0 ? 7 : 0;
}

START_TEST(test_owners_and_walk)
{
	static const char *const names[] = { "a", "b", "c", "d" };
	struct cleat_zone_request req = request("", 4096);
	char seen[64] = "";

	for (uint16_t i = 0; i < 4; i++) {
		req.name = names[i];
		req.owner_slot = i % 2 + 1;
		ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), i);
	}
	ck_assert_int_eq(cleat_zone_walk(collect, seen), 0);
	ck_assert_str_eq(seen, "abcd");
	ck_assert_int_eq(cleat_zone_set_owner(1, 0), 0); /* "b" outlives process 2 */
	ck_assert_int_eq(cleat_zone_set_owner(9, 0), -ENOENT);
	ck_assert_int_eq(cleat_zone_free_owned(world.heap, 2), 1);
	ck_assert_int_eq(cleat_zone_free_owned(world.heap, 2), 0);
	seen[0] = '\0';
	ck_assert_int_eq(cleat_zone_walk(collect, seen), 0);
	ck_assert_str_eq(seen, "abc");
	ck_assert_int_eq(cleat_zone_lookup("b", NULL), 1);
	req.name = "stop"; /* takes the row that is free */
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), 3);
	req.name = "e";
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), 4);
	seen[0] = '\0';
	ck_assert_int_eq(cleat_zone_walk(collect, seen), 7);
	ck_assert_str_eq(seen, "abcstop");
}
END_TEST

START_TEST(test_all_rows)
{
	struct cleat_zone_request req = request("", 64);
	char name[CLEAT_NAME_LEN];

	req.name = name;
	for (int i = 0; i < CLEAT_MAX_ZONES; i++) {
		snprintf(name, sizeof(name), "z%d", i);
		ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), i);
	}
	snprintf(name, sizeof(name), "more");
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "zones are in use"));
	ck_assert_int_eq(cleat_zone_free(world.heap, 777), 0);
	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), 777);
	ck_assert_int_eq(cleat_zone_free_owned(world.heap, 0), CLEAT_MAX_ZONES);
	ck_assert_uint_eq(free_bytes(), LEN);
}
END_TEST

START_TEST(test_grow_and_shrink)
{
	struct cleat_segment_options opt = { .name = "more",
		.off = 2 * MEM_FIRST_OFF,
		.len_bytes = 16 << 20,
		.page_bytes = CLEAT_PAGE_4K,
		.kind = CLEAT_SEGMENT_MEMORY,
		.node = CLEAT_NODE_ANY };
	struct cleat_zone_request req = request("large", 12 << 20);
	struct cleat_segment more;
	struct cleat_segment_shm row;
	int zone;

	ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -ENOSPC);
	ck_assert_int_eq(cleat_zone_add_segment(world.heap, 2), -ENOENT);
	ck_assert_int_eq(cleat_segment_create(&more, &opt), 0);
	cleat_segment_row(&more, &row);
	CLEAT_ROW_WRITE(&cleat_registry->segments[2], &row);
	/* nothing is given out of it while not everybody has it */
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(cleat_zone_prepare_segment(world.heap, 2), 0);
		ck_assert_uint_eq(cleat_registry->segments[2].ready, 0);
		ck_assert_uint_eq(free_bytes(), LEN);
		ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), -ENOSPC);
		ck_assert_int_eq(cleat_zone_prepare_segment(world.heap, 2), -EEXIST);
		if (i == 0)
			ck_assert_int_eq(cleat_zone_remove_segment(world.heap, 2), 0);
	}
	cleat_zone_open_segment(world.heap, 2);
	ck_assert_uint_eq(cleat_registry->segments[2].ready, 1);
	ck_assert_int_eq(cleat_zone_add_segment(world.heap, 2), -EEXIST);
	zone = cleat_zone_reserve(world.heap, &req, NULL);
	ck_assert_int_ge(zone, 0);
	ck_assert_int_eq(cleat_zone_remove_segment(world.heap, 2), -EBUSY);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "'large'"));
	ck_assert_int_eq(cleat_zone_free(world.heap, (uint32_t)zone), 0);
	ck_assert_int_eq(cleat_zone_remove_segment(world.heap, 2), 0);
	ck_assert_uint_eq(cleat_registry->segments[2].ready, 0);
	ck_assert_uint_eq(free_bytes(), LEN);
	cleat_segment_destroy(&more);
}
END_TEST

static int claim(uint32_t zone, const struct cleat_zone_shm *row, void *heap)
{
	(void)zone;
	return cleat_heap_claim(heap, row->va - cleat_window_base, row->len_bytes);
}

/* A new primary makes the heap anew from what the registry says. */
START_TEST(test_heap_from_registry)
{
	struct cleat_heap_segment seg = {
		.off = MEM_FIRST_OFF, .len_bytes = LEN, .page_bytes = CLEAT_PAGE_4K
	};
	struct cleat_heap *heap = cleat_heap_create();
	struct cleat_heap_block old, new;
	char name[CLEAT_NAME_LEN];
	uint64_t from = 0;

	for (uint32_t i = 0; i < 40; i++) {
		struct cleat_zone_request req = request(name, 100 + i * 333);

		snprintf(name, sizeof(name), "z%u", i);
		ck_assert_int_eq(cleat_zone_reserve(world.heap, &req, NULL), (int)i);
	}
	for (uint32_t i = 0; i < 40; i += 3)
		ck_assert_int_eq(cleat_zone_free(world.heap, i), 0);
	ck_assert_int_eq(cleat_heap_add(heap, &seg), 0);
	ck_assert_int_eq(cleat_zone_walk(claim, heap), 0);
	while (cleat_heap_next_free(world.heap, from, &old)) {
		ck_assert_int_eq(cleat_heap_next_free(heap, from, &new), 1);
		ck_assert_uint_eq(new.off, old.off);
		ck_assert_uint_eq(new.len_bytes, old.len_bytes);
		from = old.off + old.len_bytes;
	}
	ck_assert_int_eq(cleat_heap_next_free(heap, from, &new), 0);
	cleat_heap_destroy(heap);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zone");
	TCase *tcase = tcase_create("zone");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, up, down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, test_reserve_lookup_free);
	tcase_add_test(tcase, test_always_zero);
	tcase_add_test(tcase, test_refusals);
	tcase_add_test(tcase, test_owners_and_walk);
	tcase_add_test(tcase, test_all_rows);
	tcase_add_test(tcase, test_grow_and_shrink);
	tcase_add_test(tcase, test_heap_from_registry);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
