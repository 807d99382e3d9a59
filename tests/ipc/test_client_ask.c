/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client_ask.c - requesters read their own replies; all else is the pump's, in its order.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "ipc/client.h"
#include "runtime/arch.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/limits.h"
#include "tests/ipc/asker.h"

static void script_answers(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = asker_next_request(sock)) != 0)
		ipc_send_reply(sock, id, 0, id, -1);
}

/* Longer than anybody looks. */
static void script_answers_late(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = asker_next_request(sock)) != 0) {
		usleep(150);
		ipc_send_reply(sock, id, 0, id, -1);
	}
}

/* Nobody else does: the pump is deaf. All but one of the tries may find the machine too busy. */
static void requester_reads(void (*script)(int sock, void *arg))
{
	uint64_t until_ms = cleat_now_ms() + 20000;
	int answered = 0;

	asker.deaf = true;
	while (answered == 0 && cleat_now_ms() < until_ms) {
		asker_begin(script);
		for (int i = 0; i < CLEAT_MAX_REQUESTS - 1 && answered == 0; i++) {
			answered += asker_ask(2) == 0;
			usleep(10000); /* after a look that was interrupted, none sooner */
		}
		asker_end();
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
	while ((id = asker_next_request(sock)) != 0) {
		usleep(1000000);
		ipc_send_reply(sock, id, 0, id, -1);
	}
}

/* It may be a program's only loop. */
START_TEST(pump_is_not_held_up)
{
	asker_begin(script_answers_after_a_second);
	ck_assert_int_eq(asker_ask(0), 0);
	asker_end();
	ck_assert_uint_lt(asker.held_ns, UINT64_C(800000000));
}
END_TEST

static void script_events_first(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	while ((id = asker_next_request(sock)) != 0) {
		ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, 1);
		ipc_send_reply(sock, id, 0, id, -1);
	}
}

START_TEST(requester_leaves_what_is_no_reply)
{
	asker.deaf = true;
	asker_begin(script_events_first);
	for (int i = 0; i < 20; i++)
		ck_assert_int_eq(asker_ask(10), -ETIMEDOUT);
	ck_assert_int_eq(cleat_load_acquire(&asker.events), 0);
	asker_end();
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
	while ((id = asker_next_request(sock)) != 0) {
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
	asker.slow = true;
	asker_begin(script_all_first);
	for (int i = 1; i <= 200; i++) {
		ck_assert_msg(asker_ask(0) == 0, "%s", cleat_error());
		ck_assert_int_eq(cleat_load_acquire(&asker.events), i);
		ck_assert_int_eq(cleat_load_acquire(&asker.segments), i);
	}
	ck_assert_int_eq(cleat_load_acquire(&asker.foreign), 0);
	asker_end();
}
END_TEST

#define MANY 2000

static void script_many_then_event(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	for (int i = 0; i < MANY; i++) {
		uint32_t id = asker_next_request(sock);

		ipc_send_reply(sock, id, 0, id, -1);
		if (i % 10 == 9)
			ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, 1);
	}
	ipc_expect_close(sock);
}

START_TEST(pump_hears_events_after_many_requests)
{
	uint64_t until_ns;

	asker_begin(script_many_then_event);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(asker_ask(0), 0);
	until_ns = cleat_now_ns() + UINT64_C(2000000000);
	while (cleat_load_acquire(&asker.events) < MANY / 10 && cleat_now_ns() < until_ns)
		usleep(100);
	ck_assert_int_eq(cleat_load_acquire(&asker.events), MANY / 10);
	ck_assert_int_eq(cleat_load_acquire(&asker.foreign), 0);
	asker_end();
}
END_TEST

/* After many requests nothing wakes it any more. */
START_TEST(pump_sleeps)
{
	int woken;

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		return;
	asker_begin(script_answers);
	for (int i = 0; i < MANY; i++)
		ck_assert_int_eq(asker_ask(0), 0);
	usleep(20000);
	woken = cleat_load_acquire(&asker.woken);
	usleep(100000);
	ck_assert_int_eq(cleat_load_acquire(&asker.woken), woken);
	asker_end();
}
END_TEST

