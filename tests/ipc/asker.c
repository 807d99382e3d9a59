/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/ipc/asker.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"

struct asker asker;

static int on_welcome(void *arg, const Cleat__Welcome *welcome, int *fd)
{
	(void)arg;
	(void)welcome;
	(void)fd;
	return 0;
}

static void handle(int *count)
{
	if (!pthread_equal(pthread_self(), asker.pump))
		__atomic_fetch_add(&asker.foreign, 1, __ATOMIC_ACQ_REL);
	if (asker.slow)
		usleep(2000);
	__atomic_fetch_add(count, 1, __ATOMIC_ACQ_REL);
}

static int on_segment_add(void *arg, const Cleat__Segment *segment, int *fd)
{
	(void)arg;
	(void)segment;
	(void)fd;
	handle(&asker.segments);
	return 0;
}

static void on_event(void *arg, const Cleat__Event *event)
{
	(void)arg;
	(void)event;
	handle(&asker.events);
}

static void on_lost(void *arg, int status, const char *reason)
{
	(void)arg;
	(void)reason;
	ck_assert_int_eq(status, -ESTALE);
	__atomic_fetch_add(&asker.lost, 1, __ATOMIC_ACQ_REL);
}

static void *pump_main(void *arg)
{
	struct pollfd pfd[2] = { { .fd = cleat_client_fd(asker.client), .events = POLLIN },
		{ .fd = asker.stop[0], .events = POLLIN } };

	cleat_client_pump(asker.client, 1);
	ck_assert_int_eq((int)write(*(int *)arg, "x", 1), 1);
	if (asker.deaf)
		return poll(&pfd[1], 1, -1) < 0 ? arg : NULL;
	while (poll(pfd, 2, -1) > 0 && pfd[1].revents == 0) {
		uint64_t start_ns = cleat_now_ns();
		int err = cleat_client_dispatch(asker.client);

		__atomic_fetch_add(&asker.woken, 1, __ATOMIC_ACQ_REL);
		if (cleat_now_ns() - start_ns > asker.held_ns)
			asker.held_ns = cleat_now_ns() - start_ns;
		if (err < 0)
			break;
	}
	return NULL;
}

void asker_begin(void (*script)(int sock, void *arg))
{
	static const struct cleat_client_ops ops = { .welcome = on_welcome,
		.segment_add = on_segment_add,
		.event = on_event,
		.lost = on_lost };
	struct cleat_client_config config = { .name = "asker", .timeout_ms = 2000 };
	int started[2];
	char byte;

	ipc_fake_start(&asker.fake, script, NULL);
	config.socket = asker.fake.path;
	ck_assert_msg(
		cleat_client_connect(&asker.client, &config, &ops, NULL) == 0, "%s", cleat_error());
	ck_assert_int_eq(pipe(asker.stop), 0);
	ck_assert_int_eq(pipe(started), 0);
	ck_assert_int_eq(pthread_create(&asker.pump, NULL, pump_main, &started[1]), 0);
	ck_assert_int_eq((int)read(started[0], &byte, 1), 1);
	close(started[0]);
	close(started[1]);
}

void asker_end(void)
{
	ck_assert_int_eq((int)write(asker.stop[1], "x", 1), 1);
	pthread_join(asker.pump, NULL);
	cleat_client_close(asker.client);
	ipc_fake_join(&asker.fake);
	close(asker.stop[0]);
	close(asker.stop[1]);
}

int asker_ask(int timeout_ms)
{
	Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	uint64_t got = 0;
	int rc;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	rc = cleat_client_call(asker.client, &env, timeout_ms, &got);
	if (rc == 0)
		ck_assert_uint_eq(got, env.id);
	return rc;
}

uint32_t asker_next_request(int sock)
{
	struct cleat_message m;
	uint32_t id;
	int rc;

	while ((rc = cleat_message_recv(sock, &m)) == -EAGAIN)
		;
	if (rc <= 0)
		return 0;
	id = m.env->body_case == CLEAT__ENVELOPE__BODY_MAPPED ? UINT32_MAX : m.env->id;
	cleat_message_clear(&m);
	return id;
}
