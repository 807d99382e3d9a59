/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * huge_1g - memory on a page of 1 GiB: a segment, and an instance with an unprivileged worker.
 *
 * Reserves the page if it may, and gives it back. Exit 77 where none can be had. tests/lab runs
 * this program in a guest that has such pages.
 */
#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/window.h"
#include "tests/primary/bad.h"
#include "tests/runtime/mem_help.h"

#define COUNT  "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"
#define MEMORY 4 /* exit code of a primary that cannot have its memory */

static uint64_t total_before, free_before;
static pid_t reserver;

/* ---- one page to be had ---- */

static int write_number(const char *path, uint64_t number)
{
	FILE *file = fopen(path, "we");
	int rc = file != NULL ? 0 : -errno;

	if (file == NULL)
		return rc;
	(void)fprintf(file, "%" PRIu64 "\n", number);
	return fclose(file) == 0 ? 0 : -errno;
}

static uint64_t pages_free(void)
{
	struct cleat_hugepages pages;

	return cleat_hugepages_read(CLEAT_PAGE_1G, CLEAT_NODE_ANY, &pages) < 0 ? 0
									       : pages.available;
}

static void give_back(void)
{
	if (getpid() == reserver &&
		write_number(COUNT, total_before) < 0) /* not in Check's children */
		fprintf(stderr, "%s is not back at %" PRIu64 "\n", COUNT, total_before);
}

/* @return NULL, or why there is no page */
static const char *reserve_one(void)
{
	struct cleat_hugepages pages;

	if (cleat_hugepages_read(CLEAT_PAGE_1G, CLEAT_NODE_ANY, &pages) < 0)
		return "this machine has no pages of 1 GiB";
	total_before = pages.total;
	if (pages.available > 0)
		return NULL;
	if (geteuid() != 0)
		return "no page of 1 GiB is free, and only root may reserve one";
	reserver = getpid();
	(void)atexit(give_back);
	(void)write_number(COUNT, pages.total + 1);
	if (pages_free() > 0)
		return NULL;
	/* memory in pieces: let go of what is cached and move the rest together */
	sync();
	if (write_number("/proc/sys/vm/drop_caches", 3) < 0 ||
		write_number("/proc/sys/vm/compact_memory", 1) < 0 ||
		write_number(COUNT, pages.total + 1) < 0 || pages_free() == 0)
		return "memory is in pieces: no page of 1 GiB could be reserved";
	return NULL;
}

static bool came_back(void *arg)
{
	(void)arg;
	return pages_free() >= free_before;
}

/* ---- a segment ---- */

START_TEST(segment)
{
	struct cleat_segment_options opt = {
		.name = "test.1g",
		.off = MEM_FIRST_OFF,
		.len_bytes = 5, /* rounded up */
		.page_bytes = CLEAT_PAGE_1G,
		.kind = CLEAT_SEGMENT_MEMORY,
		.node = CLEAT_NODE_ANY,
	};
	uint64_t *last;
	struct cleat_segment seg;

	ck_assert_uint_eq(cleat_hugepages_choose(CLEAT_PAGE_1G, CLEAT_NODE_ANY), CLEAT_PAGE_1G);
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, MEM_WINDOW_LEN), 0);
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), 0);
	ck_assert_uint_eq(seg.len_bytes, CLEAT_PAGE_1G);
	last = (uint64_t *)(cleat_window_base + seg.off + seg.len_bytes) - 1;
	*last = 7;
	ck_assert_int_eq(
		cleat_window_map(2 * MEM_FIRST_OFF, seg.len_bytes, seg.fd_ro, 0, 1), -EACCES);
	ck_assert_int_eq(cleat_window_map(2 * MEM_FIRST_OFF, seg.len_bytes, seg.fd_ro, 0, 0), 0);
	ck_assert_uint_eq(last[CLEAT_PAGE_1G / sizeof(*last)], 7);
	ck_assert_int_eq(cleat_window_unmap(2 * MEM_FIRST_OFF, seg.len_bytes), 0);
	cleat_segment_destroy(&seg);
	cleat_window_release();
	ck_assert(wait_for(came_back, NULL, 5000));
}
END_TEST

/* ---- an instance ---- */

static void expect_map(void)
{
	struct child c;

	ck_assert_int_eq(
		child_run(&c, "cleat", "map", "--json", "--instance", test_instance(), NULL), 0);
	ck_assert_msg(strstr(child_out(&c), "\"page_bytes\":1073741824") != NULL ||
			      strstr(child_out(&c), "\"page_bytes\": 1073741824") != NULL,
		"the map: %s", child_out(&c));
	child_end(&c);
}

/* As nobody where that can be: no right beside the policy's is needed. */
static void forward_as_nobody(void)
{
	void (*start)(struct child *, const char *, ...) =
		geteuid() == 0 ? child_start_as_nobody : child_start;
	struct child c;

	start(&c, "cleat-l2fwd", "--instance", test_instance(), "-p", "0", "--packets", "100000",
		NULL);
	ck_assert_msg(child_wait(&c, 60000) == 0, "exit code %d: %s", c.status, child_err(&c));
	ck_assert_ptr_nonnull(strstr(child_out(&c), "received 100000 "));
	child_end(&c);
}

START_TEST(instance)
{
	struct child primary, second;

	bad_primary_with(&primary, "--huge-size=1G", "--allow-user=nobody");
	expect_map();
	forward_as_nobody();
	if (pages_free() == 0) {
		ck_assert_int_eq(child_run(&second, "cleat-primary", "--instance", "second-1g",
					 "--no-pci", "--huge-size", "1G", NULL),
			MEMORY);
		bad_expect_sentence(&second, "asked as 1 hugepages of 1 GiB, but only 0 of ");
		child_end(&second);
	}
	bad_still_well(&primary);
	primary_stop(&primary);
	ck_assert(wait_for(came_back, NULL, 5000));
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { segment, instance };
	const char *why = reserve_one();

	if (why != NULL) {
		printf("SKIP: %s\n", why);
		return SPAWN_SKIP;
	}
	need_programs();
	free_before = pages_free();
	return bad_run("primary/huge_1g", TESTS, 2, 240);
}
