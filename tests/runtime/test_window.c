/* SPDX-License-Identifier: BSD-3-Clause */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/handle.h"
#include "runtime/window.h"
#include "tests/runtime/mem_help.h"

#define LEN (2ULL << 30)

static int memfd(uint64_t len_bytes)
{
	int fd = memfd_create("test.window", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)len_bytes), 0);
	return fd;
}

START_TEST(test_reserve_and_release)
{
	char line[256];

	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, LEN), 0);
	if (MEM_BASE)
		ck_assert_uint_eq(cleat_window_base, MEM_BASE);
	ck_assert_uint_eq(cleat_window_len, LEN);
	ck_assert_int_eq(cleat_window_occupant(cleat_window_base, LEN, line, sizeof(line)), 1);
	ck_assert_ptr_nonnull(strstr(line, "---p"));
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, LEN), -EALREADY);
	cleat_window_release();
	ck_assert_uint_eq(cleat_window_len, 0);
	cleat_window_release();
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, LEN), 0);
}
END_TEST

START_TEST(test_anywhere)
{
	char line[256];

	ck_assert_int_eq(cleat_window_reserve(0, LEN), 0);
	ck_assert_uint_eq(cleat_window_base % CLEAT_WINDOW_ALIGN, 0);
	ck_assert_int_eq(cleat_window_occupant(cleat_window_base, LEN, line, sizeof(line)), 1);
}
END_TEST

START_TEST(test_bad_ranges)
{
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE + 4096, LEN), -EINVAL);
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, 4096), -EINVAL);
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, 0), -EINVAL);
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, CLEAT_WINDOW_LEN_MAX * 2), -EINVAL);
	ck_assert_int_eq(cleat_window_reserve(-CLEAT_WINDOW_ALIGN, LEN), -EINVAL);
	ck_assert_uint_eq(cleat_window_len, 0);
}
END_TEST

/* Whatever sits in the way is named, and left alone. */
START_TEST(test_conflict_names_the_mapping)
{
	int fd = memfd(4096);
	char *other;

	/* learn a free range, then put something in its middle */
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, LEN), 0);
	other = (char *)cleat_window_base + LEN / 2;
	uint64_t base = cleat_window_base;
	cleat_window_release();
	other = mmap(other, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
	ck_assert_ptr_ne(other, MAP_FAILED);
	*other = 'x';

	ck_assert_int_eq(cleat_window_reserve(base, LEN), -EEXIST);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "memfd:test.window"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "rw-s"));
	ck_assert_ptr_nonnull(strstr(cleat_error(), "--base-virtaddr"));
	ck_assert_int_eq(*other, 'x');
	ck_assert_uint_eq(cleat_window_len, 0);
	ck_assert_int_eq(munmap(other, 4096), 0);
	ck_assert_int_eq(cleat_window_reserve(base, LEN), 0);
	close(fd);
}
END_TEST

static int read_at(void *p)
{
	return *(volatile char *)p;
}

static int write_at(void *p)
{
	*(volatile char *)p = 1;
	return 0;
}

START_TEST(test_map_and_unmap)
{
	int fd = memfd(3 * 4096);
	char *at;

	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, LEN), 0);
	at = (char *)cleat_window_base + 8192;
	ck_assert_int_eq(mem_in_child(read_at, at), SIGSEGV);
	ck_assert_int_eq(cleat_window_map(8192, 8192, fd, 4096, 1), 0);
	at[0] = 42;
	ck_assert_int_eq(mem_in_child(read_at, at), -42);
	ck_assert_int_eq(mem_in_child(read_at, at - 1), SIGSEGV);
	ck_assert_int_eq(mem_in_child(read_at, at + 8192), SIGSEGV);

	/* the same again, read-only, elsewhere */
	ck_assert_int_eq(cleat_window_map(1 << 20, 4096, fd, 4096, 0), 0);
	ck_assert_int_eq(((char *)cleat_window_base)[1 << 20], 42);
	ck_assert_int_eq(mem_in_child(write_at, (char *)cleat_window_base + (1 << 20)), SIGSEGV);

	ck_assert_int_eq(cleat_window_unmap(8192, 8192), 0);
	ck_assert_int_eq(mem_in_child(read_at, at), SIGSEGV);
	/* still reserved: nothing else may land there */
	ck_assert_ptr_eq(
		mmap(at, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
		MAP_FAILED);
	close(fd);
}
END_TEST

START_TEST(test_failed_map_keeps_the_reservation)
{
	char line[256];
	int fd = memfd(4096);

	ck_assert_int_eq(cleat_window_map(0, 4096, fd, 0, 1), -ERANGE); /* no window */
	ck_assert_int_eq(cleat_window_reserve(MEM_BASE, LEN), 0);
	ck_assert_int_eq(cleat_window_map(LEN, 4096, fd, 0, 1), -ERANGE);
	ck_assert_int_eq(cleat_window_map(LEN - 4096, 8192, fd, 0, 1), -ERANGE);
	ck_assert_int_eq(cleat_window_map(4096, UINT64_MAX, fd, 0, 1), -ERANGE);
	ck_assert_int_eq(cleat_window_map(0, 0, fd, 0, 1), -ERANGE);
	ck_assert_int_eq(cleat_window_unmap(LEN, 4096), -ERANGE);
	ck_assert_int_eq(cleat_window_map(0, 4096, -1, 0, 1), -EBADF);
	ck_assert_str_ne(cleat_error(), "");
	ck_assert_int_eq(cleat_window_occupant(cleat_window_base, 4096, line, sizeof(line)), 1);
	ck_assert_ptr_nonnull(strstr(line, "---p"));
	close(fd);
}
END_TEST

START_TEST(test_handles)
{
	struct mem_world world;

	ck_assert_int_eq(cleat_window_reserve(0, LEN), 0);
	ck_assert_uint_eq(cleat_handle_of(cleat_ptr(77)), 77);
	ck_assert_ptr_null(cleat_ptr_checked(CLEAT_HANDLE_NONE, 64));
	ck_assert_ptr_null(cleat_ptr_checked(LEN / 64, 1));
	ck_assert_ptr_null(cleat_ptr_checked(LEN / 64 - 1, 65));
	ck_assert_ptr_null(cleat_ptr_checked(CLEAT_HANDLE_MAX, UINT64_MAX));
	ck_assert_ptr_eq(cleat_ptr_checked(LEN / 64 - 1, 64), cleat_ptr(LEN / 64 - 1));
	cleat_window_release();

	/* an observer has the window elsewhere than the primary's rows say */
	mem_registry_up(&world, CLEAT_IOVA_VA);
	cleat_registry->header.window_base = 7ULL << 40;
	ck_assert_ptr_eq(cleat_ptr_of_va((7ULL << 40) + 128, 64), (char *)cleat_window_base + 128);
	ck_assert_ptr_null(cleat_ptr_of_va((7ULL << 40) - 1, 1));
	ck_assert_ptr_null(cleat_ptr_of_va((7ULL << 40) + MEM_WINDOW_LEN - 63, 64));
	mem_down(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window");
	TCase *tcase = tcase_create("window");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, test_reserve_and_release);
	tcase_add_test(tcase, test_anywhere);
	tcase_add_test(tcase, test_bad_ranges);
	tcase_add_test(tcase, test_conflict_names_the_mapping);
	tcase_add_test(tcase, test_map_and_unmap);
	tcase_add_test(tcase, test_failed_map_keeps_the_reservation);
	tcase_add_test(tcase, test_handles);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
