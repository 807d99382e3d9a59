/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_ask.c - requesters read their own replies; all else is the pump's, in its order.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "ipc/client.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/limits.h"
#include "tests/ipc/ipc_help.h"

static struct {
	struct cleat_client *client;
	struct ipc_fake fake;
	pthread_t pump;
	int stop[2];
	bool deaf;	  /* the pump announces itself, and then reads nothing */
	bool slow;	  /* callbacks take their time */
	uint64_t held_ns; /* the longest time that the pump was away */
	atomic_int events, segments, foreign, lost, woken, sent;
} t;

static int on_welcome(void *arg, const Cleat__Welcome *welcome, int *fd)
{
	(void)arg;
	(void)welcome;
	(void)fd;
	return 0;
}

static void handle(atomic_int *count)
{
	if (!pthread_equal(pthread_self(), t.pump))
		atomic_fetch_add(&t.foreign, 1);
	if (t.slow)
		usleep(2000);
	atomic_fetch_add(count, 1);
}

static int on_segment_add(void *arg, const Cleat__Segment *segment, int *fd)
{
	(void)arg;
	(void)segment;
	(void)fd;
	handle(&t.segments);
	return 0;
}

static void on_event(void *arg, const Cleat__Event *event)
{
	(void)arg;
	(void)event;
	handle(&t.events);
}

static void on_lost(void *arg, int status, const char *reason)
{
	(void)arg;
	(void)reason;
	ck_assert_int_eq(status, -ESTALE);
	atomic_fetch_add(&t.lost, 1);
}

static void *pump_main(void *arg)
{
	struct pollfd pfd[2] = { { .fd = cleat_client_fd(t.client), .events = POLLIN },
		{ .fd = t.stop[0], .events = POLLIN } };

	cleat_client_pump(t.client, 1);
	ck_assert_int_eq((int)write(*(int *)arg, "x", 1), 1);
	if (t.deaf)
		return poll(&pfd[1], 1, -1) < 0 ? arg : NULL;
	while (poll(pfd, 2, -1) > 0 && pfd[1].revents == 0) {
		uint64_t start_ns = cleat_now_ns();
		int err = cleat_client_dispatch(t.client);

		atomic_fetch_add(&t.woken, 1);
		if (cleat_now_ns() - start_ns > t.held_ns)
			t.held_ns = cleat_now_ns() - start_ns;
		if (err < 0)
			break;
	}
	return NULL;
}

static void begin(void (*script)(int sock, void *arg))
{
	static const struct cleat_client_ops ops = { .welcome = on_welcome,
		.segment_add = on_segment_add,
		.event = on_event,
		.lost = on_lost };
	struct cleat_client_config config = { .name = "asker", .timeout_ms = 2000 };
	int started[2];
	char byte;

	ipc_fake_start(&t.fake, script, NULL);
	config.socket = t.fake.path;
	ck_assert_msg(
		cleat_client_connect(&t.client, &config, &ops, NULL) == 0, "%s", cleat_error());
	ck_assert_int_eq(pipe(t.stop), 0);
	ck_assert_int_eq(pipe(started), 0);
	ck_assert_int_eq(pthread_create(&t.pump, NULL, pump_main, &started[1]), 0);
	ck_assert_int_eq((int)read(started[0], &byte, 1), 1);
	close(started[0]);
	close(started[1]);
}

static void end(void)
{
	ck_assert_int_eq((int)write(t.stop[1], "x", 1), 1);
	pthread_join(t.pump, NULL);
	cleat_client_close(t.client);
	ipc_fake_join(&t.fake);
	close(t.stop[0]);
	close(t.stop[1]);
}

static int ask(int timeout_ms)
{
	Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	uint64_t got = 0;
	int rc;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	rc = cleat_client_call(t.client, &env, timeout_ms, &got);
	if (rc == 0)
		ck_assert_uint_eq(got, env.id);
	return rc;
}

/* The id of the next request; 0: the client closed. Looks on, so that it answers at once. */
static uint32_t next_request(int sock)
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

static void script_answers(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = next_request(sock)) != 0)
		ipc_send_reply(sock, id, 0, id, -1);
}

/* Longer than anybody looks. */
static void script_answers_late(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = next_request(sock)) != 0) {
		usleep(150);
		ipc_send_reply(sock, id, 0, id, -1);
	}
}

