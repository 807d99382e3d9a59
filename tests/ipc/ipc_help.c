/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/ipc/ipc_help.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/limits.h"

static int fds_at_begin;

int ipc_open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void ipc_leak_begin(void)
{
	fds_at_begin = ipc_open_fds();
}

void ipc_leak_end(void)
{
	ck_assert_int_eq(ipc_open_fds(), fds_at_begin);
}

void ipc_pair(int sock[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
}

int ipc_memfd(uint64_t len)
{
	int fd = memfd_create("cleat-test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	return fd;
}

int ipc_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;
	size_t i;

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, ipc_leak_begin, ipc_leak_end);
	for (i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void *fake_main(void *arg)
{
	struct ipc_fake *fake = (struct ipc_fake *)arg;
	struct pollfd pfd = { .fd = fake->listen_fd, .events = POLLIN };
	int sock;

	ck_assert_int_eq(poll(&pfd, 1, 5000), 1);
	sock = cleat_socket_accept(fake->listen_fd);
	ck_assert_int_ge(sock, 0);
	fake->script(sock, fake->arg);
	close(sock);
	return NULL;
}

void ipc_fake_start(struct ipc_fake *fake, void (*script)(int sock, void *arg), void *arg)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/tmp/cleat-test-%d.sock", (int)getpid());
	ipc_fake_start_at(fake, path, script, arg);
}

void ipc_fake_start_at(
	struct ipc_fake *fake, const char *path, void (*script)(int sock, void *arg), void *arg)
{
	ck_assert_uint_lt(strlen(path), sizeof(fake->path));
	strcpy(fake->path, path);
	(void)unlink(fake->path);
	fake->listen_fd = cleat_socket_listen(fake->path, 0600);
	ck_assert_msg(fake->listen_fd >= 0, "%s", cleat_error());
	fake->script = script;
	fake->arg = arg;
	ck_assert_int_eq(pthread_create(&fake->thread, NULL, fake_main, fake), 0);
}

void ipc_fake_join(struct ipc_fake *fake)
{
	ck_assert_int_eq(pthread_join(fake->thread, NULL), 0);
	close(fake->listen_fd);
	ck_assert_int_eq(unlink(fake->path), 0);
}

void ipc_receive(int sock, struct cleat_message *m)
{
	ck_assert_int_eq(cleat_socket_wait(sock, POLLIN, cleat_now_ns() + UINT64_C(5000000000)), 0);
	ck_assert_int_eq(cleat_message_recv(sock, m), 1);
}

uint32_t ipc_expect(int sock, Cleat__Envelope__BodyCase kind)
{
	struct cleat_message m;
	uint32_t id;

	ipc_receive(sock, &m);
	ck_assert_msg(m.env->body_case == kind, "got %s", cleat_message_name(m.env));
	id = m.env->id;
	cleat_message_clear(&m);
	return id;
}

void ipc_expect_close(int sock)
{
	struct cleat_message m;

	ck_assert_int_eq(cleat_socket_wait(sock, POLLIN, cleat_now_ns() + UINT64_C(5000000000)), 0);
	ck_assert_int_eq(cleat_message_recv(sock, &m), 0);
}

static void send_env(int sock, const Cleat__Envelope *env, const int *fds, unsigned int n)
{
	int err = cleat_message_send(sock, env, fds, n);

	/* a client may leave in the middle; then the script's next step tells */
	ck_assert_msg(err == 0 || err == -EPIPE, "%s", cleat_error());
}

void ipc_send_welcome(int sock, int registry_fd, uint64_t registry_len, uint64_t window_base)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Welcome welcome = CLEAT__WELCOME__INIT;
	char version[] = "9.9";

	welcome.proto_major = CLEAT_PROTO_MAJOR;
	welcome.proto_minor = CLEAT_PROTO_MINOR + 3;
	welcome.abi = CLEAT_ABI;
	welcome.version = version;
	welcome.slot = 1;
	welcome.thread = 1;
	welcome.epoch = 1;
	welcome.window_base = window_base;
	welcome.window_len = UINT64_C(4) << 30;
	welcome.registry_len = registry_len;
	env.body_case = CLEAT__ENVELOPE__BODY_WELCOME;
	env.welcome = &welcome;
	send_env(sock, &env, &registry_fd, 1);
}

void ipc_send_map(int sock, int last, uint32_t n, Cleat__Segment **segments, const int *fds)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Map map = CLEAT__MAP__INIT;

	map.n_segments = n;
	map.segments = segments;
	map.last = last;
	env.body_case = CLEAT__ENVELOPE__BODY_MAP;
	env.map = &map;
	send_env(sock, &env, fds, n);
}

void ipc_send_reply(int sock, uint32_t id, int status, uint64_t value, int fd)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Reply reply = CLEAT__REPLY__INIT;
	char detail[] = "because\x1b of the test";

	env.id = id;
	reply.status = status;
	reply.value = value;
	if (status)
		reply.detail = detail;
	env.body_case = CLEAT__ENVELOPE__BODY_REPLY;
	env.reply = &reply;
	send_env(sock, &env, &fd, fd >= 0);
}

void ipc_send_reject(int sock, int status, const char *detail)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Reject reject = CLEAT__REJECT__INIT;
	char text[200];

	(void)snprintf(text, sizeof(text), "%s", detail);
	reject.status = status;
	reject.detail = text;
	env.body_case = CLEAT__ENVELOPE__BODY_REJECT;
	env.reject = &reject;
	send_env(sock, &env, NULL, 0);
}

void ipc_send_event(int sock, Cleat__EventKind kind, uint32_t subject)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Event event = CLEAT__EVENT__INIT;

	event.kind = kind;
	event.subject = subject;
	env.body_case = CLEAT__ENVELOPE__BODY_EVENT;
	env.event = &event;
	send_env(sock, &env, NULL, 0);
}

void ipc_serve_handshake(int sock)
{
	int fd = ipc_memfd(4096);

	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_send_welcome(sock, fd, 4096, CLEAT_WINDOW_BASE_DEFAULT);
	close(fd);
	ipc_send_map(sock, 1, 0, NULL, NULL);
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_READY);
}
