/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/handshake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ipc/message.h"
#include "proto/version.h"
#include "runtime/registry.h"

static void verdict(struct cleat_hs_verdict *out, enum cleat_hs_action action, int status,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void verdict(
	struct cleat_hs_verdict *out, enum cleat_hs_action action, int status, const char *fmt, ...)
{
	va_list args;

	out->action = action;
	out->status = status;
	va_start(args, fmt);
	(void)vsnprintf(out->detail, sizeof(out->detail), fmt, args);
	va_end(args);
}

static void go(struct cleat_hs_verdict *out, enum cleat_hs_action action)
{
	out->action = action;
	out->status = 0;
	out->detail[0] = '\0';
}

static const char *state_name(enum cleat_hs_state state)
{
	static const char *const names[] = { "while Hello was expected", "while Ready was expected",
		"while Welcome was expected", "while Map was expected", "after the handshake",
		"on a closed connection" };

	return names[state];
}

static void out_of_order(
	enum cleat_hs_state state, const Cleat__Envelope *env, struct cleat_hs_verdict *out)
{
	verdict(out, CLEAT_HS_CLOSE, -EPROTO, "%s message (id %u) %s", cleat_message_name(env),
		env->id, state_name(state));
}

/* ---- server ---- */

void cleat_hs_server_init(struct cleat_hs_server *hs)
{
	memset(hs, 0, sizeof(*hs));
	hs->state = CLEAT_HS_WAIT_HELLO;
}

static void take_hello(
	struct cleat_hs_server *hs, const Cleat__Hello *hello, struct cleat_hs_verdict *out)
{
	char version[CLEAT_NAME_LEN];

	cleat_message_text(version, sizeof(version), hello->version);
	if (hello->proto_major != CLEAT_PROTO_MAJOR) {
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"the client (version %s) speaks protocol %u.%u, this primary (version " CLEAT_VERSION
			") %d.%d: use programs of one release",
			version, hello->proto_major, hello->proto_minor, CLEAT_PROTO_MAJOR,
			CLEAT_PROTO_MINOR);
		return;
	}
	if (hello->abi != CLEAT_ABI) {
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"the client (version %s) knows shared memory of ABI %u, this primary (version " CLEAT_VERSION
			") has ABI %d: use programs of one release",
			version, hello->abi, CLEAT_ABI);
		return;
	}
	if (hello->role != CLEAT__ROLE__ROLE_SECONDARY &&
		hello->role != CLEAT__ROLE__ROLE_OBSERVER) {
		verdict(out, CLEAT_HS_CLOSE, -EINVAL,
			"Hello asks for role %d: 1 (secondary) or 2 (observer) are possible",
			(int)hello->role);
		return;
	}
	if (cleat_name_check("process", hello->name) != 0) {
		char reason[CLEAT_ERROR_LEN];

		cleat_message_text(reason, sizeof(reason), cleat_error());
		verdict(out, CLEAT_HS_CLOSE, -EINVAL, "%s", reason);
		return;
	}
	hs->role = hello->role;
	hs->peer_minor = hello->proto_minor;
	hs->tid = hello->tid;
	hs->no_procs = hello->no_procs != 0;
	(void)snprintf(hs->name, sizeof(hs->name), "%s", hello->name);
	memcpy(hs->version, version, sizeof(hs->version));
	hs->state = CLEAT_HS_WAIT_READY;
	go(out, CLEAT_HS_WELCOME);
}

/* Observers may ask for what changes nothing. */
static bool observer_may(const Cleat__Envelope *env)
{
	return env->body_case == CLEAT__ENVELOPE__BODY_PING ||
	       env->body_case == CLEAT__ENVELOPE__BODY_PORT_XSTATS;
}

static void take_request(
	struct cleat_hs_server *hs, const Cleat__Envelope *env, struct cleat_hs_verdict *out)
{
	if (env->id == 0)
		verdict(out, CLEAT_HS_CLOSE, -EPROTO, "%s request without an id",
			cleat_message_name(env));
	else if (env->body_case == CLEAT__ENVELOPE__BODY__NOT_SET)
		verdict(out, CLEAT_HS_REFUSE, -EOPNOTSUPP,
			"this primary (version " CLEAT_VERSION
			", protocol %d.%d) does not know that "
			"request of protocol %d.%u",
			CLEAT_PROTO_MAJOR, CLEAT_PROTO_MINOR, CLEAT_PROTO_MAJOR, hs->peer_minor);
	else if (hs->role == CLEAT__ROLE__ROLE_OBSERVER && !observer_may(env))
		verdict(out, CLEAT_HS_REFUSE, -EPERM,
			"an observer may not send %s: attach as a secondary",
			cleat_message_name(env));
	else
		go(out, CLEAT_HS_REQUEST);
}

