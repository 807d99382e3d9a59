/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients that say nothing, are very many, or do not read: the others are served. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/limits.h"
#include "tests/primary/bad.h"

#define CROWD	  200
#define SECONDARY CLEAT__ROLE__ROLE_SECONDARY
#define OBSERVER  CLEAT__ROLE__ROLE_OBSERVER

START_TEST(silent_clients_are_dropped)
{
	struct child primary;
	uint64_t start_us;
	int mute, half;

	bad_primary(&primary);
	start_us = now_us();
	mute = bad_connect();
	half = bad_connect();
	ck_assert_int_eq(bad_handshake(half, "half", SECONDARY), 0);
	bad_expect_reject(mute, -ETIMEDOUT, "nothing came for 2000 ms while Hello was expected");
	ck_assert_uint_ge(now_us() - start_us, 1900000);
	ck_assert_uint_le(now_us() - start_us, 4000000);
	bad_expect_reject(half, -ETIMEDOUT, "nothing came for 2000 ms while Ready was expected");
	bad_expect_log(&primary, "nothing came for 2000 ms while Hello was expected");
	bad_expect_log(&primary, "nothing came for 2000 ms while Ready was expected");
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

static void connect_crowd(int *socks)
{
	for (unsigned i = 0; i < CROWD; i++)
		socks[i] = bad_connect();
}

static void close_crowd(const int *socks)
{
	for (unsigned i = 0; i < CROWD; i++)
		(void)close(socks[i]);
}

START_TEST(two_hundred_silent_connections_at_once)
{
	struct child primary;
	int socks[CROWD];
	const char *detail;

	bad_primary(&primary);
	connect_crowd(socks);
	bad_still_well(&primary); /* one that means it still gets in, and they are dropped */
	for (unsigned i = 0; i < CROWD; i++)
		ck_assert_int_eq(bad_reject(socks[i], &detail), -ETIMEDOUT);
	close_crowd(socks);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* Its descriptors run out: the others wait in the kernel's queue. */
START_TEST(a_crowd_when_descriptors_are_few)
{
	struct rlimit few, normal;
	struct child primary;
	int socks[CROWD];

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &normal), 0);
	few = normal;
	few.rlim_cur = 48;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0); /* the primary inherits it */
	bad_primary(&primary);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &normal), 0);
	connect_crowd(socks);
	sleep_us(100000);
	close_crowd(socks);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

static int send_crowd_hello(int sock, const char *name, Cleat__Role role)
{
	int status = bad_handshake(sock, name, role);

	if (status == 0)
		bad_send_empty(sock, CLEAT__ENVELOPE__BODY_READY, 0);
	return status;
}

START_TEST(two_hundred_attach_at_once)
{
	struct child primary;
	int socks[CROWD], taken = 0;

	bad_primary(&primary);
	connect_crowd(socks);
	for (unsigned i = 0; i < CROWD; i++) {
		char name[16];
		int status;

		(void)snprintf(name, sizeof(name), "crowd%u", i);
		status = send_crowd_hello(socks[i], name, SECONDARY);
		taken += status == 0;
		ck_assert_int_eq(status, taken < CLEAT_MAX_PROCS && status == 0 ? 0 : -ENOSPC);
	}
	ck_assert_int_eq(taken, CLEAT_MAX_PROCS - 1); /* slot 0 is the primary's */
	bad_expect_log(&primary, "all 128 slots are in use");
	close_crowd(socks);
	bad_still_well(&primary);
	connect_crowd(socks);
	for (unsigned i = 0; i < CROWD; i++)
		ck_assert_int_eq(send_crowd_hello(socks[i], "looker", OBSERVER), 0);
	close_crowd(socks);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* @return replies until none comes for 300 ms */
static int take_all(int sock)
{
	struct cleat_message m;
	int n = 0;

	while (cleat_socket_wait(sock, POLLIN, cleat_now_ns() + 300000000) == 0) {
		ck_assert_int_eq(cleat_message_recv(sock, &m), 1);
		n += m.env->body_case == CLEAT__ENVELOPE__BODY_REPLY;
		cleat_message_clear(&m);
	}
	return n;
}

/* Asks, and does not read what is answered. */
START_TEST(a_client_that_does_not_read)
{
	static const unsigned char PING[] = { 8, 1, 0xf2, 1, 0 };
	struct child primary;
	int sock, sent = 0;

	bad_primary(&primary);
	sock = bad_attach("deaf", SECONDARY);
	while (sent < 100000) {
		if (cleat_socket_send(sock, PING, sizeof(PING), NULL, 0) == 0)
			sent++;
		else if (cleat_socket_wait(sock, POLLOUT, cleat_now_ns() + 200000000) != 0)
			break; /* the primary has stopped reading */
	}
	ck_assert_int_gt(sent, 10);
	ck_assert_int_lt(sent, 100000);
	ck_assert_int_eq(take_all(sock), sent); /* nothing is lost for one who begins to read */
	bad_ping(sock);
	(void)close(sock);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { silent_clients_are_dropped,
		two_hundred_silent_connections_at_once, a_crowd_when_descriptors_are_few,
		two_hundred_attach_at_once, a_client_that_does_not_read };

	return bad_run("primary/crowd", TESTS, sizeof(TESTS) / sizeof(TESTS[0]), 60);
}
