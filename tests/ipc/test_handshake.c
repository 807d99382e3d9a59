/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_handshake.c - every message in every state, other versions, impossible values.
 */
#include "ipc/handshake.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ipc/ipc_help.h"

/* One Envelope of each kind, in static memory. */
static Cleat__Envelope make(Cleat__Envelope__BodyCase kind, uint32_t id)
{
	static Cleat__Hello hello;
	static Cleat__Welcome welcome;
	static Cleat__Map map;
	static Cleat__Ready ready;
	static Cleat__Reject reject;
	static Cleat__Failed failed;
	static Cleat__Mapped mapped;
	static Cleat__Reply reply;
	static Cleat__Event event;
	static Cleat__ZoneFree zone_free;
	static Cleat__Ping ping;
	static char name[] = "worker", version[] = "1.2.3", detail[] = "window\noccupied";
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;

	env.id = id;
	env.body_case = kind;
	switch (kind) {
	case CLEAT__ENVELOPE__BODY_HELLO:
		cleat__hello__init(&hello);
		hello.proto_major = CLEAT_PROTO_MAJOR;
		hello.proto_minor = CLEAT_PROTO_MINOR;
		hello.abi = CLEAT_ABI;
		hello.name = name;
		hello.version = version;
		hello.role = CLEAT__ROLE__ROLE_SECONDARY;
		hello.tid = 42;
		env.hello = &hello;
		break;
	case CLEAT__ENVELOPE__BODY_WELCOME:
		cleat__welcome__init(&welcome);
		welcome.proto_major = CLEAT_PROTO_MAJOR;
		welcome.abi = CLEAT_ABI;
		welcome.version = version;
		welcome.slot = 3;
		welcome.thread = 5;
		welcome.window_base = CLEAT_WINDOW_BASE_DEFAULT;
		welcome.window_len = CLEAT_WINDOW_LEN_DEFAULT;
		welcome.registry_len = 4096;
		env.welcome = &welcome;
		break;
	case CLEAT__ENVELOPE__BODY_MAP:
		cleat__map__init(&map);
		env.map = &map;
		break;
	case CLEAT__ENVELOPE__BODY_READY:
		cleat__ready__init(&ready);
		env.ready = &ready;
		break;
	case CLEAT__ENVELOPE__BODY_REJECT:
		cleat__reject__init(&reject);
		reject.status = -EACCES;
		reject.detail = detail;
		env.reject = &reject;
		break;
	case CLEAT__ENVELOPE__BODY_FAILED:
		cleat__failed__init(&failed);
		failed.status = -EEXIST;
		failed.detail = detail;
		env.failed = &failed;
		break;
	case CLEAT__ENVELOPE__BODY_MAPPED:
		cleat__mapped__init(&mapped);
		env.mapped = &mapped;
		break;
	case CLEAT__ENVELOPE__BODY_REPLY:
		cleat__reply__init(&reply);
		env.reply = &reply;
		break;
	case CLEAT__ENVELOPE__BODY_EVENT:
		cleat__event__init(&event);
		env.event = &event;
		break;
	case CLEAT__ENVELOPE__BODY_ZONE_FREE:
		cleat__zone_free__init(&zone_free);
		env.zone_free = &zone_free;
		break;
	case CLEAT__ENVELOPE__BODY_PING:
		cleat__ping__init(&ping);
		env.ping = &ping;
		break;
	default:
		break;
	}
	return env;
}

#define KIND(name) CLEAT__ENVELOPE__BODY_##name

static const Cleat__Envelope__BodyCase kinds[] = { CLEAT__ENVELOPE__BODY__NOT_SET, KIND(HELLO),
	KIND(WELCOME), KIND(MAP), KIND(READY), KIND(REJECT), KIND(FAILED), KIND(MAPPED),
	KIND(REPLY), KIND(EVENT), KIND(ZONE_FREE), KIND(PING) };
#define N_KINDS (sizeof(kinds) / sizeof(kinds[0]))

static enum cleat_hs_action put(
	struct cleat_hs_server *hs, Cleat__Envelope__BodyCase kind, struct cleat_hs_verdict *v)
{
	Cleat__Envelope env = make(kind, kind >= CLEAT__ENVELOPE__BODY_PING || kind == 0 ? 9 : 0);

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
			enum cleat_hs_action want = server_should(states[s], kinds[k]);

			server_in(&hs, states[s]);
			ck_assert_msg(put(&hs, kinds[k], &v) == want, "state %d kind %d: %d",
				(int)states[s], (int)kinds[k], (int)v.action);
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
	Cleat__Envelope env = make(KIND(HELLO), 0);

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
	Cleat__Envelope env = make(KIND(HELLO), 0);

