/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_message.c - Envelopes come through whole; anything else is refused and leaves nothing open.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "tests/ipc/ipc_help.h"

static char zone_name[] = "zone.a";

static void fill_zone_reserve(Cleat__Envelope *env, Cleat__ZoneReserve *zone)
{
	cleat__envelope__init(env);
	cleat__zone_reserve__init(zone);
	zone->name = zone_name;
	zone->len_bytes = UINT64_C(0x123456789a);
	zone->node = -1;
	env->id = 77;
	env->body_case = CLEAT__ENVELOPE__BODY_ZONE_RESERVE;
	env->zone_reserve = zone;
}

START_TEST(a_message_comes_through_with_its_fd)
{
	Cleat__Envelope env;
	Cleat__ZoneReserve zone;
	struct cleat_message m;
	int sock[2], fd = ipc_memfd(1);

	ipc_pair(sock);
	fill_zone_reserve(&env, &zone);
	ck_assert_int_eq(cleat_message_send(sock[0], &env, &fd, 1), 0);
	ck_assert_int_eq(cleat_message_recv(sock[1], &m), 1);
	ck_assert_uint_eq(m.env->id, 77);
	ck_assert_int_eq(m.env->body_case, CLEAT__ENVELOPE__BODY_ZONE_RESERVE);
	ck_assert_str_eq(m.env->zone_reserve->name, "zone.a");
	ck_assert_uint_eq(m.env->zone_reserve->len_bytes, UINT64_C(0x123456789a));
	ck_assert_int_eq(m.env->zone_reserve->node, -1);
	ck_assert_uint_eq(m.fds.n, 1);
	ck_assert_str_eq(cleat_message_name(m.env), "ZoneReserve");
	ck_assert(cleat_message_is_request(m.env));
	cleat_message_clear(&m); /* closes the received descriptor */
	ck_assert_int_eq(cleat_message_recv(sock[1], &m), -EAGAIN);
	close(sock[0]);
	ck_assert_int_eq(cleat_message_recv(sock[1], &m), 0);
	close(fd);
	close(sock[1]);
}
END_TEST

/* Cut at any byte: refused, or a shorter message that happens to be valid; never a crash. */
START_TEST(truncated_messages)
{
	Cleat__Envelope env;
	Cleat__ZoneReserve zone;
	struct cleat_message m;
	uint8_t data[256];
	size_t len, cut;
	int sock[2], refused = 0;

	ipc_pair(sock);
	fill_zone_reserve(&env, &zone);
	len = cleat__envelope__pack(&env, data);
	for (cut = 1; cut < len; cut++) {
		int err;

		ck_assert_int_eq(cleat_socket_send(sock[0], data, cut, &sock[0], 1), 0);
		err = cleat_message_recv(sock[1], &m);
		ck_assert(err == 1 || err == -EBADMSG);
		refused += err != 1;
		cleat_message_clear(&m);
	}
	ck_assert_int_ge(refused, (int)len - 4);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(garbage)
{
	struct cleat_message m;
	uint8_t data[300];
	int sock[2], i;
	size_t j;

	ipc_pair(sock);
	srand(1);
	for (i = 0; i < 20000; i++) {
		size_t len = 1 + (size_t)rand() % sizeof(data);
		int err;

		for (j = 0; j < len; j++)
			data[j] = (uint8_t)rand();
		ck_assert_int_eq(cleat_socket_send(sock[0], data, len, &sock[0], 1), 0);
		err = cleat_message_recv(sock[1], &m);
		ck_assert(err == 1 || err == -EBADMSG);
		cleat_message_clear(&m);
	}
	close(sock[0]);
	close(sock[1]);
}
END_TEST

/* Valid messages with bytes changed: more of these get past the outer layer. */
START_TEST(bent_messages)
{
	Cleat__Envelope env;
	Cleat__ZoneReserve zone;
	struct cleat_message m;
	uint8_t good[256], data[256];
	size_t len;
	int sock[2], i;

	ipc_pair(sock);
	fill_zone_reserve(&env, &zone);
	len = cleat__envelope__pack(&env, good);
	srand(2);
	for (i = 0; i < 20000; i++) {
		memcpy(data, good, len);
		data[(size_t)rand() % len] = (uint8_t)rand();
		data[(size_t)rand() % len] = (uint8_t)rand();
		ck_assert_int_eq(cleat_socket_send(sock[0], data, len, NULL, 0), 0);
		if (cleat_message_recv(sock[1], &m) == 1)
			ck_assert_ptr_nonnull(cleat_message_name(m.env));
		cleat_message_clear(&m);
	}
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(an_oversized_message_is_refused_by_the_sender)
{
	Cleat__Envelope env;
	Cleat__ZoneReserve zone;
	int sock[2];

	ipc_pair(sock);
	fill_zone_reserve(&env, &zone);
	zone.name = (char *)malloc(CLEAT_MSG_MAX_BYTES + 1);
	memset(zone.name, 'x', CLEAT_MSG_MAX_BYTES);
	zone.name[CLEAT_MSG_MAX_BYTES] = '\0';
	ck_assert_int_eq(cleat_message_send(sock[0], &env, NULL, 0), -EMSGSIZE);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "ZoneReserve"));
	free(zone.name);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

/* A request of a newer minor version: field 999 of Envelope, length-delimited. */
START_TEST(an_unknown_request_keeps_its_id)
{
	static const uint8_t data[] = { 0x08, 0x05, 0xba, 0x3e, 0x02, 0x08, 0x01 };
	struct cleat_message m;
	int sock[2];

	ipc_pair(sock);
	ck_assert_int_eq(cleat_socket_send(sock[0], data, sizeof(data), NULL, 0), 0);
	ck_assert_int_eq(cleat_message_recv(sock[1], &m), 1);
	ck_assert_int_eq(m.env->body_case, CLEAT__ENVELOPE__BODY__NOT_SET);
	ck_assert_uint_eq(m.env->id, 5);
	ck_assert_str_eq(cleat_message_name(m.env), "unknown message");
	ck_assert(cleat_message_is_request(m.env));
	cleat_message_clear(&m);
	close(sock[0]);
	close(sock[1]);
}
END_TEST

START_TEST(a_peers_text_is_made_harmless)
{
	char text[8];

	ck_assert_str_eq(cleat_message_text(text, sizeof(text), "a\n\x1b[2J"), "a??[2J");
	ck_assert_str_eq(cleat_message_text(text, sizeof(text), "123456789"), "1234567");
	ck_assert_str_eq(cleat_message_text(text, sizeof(text), NULL), "");
	ck_assert_int_eq(cleat_message_error(-EACCES, ""), -EACCES);
	ck_assert_str_eq(cleat_error(), strerror(EACCES));
	ck_assert_int_eq(cleat_message_error(12345, "odd"), -EPROTO);
	ck_assert_str_eq(cleat_error(), "odd");
}
END_TEST

int main(void)
{
	const TTest *tests[] = { a_message_comes_through_with_its_fd, truncated_messages, garbage,
		bent_messages, an_oversized_message_is_refused_by_the_sender,
		an_unknown_request_keeps_its_id, a_peers_text_is_made_harmless };

	return ipc_run("ipc/message", tests, sizeof(tests) / sizeof(tests[0]));
}
