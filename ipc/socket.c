/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"

#define BACKLOG 256

int cleat_fds_take(struct cleat_fds *fds, unsigned int i)
{
	int fd;

	if (i >= fds->n || fds->fd[i] < 0)
		return -EBADF;
	fd = fds->fd[i];
	fds->fd[i] = -1;
	return fd;
}

void cleat_fds_close(struct cleat_fds *fds)
{
	unsigned int i;

	for (i = 0; i < fds->n; i++)
		cleat_fd_close(&fds->fd[i]);
	fds->n = 0;
}

void cleat_fd_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved;
}

static int make_address(struct sockaddr_un *addr, const char *path)
{
	size_t len = strlen(path);

	memset(addr, 0, sizeof(*addr));
	addr->sun_family = AF_UNIX;
	if (len == 0 || len >= sizeof(addr->sun_path))
		return cleat_err(-ENAMETOOLONG,
			"socket path of %zu characters: 1..%zu are possible", len,
			sizeof(addr->sun_path) - 1);
	memcpy(addr->sun_path, path, len);
	return 0;
}

int cleat_socket_listen(const char *path, unsigned int mode)
{
	struct sockaddr_un addr;
	int code, fd, err = make_address(&addr, path);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cleat_err(-errno, "cannot make a socket: %s", strerror(errno));
	if (bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
		code = errno;
		cleat_fd_close(&fd);
		return cleat_err(-code, "cannot bind %s: %s", path, strerror(code));
	}
	if (chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0) {
		code = errno;
		(void)unlink(path);
		cleat_fd_close(&fd);
		return cleat_err(-code, "cannot listen on %s: %s", path, strerror(code));
	}
	return fd;
}

int cleat_socket_accept(int listen_fd)
{
	int fd;

	do
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	if (errno == EAGAIN || errno == ECONNABORTED)
		return -EAGAIN;
	return cleat_err(-errno, "cannot accept a connection: %s", strerror(errno));
}

static int connect_error(const char *path, int code)
{
	switch (code) {
	case ENOENT:
		return cleat_err(
			-code, "no primary there: %s does not exist; start cleat-primary", path);
	case ECONNREFUSED:
		return cleat_err(-code,
			"no primary listens on %s, it was left by one that died; start cleat-primary",
			path);
	case EACCES:
		return cleat_err(-code,
			"not allowed to connect to %s: look at the permissions of its "
			"directory",
			path);
	case EPROTOTYPE:
		return cleat_err(-code, "%s is a socket of another program", path);
	case EAGAIN: /* SO_SNDTIMEO ran out */
		return cleat_err(-ETIMEDOUT, "the primary at %s does not accept connections", path);
	default:
		return cleat_err(-code, "cannot connect to %s: %s", path, strerror(code));
	}
}

int cleat_socket_connect(const char *path, int timeout_ms)
{
	struct timeval wait = { .tv_sec = timeout_ms / 1000,
		.tv_usec = (timeout_ms % 1000) * 1000 };
	struct sockaddr_un addr;
	int code, flags, fd, err = make_address(&addr, path);

	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return cleat_err(-errno, "cannot make a socket: %s", strerror(errno));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	do
		err = connect(fd, (const struct sockaddr *)&addr, sizeof(addr));
	while (err < 0 && errno == EINTR);
	if (err == 0) {
		flags = fcntl(fd, F_GETFL);
		err = flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	}
	if (err < 0) {
		code = errno;
		cleat_fd_close(&fd);
		return connect_error(path, code);
	}
	return fd;
}

