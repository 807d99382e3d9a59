/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_rejects.c - clients that break the protocol: each hears why, and the primary goes on.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/message.h"
#include "ipc/rundir.h"
#include "runtime/limits.h"
#include "tests/support/spawn.h"

static struct child primary;

static void start(void)
{
	primary_start(&primary, 16, "--vdev", "net_null0", NULL);
}

static void stop(void)
{
	struct child c;

	/* a good client still gets in */
	ck_assert_int_eq(
		child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--attach-only", NULL),
		0);
	child_end(&c);
	primary_stop(&primary);
}

static int dial(void)
{
	char path[CLEAT_PATH_LEN];
	int sock;

	ck_assert_int_eq(cleat_rundir_find_socket(test_instance(), path), 0);
	sock = cleat_socket_connect(path, 1000);
	ck_assert_int_ge(sock, 0);
	return sock;
}

/* The next message, waiting at most 5 s; 0: closed. */
static int next(int sock, struct cleat_message *m)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 5000), 1);
	return cleat_message_recv(sock, m);
}

static void expect_reject(int sock, int status, const char *said)
{
	struct cleat_message m;
	int rc;

	do { /* Welcome and Map may come first */
		rc = next(sock, &m);
		ck_assert_int_eq(rc, 1);
		if (m.env->body_case == CLEAT__ENVELOPE__BODY_REJECT)
			break;
		cleat_message_clear(&m);
	} while (1);
	if (status != 0)
		ck_assert_int_eq(m.env->reject->status, status);
	ck_assert_msg(strstr(m.env->reject->detail, said) != NULL, "\"%s\" is not in: %s", said,
		m.env->reject->detail);
	cleat_message_clear(&m);
	rc = next(sock, &m);
	ck_assert_msg(rc == 0 || rc == -ECONNRESET, "not closed: %d", rc);
	(void)close(sock);
}

static void send_hello(int sock, uint32_t major, uint32_t abi, const char *name, const int *fds,
	unsigned int n_fds)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Hello hello = CLEAT__HELLO__INIT;

	hello.proto_major = major;
	hello.proto_minor = CLEAT_PROTO_MINOR;
	hello.abi = abi;
	hello.name = (char *)(uintptr_t)name;
	hello.role = CLEAT__ROLE__ROLE_SECONDARY;
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	ck_assert_int_eq(cleat_message_send(sock, &env, fds, n_fds), 0);
}

START_TEST(garbage_is_refused)
{
	static const uint8_t GARBAGE[] = { 0xff, 0xfe, 0x07, 0x99, 0x00, 0x01, 0xff };
	int sock = dial();

	ck_assert_int_eq(cleat_socket_send(sock, GARBAGE, sizeof(GARBAGE), NULL, 0), 0);
	expect_reject(sock, 0, "");
}
END_TEST

START_TEST(oversized_is_refused)
{
	uint8_t *big = calloc(1, CLEAT_MSG_MAX_BYTES + 1000);
	int sock = dial(), room = 1 << 20;

	(void)setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	ck_assert_int_gt(send(sock, big, CLEAT_MSG_MAX_BYTES + 1000, 0), 0);
	expect_reject(sock, -EMSGSIZE, "");
	free(big);
}
END_TEST

START_TEST(other_versions_are_refused)
{
	int sock = dial();

	send_hello(sock, CLEAT_PROTO_MAJOR + 1, CLEAT_ABI, "v", NULL, 0);
	expect_reject(sock, -EPROTO, "speaks protocol");
	sock = dial();
	send_hello(sock, CLEAT_PROTO_MAJOR, CLEAT_ABI + 7, "v", NULL, 0);
	expect_reject(sock, -EPROTO, "knows shared memory of ABI");
}
END_TEST

START_TEST(bad_names_are_refused)
{
	int sock = dial();

	send_hello(sock, CLEAT_PROTO_MAJOR, CLEAT_ABI, "", NULL, 0);
	expect_reject(sock, 0, "name");
	sock = dial();
	send_hello(sock, CLEAT_PROTO_MAJOR, CLEAT_ABI,
		"a-name-that-is-longer-than-thirty-one-characters", NULL, 0);
	expect_reject(sock, 0, "name");
}
END_TEST

