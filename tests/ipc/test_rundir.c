/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_rundir.c - one primary per instance, whoever died before and whoever put what in its place.
 */
#include "ipc/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "tests/ipc/ipc_help.h"

static const char *my_instance(void)
{
	static char name[32];

	(void)snprintf(name, sizeof(name), "test-%d", (int)getpid());
	return name;
}

/* A process that holds the instance until it is killed. */
static pid_t spawn_holder(const char *instance)
{
	int pipes[2];
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		struct cleat_rundir rd;

		byte = cleat_rundir_claim(&rd, instance) == 0 ? 'y' : 'n';
		if (byte == 'y' && cleat_socket_listen(rd.socket, 0666) < 0)
			byte = 'n';
		if (write(pipes[1], &byte, 1) == 1)
			pause();
		_exit(1);
	}
	ck_assert_int_eq((int)read(pipes[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

START_TEST(claim_and_release_leave_nothing)
{
	struct cleat_rundir rd;
	struct stat st;
	mode_t old = umask(077);

	ck_assert_msg(cleat_rundir_claim(&rd, my_instance()) == 0, "%s", cleat_error());
	umask(old);
	ck_assert_int_eq(stat(rd.dir, &st), 0);
	ck_assert_int_eq((int)st.st_mode & 0777, 0755);
	ck_assert_int_eq(cleat_rundir_holder(&rd), getpid());
	ck_assert_int_eq(fcntl(rd.lock_fd, F_GETFD), FD_CLOEXEC);
	cleat_rundir_release(&rd);
	ck_assert_int_eq(rd.lock_fd, -1);
	ck_assert_int_eq(stat(rd.dir, &st), -1);
	ck_assert_int_eq(cleat_rundir_holder(&rd), -ESRCH);
	cleat_rundir_release(&rd);
}
END_TEST

START_TEST(a_second_primary_is_told_the_firsts_pid)
{
	struct cleat_rundir rd;
	char path[CLEAT_PATH_LEN], text[32];
	pid_t pid = spawn_holder(my_instance());
	int i;

	(void)snprintf(text, sizeof(text), "pid %d,", (int)pid);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(cleat_rundir_claim(&rd, my_instance()), -EBUSY);
		ck_assert_msg(strstr(cleat_error(), text) != NULL, "%s", cleat_error());
		cleat_rundir_release(&rd); /* does not touch the other's files */
	}
	ck_assert_int_eq(cleat_rundir_holder(&rd), pid);
	ck_assert_int_eq(cleat_rundir_find_socket(my_instance(), path), 0);
	ck_assert_str_eq(path, rd.socket);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* what the killed one left is in nobody's way */
	ck_assert_int_eq(access(rd.socket, F_OK), 0);
	ck_assert_int_eq(cleat_rundir_holder(&rd), -ESRCH);
	ck_assert_int_eq(cleat_rundir_claim(&rd, my_instance()), 0);
	ck_assert_int_ne(access(rd.socket, F_OK), 0);
	cleat_rundir_release(&rd);
	ck_assert_int_eq(cleat_rundir_find_socket(my_instance(), path), -ENOENT);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "start cleat-primary"));
}
END_TEST

START_TEST(instances_live_side_by_side)
{
	struct cleat_rundir a, b;
	char name[32];

	(void)snprintf(name, sizeof(name), "test-%d.b", (int)getpid());
	ck_assert_int_eq(cleat_rundir_claim(&a, my_instance()), 0);
	ck_assert_int_eq(cleat_rundir_claim(&b, name), 0);
	cleat_rundir_release(&a);
	ck_assert_int_eq(cleat_rundir_holder(&b), getpid());
	cleat_rundir_release(&b);
}
END_TEST