	env.hello->proto_minor = CLEAT_PROTO_MINOR + 7;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_WELCOME);

	env = make(KIND(HELLO), 0);
	env.hello->proto_major = CLEAT_PROTO_MAJOR + 1;
	env.hello->proto_minor = 4;
	ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
	ck_assert_int_eq(v.status, -EPROTO);
	ck_assert_ptr_nonnull(strstr(v.detail, "1.2.3")); /* both sides are named */
	ck_assert_ptr_nonnull(strstr(v.detail, "protocol 2.4"));
	ck_assert_ptr_nonnull(strstr(v.detail, CLEAT_VERSION));

	env = make(KIND(HELLO), 0);
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
		env = make(KIND(HELLO), 0);
		env.hello->name = bad[i];
		ck_assert_int_eq(say_hello(&env, &v), CLEAT_HS_CLOSE);
		ck_assert_ptr_null(strchr(v.detail, '\n'));
	}
	env = make(KIND(HELLO), 0);
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
	Cleat__Envelope env = make(KIND(ZONE_FREE), 0);

	server_in(&hs, CLEAT_HS_ATTACHED);
	cleat_hs_server_input(&hs, &env, 0, &v);
	ck_assert_int_eq(v.action, CLEAT_HS_CLOSE);
}
END_TEST

