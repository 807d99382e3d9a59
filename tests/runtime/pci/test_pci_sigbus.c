/* SPDX-License-Identifier: BSD-3-Clause */
/* A file that is cut under its mapping stands for a device that is unplugged. */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/pci/pci_sigbus.h"

#define PAGES 2
#define LEN   (PAGES * 4096UL)

static int fd;
static volatile uint32_t *bar;

static void setup(void)
{
	(void)signal(SIGBUS, SIG_DFL); /* a sanitizer has a handler of its own */
	fd = memfd_create("bar", 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, LEN), 0);
	bar = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne((void *)bar, MAP_FAILED);
}

static void teardown(void)
{
	cleat_pci_guard_remove((void *)bar);
	ck_assert_int_eq(munmap((void *)bar, LEN), 0);
	ck_assert_int_eq(close(fd), 0);
}

START_TEST(reads_ones)
{
	bar[3] = 17;
	ck_assert_int_eq(cleat_pci_guard_add((void *)bar, LEN), 0);
	ck_assert_uint_eq(bar[3], 17);
	ck_assert_int_eq(cleat_pci_guard_is_dead((const void *)bar), 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_uint_eq(bar[3], 0xffffffff);
	ck_assert_int_eq(cleat_pci_guard_is_dead((const void *)bar), 1);
	bar[4] = 5;				  /* a store goes nowhere and hurts nobody */
	ck_assert_uint_eq(bar[1024], 0xffffffff); /* the second page */
}
END_TEST

/* Another thread reads all the while: it sees what was there, then ones, never anything else. */
static void *watch(void *arg)
{
	uint32_t v;

	do {
		v = *(volatile uint32_t *)arg;
	} while (v == 17);
	return (void *)(uintptr_t)v;
}

START_TEST(other_threads_see_ones)
{
	ck_assert_int_eq(cleat_pci_guard_add((void *)bar, LEN), 0);
	for (int i = 0; i < 50; i++) {
		pthread_t threads[2];
		void *v;

		ck_assert_ptr_ne(mmap((void *)bar, LEN, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_FIXED, fd, 0),
			MAP_FAILED);
		ck_assert_int_eq(ftruncate(fd, LEN), 0);
		bar[0] = 17;
		for (int t = 0; t < 2; t++)
			ck_assert_int_eq(pthread_create(&threads[t], NULL, watch, (void *)bar), 0);
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		for (int t = 0; t < 2; t++) {
			ck_assert_int_eq(pthread_join(threads[t], &v), 0);
			ck_assert_uint_eq((uintptr_t)v, 0xffffffff);
		}
	}
}
END_TEST

/* How a child ends that touches the cut file. */
static int end_of_child(void (*before)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		before();
		if (ftruncate(fd, 0) == 0)
			bar[0] = 1;
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void guard_other(void)
{
	static char page[4096] __attribute__((aligned(4096)));

	if (cleat_pci_guard_add(page, sizeof(page)) != 0)
		_exit(1);
}

static void guard_and_forget(void)
{
	if (cleat_pci_guard_add((void *)bar, LEN) != 0)
		_exit(1);
	cleat_pci_guard_remove((void *)bar);
}

static void own_handler(int number)
{
	(void)number;
	_exit(42);
}

static void handler_before(void)
{
	(void)signal(SIGBUS, own_handler);
	guard_other();
}

static void guard_both_and_forget_all(void)
{
	static char page[4096] __attribute__((aligned(4096)));

	if (cleat_pci_guard_add(page, sizeof(page)) != 0 ||
		cleat_pci_guard_add((void *)bar, LEN) != 0)
		_exit(1);
	cleat_pci_guard_remove_all();
}

/* When the window goes, so do its guards: what lies there later is not theirs to answer for. */
START_TEST(forgets_all)
{
	int status = end_of_child(guard_both_and_forget_all);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);

	ck_assert_int_eq(cleat_pci_guard_add((void *)bar, LEN), 0);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_uint_eq(bar[0], 0xffffffff);
	ck_assert_int_eq(cleat_pci_guard_is_dead((const void *)bar), 1);
	cleat_pci_guard_remove_all();
	ck_assert_int_eq(cleat_pci_guard_is_dead((const void *)bar), 0);
	ck_assert_int_eq(cleat_pci_guard_add((void *)bar, LEN), 0); /* anew, and well */
	ck_assert_int_eq(cleat_pci_guard_is_dead((const void *)bar), 0);
}
END_TEST

/* Every entry can be used again. */
START_TEST(forgets_as_many_as_there_are)
{
	char *at = (char *)(uintptr_t)(1UL << 40);

	for (int round = 0; round < 2; round++) {
		unsigned n = 0;

		while (cleat_pci_guard_add(at + n * 4096UL, 4096) == 0)
			n++;
		ck_assert_uint_eq(n, 256);
		cleat_pci_guard_remove_all();
	}
}
END_TEST

START_TEST(elsewhere_it_kills)
{
	int status = end_of_child(guard_other);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);
	status = end_of_child(guard_and_forget);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);
}
END_TEST

static void killed(void)
{
	guard_other();
	(void)raise(SIGBUS);
	_exit(2);
}

static void ignores(void)
{
	(void)signal(SIGBUS, SIG_IGN);
	guard_other();
	(void)raise(SIGBUS); /* sent: ignored as before */
	_exit(3);
}

static void ignores_and_faults(void)
{
	(void)signal(SIGBUS, SIG_IGN);
	guard_other();
}

START_TEST(sent_signals_do_what_they_did)
{
	int status = end_of_child(killed);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);
	status = end_of_child(ignores);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 3);
	status = end_of_child(ignores_and_faults); /* a fault cannot be ignored */
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGBUS);
}
END_TEST

START_TEST(handler_of_the_program_is_asked)
{
	int status = end_of_child(handler_before);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pci_sigbus");
	TCase *tc = tcase_create("guard");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reads_ones);
	tcase_add_test(tc, other_threads_see_ones);
	tcase_add_test(tc, forgets_all);
	tcase_add_test(tc, forgets_as_many_as_there_are);
	tcase_add_test(tc, elsewhere_it_kills);
	tcase_add_test(tc, sent_signals_do_what_they_did);
	tcase_add_test(tc, handler_of_the_program_is_asked);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