/* Many start and end at once: at any time one at most holds it. */
START_TEST(races_for_one_instance)
{
	const char *instance = my_instance();
	char guard[64];
	pid_t pids[6];
	int i, status;

	(void)snprintf(guard, sizeof(guard), "/tmp/cleat-guard-%d", (int)getpid());
	for (i = 0; i < 6; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct cleat_rundir rd;
			int turn, fd;

			for (turn = 0; turn < 300; turn++) {
				int err = cleat_rundir_claim(&rd, instance);

				if (err == -EBUSY || err == -EAGAIN)
					continue;
				if (err)
					_exit(1);
				fd = open(guard, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
				if (fd < 0)
					_exit(2); /* two hold it */
				close(fd);
				unlink(guard);
				cleat_rundir_release(&rd);
			}
			_exit(0);
		}
	}
	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert_int_eq(status, 0);
	}
}
END_TEST

START_TEST(bad_names)
{
	static const char *const bad[] = { "", ".", "..", ".hidden", "a/b", "a b",
		"a-name-that-is-longer-than-thirty-one-characters" };
	struct cleat_rundir rd;
	char path[CLEAT_PATH_LEN];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_lt(cleat_rundir_claim(&rd, bad[i]), 0);
		ck_assert_int_eq(rd.lock_fd, -1);
		ck_assert_int_lt(cleat_rundir_find_socket(bad[i], path), 0);
	}
}
END_TEST

/* The rest as an ordinary user, below a directory of its own. */
static void become_user(char *dir)
{
	if (geteuid() == 0) {
		ck_assert_int_eq(setgid(4000), 0);
		ck_assert_int_eq(setuid(4001), 0);
	}
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", dir, 1), 0);
}

START_TEST(a_users_own_directory)
{
	char dir[] = "/tmp/cleat-test-XXXXXX", path[CLEAT_PATH_LEN], want[CLEAT_PATH_LEN];
	struct cleat_rundir rd;
	int fd;

	become_user(dir);
	ck_assert_int_eq(cleat_rundir_claim(&rd, "mine"), 0);
	(void)snprintf(want, sizeof(want), "%s/cleat/mine/primary.sock", dir);
	ck_assert_str_eq(rd.socket, want);
	fd = cleat_socket_listen(rd.socket, 0666);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(cleat_rundir_find_socket("mine", path), 0);
	ck_assert_str_eq(path, want);
	close(fd);
	cleat_rundir_release(&rd);
	ck_assert_int_eq(rmdir(dir), 0);
	unsetenv("XDG_RUNTIME_DIR");
	ck_assert_int_eq(cleat_rundir_paths(&rd, "mine"), 0);
	(void)snprintf(want, sizeof(want), "/tmp/cleat-%u/mine", (unsigned int)geteuid());
	ck_assert_str_eq(rd.dir, want);
}
END_TEST

START_TEST(a_directory_others_may_write_is_refused)
{
	char dir[] = "/tmp/cleat-test-XXXXXX", base[64];
	struct cleat_rundir rd;

	become_user(dir);
	(void)snprintf(base, sizeof(base), "%s/cleat", dir);
	ck_assert_int_eq(mkdir(base, 0777), 0);
	ck_assert_int_eq(chmod(base, 0777), 0);
	ck_assert_int_eq(cleat_rundir_claim(&rd, "mine"), -EPERM);
	ck_assert_int_eq(rmdir(base), 0);
	ck_assert_int_eq(symlink("/tmp", base), 0);
	ck_assert_int_eq(cleat_rundir_claim(&rd, "mine"), -ENOTDIR);
	ck_assert_int_eq(unlink(base), 0);
	ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

START_TEST(a_path_too_long_for_a_socket)
{
	char dir[200];
	struct cleat_rundir rd;

	if (geteuid() == 0)
		ck_assert_int_eq(setuid(4001), 0);
	memset(dir, 'x', sizeof(dir));
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	setenv("XDG_RUNTIME_DIR", dir, 1);
	ck_assert_int_eq(cleat_rundir_claim(&rd, "mine"), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "XDG_RUNTIME_DIR"));
}
END_TEST

int main(void)
{
	const TTest *tests[] = { claim_and_release_leave_nothing,
		a_second_primary_is_told_the_firsts_pid, instances_live_side_by_side,
		races_for_one_instance, bad_names, a_users_own_directory,
		a_directory_others_may_write_is_refused, a_path_too_long_for_a_socket };

	return ipc_run("ipc/rundir", tests, sizeof(tests) / sizeof(tests[0]));
}