/* Room for the most descriptors we take; a sender of more is told apart by MSG_CTRUNC. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * CLEAT_MSG_MAX_FDS)];
};

int cleat_socket_send(int sock, const void *data, size_t len, const int *fds, unsigned int n_fds)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union control control;
	ssize_t sent;

	if (len == 0 || len > CLEAT_MSG_MAX_BYTES)
		return cleat_err(-EMSGSIZE, "message of %zu bytes: 1..%d are possible", len,
			CLEAT_MSG_MAX_BYTES);
	if (n_fds > CLEAT_MSG_MAX_FDS)
		return cleat_err(-E2BIG, "%u descriptors in one message: at most %d are possible",
			n_fds, CLEAT_MSG_MAX_FDS);
	if (n_fds > 0) {
		memset(&control, 0, sizeof(control));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * n_fds);
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
	}
	do
		sent = sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)
		return cleat_err(-EAGAIN, "the peer does not read its messages");
	if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN)
		return cleat_err(-EPIPE, "the peer closed the connection");
	return cleat_err(-errno, "cannot send %zu bytes and %u descriptors: %s", len, n_fds,
		strerror(errno));
}

/* Take every descriptor out of the control data before anything can fail. */
static void collect_fds(struct msghdr *msg, struct cleat_fds *fds)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t i, n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (fds->n < CLEAT_MSG_MAX_FDS)
				fds->fd[fds->n++] = fd;
			else
				(void)close(fd);
		}
	}
}

int cleat_socket_recv(int sock, void *data, size_t cap, struct cleat_fds *fds)
{
	struct iovec iov = { .iov_base = data, .iov_len = cap };
	union control control;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	ssize_t got;
	int resets = 0;

	fds->n = 0;
	/* A peer that closed with our last message unread: the kernel says so once, then gives what
	 * the peer sent before. */
	do
		got = recvmsg(sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (got < 0 && errno == EAGAIN)
		return -EAGAIN;
	if (got < 0 && errno == ECONNRESET)
		return 0;
	if (got < 0)
		return cleat_err(-errno, "cannot receive: %s", strerror(errno));
	collect_fds(&msg, fds);
	if ((msg.msg_flags & MSG_CTRUNC) != 0) {
		cleat_fds_close(fds);
		return cleat_err(-E2BIG,
			"a message with more than %d descriptors, or no descriptor number is free here",
			CLEAT_MSG_MAX_FDS);
	}
	if ((msg.msg_flags & MSG_TRUNC) != 0) {
		cleat_fds_close(fds);
		return cleat_err(-EMSGSIZE, "a message of more than %zu bytes", cap);
	}
	if (got == 0)
		cleat_fds_close(fds); /* an empty packet counts as the end */
	return (int)got;
}

int cleat_socket_wait(int sock, short events, uint64_t deadline_ns)
{
	for (;;) {
		struct pollfd pfd = { .fd = sock, .events = events };
		uint64_t now = cleat_now_ns();
		struct timespec left = { 0 };
		int n;

		if (now < deadline_ns) {
			left.tv_sec = (time_t)((deadline_ns - now) / 1000000000ULL);
			left.tv_nsec = (long)((deadline_ns - now) % 1000000000ULL);
		}
		n = ppoll(&pfd, 1, &left, NULL);
		if (n > 0)
			return 0;
		if (n == 0 && cleat_now_ns() >= deadline_ns)
			return -ETIMEDOUT;
		if (n < 0 && errno != EINTR)
			return cleat_err(-errno, "cannot wait for the socket: %s", strerror(errno));
	}
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a file";
	case S_IFDIR:
		return "a directory";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	case S_IFIFO:
		return "a pipe";
	case S_IFSOCK:
		return "a socket";
	default:
		return "an anonymous kernel object";
	}
}

int cleat_fd_check_memory(int fd, uint64_t end_bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cleat_err(-EBADF, "descriptor %d: %s", fd, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cleat_err(-EBADF, "the descriptor is %s, but a piece of memory was expected",
			kind_of(st.st_mode));
	if ((uint64_t)st.st_size < end_bytes)
		return cleat_err(-EBADF,
			"the descriptor's memory ends at %llu bytes, but should reach to %llu",
			(unsigned long long)st.st_size, (unsigned long long)end_bytes);
	return 0;
}