static void server_message(
	struct cleat_hs_server *hs, const Cleat__Envelope *env, struct cleat_hs_verdict *out)
{
	bool attached = hs->state == CLEAT_HS_ATTACHED;

	if (hs->state == CLEAT_HS_WAIT_HELLO && env->body_case == CLEAT__ENVELOPE__BODY_HELLO) {
		take_hello(hs, env->hello, out);
	} else if (hs->state == CLEAT_HS_WAIT_READY &&
		   env->body_case == CLEAT__ENVELOPE__BODY_READY) {
		hs->state = CLEAT_HS_ATTACHED;
		go(out, CLEAT_HS_DONE);
	} else if (hs->state == CLEAT_HS_WAIT_READY &&
		   env->body_case == CLEAT__ENVELOPE__BODY_FAILED) {
		char text[CLEAT_MSG_MAX_DETAIL + 1];

		cleat_message_text(text, sizeof(text), env->failed->detail);
		verdict(out, CLEAT_HS_LEFT, env->failed->status, "%s", text);
		hs->state = CLEAT_HS_CLOSED;
	} else if (attached && env->body_case == CLEAT__ENVELOPE__BODY_MAPPED) {
		go(out, CLEAT_HS_MAPPED);
	} else if (attached && env->body_case == CLEAT__ENVELOPE__BODY_PORT_LEFT) {
		go(out, CLEAT_HS_PORT_LEFT);
	} else if (attached && cleat_message_is_request(env)) {
		take_request(hs, env, out);
	} else {
		out_of_order(hs->state, env, out);
	}
}

void cleat_hs_server_input(struct cleat_hs_server *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *out)
{
	if (n_fds > 0)
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"%s message with %u descriptors: a client sends none",
			cleat_message_name(env), n_fds);
	else
		server_message(hs, env, out);
	if (out->action == CLEAT_HS_CLOSE)
		hs->state = CLEAT_HS_CLOSED;
}

bool cleat_hs_server_timeout(struct cleat_hs_server *hs, struct cleat_hs_verdict *out)
{
	if (hs->state == CLEAT_HS_ATTACHED)
		return false;
	verdict(out, CLEAT_HS_CLOSE, -ETIMEDOUT, "nothing came for %d ms %s",
		CLEAT_HELLO_TIMEOUT_MS, state_name(hs->state));
	hs->state = CLEAT_HS_CLOSED;
	return true;
}

/* ---- client ---- */

void cleat_hs_client_init(struct cleat_hs_client *hs, bool observer)
{
	memset(hs, 0, sizeof(*hs));
	hs->state = CLEAT_HS_WAIT_WELCOME;
	hs->observer = observer;
}

static bool window_sane(const Cleat__Welcome *w)
{
	return w->window_base % CLEAT_WINDOW_ALIGN == 0 && w->window_base != 0 &&
	       w->window_base < (1ULL << 56) && w->window_len % CLEAT_WINDOW_ALIGN == 0 &&
	       w->window_len != 0 && w->window_len <= CLEAT_WINDOW_LEN_MAX &&
	       w->registry_len != 0 && w->registry_len <= w->window_len;
}

static void take_welcome(struct cleat_hs_client *hs, const Cleat__Welcome *w, unsigned int n_fds,
	struct cleat_hs_verdict *out)
{
	char version[CLEAT_NAME_LEN];

