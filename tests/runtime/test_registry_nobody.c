/* SPDX-License-Identifier: BSD-3-Clause */
/* Another user who holds the read-only descriptor cannot make a writable one of it. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/runtime/mem_help.h"

static struct mem_world world;

/* @return 0, or errno of the reopen */
static int reopen(int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", world.registry.fd_ro);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int try_as_nobody(void *arg)
{
	int fd = world.registry.fd_ro;
	int expected = *(int *)arg;

	close(world.registry.fd); /* it never got this one */
	mem_become_nobody();
	if (reopen(O_RDWR) != expected || reopen(O_WRONLY) != expected)
		return 1;
	if (expected == 0)
		return 0;
	if (reopen(O_RDWR | O_TRUNC) != EACCES)
		return 2;
	if (fchmod(fd, 0666) == 0 || fchown(fd, 65534, 65534) == 0)
		return 3;
	if (ftruncate(fd, 0) == 0 || write(fd, "x", 1) > 0)
		return 4;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) == 0)
		return 5;
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) != MAP_FAILED)
		return 6;
	if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
		return 7;
	return 0;
}

START_TEST(test_nobody_cannot_reopen)
{
	struct stat st;
	int expected = EACCES;

	mem_registry_up(&world, CLEAT_IOVA_VA);
	ck_assert_int_eq(fstat(world.registry.fd, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(mem_in_child(try_as_nobody, &expected), 0);
	ck_assert_int_eq(cleat_registry_check(), 0);

	/* It is the mode that keeps them out: the same attempt succeeds without it. */
	expected = 0;
	ck_assert_int_eq(fchmod(world.registry.fd, 0666), 0);
	ck_assert_int_eq(mem_in_child(try_as_nobody, &expected), 0);
	mem_down(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("registry_nobody");
	TCase *tcase = tcase_create("registry_nobody");
	SRunner *runner;
	int failed;

	if (geteuid() != 0) {
		printf("SKIP: only root can become another user\n");
		return 77;
	}
	tcase_add_test(tcase, test_nobody_cannot_reopen);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
