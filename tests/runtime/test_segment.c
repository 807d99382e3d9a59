/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/window.h"
#include "tests/runtime/mem_help.h"

static struct cleat_segment_options options(void)
{
	struct cleat_segment_options opt = {
		.name = "test.segment",
		.off = 1 << 20,
		.len_bytes = 100000,
		.page_bytes = CLEAT_PAGE_4K,
		.kind = CLEAT_SEGMENT_MEMORY,
		.node = CLEAT_NODE_ANY,
	};

	return opt;
}

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void up(void)
{
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, MEM_WINDOW_LEN), 0);
}

static void down(void)
{
	cleat_window_release();
}

/* All pages are there: nothing is left to fault or to fail later. */
static void check_present(const struct cleat_segment *seg)
{
	uint64_t pages = seg->len_bytes / CLEAT_PAGE_4K;
	unsigned char *there = calloc(1, pages);

	ck_assert_int_eq(mincore((char *)cleat_window_base + seg->off, seg->len_bytes, there), 0);
	for (uint64_t i = 0; i < pages; i++)
		ck_assert(there[i] & 1);
	free(there);
}

START_TEST(test_create_and_destroy)
{
	struct cleat_segment_options opt = options();
	struct cleat_segment_shm row;
	struct cleat_segment seg;
	int before = open_fds();
	char *at, line[256];

	ck_assert_int_eq(cleat_segment_create(&seg, &opt), 0);
	ck_assert_uint_eq(seg.len_bytes, cleat_align_up(100000, 4096));
	ck_assert_int_eq(open_fds(), before + 2);
	ck_assert_int_eq(fcntl(seg.fd_ro, F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(fcntl(seg.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(seg.fd_ro, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	check_present(&seg);
	at = (char *)cleat_window_base + seg.off;
	for (uint64_t i = 0; i < seg.len_bytes; i++)
		ck_assert_int_eq(at[i], 0);
	at[seg.len_bytes - 1] = 'x';
	ck_assert_int_eq(pread(seg.fd_ro, line, 1, (off_t)seg.len_bytes - 1), 1);
	ck_assert_int_eq(line[0], 'x');
	ck_assert_uint_ne(seg.node_got, 0xfffe);

	cleat_segment_row(&seg, &row);
	ck_assert_uint_eq(row.off, seg.off);
	ck_assert_uint_eq(row.iova, CLEAT_IOVA_NONE);
	ck_assert_uint_eq(row.iova_table_zone, UINT32_MAX);
	ck_assert_uint_eq(row.ready, 0);

	cleat_segment_destroy(&seg);
	cleat_segment_destroy(&seg);
	ck_assert_int_eq(open_fds(), before);
	cleat_window_occupant((uint64_t)(uintptr_t)at, 4096, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "---p"));
}
END_TEST

struct seen {
	uint64_t calls, done, total;
};

static void progress(uint64_t done, uint64_t total, uint64_t elapsed_ms, void *arg)
{
	struct seen *seen = arg;

	(void)elapsed_ms;
	ck_assert_uint_ge(done, seen->done);
	ck_assert_uint_le(done, total);
	seen->calls++;
	seen->done = done;
	seen->total = total;
}

START_TEST(test_progress_of_many_threads)
{
	struct cleat_segment_options opt = options();
	struct seen seen = { 0 };
	struct cleat_segment seg;

	opt.len_bytes = (200ULL << 20) + 4096; /* several pieces, the last one short */
	opt.threads = 4;
	opt.progress = progress;
	opt.progress_arg = &seen;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), 0);
	ck_assert_uint_eq(seen.done, seg.len_bytes);
	ck_assert_uint_eq(seen.total, seg.len_bytes);
	ck_assert_uint_ge(seen.calls, 1);
	check_present(&seg);
	cleat_segment_destroy(&seg);
}
END_TEST

START_TEST(test_too_much)
{
	struct cleat_segment_options opt = options();
	struct cleat_segment seg;
	int before = open_fds();

	opt.len_bytes = CLEAT_WINDOW_LEN_MAX; /* more than the window of this test, too */
	ck_assert_int_lt(cleat_segment_create(&seg, &opt), 0);
	opt.len_bytes = UINT64_MAX / 2;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -ERANGE);
	opt.len_bytes = 8192;
	opt.off = MEM_WINDOW_LEN - 4096;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -ERANGE);
	ck_assert_int_eq(open_fds(), before);
}
END_TEST

START_TEST(test_more_than_the_machine_has)
{
	struct cleat_segment_options opt = options();
	struct cleat_segment seg;

	opt.len_bytes = CLEAT_WINDOW_LEN_MAX - (1 << 20);
	cleat_window_release();
	if (sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE) > (long)opt.len_bytes || !MEM_BASE)
		return; /* it has */
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, CLEAT_WINDOW_LEN_MAX), 0);
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -ENOMEM);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "MiB of memory asked"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "-m"));
}
END_TEST

START_TEST(test_bad_options)
{
	struct cleat_segment_options opt = options();
	struct cleat_segment seg;
	int before = open_fds();

	opt.off = 100;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -EINVAL);
	opt = options();
	opt.len_bytes = 0;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -EINVAL);
	opt = options();
	opt.page_bytes = 5000;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -EINVAL);
	opt = options();
	opt.page_bytes = 8192; /* no such size */
	opt.off = 0;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -ENOENT);
	opt = options();
	opt.node = 999;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), -ENOENT);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "node 999"));
	ck_assert_int_eq(open_fds(), before);
}
END_TEST

START_TEST(test_node_asked_and_got)
{
	struct cleat_segment_options opt = options();
	struct cleat_segment seg;

	opt.node = 0;
	ck_assert_int_eq(cleat_segment_create(&seg, &opt), 0);
	ck_assert_uint_eq(seg.node_asked, 0);
	ck_assert_uint_eq(seg.node_got, 0);
	cleat_segment_destroy(&seg);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment");
	TCase *tcase = tcase_create("segment");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, up, down);
	tcase_add_test(tcase, test_create_and_destroy);
	tcase_add_test(tcase, test_progress_of_many_threads);
	tcase_add_test(tcase, test_too_much);
	tcase_add_test(tcase, test_more_than_the_machine_has);
	tcase_add_test(tcase, test_bad_options);
	tcase_add_test(tcase, test_node_asked_and_got);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