/* Nobody else does: the pump is deaf. All but one of the tries may find the machine too busy. */
static void requester_reads(void (*script)(int sock, void *arg))
{
	uint64_t until_ms = cleat_now_ms() + 20000;
	int answered = 0;

	t.deaf = true;
	while (answered == 0 && cleat_now_ms() < until_ms) {
		begin(script);
		for (int i = 0; i < CLEAT_MAX_REQUESTS - 1 && answered == 0; i++) {
			answered += ask(2) == 0;
			usleep(10000); /* after a look that was interrupted, none sooner */
		}
		end();
	}
	ck_assert_int_gt(answered, 0);
}

START_TEST(requester_reads_its_reply)
{
	requester_reads(script_answers);
}
END_TEST

START_TEST(requester_sleeps_for_its_reply)
{
	requester_reads(script_answers_late);
}
END_TEST

static void script_answers_after_a_second(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = next_request(sock)) != 0) {
		usleep(1000000);
		ipc_send_reply(sock, id, 0, id, -1);
	}
}

/* It may be a program's only loop. */
START_TEST(pump_is_not_held_up)
{
	begin(script_answers_after_a_second);
	ck_assert_int_eq(ask(0), 0);
	end();
	ck_assert_uint_lt(t.held_ns, UINT64_C(800000000));
}
END_TEST

static void script_events_first(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = next_request(sock)) != 0) {
		ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, 1);
		ipc_send_reply(sock, id, 0, id, -1);
	}
}

START_TEST(requester_leaves_what_is_no_reply)
{
	t.deaf = true;
	begin(script_events_first);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(ask(10), -ETIMEDOUT);
	ck_assert_int_eq(t.events, 0);
	end();
}
END_TEST

static void script_all_first(int sock, void *arg)
{
	Cleat__Segment segment = CLEAT__SEGMENT__INIT, *list[] = { &segment };
	int fd = ipc_memfd(4096);
	uint32_t id;

	(void)arg;
	segment.index = 7;
	segment.off = UINT64_C(1) << 30;
	segment.len_bytes = segment.page_bytes = 4096;
	ipc_serve_handshake(sock);
	while ((id = next_request(sock)) != 0) {
		if (id == UINT32_MAX) /* Mapped */
			continue;
		ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, 1);
		ipc_send_map(sock, 0, 1, list, &fd);
		ipc_send_reply(sock, id, 0, id, -1);
	}
	close(fd);
}

START_TEST(reply_comes_after_what_was_before_it)
{
	t.slow = true;
	begin(script_all_first);
	for (int i = 1; i <= 200; i++) {
		ck_assert_msg(ask(0) == 0, "%s", cleat_error());
		ck_assert_int_eq(t.events, i);
		ck_assert_int_eq(t.segments, i);
	}
	ck_assert_int_eq(t.foreign, 0);
	end();
}
END_TEST

#define MANY 2000

static void script_many_then_event(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	for (int i = 0; i < MANY; i++) {
		uint32_t id = next_request(sock);

		ipc_send_reply(sock, id, 0, id, -1);
		if (i % 10 == 9)
			ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, 1);
	}
	ipc_expect_close(sock);
}

START_TEST(pump_hears_events_after_many_requests)
{
	uint64_t until_ns;

	begin(script_many_then_event);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(ask(0), 0);
	until_ns = cleat_now_ns() + UINT64_C(2000000000);
	while (t.events < MANY / 10 && cleat_now_ns() < until_ns)
		usleep(100);
	ck_assert_int_eq(t.events, MANY / 10);
	ck_assert_int_eq(t.foreign, 0);
	end();
}
END_TEST

/* After many requests nothing wakes it any more. */
START_TEST(pump_sleeps)
{
	int woken;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	begin(script_answers);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(ask(0), 0);
	usleep(20000);
	woken = t.woken;
	usleep(100000);
	ck_assert_int_eq(t.woken, woken);
	end();
}
END_TEST

#define THREADS 8

static void *asker_main(void *arg)
{
	(void)arg;
	for (int i = 0; i < MANY; i++)
		ck_assert_msg(ask(0) == 0, "%s", cleat_error());
	return NULL;
}

