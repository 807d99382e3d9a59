/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_handshake_server.c - the primary's side: every message in every state, other versions,
 * impossible values.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ipc/handshake_help.h"
#include "tests/ipc/ipc_help.h"

static enum cleat_hs_action put(
	struct cleat_hs_server *hs, Cleat__Envelope__BodyCase kind, struct cleat_hs_verdict *v)
{
	Cleat__Envelope env =
		handshake_make(kind, kind >= CLEAT__ENVELOPE__BODY_PING || kind == 0 ? 9 : 0);

	cleat_hs_server_input(hs, &env, 0, v);
	return v->action;
}

static void server_in(struct cleat_hs_server *hs, enum cleat_hs_state state)
{
	struct cleat_hs_verdict v;

	cleat_hs_server_init(hs);
	if (state == CLEAT_HS_WAIT_HELLO)
		return;
	put(hs, state == CLEAT_HS_CLOSED ? KIND(READY) : KIND(HELLO), &v);
	if (state == CLEAT_HS_ATTACHED)
		put(hs, KIND(READY), &v);
	ck_assert_int_eq(hs->state, state);
}

static enum cleat_hs_action server_should(enum cleat_hs_state s, Cleat__Envelope__BodyCase kind)
{
	if (s == CLEAT_HS_WAIT_HELLO && kind == KIND(HELLO))
		return CLEAT_HS_WELCOME;
	if (s == CLEAT_HS_WAIT_READY && kind == KIND(READY))
		return CLEAT_HS_DONE;
	if (s == CLEAT_HS_WAIT_READY && kind == KIND(FAILED))
		return CLEAT_HS_LEFT;
	if (s == CLEAT_HS_ATTACHED && kind == KIND(MAPPED))
		return CLEAT_HS_MAPPED;
	if (s == CLEAT_HS_ATTACHED && kind == 0)
		return CLEAT_HS_REFUSE;
	if (s == CLEAT_HS_ATTACHED && kind >= KIND(PING))
		return CLEAT_HS_REQUEST;
	return CLEAT_HS_CLOSE;
}

START_TEST(server_takes_only_what_its_state_allows)
{
	static const enum cleat_hs_state states[] = { CLEAT_HS_WAIT_HELLO, CLEAT_HS_WAIT_READY,
		CLEAT_HS_ATTACHED, CLEAT_HS_CLOSED };
	struct cleat_hs_server hs;
	struct cleat_hs_verdict v;
	size_t s, k;

	for (s = 0; s < 4; s++)
		for (k = 0; k < N_KINDS; k++) {
			enum cleat_hs_action want = server_should(states[s], handshake_kinds[k]);

			server_in(&hs, states[s]);
			ck_assert_msg(put(&hs, handshake_kinds[k], &v) == want,
				"state %d kind %d: %d", (int)states[s], (int)handshake_kinds[k],
				(int)v.action);
			if (want != CLEAT_HS_CLOSE)
				continue;
			ck_assert_int_lt(v.status, 0);
			ck_assert_int_gt((int)strlen(v.detail), 10);
			/* and stays closed */
			ck_assert_int_eq(put(&hs, KIND(HELLO), &v), CLEAT_HS_CLOSE);
		}
}
END_TEST

START_TEST(server_refuses_descriptors_in_any_message)
{
	struct cleat_hs_verdict v;
	struct cleat_hs_server hs;
	Cleat__Envelope env = handshake_make(KIND(HELLO), 0);

	cleat_hs_server_init(&hs);
	cleat_hs_server_input(&hs, &env, 1, &v);
	ck_assert_int_eq(v.action, CLEAT_HS_CLOSE);
	ck_assert_ptr_nonnull(strstr(v.detail, "Hello message with 1 descriptors"));
}
END_TEST

static enum cleat_hs_action say_hello(const Cleat__Envelope *env, struct cleat_hs_verdict *v)
{
	struct cleat_hs_server hs;

	cleat_hs_server_init(&hs);
	cleat_hs_server_input(&hs, env, 0, v);
	return v->action;
}

START_TEST(server_and_other_versions)
{
	struct cleat_hs_verdict v;
	Cleat__Envelope env = handshake_make(KIND(HELLO), 0);

	env.hello->proto_minor = CLEAT_PROTO_MINOR + 7;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_WELCOME);

	env = handshake_make(KIND(HELLO), 0);
	env.hello->proto_major = CLEAT_PROTO_MAJOR + 1;
	env.hello->proto_minor = 4;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
	ck_assert_int_eq(v.status, -EPROTO);
	ck_assert_ptr_nonnull(strstr(v.detail, "1.2.3")); /* both sides are named */
	ck_assert_ptr_nonnull(strstr(v.detail, "protocol 2.4"));
	ck_assert_ptr_nonnull(strstr(v.detail, CLEAT_VERSION));

	env = handshake_make(KIND(HELLO), 0);
	env.hello->abi = 999;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
	ck_assert_ptr_nonnull(strstr(v.detail, "ABI 999"));
}
END_TEST

