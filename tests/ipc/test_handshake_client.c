/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_handshake_client.c - the worker's side: every message in every state, impossible values.
 */
#include <errno.h>
#include <string.h>

#include "tests/ipc/handshake_help.h"
#include "tests/ipc/ipc_help.h"

static enum cleat_hs_action give(struct cleat_hs_client *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *v)
{
	cleat_hs_client_input(hs, env, n_fds, v);
	return v->action;
}

static void client_in(struct cleat_hs_client *hs, enum cleat_hs_state state, bool observer)
{
	struct cleat_hs_verdict v;
	Cleat__Envelope welcome = handshake_make(KIND(WELCOME), 0),
			map = handshake_make(KIND(MAP), 0);

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
			env = handshake_make(
				handshake_kinds[k], handshake_kinds[k] == KIND(REPLY) ? 9 : 0);
			ck_assert_msg(give(&hs, &env, handshake_kinds[k] == KIND(WELCOME), &v) ==
					      client_should(states[s], handshake_kinds[k]),
				"state %d kind %d: %d", (int)states[s], (int)handshake_kinds[k],
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
	env = handshake_make(KIND(REJECT), 0);
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
		env = handshake_make(KIND(WELCOME), 0);
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
	env = handshake_make(KIND(WELCOME), 0);
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
		env = handshake_make(KIND(MAP), 0);
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
	const TTest *tests[] = { client_takes_only_what_its_state_allows,
		client_hears_why_it_is_refused, client_and_impossible_welcomes,
		client_and_impossible_segments };

	return ipc_run("ipc/handshake_client", tests, sizeof(tests) / sizeof(tests[0]));
}
