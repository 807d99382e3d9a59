/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that break the protocol: each is told why, and the primary goes on. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/limits.h"
#include "tests/primary/bad.h"

#define SECONDARY CLEAT__ROLE__ROLE_SECONDARY

/* ---- Hello ---- */

static void refused_hello(Cleat__Hello *hello, int status, const char *part)
{
	int sock = bad_connect();

	bad_send_hello(sock, hello);
	bad_expect_reject(sock, status, part);
}

START_TEST(another_version_is_refused)
{
	struct child primary;
	char protocol[64], abi[64];
	Cleat__Hello hello;

	(void)snprintf(protocol, sizeof(protocol), "speaks protocol %d.%d, this primary",
		CLEAT_PROTO_MAJOR + 1, CLEAT_PROTO_MINOR);
	(void)snprintf(abi, sizeof(abi), "knows shared memory of ABI %d", CLEAT_ABI + 7);
	bad_primary(&primary);
	bad_hello(&hello, "future", SECONDARY);
	hello.proto_major = CLEAT_PROTO_MAJOR + 1;
	refused_hello(&hello, -EPROTO, protocol);
	bad_expect_log(&primary, protocol);
	hello.proto_major = 0;
	refused_hello(&hello, -EPROTO, "use programs of one release");
	bad_hello(&hello, "future", SECONDARY);
	hello.abi = CLEAT_ABI + 7;
	refused_hello(&hello, -EPROTO, abi);
	bad_expect_log(&primary, abi);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(a_newer_minor_version_is_taken)
{
	struct child primary;
	Cleat__Hello hello;
	int sock;

	bad_primary(&primary);
	sock = bad_connect();
	bad_hello(&hello, "minor", SECONDARY);
	hello.proto_minor = CLEAT_PROTO_MINOR + 3;
	bad_send_hello(sock, &hello);
	bad_send_empty(sock, CLEAT__ENVELOPE__BODY_READY, 0);
	bad_ping(sock);
	(void)close(sock);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(bad_hellos_are_refused)
{
	struct child primary;
	Cleat__Hello hello;
	int holder;

	bad_primary(&primary);
	holder = bad_attach("holder", SECONDARY);
	bad_hello(&hello, "holder", SECONDARY);
	refused_hello(&hello, -EEXIST, "the name holder is in use by pid");
	bad_hello(&hello, "a-name-of-thirty-two-characters!", SECONDARY);
	refused_hello(&hello, -EINVAL, "longer than 31 characters");
	bad_hello(&hello, "", SECONDARY);
	refused_hello(&hello, -EINVAL, "needs a name of 1 to 31 characters");
	bad_hello(&hello, "../../etc/x", SECONDARY);
	refused_hello(&hello, -EINVAL, "not allowed");
	bad_hello(&hello, "line\nbreak", SECONDARY);
	refused_hello(&hello, -EINVAL, "not allowed");
	bad_hello(&hello, "primary", SECONDARY);
	refused_hello(&hello, -EEXIST, "primary");
	bad_hello(&hello, "roleless", CLEAT__ROLE__ROLE_NONE);
	refused_hello(&hello, -EINVAL, "role 0");
	bad_hello(&hello, "role", (Cleat__Role)77);
	refused_hello(&hello, -EINVAL, "role 77");
	(void)close(holder);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- sizes ---- */

START_TEST(oversized_messages_are_refused)
{
	static const size_t LENGTHS[] = { CLEAT_MSG_MAX_BYTES + 1, 2 * CLEAT_MSG_MAX_BYTES,
		150000 };
	static unsigned char data[150000];
	struct child primary;

	bad_primary(&primary);
	for (unsigned i = 0; i < 3; i++) {
		int sock = bad_connect();

		ck_assert_int_eq((int)send(sock, data, LENGTHS[i], MSG_NOSIGNAL), (int)LENGTHS[i]);
		bad_expect_reject(sock, -EMSGSIZE, "a message of more than 65536 bytes");
		bad_expect_log(&primary, "a message of more than 65536 bytes");
	}
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(truncated_messages_are_refused)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	struct child primary;
	uint8_t packed[256];
	Cleat__Hello hello;
	size_t len;

	bad_primary(&primary);
	bad_hello(&hello, "cut", SECONDARY);
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	len = cleat__envelope__pack(&env, packed);
	for (size_t cut = 1; cut < len; cut++) {
		int sock = bad_connect();

		ck_assert_int_eq(cleat_socket_send(sock, packed, cut, NULL, 0), 0);
		bad_expect_reject(sock, -EBADMSG, "not a message of ours");
	}
	bad_expect_log(&primary, "not a message of ours");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(empty_packets_end_the_connection)
{
	struct child primary;
	const char *detail;
	int sock;

	bad_primary(&primary);
	sock = bad_connect();
	ck_assert_int_eq((int)send(sock, "", 0, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(bad_reject(sock, &detail), 1);
	(void)close(sock);
	sock = bad_attach("empty", SECONDARY);
	ck_assert_int_eq((int)send(sock, "", 0, MSG_NOSIGNAL), 0);
	ck_assert_int_eq(bad_reject(sock, &detail), 1);
	(void)close(sock);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- order ---- */

static void early(Cleat__Envelope__BodyCase kind, const char *part)
{
	int sock = bad_connect();

	bad_send_empty(sock, kind, 0);
	bad_expect_reject(sock, -EPROTO, part);
}

static void instead_of_ready(Cleat__Envelope__BodyCase kind, const char *part)
{
	int sock = bad_connect();

	ck_assert_int_eq(bad_handshake(sock, "hasty", SECONDARY), 0);
	bad_send_empty(sock, kind, 1);
	bad_expect_reject(sock, -EPROTO, part);
}

START_TEST(messages_out_of_order_are_refused)
{
	struct child primary;

	bad_primary(&primary);
	early(CLEAT__ENVELOPE__BODY_READY, "Ready message (id 0) while Hello was expected");
	early(CLEAT__ENVELOPE__BODY_PING, "Ping message (id 0) while Hello was expected");
	early(CLEAT__ENVELOPE__BODY_WELCOME, "Welcome message");
	early(CLEAT__ENVELOPE__BODY_MAPPED, "Mapped message");
	early(CLEAT__ENVELOPE__BODY_FAILED, "Failed message");
	early(CLEAT__ENVELOPE__BODY_REJECT, "Reject message");
	early((Cleat__Envelope__BodyCase)99, "unknown message");
	instead_of_ready(CLEAT__ENVELOPE__BODY_HELLO, "Hello message (id 1) while Ready");
	instead_of_ready(CLEAT__ENVELOPE__BODY_PING, "Ping message (id 1) while Ready");
	instead_of_ready(CLEAT__ENVELOPE__BODY_ZONE_RESERVE, "ZoneReserve message");
	instead_of_ready(CLEAT__ENVELOPE__BODY_MAP, "Map message");
	bad_expect_log(&primary, "Ping message (id 1) while Ready was expected");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* It gives up and closes before the primary has sent everything: the reason is still heard. */
START_TEST(reasons_of_those_who_left_are_heard)
{
	static const unsigned char FAILED[] = { 0x7a, 14, 0x12, 12, 'n', 'o', ' ', 'r', 'o', 'o',
		'm', ' ', 'h', 'e', 'r', 'e' };
	struct child primary;
	Cleat__Hello hello;
	int sock;

	bad_primary(&primary);
	sock = bad_connect();
	child_signal(&primary, SIGSTOP);
	bad_hello(&hello, "quitter", SECONDARY);
	bad_send_hello(sock, &hello);
	ck_assert_int_eq(cleat_socket_send(sock, FAILED, sizeof(FAILED), NULL, 0), 0);
	(void)close(sock);
	child_signal(&primary, SIGCONT);
	bad_expect_log(&primary, "gave up: no room here");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

static void late(const void *arg)
{
	Cleat__Envelope__BodyCase kind = *(const Cleat__Envelope__BodyCase *)arg;
	int sock = bad_attach("late", SECONDARY);

	bad_send_empty(sock, kind, 0);
	bad_expect_reject(sock, -EPROTO, "");
}

START_TEST(messages_out_of_order_after_the_handshake)
{
	static const Cleat__Envelope__BodyCase KINDS[] = { CLEAT__ENVELOPE__BODY_HELLO,
		CLEAT__ENVELOPE__BODY_READY, CLEAT__ENVELOPE__BODY_FAILED,
		CLEAT__ENVELOPE__BODY_REPLY, CLEAT__ENVELOPE__BODY_EVENT,
		CLEAT__ENVELOPE__BODY_WELCOME, CLEAT__ENVELOPE__BODY_MAP,
		CLEAT__ENVELOPE__BODY_PING /* without an id */ };
	struct child primary;

	bad_primary(&primary);
	for (unsigned i = 0; i < sizeof(KINDS) / sizeof(KINDS[0]); i++)
		bad_child(late, &KINDS[i]);
	bad_expect_log(&primary, "Ping request without an id");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- descriptors ---- */

/* As sendmsg() does it, without the library's limit. */
static void send_fds(int sock, const void *data, size_t len, const int *fds, unsigned n)
{
	static union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int) * 253)];
	} control;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(sizeof(int) * n) };

	memset(&control, 0, sizeof(control));
	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(&control.align), fds, sizeof(int) * n);
	ck_assert_int_eq((int)sendmsg(sock, &msg, MSG_NOSIGNAL), (int)len);
}

static void hello_with_fds(const int *fds, unsigned n, int status, const char *part)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	uint8_t packed[256];
	Cleat__Hello hello;
	int sock = bad_connect();

	bad_hello(&hello, "giver", SECONDARY);
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	send_fds(sock, packed, cleat__envelope__pack(&env, packed), fds, n);
	bad_expect_reject(sock, status, part);
}

START_TEST(too_many_descriptors_are_closed)
{
	static const unsigned COUNTS[] = { 17, 64, 253 };
	struct child primary;
	int fds[253];

	bad_primary(&primary);
	for (unsigned i = 0; i < 253; i++)
		fds[i] = STDOUT_FILENO;
	hello_with_fds(fds, 16, -EPROTO, "Hello message with 16 descriptors: a client sends none");
	for (unsigned round = 0; round < 20; round++) { /* 2000 leaked ones would show */
		for (unsigned i = 0; i < 3; i++)
			hello_with_fds(fds, COUNTS[i], -E2BIG, "more than 16 descriptors");
	}
	bad_expect_log(&primary, "more than 16 descriptors");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* A ping that brings a descriptor. */
static void ping_with_fd(const void *arg)
{
	static const unsigned char PING[] = { 8, 1, 0xf2, 1, 0 };
	int sock = bad_attach("giver", SECONDARY);

	send_fds(sock, PING, sizeof(PING), arg, 1);
	bad_expect_reject(sock, -EPROTO, "Ping message with 1 descriptors: a client sends none");
}

START_TEST(descriptors_of_the_wrong_kind_are_closed)
{
	struct child primary;
	int fds[9], ends[2], self;

	bad_primary(&primary);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	fds[2] = ends[0];
	fds[3] = memfd_create("no segment", 0);
	fds[4] = open("/", O_RDONLY | O_DIRECTORY);
	fds[5] = open("/dev/null", O_RDWR);
	fds[6] = eventfd(0, 0);
	fds[7] = open("/", O_PATH);
	self = bad_connect();
	fds[8] = self; /* a connection through itself */
	for (unsigned i = 0; i < 9; i++) {
		ck_assert_int_ge(fds[i], 0);
		hello_with_fds(&fds[i], 1, -EPROTO, "Hello message with 1 descriptors");
		bad_child(ping_with_fd, &fds[i]);
	}
	send_fds(self, "garbage", 7, &self, 1);
	bad_expect_reject(self, -EBADMSG, "not a message of ours");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { another_version_is_refused, a_newer_minor_version_is_taken,
		bad_hellos_are_refused, oversized_messages_are_refused,
		truncated_messages_are_refused, empty_packets_end_the_connection,
		messages_out_of_order_are_refused, reasons_of_those_who_left_are_heard,
		messages_out_of_order_after_the_handshake, too_many_descriptors_are_closed,
		descriptors_of_the_wrong_kind_are_closed };

	return bad_run("primary/protocol", TESTS, sizeof(TESTS) / sizeof(TESTS[0]), 60);
}
