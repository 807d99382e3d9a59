/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_socket.c - descriptors have one holder, whatever a peer sends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "tests/ipc/ipc_help.h"

/* What cleat_socket_send() would refuse to send. */
static void send_raw(int sock, size_t len, int fd, unsigned int n_fds)
{
	static char data[CLEAT_MSG_MAX_BYTES + 1000];
	struct iovec iov = { .iov_base = data, .iov_len = len };
	char control[CMSG_SPACE(sizeof(int) * 253)];
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	unsigned int i;

	memset(control, 0, sizeof(control));
	if (n_fds > 0) {
		msg.msg_control = control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		for (i = 0; i < n_fds; i++)
			memcpy(CMSG_DATA(cmsg) + i * sizeof(int), &fd, sizeof(int));
	}
	ck_assert_int_eq((int)sendmsg(sock, &msg, MSG_NOSIGNAL), (int)len);
}

static void expect_ok(int from, int to)
{
	struct cleat_fds fds;
	char buf[8];

	ck_assert_int_eq(cleat_socket_send(from, "good", 4, NULL, 0), 0);
	ck_assert_int_eq(cleat_socket_recv(to, buf, sizeof(buf), &fds), 4);
	ck_assert_mem_eq(buf, "good", 4);
}

START_TEST(fds_arrive_close_on_exec_and_are_taken_once)
{
	int sock[2], send[CLEAT_MSG_MAX_FDS], i, fd;
	struct cleat_fds fds;
	char buf[8];

	ipc_pair(sock);
	for (i = 0; i < CLEAT_MSG_MAX_FDS; i++)
		send[i] = ipc_memfd((uint64_t)i + 1);
	ck_assert_int_eq(cleat_socket_send(sock[0], "x", 1, send, CLEAT_MSG_MAX_FDS), 0);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), 1);
	ck_assert_uint_eq(fds.n, CLEAT_MSG_MAX_FDS);
	for (i = 0; i < CLEAT_MSG_MAX_FDS; i++) {
		struct stat st;

		ck_assert_int_eq(fstat(fds.fd[i], &st), 0);
		ck_assert_int_eq((int)st.st_size, i + 1);
		ck_assert_int_eq(fcntl(fds.fd[i], F_GETFD), FD_CLOEXEC);
		close(send[i]);
	}
	fd = cleat_fds_take(&fds, 3);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(cleat_fds_take(&fds, 3), -EBADF);
	ck_assert_int_eq(cleat_fds_take(&fds, CLEAT_MSG_MAX_FDS), -EBADF);
	cleat_fds_close(&fds);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	close(fd);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(too_many_fds_are_refused_and_closed)
{
	static const unsigned int counts[] = { CLEAT_MSG_MAX_FDS + 1, CLEAT_MSG_MAX_FDS + 2, 100,
		253 };
	struct cleat_fds fds;
	int sock[2], before;
	char buf[8];
	size_t i;

	ipc_pair(sock);
	before = ipc_open_fds();
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		send_raw(sock[0], 3, 1, counts[i]);
		ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), -E2BIG);
		ck_assert_uint_eq(fds.n, 0);
		ck_assert_int_eq(ipc_open_fds(), before);
		expect_ok(sock[0], sock[1]);
	}
	ck_assert_int_eq(
		cleat_socket_send(sock[0], "x", 1, &sock[1], CLEAT_MSG_MAX_FDS + 1), -E2BIG);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(oversized_packets_are_refused_with_their_fds)
{
	static char buf[CLEAT_MSG_MAX_BYTES];
	struct cleat_fds fds;
	int sock[2], before;

	ipc_pair(sock);
	before = ipc_open_fds();
	send_raw(sock[0], sizeof(buf) + 1, 1, 2);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), -EMSGSIZE);
	ck_assert_int_eq(ipc_open_fds(), before);
	expect_ok(sock[0], sock[1]);
	ck_assert_int_eq(cleat_socket_send(sock[0], buf, sizeof(buf) + 1, NULL, 0), -EMSGSIZE);
	ck_assert_int_eq(cleat_socket_send(sock[0], buf, 0, NULL, 0), -EMSGSIZE);
	ck_assert_int_eq(cleat_socket_send(sock[0], buf, sizeof(buf), NULL, 0), 0);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), (int)sizeof(buf));
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(no_free_descriptor_number_leaks_nothing)
{
	struct rlimit old, tight;
	struct cleat_fds fds;
	int sock[2], before;
	char buf[8];

	ipc_pair(sock);
	before = ipc_open_fds();
	send_raw(sock[0], 3, 1, 8);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	tight = old;
	tight.rlim_cur = (rlim_t)sock[1] + 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &tight), 0);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), -E2BIG);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	ck_assert_int_eq(ipc_open_fds(), before);
	expect_ok(sock[0], sock[1]);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(an_empty_packet_counts_as_the_end_and_keeps_no_fd)
{
	struct cleat_fds fds;
	int sock[2], before;
	char buf[8];

	ipc_pair(sock);
	before = ipc_open_fds();
	send_raw(sock[0], 0, 1, 2);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), 0);
	ck_assert_int_eq(ipc_open_fds(), before);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), -EAGAIN);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(last_words_are_heard_after_a_reset)
{
	struct cleat_fds fds;
	int sock[2];
	char buf[8];

	ipc_pair(sock);
	ck_assert_int_eq(cleat_socket_send(sock[1], "unread", 6, NULL, 0), 0);
	ck_assert_int_eq(cleat_socket_send(sock[0], "why", 3, NULL, 0), 0);
	close(sock[0]); /* with our message unread: ECONNRESET on our side */
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), 3);
	ck_assert_int_eq(cleat_socket_recv(sock[1], buf, sizeof(buf), &fds), 0);
	ck_assert_int_eq(cleat_socket_send(sock[1], "x", 1, NULL, 0), -EPIPE);
	close(sock[1]);
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_told)
{
	char data[1000] = "";
	int sock[2], i, err = 0;

	ipc_pair(sock);
	for (i = 0; i < 100000 && !err; i++)
		err = cleat_socket_send(sock[0], data, sizeof(data), NULL, 0);
	ck_assert_int_eq(err, -EAGAIN);
	ck_assert_int_eq(cleat_socket_wait(sock[0], POLLOUT, cleat_now_ns() + 1000000), -ETIMEDOUT);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(the_kind_of_a_descriptor_is_checked)
{
	int pipes[2], sock[2], file = ipc_memfd(8192), dir = open("/", O_RDONLY | O_DIRECTORY);

	ipc_pair(sock);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(cleat_fd_check_memory(file, 8192), 0);
	ck_assert_int_eq(cleat_fd_check_memory(file, 8193), -EBADF);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "8193"));
	ck_assert_int_eq(cleat_fd_check_memory(pipes[0], 0), -EBADF);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "a pipe"));
	ck_assert_int_eq(cleat_fd_check_memory(sock[0], 0), -EBADF);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "a socket"));
	ck_assert_int_eq(cleat_fd_check_memory(dir, 0), -EBADF);
	ck_assert_int_eq(cleat_fd_check_memory(-1, 0), -EBADF);
	close(file);
	close(dir);
	close(pipes[0]);
	close(pipes[1]);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(connecting_says_what_is_wrong)
{
	char path[64], longer[300];
	int fd, client, server;

	(void)snprintf(path, sizeof(path), "/tmp/cleat-test-%d.sock", (int)getpid());
	(void)unlink(path);
	ck_assert_int_eq(cleat_socket_connect(path, 100), -ENOENT);
	fd = cleat_socket_listen(path, 0666);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(cleat_socket_accept(fd), -EAGAIN);
	client = cleat_socket_connect(path, 100);
	ck_assert_int_ge(client, 0);
	ck_assert_int_ne(fcntl(client, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(client, F_GETFD), FD_CLOEXEC);
	server = cleat_socket_accept(fd);
	ck_assert_int_ge(server, 0);
	expect_ok(client, server);
	ck_assert_int_eq(cleat_socket_listen(path, 0666), -EADDRINUSE);
	close(fd);
	ck_assert_int_eq(cleat_socket_connect(path, 100), -ECONNREFUSED);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "start cleat-primary"));
	unlink(path);
	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(cleat_socket_connect(longer, 100), -ENAMETOOLONG);
	close(client);
	close(server);
}
END_TEST