#define THREADS 8

static void *asker_main(void *arg)
{
	(void)arg;
	for (int i = 0; i < MANY; i++)
		ck_assert_msg(asker_ask(0) == 0, "%s", cleat_error());
	return NULL;
}

START_TEST(each_thread_gets_its_own)
{
	pthread_t threads[THREADS];

	asker_begin(script_answers);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, asker_main, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	asker_end();
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
	while ((id = asker_next_request(sock)) != 0) {
		random = random * 1103515245U + 12345U;
		if ((random >> 16) % 7 == 0)
			usleep((random >> 20) % 300);
		if ((random >> 16) % 11 == 0 && ++events)
			ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, events);
		ipc_send_reply(sock, id, 0, id, -1);
		if ((random >> 16) % 13 == 0 && ++events)
			ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, events);
	}
	cleat_store_release(&asker.sent, (int)events);
}

static int tell(void)
{
	Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	return cleat_client_tell(asker.client, &env, 0);
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

	asker_begin(script_now_and_then);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_create(&tellers[i], NULL, teller_main, NULL), 0);
		ck_assert_int_eq(pthread_create(&askers[i], NULL, asker_main, NULL), 0);
	}
	for (int i = 0; i < 2000; i++) {
		uint64_t start_ns = cleat_now_ns();

		ck_assert_msg(asker_ask(0) == 0, "%s", cleat_error());
		if (cleat_now_ns() - start_ns > longest_ns)
			longest_ns = cleat_now_ns() - start_ns;
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(tellers[i], NULL);
		pthread_join(askers[i], NULL);
	}
	ck_assert_uint_lt(longest_ns, UINT64_C(3000000000));
	usleep(300000);
	ck_assert_int_eq(cleat_load_acquire(&asker.foreign), 0);
	asker_end();
	ck_assert_int_gt(cleat_load_acquire(&asker.sent), 0);
	ck_assert_int_eq(cleat_load_acquire(&asker.events), cleat_load_acquire(&asker.sent));
}
END_TEST

static void script_close_after(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	for (int i = 0; i < 100; i++) {
		uint32_t id = asker_next_request(sock);

		ipc_send_reply(sock, id, 0, id, -1);
	}
	(void)asker_next_request(sock); /* and close */
}

START_TEST(primary_dies_while_it_is_looked_for)
{
	asker_begin(script_close_after);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(asker_ask(0), 0);
	ck_assert_int_eq(asker_ask(0), -ESTALE);
	ck_assert_int_eq(asker_ask(0), -ESTALE);
	ck_assert_int_eq(cleat_load_acquire(&asker.lost), 1);
	asker_end();
}
END_TEST

static void script_bad_reply(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	(void)asker_next_request(sock);
	ipc_send_reply(sock, 0, 0, 0, -1); /* no request has that number */
	ipc_expect_close(sock);
}

START_TEST(reply_that_is_against_the_protocol)
{
	asker_begin(script_bad_reply);
	ck_assert_int_eq(asker_ask(0), -ESTALE);
	ck_assert_int_eq(cleat_load_acquire(&asker.lost), 1);
	asker_end();
}
END_TEST

static void script_silence(int sock, void *arg)
{
	(void)arg;
	ipc_serve_handshake(sock);
	(void)asker_next_request(sock);
	ipc_expect_close(sock);
}

START_TEST(primary_that_does_not_answer)
{
	uint64_t start_ms;

	asker_begin(script_silence);
	start_ms = cleat_now_ms();
	ck_assert_int_eq(asker_ask(50), -ETIMEDOUT);
	ck_assert_uint_ge(cleat_now_ms() - start_ms, 49);
	ck_assert_uint_lt(cleat_now_ms() - start_ms, 2000);
	asker_end();
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
