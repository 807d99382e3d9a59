/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_client.c - attach, requests and events against a primary that follows a script.
 */
#include "ipc/client.h"

#include <errno.h>
#include <poll.h>
#include <semaphore.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/limits.h"
#include "tests/ipc/ipc_help.h"

/* What the callbacks saw, and what they shall answer. */
static struct {
	int welcome_status, segment_status;
	int welcomes, segments, removes, events, lost;
	int kept_fd;
	sem_t *slow; /* what mapping a segment waits for */
} seen;

static int on_welcome(void *arg, const Cleat__Welcome *welcome, int *fd)
{
	struct stat st;

	(void)arg;
	seen.welcomes++;
	ck_assert_int_eq(fstat(*fd, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, welcome->registry_len);
	return seen.welcome_status ? cleat_err(seen.welcome_status, "window occupied by [heap]")
				   : 0;
}

static int on_segment_add(void *arg, const Cleat__Segment *segment, int *fd)
{
	(void)arg;
	(void)segment;
	seen.segments++;
	while (seen.slow != NULL && sem_wait(seen.slow) < 0)
		;
	if (seen.kept_fd < 0) {
		seen.kept_fd = *fd; /* take the first */
		*fd = -1;
	}
	return seen.segment_status ? cleat_err(seen.segment_status, "no room") : 0;
}

static int on_segment_remove(void *arg, uint32_t index)
{
	(void)arg;
	ck_assert_uint_eq(index, 7);
	seen.removes++;
	return 0;
}

static void on_event(void *arg, const Cleat__Event *event)
{
	(void)arg;
	(void)event;
	seen.events++;
}

static void on_lost(void *arg, int status, const char *reason)
{
	(void)arg;
	ck_assert_int_eq(status, -ESTALE);
	ck_assert_int_gt((int)strlen(reason), 5);
	__atomic_fetch_add(&seen.lost, 1, __ATOMIC_SEQ_CST);
}

static const struct cleat_client_ops ops = { .welcome = on_welcome,
	.segment_add = on_segment_add,
	.segment_remove = on_segment_remove,
	.event = on_event,
	.lost = on_lost };

static int attach(struct ipc_fake *fake, struct cleat_client **client)
{
	struct cleat_client_config config = {
		.socket = fake->path, .name = "tester", .timeout_ms = 2000
	};

	seen.kept_fd = -1;
	return cleat_client_connect(client, &config, &ops, NULL);
}

static Cleat__Envelope ping_request(void)
{
	static Cleat__Ping ping = CLEAT__PING__INIT;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_PING;
	env.ping = &ping;
	return env;
}

static Cleat__Segment segment_at(uint32_t index)
{
	Cleat__Segment segment = CLEAT__SEGMENT__INIT;

	segment.index = index;
	segment.off = UINT64_C(1) << 30;
	segment.len_bytes = segment.page_bytes = 4096;
	return segment;
}

/* ---- attach ---- */

static void script_attach(int sock, void *arg)
{
	Cleat__Segment a = segment_at(1), b = segment_at(2), *list[] = { &a, &b };
	int fds[2] = { ipc_memfd(4096), ipc_memfd(4096) };

	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_send_welcome(sock, fds[0], 4096, CLEAT_WINDOW_BASE_DEFAULT);
	ipc_send_map(sock, 0, 2, list, fds);
	ipc_send_map(sock, 1, 1, list, fds);
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_READY);
	close(fds[0]);
	close(fds[1]);
	ipc_expect_close(sock);
}

START_TEST(attach_and_detach)
{
	struct cleat_client *client;
	struct ipc_fake fake;

	ipc_fake_start(&fake, script_attach, NULL);
	ck_assert_msg(attach(&fake, &client) == 0, "%s", cleat_error());
	ck_assert_int_eq(seen.welcomes, 1);
	ck_assert_int_eq(seen.segments, 3);
	cleat_client_close(client);
	ipc_fake_join(&fake);
	close(seen.kept_fd); /* the one that was taken; all others are closed */
}
END_TEST

