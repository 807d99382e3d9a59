/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_policy.c - who may attach, by what the kernel says of a peer.
 */
#include "ipc/policy.h"

#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "tests/ipc/ipc_help.h"

static struct cleat_peer peer_of(uid_t uid, gid_t gid)
{
	struct cleat_peer peer = { .pid = 1, .uid = uid, .gid = gid };

	return peer;
}

START_TEST(by_default_only_ourselves_and_root)
{
	struct cleat_policy policy;
	struct cleat_peer peer;

	cleat_policy_init(&policy);
	peer = peer_of(0, 0);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), 0);
	peer = peer_of(geteuid(), 54321);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), 0);
	peer = peer_of(54321, 54321);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), -EACCES);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "--allow-user 54321"));
	peer = peer_of(54321, 0); /* root's group is not root */
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), -EACCES);
}
END_TEST

START_TEST(users_by_name_and_number)
{
	struct cleat_policy policy;
	struct cleat_peer peer = peer_of(54321, 54321);
	char text[16];
	int i, err = 0;

	cleat_policy_init(&policy);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "54321"), 0);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "54321"), 0);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), 0);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "nobody"), 0);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "no-such-user"), -ENOENT);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "-1"), -ENOENT);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "4294967295"), -ENOENT);
	ck_assert_int_eq(cleat_policy_allow_user(&policy, "12x"), -ENOENT);
	for (i = 0; i < 40 && !err; i++) {
		(void)snprintf(text, sizeof(text), "%d", 60000 + i);
		err = cleat_policy_allow_user(&policy, text);
	}
	ck_assert_int_eq(err, -ENOSPC);
}
END_TEST

START_TEST(groups_main_and_supplementary)
{
	struct cleat_policy policy;
	struct cleat_peer peer = peer_of(54321, 700);

	cleat_policy_init(&policy);
	ck_assert_int_eq(cleat_policy_allow_group(&policy, "no-such-group"), -ENOENT);
	ck_assert_int_eq(cleat_policy_allow_group(&policy, "701"), 0);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), -EACCES);
	peer.groups[0] = 5;
	peer.groups[1] = 701;
	peer.n_groups = 2;
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), 0);
	peer.n_groups = 1;
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), -EACCES);
	peer.gid = 701;
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), 0);
}
END_TEST

START_TEST(the_kernel_names_the_peer)
{
	struct cleat_peer peer;
	int sock[2];

	ipc_pair(sock);
	ck_assert_int_eq(cleat_peer_read(sock[0], &peer), 0);
	ck_assert_int_eq(peer.pid, getpid());
	ck_assert_uint_eq(peer.uid, geteuid());
	ck_assert_uint_eq(peer.gid, getegid());
	ck_assert_int_eq((int)peer.n_groups, getgroups(0, NULL));
	close(sock[0]);
	close(sock[1]);
}
END_TEST

/* A client that connects as another user, in supplementary group 4242, and then waits. */
static pid_t spawn_client(const char *path)
{
	const gid_t groups[] = { 99, 4242 };
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	if (setgroups(2, groups) < 0 || setgid(4000) < 0 || setuid(4001) < 0)
		_exit(1);
	if (cleat_socket_connect(path, 1000) < 0)
		_exit(2);
	pause();
	_exit(0);
}

START_TEST(another_users_process_is_seen_and_its_death_too)
{
	struct cleat_policy policy;
	struct cleat_peer peer;
	struct pollfd pfd;
	char path[64];
	int fd, sock, pidfd;
	pid_t pid;

	if (geteuid() != 0)
		return; /* main() skipped the program already */
	(void)snprintf(path, sizeof(path), "/tmp/cleat-test-%d.sock", (int)getpid());
	fd = cleat_socket_listen(path, 0666);
	ck_assert_int_ge(fd, 0);
	pid = spawn_client(path);
	ck_assert_int_eq(cleat_socket_wait(fd, POLLIN, cleat_now_ns() + UINT64_C(5000000000)), 0);
	sock = cleat_socket_accept(fd);
	ck_assert_int_ge(sock, 0);
	ck_assert_int_eq(cleat_peer_read(sock, &peer), 0);
	ck_assert_int_eq(peer.pid, pid);
	ck_assert_uint_eq(peer.uid, 4001);
	ck_assert_uint_eq(peer.gid, 4000);
	ck_assert_uint_eq(peer.n_groups, 2);
	cleat_policy_init(&policy);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), -EACCES);
	ck_assert_int_eq(cleat_policy_allow_group(&policy, "4242"), 0);
	ck_assert_int_eq(cleat_policy_check(&policy, &peer), 0);

	pidfd = cleat_peer_pidfd(sock, &peer);
	ck_assert_int_ge(pidfd, 0);
	pfd = (struct pollfd){ .fd = pidfd, .events = POLLIN };
	ck_assert_int_eq(poll(&pfd, 1, 0), 0);
	kill(pid, SIGKILL);
	ck_assert_int_eq(poll(&pfd, 1, 5000), 1);
	waitpid(pid, NULL, 0);
	close(pidfd);
	/* too late: newer kernels still give one, that says so at once */
	pidfd = cleat_peer_pidfd(sock, &peer);
	pfd.fd = pidfd;
	ck_assert(pidfd == -ESRCH || poll(&pfd, 1, 0) == 1);
	cleat_fd_close(&pidfd);
	close(sock);
	close(fd);
	unlink(path);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { by_default_only_ourselves_and_root, users_by_name_and_number,
		groups_main_and_supplementary, the_kernel_names_the_peer,
		another_users_process_is_seen_and_its_death_too };

	if (geteuid() != 0) {
		printf("SKIP: needs root to act as other users\n");
		return 77;
	}
	return ipc_run("ipc/policy", tests, sizeof(tests) / sizeof(tests[0]));
}