START_TEST(a_full_queue_of_connections_times_out)
{
	int fd, i, n = 0, clients[300];
	char path[64];

	(void)snprintf(path, sizeof(path), "/tmp/cleat-test-%d.sock", (int)getpid());
	(void)unlink(path);
	fd = cleat_socket_listen(path, 0666);
	ck_assert_int_ge(fd, 0);
	for (i = 0; i < 300; i++) {
		clients[n] = cleat_socket_connect(path, 50);
		if (clients[n] < 0)
			break;
		n++;
	}
	ck_assert_int_gt(n, 32);
	ck_assert_int_lt(n, 300);
	ck_assert_int_eq(clients[n], -ETIMEDOUT);
	for (i = 0; i < n; i++)
		close(clients[i]);
	close(fd);
	unlink(path);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { fds_arrive_close_on_exec_and_are_taken_once,
		too_many_fds_are_refused_and_closed, oversized_packets_are_refused_with_their_fds,
		no_free_descriptor_number_leaks_nothing,
		an_empty_packet_counts_as_the_end_and_keeps_no_fd,
		last_words_are_heard_after_a_reset, a_peer_that_does_not_read_is_told,
		the_kind_of_a_descriptor_is_checked, connecting_says_what_is_wrong,
		a_full_queue_of_connections_times_out };

	return ipc_run("ipc/socket", tests, sizeof(tests) / sizeof(tests[0]));
}
