/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_threads.c - requests from many threads, one control thread reads.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "ipc/client.h"
#include "ipc/socket.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "tests/ipc/ipc_help.h"

#define THREADS	 8
#define REQUESTS 500

static int lost;
static int stop_pipe[2];

static int on_welcome(void *arg, const Cleat__Welcome *welcome, int *fd)
{
	(void)arg;
	(void)welcome;
	(void)fd;
	return 0;
}

static void on_lost(void *arg, int status, const char *reason)
{
	(void)arg;
	(void)reason;
	ck_assert_int_eq(status, -ESTALE);
	__atomic_fetch_add(&lost, 1, __ATOMIC_SEQ_CST);
}

static int attach(struct ipc_fake *fake, struct cleat_client **client)
{
	static const struct cleat_client_ops ops = { .welcome = on_welcome, .lost = on_lost };
	struct cleat_client_config config = {
		.socket = fake->path, .name = "tester", .timeout_ms = 2000
	};

	return cleat_client_connect(client, &config, &ops, NULL);
}

static int ask(struct cleat_client *client, uint64_t *value, uint32_t *id)
{
	Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	int rc;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	rc = cleat_client_call(client, &env, 0, value);
	*id = env.id;
	return rc;
}

/* Answers in bunches, in reverse order, each with the id as its value. */
static void script_bunches(int sock, void *arg)
{
	uint32_t id[THREADS];
	int left = THREADS * REQUESTS, n;

	(void)arg;
	ipc_serve_handshake(sock);
	while (left > 0) {
		for (n = 0; n < THREADS && n < left; n++) {
			struct cleat_message m;

			if (n > 0 && cleat_socket_wait(sock, POLLIN, cleat_now_ns()) != 0)
				break;
			ipc_receive(sock, &m);
			id[n] = m.env->id;
			cleat_message_clear(&m);
		}
		left -= n;
		while (n-- > 0)
			ipc_send_reply(sock, id[n], 0, id[n], -1);
	}
	if (arg)
		ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING); /* and close */
	else
		ipc_expect_close(sock);
}

static void *request_main(void *arg)
{
	struct cleat_client *client = (struct cleat_client *)arg;
	uint64_t value;
	uint32_t id;

	for (int i = 0; i < REQUESTS; i++) {
		ck_assert_msg(ask(client, &value, &id) == 0, "%s", cleat_error());
		ck_assert_uint_eq(value, id);
	}
	return NULL;
}

static void *control_main(void *arg)
{
	struct cleat_client *client = (struct cleat_client *)arg;
	struct pollfd pfd[2] = { { .fd = cleat_client_fd(client), .events = POLLIN },
		{ .fd = stop_pipe[0], .events = POLLIN } };

	while (poll(pfd, 2, 5000) > 0 && pfd[1].revents == 0)
		if (cleat_client_dispatch(client) < 0)
			break;
	return NULL;
}

static void *pump_main(void *arg)
{
	cleat_client_pump((struct cleat_client *)arg, 1);
	return control_main(arg);
}

static void run_threads(int lose)
{
	struct cleat_client *client;
	pthread_t control, threads[THREADS];
	struct ipc_fake fake;
	uint64_t value;
	uint32_t id;
	int i;

	ck_assert_int_eq(pipe(stop_pipe), 0);
	ipc_fake_start(&fake, script_bunches, lose ? &fake : NULL);
	ck_assert_int_eq(attach(&fake, &client), 0);
	ck_assert_int_eq(pthread_create(&control, NULL, pump_main, client), 0);
	usleep(20000); /* until it is announced */
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, request_main, client), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; lose && i < 2; i++)
		ck_assert_int_eq(ask(client, &value, &id), -ESTALE);
	ck_assert_int_eq((int)write(stop_pipe[1], "x", 1), 1);
	pthread_join(control, NULL);
	ck_assert_int_eq(lost, lose);
	cleat_client_close(client);
	ipc_fake_join(&fake);
	close(stop_pipe[0]);
	close(stop_pipe[1]);
}

START_TEST(many_threads_ask_at_once)
{
	run_threads(0);
}
END_TEST

START_TEST(waiting_threads_hear_of_the_primarys_end)
{
	run_threads(1);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { many_threads_ask_at_once,
		waiting_threads_hear_of_the_primarys_end };

	return ipc_run("ipc/client_threads", tests, sizeof(tests) / sizeof(tests[0]));
}