START_TEST(each_thread_gets_its_own)
{
	pthread_t threads[THREADS];

	begin(script_answers);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, asker_main, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	end();
}
END_TEST

#define TOLD 300

/* Requests that nobody waits for do not fill up while others are waited for, and an event that
 * comes at any time is heard soon. */
static void script_now_and_then(int sock, void *arg)
{
	unsigned random = 1, events = 0;
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = next_request(sock)) != 0) {
		random = random * 1103515245U + 12345U;
		if ((random >> 16) % 7 == 0)
			usleep((random >> 20) % 300);
		if ((random >> 16) % 11 == 0 && ++events)
			ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, events);
		ipc_send_reply(sock, id, 0, id, -1);
		if ((random >> 16) % 13 == 0 && ++events)
			ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, events);
	}
	atomic_store(&t.sent, (int)events);
}

static int tell(void)
{
	Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	return cleat_client_tell(t.client, &env, 0);
}

static void *teller_main(void *arg)
{
	for (int i = 0; i < TOLD; i++) {
		int err = tell();

		/* the other side is slow now and then: its answers free the places */
		ck_assert_msg(err == 0 || err == -EBUSY, "%s", cleat_error());
		usleep(200);
	}
	return arg;
}

START_TEST(tellers_beside_askers)
{
	pthread_t tellers[2], askers[2];
	uint64_t longest_ns = 0;

	begin(script_now_and_then);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_create(&tellers[i], NULL, teller_main, NULL), 0);
		ck_assert_int_eq(pthread_create(&askers[i], NULL, asker_main, NULL), 0);
	}
	for (int i = 0; i < 2000; i++) {
		uint64_t start_ns = cleat_now_ns();

		ck_assert_msg(ask(0) == 0, "%s", cleat_error());
		if (cleat_now_ns() - start_ns > longest_ns)
			longest_ns = cleat_now_ns() - start_ns;
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(tellers[i], NULL);
		pthread_join(askers[i], NULL);
	}
	ck_assert_uint_lt(longest_ns, UINT64_C(3000000000));
	usleep(300000);
	ck_assert_int_eq(t.foreign, 0);
	end();
	ck_assert_int_gt(t.sent, 0);
	ck_assert_int_eq(t.events, t.sent);
}
END_TEST

static void script_close_after(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	for (int i = 0; i < 100; i++) {
		uint32_t id = next_request(sock);

		ipc_send_reply(sock, id, 0, id, -1);
	}
	(void)next_request(sock); /* and close */
}

START_TEST(primary_dies_while_it_is_looked_for)
{
	begin(script_close_after);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(ask(0), 0);
	ck_assert_int_eq(ask(0), -ESTALE);
	ck_assert_int_eq(ask(0), -ESTALE);
	ck_assert_int_eq(t.lost, 1);
	end();
}
END_TEST

static void script_bad_reply(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	(void)next_request(sock);
	ipc_send_reply(sock, 0, 0, 0, -1); /* no request has that number */
	ipc_expect_close(sock);
}

START_TEST(reply_that_is_against_the_protocol)
{
	begin(script_bad_reply);
	ck_assert_int_eq(ask(0), -ESTALE);
	ck_assert_int_eq(t.lost, 1);
	end();
}
END_TEST

static void script_silence(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	(void)next_request(sock);
	ipc_expect_close(sock);
}

START_TEST(primary_that_does_not_answer)
{
	uint64_t start_ms;

	begin(script_silence);
	start_ms = cleat_now_ms();
	ck_assert_int_eq(ask(50), -ETIMEDOUT);
	ck_assert_uint_ge(cleat_now_ms() - start_ms, 49);
	ck_assert_uint_lt(cleat_now_ms() - start_ms, 2000);
	end();
}
END_TEST

int main(void)
{
	const TTest *tests[] = { requester_reads_its_reply, requester_sleeps_for_its_reply,
		pump_is_not_held_up, requester_leaves_what_is_no_reply,
		reply_comes_after_what_was_before_it, pump_hears_events_after_many_requests,
		pump_sleeps, each_thread_gets_its_own, tellers_beside_askers,
		primary_dies_while_it_is_looked_for, reply_that_is_against_the_protocol,
		primary_that_does_not_answer };

	return ipc_run("ipc/client_ask", tests, sizeof(tests) / sizeof(tests[0]));
}