static void script_reject(int sock, void *arg)
{
	(void)arg;
	ipc_send_reject(sock, -EACCES, "user nobody is not allowed to attach");
}

START_TEST(a_refusal_is_told)
{
	struct cleat_client *client;
	struct ipc_fake fake;

	ipc_fake_start(&fake, script_reject, NULL);
	ck_assert_int_eq(attach(&fake, &client), -EACCES);
	ck_assert_ptr_null(client);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "user nobody is not allowed"));
	ipc_fake_join(&fake);
}
END_TEST

static sem_t refused;

/* Without a word from the client, which then finds the socket closed. */
static void script_reject_late(int sock, void *arg)
{
	Cleat__Segment a = segment_at(1), *list[] = { &a };
	int fd = ipc_memfd(4096);

	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_send_welcome(sock, fd, 4096, CLEAT_WINDOW_BASE_DEFAULT);
	ipc_send_map(sock, 1, 1, list, &fd);
	ipc_send_reject(sock, -ETIMEDOUT, "nothing came for 2000 ms while Ready was expected");
	(void)shutdown(sock, SHUT_RDWR);
	sem_post(&refused);
	close(fd);
}

START_TEST(a_late_refusal_is_told)
{
	struct cleat_client *client;
	struct ipc_fake fake;

	sem_init(&refused, 0, 0);
	seen.slow = &refused;
	ipc_fake_start(&fake, script_reject_late, NULL);
	ck_assert_int_eq(attach(&fake, &client), -ETIMEDOUT);
	ck_assert_msg(strstr(cleat_error(), "while Ready was expected"), "%s", cleat_error());
	ck_assert_int_eq(seen.segments, 1);
	ipc_fake_join(&fake);
	close(seen.kept_fd);
	sem_destroy(&refused);
}
END_TEST

static void script_hear_failed(int sock, void *arg)
{
	struct cleat_message m;
	int fd = ipc_memfd(4096);

	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_send_welcome(sock, fd, 4096, CLEAT_WINDOW_BASE_DEFAULT);
	close(fd);
	ipc_receive(sock, &m);
	ck_assert_int_eq(m.env->body_case, CLEAT__ENVELOPE__BODY_FAILED);
	ck_assert_int_eq(m.env->failed->status, -EEXIST);
	ck_assert_str_eq(m.env->failed->detail, "window occupied by [heap]");
	cleat_message_clear(&m);
	ipc_expect_close(sock);
}

START_TEST(a_client_that_cannot_go_on_says_so)
{
	struct cleat_client *client;
	struct ipc_fake fake;

	seen.welcome_status = -EEXIST;
	ipc_fake_start(&fake, script_hear_failed, NULL);
	ck_assert_int_eq(attach(&fake, &client), -EEXIST);
	ck_assert_str_eq(cleat_error(), "window occupied by [heap]");
	ipc_fake_join(&fake);
}
END_TEST

static void script_close_early(int sock, void *arg)
{
	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
}

static void script_silence(int sock, void *arg)
{
	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_FAILED);
	ipc_expect_close(sock);
}

static void script_wrong_order(int sock, void *arg)
{
	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_send_map(sock, 1, 0, NULL, NULL);
	ipc_expect_close(sock);
}

static void script_garbage(int sock, void *arg)
{
	(void)arg;
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ck_assert_int_eq(cleat_socket_send(sock, "\xff\xff\xff", 3, &sock, 1), 0);
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_FAILED);
	ipc_expect_close(sock);
}