START_TEST(server_observers_change_nothing)
{
	struct cleat_hs_server hs;
	struct cleat_hs_verdict v;
	Cleat__Envelope env = make(KIND(HELLO), 0);

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
			before[step] = kinds[(size_t)rand() % N_KINDS];
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

/* ---- client ---- */

static enum cleat_hs_action give(struct cleat_hs_client *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *v)
{
	cleat_hs_client_input(hs, env, n_fds, v);
	return v->action;
}

static void client_in(struct cleat_hs_client *hs, enum cleat_hs_state state, bool observer)
{
	struct cleat_hs_verdict v;
	Cleat__Envelope welcome = make(KIND(WELCOME), 0), map = make(KIND(MAP), 0);

	cleat_hs_client_init(hs, observer);
	if (state == CLEAT_HS_CLOSED)
		give(hs, &map, 0, &v);
	else if (state != CLEAT_HS_WAIT_WELCOME)
		give(hs, &welcome, 1, &v);
	if (state == CLEAT_HS_ATTACHED) {
		map.map->last = 1;
		ck_assert_int_eq(give(hs, &map, 0, &v), CLEAT_HS_SEGMENTS);
		ck_assert(hs->send_ready);
	}
	ck_assert_int_eq(hs->state, state);
}

static enum cleat_hs_action client_should(enum cleat_hs_state s, Cleat__Envelope__BodyCase kind)
{
	if (s == CLEAT_HS_WAIT_WELCOME && kind == KIND(WELCOME))
		return CLEAT_HS_REGISTRY;
	if ((s == CLEAT_HS_WAIT_MAP || s == CLEAT_HS_ATTACHED) && kind == KIND(MAP))
		return CLEAT_HS_SEGMENTS;
	if (s == CLEAT_HS_ATTACHED && kind == KIND(REPLY))
		return CLEAT_HS_REPLY;
	if (s == CLEAT_HS_ATTACHED && kind == KIND(EVENT))
		return CLEAT_HS_EVENT;
	return CLEAT_HS_CLOSE;
}

START_TEST(client_takes_only_what_its_state_allows)
{
	static const enum cleat_hs_state states[] = { CLEAT_HS_WAIT_WELCOME, CLEAT_HS_WAIT_MAP,
		CLEAT_HS_ATTACHED, CLEAT_HS_CLOSED };
	struct cleat_hs_client hs;
	struct cleat_hs_verdict v;
	size_t s, k;

	for (s = 0; s < 4; s++)
		for (k = 0; k < N_KINDS; k++) {
			Cleat__Envelope env;

			client_in(&hs, states[s], false);
			env = make(kinds[k], kinds[k] == KIND(REPLY) ? 9 : 0);
			ck_assert_msg(give(&hs, &env, kinds[k] == KIND(WELCOME), &v) ==
					      client_should(states[s], kinds[k]),
				"state %d kind %d: %d", (int)states[s], (int)kinds[k],
				(int)v.action);
			ck_assert(!hs.send_ready);
		}
}
END_TEST

START_TEST(client_hears_why_it_is_refused)
{
	struct cleat_hs_client hs;
	struct cleat_hs_verdict v;
	Cleat__Envelope env;

	client_in(&hs, CLEAT_HS_WAIT_WELCOME, false);
	env = make(KIND(REJECT), 0);
	ck_assert_int_eq(give(&hs, &env, 0, &v), CLEAT_HS_CLOSE);
	ck_assert_int_eq(v.status, -EACCES);
	ck_assert_str_eq(v.detail, "the primary refuses: window?occupied");
}
END_TEST

START_TEST(client_and_impossible_welcomes)
{
	struct cleat_hs_client hs;
	struct cleat_hs_verdict v;
	Cleat__Envelope env;
	int i;

	for (i = 0; i < 10; i++) {
		client_in(&hs, CLEAT_HS_WAIT_WELCOME, false);
		env = make(KIND(WELCOME), 0);
		switch (i) {
		case 0:
			env.welcome->proto_major++;
			break;
		case 1:
			env.welcome->abi++;
			break;
		case 2:
			env.welcome->window_base += 4096;
			break;
		case 3:
			env.welcome->window_len = CLEAT_WINDOW_LEN_MAX * 2;
			break;
		case 4:
			env.welcome->window_len = 0;
			break;
		case 5:
			env.welcome->registry_len = UINT64_MAX;
			break;
		case 6:
			env.welcome->slot = CLEAT_MAX_PROCS;
			break;
		case 7:
			env.welcome->thread = CLEAT_THREAD_NONE;
			break;
		case 8:
			env.welcome->window_base = 0;
			break;
		default:
			break; /* 9: no descriptor */
		}
		ck_assert_int_eq(give(&hs, &env, i != 9, &v), CLEAT_HS_CLOSE);
		ck_assert_int_eq(v.status, -EPROTO);
	}
	/* what is fine for an observer: no slot, a newer minor version */
	client_in(&hs, CLEAT_HS_WAIT_WELCOME, true);
	env = make(KIND(WELCOME), 0);
	env.welcome->slot = CLEAT_SLOT_NONE;
	env.welcome->thread = CLEAT_THREAD_NONE;
	env.welcome->proto_minor = 99;
	ck_assert_int_eq(give(&hs, &env, 1, &v), CLEAT_HS_REGISTRY);
}
END_TEST

START_TEST(client_and_impossible_segments)
{
	struct cleat_hs_client hs;
	struct cleat_hs_verdict v;
	Cleat__Envelope env;
	int i;

	for (i = 0; i < 11; i++) {
		Cleat__Segment segment = CLEAT__SEGMENT__INIT, *list[1] = { &segment };

		client_in(&hs, CLEAT_HS_WAIT_MAP, i == 8);
		segment.index = 1;
		segment.off = 1U << 30;
		segment.len_bytes = segment.page_bytes = 2U << 20;
		segment.writable = i == 8;
		switch (i) {
		case 1:
			segment.index = CLEAT_MAX_SEGMENTS;
			break;
		case 2:
			segment.off += 4096;
			break;
		case 3:
			segment.off = CLEAT_WINDOW_LEN_MAX;
			break;
		case 4:
			segment.len_bytes = CLEAT_WINDOW_LEN_MAX;
			break;
		case 5:
			segment.len_bytes = 0;
			break;
		case 6:
			segment.page_bytes = 12345;
			break;
		case 7:
			segment.fd_off = UINT64_MAX & ~((2ULL << 20) - 1);
			break;
		case 10:
			segment.off = 0; /* over the registry */
			break;
		default:
			break; /* 0: fine; 8: writable for an observer; 9: no descriptor */
		}
		env = make(KIND(MAP), 0);
		env.map->n_segments = 1;
		env.map->segments = list;
		ck_assert_msg(give(&hs, &env, i != 9, &v) ==
				      (i == 0 ? CLEAT_HS_SEGMENTS : CLEAT_HS_CLOSE),
			"case %d", i);
	}
}
END_TEST

int main(void)
{
	const TTest *tests[] = { server_takes_only_what_its_state_allows,
		server_refuses_descriptors_in_any_message, server_and_other_versions,
		server_and_bad_hellos, server_keeps_what_hello_said, server_requests_need_an_id,
		server_observers_change_nothing, server_timeout, server_random_walks,
		client_takes_only_what_its_state_allows, client_hears_why_it_is_refused,
		client_and_impossible_welcomes, client_and_impossible_segments };

	return ipc_run("ipc/handshake", tests, sizeof(tests) / sizeof(tests[0]));
}