START_TEST(descriptors_are_refused_and_closed)
{
	int ends[2], fds[CLEAT_MSG_MAX_FDS], sock = dial();
	char byte;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	for (int i = 0; i < CLEAT_MSG_MAX_FDS; i++)
		fds[i] = ends[1];
	send_hello(sock, CLEAT_PROTO_MAJOR, CLEAT_ABI, "fds", fds, CLEAT_MSG_MAX_FDS);
	expect_reject(sock, 0, "");
	(void)close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0); /* the primary has none of them any more */
	(void)close(ends[0]);
}
END_TEST

START_TEST(requests_before_hello_are_refused)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Ping ping = CLEAT__PING__INIT;
	int sock = dial();

	env.id = 1;
	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	ck_assert_int_eq(cleat_message_send(sock, &env, NULL, 0), 0);
	expect_reject(sock, 0, "");
}
END_TEST

START_TEST(second_hello_is_refused_and_the_name_free)
{
	for (int i = 0; i < 3; i++) {
		int sock = dial();

		send_hello(sock, CLEAT_PROTO_MAJOR, CLEAT_ABI, "twice", NULL, 0);
		send_hello(sock, CLEAT_PROTO_MAJOR, CLEAT_ABI, "twice", NULL, 0);
		expect_reject(sock, 0, "");
	}
}
END_TEST

START_TEST(silence_is_ended)
{
	int silent = dial(), half = dial();

	send_hello(half, CLEAT_PROTO_MAJOR, CLEAT_ABI, "half", NULL, 0); /* and never Ready */
	expect_reject(silent, 0, "");
	expect_reject(half, 0, "");
}
END_TEST

START_TEST(many_silent_ones_do_not_lock_others_out)
{
	int socks[200];
	struct child c;

	for (int i = 0; i < 200; i++)
		socks[i] = dial();
	ck_assert_int_eq(
		child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--attach-only", NULL),
		0);
	child_end(&c);
	for (int i = 0; i < 200; i++)
		(void)close(socks[i]);
}
END_TEST

START_TEST(one_that_does_not_read_is_not_in_the_way)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Hello hello = CLEAT__HELLO__INIT;
	Cleat__Ready ready = CLEAT__READY__INIT;
	Cleat__Ping ping = CLEAT__PING__INIT;
	int rc, refused = 0, sock = dial();

	hello.proto_major = CLEAT_PROTO_MAJOR;
	hello.abi = CLEAT_ABI;
	hello.name = (char *)(uintptr_t) "deaf";
	hello.role = CLEAT__ROLE__ROLE_OBSERVER;
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	ck_assert_int_eq(cleat_message_send(sock, &env, NULL, 0), 0);
	env.body_case = CLEAT__ENVELOPE__BODY_READY;
	env.ready = &ready;
	ck_assert_int_eq(cleat_message_send(sock, &env, NULL, 0), 0);
	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	/* until nothing more goes in for a while, or it is thrown out */
	for (uint32_t i = 1; i < 100000 && refused < 100; i++) {
		env.id = i;
		rc = cleat_message_send(sock, &env, NULL, 0);
		if (rc < 0 && rc != -EAGAIN)
			break;
		refused = rc == -EAGAIN ? refused + 1 : 0;
		if (refused > 0)
			sleep_us(5000);
	}
	stop();
	start();
	(void)close(sock);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rejects");
	TCase *tcase = tcase_create("rejects");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, start, stop);
	tcase_add_test(tcase, garbage_is_refused);
	tcase_add_test(tcase, oversized_is_refused);
	tcase_add_test(tcase, other_versions_are_refused);
	tcase_add_test(tcase, bad_names_are_refused);
	tcase_add_test(tcase, descriptors_are_refused_and_closed);
	tcase_add_test(tcase, requests_before_hello_are_refused);
	tcase_add_test(tcase, second_hello_is_refused_and_the_name_free);
	tcase_add_test(tcase, silence_is_ended);
	tcase_add_test(tcase, many_silent_ones_do_not_lock_others_out);
	tcase_add_test(tcase, one_that_does_not_read_is_not_in_the_way);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