START_TEST(a_primary_that_misbehaves)
{
	struct cleat_client_config config = { .name = "tester", .timeout_ms = 200 };
	struct cleat_client *client;
	struct ipc_fake fake;

	ipc_fake_start(&fake, script_close_early, NULL);
	ck_assert_int_eq(attach(&fake, &client), -ESTALE);
	ipc_fake_join(&fake);

	ipc_fake_start(&fake, script_silence, NULL);
	config.socket = fake.path;
	ck_assert_int_eq(cleat_client_connect(&client, &config, &ops, NULL), -ETIMEDOUT);
	ipc_fake_join(&fake);

	ipc_fake_start(&fake, script_wrong_order, NULL);
	ck_assert_int_eq(attach(&fake, &client), -EPROTO);
	ck_assert_str_eq(cleat_error(), "Map message (id 0) while Welcome was expected");
	ipc_fake_join(&fake);

	ipc_fake_start(&fake, script_garbage, NULL);
	ck_assert_int_eq(attach(&fake, &client), -EBADMSG);
	ipc_fake_join(&fake);
}
END_TEST

START_TEST(no_primary_and_bad_names)
{
	struct cleat_client_config config = { .instance = "no-such-instance", .name = "tester" };
	struct cleat_client *client;

	ck_assert_int_eq(cleat_client_connect(&client, &config, &ops, NULL), -ENOENT);
	config.name = "a b";
	ck_assert_int_eq(cleat_client_connect(&client, &config, &ops, NULL), -EINVAL);
}
END_TEST

/* ---- requests, this thread reads ---- */

static void script_answers(int sock, void *arg)
{
	int fd = ipc_memfd(1);
	uint32_t id, late;

	(void)arg;
	ipc_serve_handshake(sock);
	id = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_LINK, 1);
	ipc_send_reply(sock, id, 0, 4711, -1);
	id = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	ipc_send_reply(sock, id, -ENOSPC, 0, fd); /* nobody takes that descriptor */
	late = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	id = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	ipc_send_reply(sock, late, 0, 1, fd);	    /* its requester is gone */
	ipc_send_reply(sock, 0x7fffffff, 0, 1, fd); /* never asked */
	ipc_send_reply(sock, id, 0, 2, -1);
	id = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	ipc_send_reply(sock, id, 0, 3, fd);
	close(fd);
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING); /* and close */
}

START_TEST(requests_and_their_ends)
{
	Cleat__Envelope ping = ping_request();
	struct cleat_client *client;
	struct cleat_message reply;
	struct ipc_fake fake;
	uint64_t value = 0;
	int before;

	ipc_fake_start(&fake, script_answers, NULL);
	ck_assert_int_eq(attach(&fake, &client), 0);
	ck_assert_int_eq(cleat_client_call(client, &ping, 0, &value), 0);
	ck_assert_uint_eq(value, 4711);
	ck_assert_int_eq(seen.events, 1);
	ck_assert_int_eq(cleat_client_call(client, &ping, 0, &value), -ENOSPC);
	ck_assert_str_eq(cleat_error(), "because? of the test");
	ck_assert_int_eq(cleat_client_call(client, &ping, 50, &value), -ETIMEDOUT);
	ck_assert_int_eq(cleat_client_call(client, &ping, 0, &value), 0);
	ck_assert_uint_eq(value, 2);
	before = seen.lost;
	ck_assert_int_eq(cleat_client_request(client, &ping, 0, &reply), 0);
	ck_assert_uint_eq(reply.fds.n, 1);
	cleat_message_clear(&reply);
	ck_assert_int_eq(cleat_client_call(client, &ping, 0, &value), -ESTALE);
	ck_assert_int_eq(cleat_client_call(client, &ping, 0, &value), -ESTALE);
	ck_assert_int_eq(cleat_client_dispatch(client), -ESTALE);
	ck_assert_int_eq(seen.lost, before + 1);
	cleat_client_close(client);
	ipc_fake_join(&fake);
}
END_TEST

#define TOLD (CLEAT_MAX_REQUESTS + 1)

static void script_told(int sock, void *arg)
{
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	for (int i = 0; i < TOLD; i++) {
		uint32_t told = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);

		id = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
		ipc_send_reply(sock, told, 0, 1, -1);
		ipc_send_reply(sock, id, 0, 2, -1);
	}
	/* and close */
}