START_TEST(server_and_bad_hellos)
{
	static char bad[][60] = { "", "a b", "a/b", "line\nfeed",
		"a-name-that-is-longer-than-thirty-one-characters" };
	struct cleat_hs_verdict v;
	Cleat__Envelope env;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		env = handshake_make(KIND(HELLO), 0);
		env.hello->name = bad[i];
		ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
		ck_assert_ptr_null(strchr(v.detail, '\n'));
	}
	env = handshake_make(KIND(HELLO), 0);
	env.hello->role = CLEAT__ROLE__ROLE_NONE;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
	env.hello->role = (Cleat__Role)77;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
}
END_TEST

START_TEST(server_keeps_what_hello_said)
{
	struct cleat_hs_server hs;

	server_in(&hs, CLEAT_HS_WAIT_READY);
	ck_assert_str_eq(hs.name, "worker");
	ck_assert_str_eq(hs.version, "1.2.3");
	ck_assert_uint_eq(hs.tid, 42);
	ck_assert_int_eq(hs.role, CLEAT__ROLE__ROLE_SECONDARY);
}
END_TEST

START_TEST(server_requests_need_an_id)
{
	struct cleat_hs_server hs;
	struct cleat_hs_verdict v;
	Cleat__Envelope env = handshake_make(KIND(ZONE_FREE), 0);

	server_in(&hs, CLEAT_HS_ATTACHED);
	cleat_hs_server_input(&hs, &env, 0, &v);
	ck_assert_int_eq(v.action, CLEAT_HS_CLOSE);
}
END_TEST

START_TEST(server_observers_change_nothing)
{
	struct cleat_hs_server hs;
	struct cleat_hs_verdict v;
	Cleat__Envelope env = handshake_make(KIND(HELLO), 0);

	env.hello->role = CLEAT__ROLE__ROLE_OBSERVER;
	cleat_hs_server_init(&hs);
	cleat_hs_server_input(&hs, &env, 0, &v);
	put(&hs, KIND(READY), &v);
	ck_assert_int_eq(put(&hs, KIND(PING), &v), CLEAT_HS_REQUEST);
	ck_assert_int_eq(put(&hs, KIND(ZONE_FREE), &v), CLEAT_HS_REFUSE);
	ck_assert_int_eq(v.status, -EPERM);
	ck_assert_int_eq(put(&hs, KIND(PING), &v), CLEAT_HS_REQUEST);
}
END_TEST

START_TEST(server_timeout)
{
	struct cleat_hs_server hs;
	struct cleat_hs_verdict v;

	server_in(&hs, CLEAT_HS_WAIT_HELLO);
	ck_assert(cleat_hs_server_timeout(&hs, &v));
	ck_assert_ptr_nonnull(strstr(v.detail, "while Hello was expected"));
	server_in(&hs, CLEAT_HS_WAIT_READY);
	ck_assert(cleat_hs_server_timeout(&hs, &v));
	ck_assert_int_eq(put(&hs, KIND(READY), &v), CLEAT_HS_CLOSE);
	server_in(&hs, CLEAT_HS_ATTACHED);
	ck_assert(!cleat_hs_server_timeout(&hs, &v));
}
END_TEST

/* Random sequences: nobody gets in but by Hello, Ready. */
START_TEST(server_random_walks)
{
	struct cleat_hs_verdict v;
	int walk, step;

	srand(3);
	for (walk = 0; walk < 20000; walk++) {
		Cleat__Envelope__BodyCase before[6] = { 0 };
		struct cleat_hs_server hs;

		cleat_hs_server_init(&hs);
		for (step = 0; step < 6 && hs.state != CLEAT_HS_ATTACHED; step++) {
			before[step] = handshake_kinds[(size_t)rand() % N_KINDS];
			put(&hs, before[step], &v);
		}
		if (hs.state == CLEAT_HS_ATTACHED) {
			ck_assert_int_eq(step, 2);
			ck_assert_int_eq(before[0], KIND(HELLO));
			ck_assert_int_eq(before[1], KIND(READY));
		}
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { server_takes_only_what_its_state_allows,
		server_refuses_descriptors_in_any_message, server_and_other_versions,
		server_and_bad_hellos, server_keeps_what_hello_said, server_requests_need_an_id,
		server_observers_change_nothing, server_timeout, server_random_walks };

	return ipc_run("ipc/handshake_server", tests, sizeof(tests) / sizeof(tests[0]));
}