	cleat_message_text(version, sizeof(version), w->version);
	if (w->proto_major != CLEAT_PROTO_MAJOR || w->abi != CLEAT_ABI)
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"the primary (version %s) has protocol %u.%u and ABI %u, this program (version " CLEAT_VERSION
			") %d.%d and %d: use programs of one release",
			version, w->proto_major, w->proto_minor, w->abi, CLEAT_PROTO_MAJOR,
			CLEAT_PROTO_MINOR, CLEAT_ABI);
	else if (n_fds != 1)
		verdict(out, CLEAT_HS_CLOSE, -EPROTO, "Welcome with %u descriptors, expected is 1",
			n_fds);
	else if (!window_sane(w))
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"Welcome tells of an impossible window: %llu bytes at 0x%llx, registry %llu "
			"bytes",
			(unsigned long long)w->window_len, (unsigned long long)w->window_base,
			(unsigned long long)w->registry_len);
	else if (!hs->observer && (w->slot >= CLEAT_MAX_PROCS || w->thread >= CLEAT_MAX_THREADS))
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"Welcome gives slot %u, thread %u: out of range", w->slot, w->thread);
	else {
		hs->state = CLEAT_HS_WAIT_MAP;
		hs->window_len = w->window_len;
		hs->registry_len = w->registry_len;
		hs->peer_minor = w->proto_minor;
		go(out, CLEAT_HS_REGISTRY);
	}
}

static bool segment_sane(const struct cleat_hs_client *hs, const Cleat__Segment *s)
{
	uint64_t page = s->page_bytes;

	return s->index < CLEAT_MAX_SEGMENTS && cleat_is_pow2(page) && s->off % page == 0 &&
	       s->fd_off % page == 0 && s->len_bytes % page == 0 && s->len_bytes != 0 &&
	       s->off >= hs->registry_len && s->off < hs->window_len &&
	       s->len_bytes <= hs->window_len - s->off && s->fd_off <= UINT64_MAX - s->len_bytes &&
	       !(s->writable && hs->observer);
}

static void take_map(struct cleat_hs_client *hs, const Cleat__Map *map, unsigned int n_fds,
	struct cleat_hs_verdict *out)
{
	size_t i;

	if (map->n_segments != n_fds) {
		verdict(out, CLEAT_HS_CLOSE, -EPROTO, "Map with %zu segments and %u descriptors",
			map->n_segments, n_fds);
		return;
	}
	for (i = 0; i < map->n_segments; i++) {
		const Cleat__Segment *s = map->segments[i];

		if (segment_sane(hs, s))
			continue;
		verdict(out, CLEAT_HS_CLOSE, -EPROTO,
			"Map tells of an impossible segment %u: %llu bytes at offset 0x%llx",
			s->index, (unsigned long long)s->len_bytes, (unsigned long long)s->off);
		return;
	}
	hs->send_ready = map->last;
	if (map->last)
		hs->state = CLEAT_HS_ATTACHED;
	go(out, CLEAT_HS_SEGMENTS);
}

static void take_reject(const Cleat__Reject *reject, struct cleat_hs_verdict *out)
{
	int status = cleat_message_error(reject->status, reject->detail);

	verdict(out, CLEAT_HS_CLOSE, status, "the primary refuses: %s", cleat_error());
}

static void client_message(struct cleat_hs_client *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *out)
{
	enum cleat_hs_state state = hs->state;
	bool attached = state == CLEAT_HS_ATTACHED;

	if (state != CLEAT_HS_CLOSED && env->body_case == CLEAT__ENVELOPE__BODY_REJECT)
		take_reject(env->reject, out);
	else if (state == CLEAT_HS_WAIT_WELCOME && env->body_case == CLEAT__ENVELOPE__BODY_WELCOME)
		take_welcome(hs, env->welcome, n_fds, out);
	else if (env->body_case == CLEAT__ENVELOPE__BODY_MAP &&
		 (state == CLEAT_HS_WAIT_MAP || (attached && !env->map->last)))
		take_map(hs, env->map, n_fds, out);
	else if (attached && env->body_case == CLEAT__ENVELOPE__BODY_REPLY && env->id != 0)
		go(out, CLEAT_HS_REPLY);
	else if (attached && env->body_case == CLEAT__ENVELOPE__BODY_EVENT && n_fds == 0)
		go(out, CLEAT_HS_EVENT);
	else
		out_of_order(state, env, out);
}

void cleat_hs_client_input(struct cleat_hs_client *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *out)
{
	hs->send_ready = false;
	client_message(hs, env, n_fds, out);
	if (out->action == CLEAT_HS_CLOSE)
		hs->state = CLEAT_HS_CLOSED;
}