START_TEST(answers_that_nobody_needs)
{
	Cleat__Envelope ping = ping_request();
	struct cleat_client *client;
	struct ipc_fake fake;
	uint64_t value;

	ipc_fake_start(&fake, script_told, NULL);
	ck_assert_int_eq(attach(&fake, &client), 0);
	for (int i = 0; i < TOLD; i++) { /* their places are free again */
		ck_assert_msg(cleat_client_tell(client, &ping, 0) == 0, "%s", cleat_error());
		ck_assert_int_eq(cleat_client_call(client, &ping, 0, &value), 0);
		ck_assert_uint_eq(value, 2);
	}
	ipc_fake_join(&fake);
	ck_assert_int_eq(cleat_client_tell(client, &ping, 0), -ESTALE);
	cleat_client_close(client);
}
END_TEST

static void script_never_answers(int sock, void *arg)
{
	int i;

	(void)arg;
	ipc_serve_handshake(sock);
	for (i = 0; i < CLEAT_MAX_REQUESTS; i++)
		ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	ipc_expect_close(sock);
}

START_TEST(unanswered_requests_are_limited)
{
	Cleat__Envelope ping = ping_request();
	struct cleat_client *client;
	struct ipc_fake fake;
	int i;

	ipc_fake_start(&fake, script_never_answers, NULL);
	ck_assert_int_eq(attach(&fake, &client), 0);
	for (i = 0; i < CLEAT_MAX_REQUESTS; i++)
		ck_assert_int_eq(cleat_client_call(client, &ping, 1, NULL), -ETIMEDOUT);
	ck_assert_int_eq(cleat_client_call(client, &ping, 1, NULL), -EBUSY);
	cleat_client_close(client);
	ipc_fake_join(&fake);
}
END_TEST

static void expect_mapped(int sock, uint32_t segment, int status)
{
	struct cleat_message m;

	ipc_receive(sock, &m);
	ck_assert_int_eq(m.env->body_case, CLEAT__ENVELOPE__BODY_MAPPED);
	ck_assert_uint_eq(m.env->mapped->segment, segment);
	ck_assert_int_eq(m.env->mapped->status, status);
	cleat_message_clear(&m);
}

static void script_growth(int sock, void *arg)
{
	Cleat__Segment a = segment_at(7), b = segment_at(8), *list[] = { &a, &b };
	int fds[2] = { ipc_memfd(4096), ipc_memfd(4096) };
	uint32_t id;

	(void)arg;
	ipc_serve_handshake(sock);
	id = ipc_expect(sock, CLEAT__ENVELOPE__BODY_PING);
	ipc_send_map(sock, 0, 2, list, fds);
	expect_mapped(sock, 7, -ENOMEM);
	expect_mapped(sock, 8, -ENOMEM);
	ipc_send_event(sock, CLEAT__EVENT_KIND__EVENT_SEGMENT_REMOVE, 7);
	expect_mapped(sock, 7, 0);
	ipc_send_reply(sock, id, 0, 0, -1);
	close(fds[0]);
	close(fds[1]);
	ipc_expect_close(sock);
}

START_TEST(memory_comes_and_goes)
{
	Cleat__Envelope ping = ping_request();
	struct cleat_client *client;
	struct ipc_fake fake;

	ipc_fake_start(&fake, script_growth, NULL);
	ck_assert_int_eq(attach(&fake, &client), 0);
	seen.segment_status = -ENOMEM; /* does not end the connection */
	ck_assert_msg(cleat_client_call(client, &ping, 0, NULL) == 0, "%s", cleat_error());
	ck_assert_int_eq(seen.removes, 1);
	cleat_client_close(client);
	ipc_fake_join(&fake);
	close(seen.kept_fd);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { attach_and_detach, a_refusal_is_told, a_late_refusal_is_told,
		a_client_that_cannot_go_on_says_so, a_primary_that_misbehaves,
		no_primary_and_bad_names, requests_and_their_ends, answers_that_nobody_needs,
		unanswered_requests_are_limited, memory_comes_and_goes };

	return ipc_run("ipc/client", tests, sizeof(tests) / sizeof(tests[0]));
}
