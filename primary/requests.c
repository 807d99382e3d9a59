/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/requests.h"

#include <errno.h>

#include "primary/pools.h"
#include "runtime/error.h"
#include "runtime/log.h"

typedef int (*family_fn)(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2);

static const family_fn FAMILIES[] = {
	cleat_request_memory,
	cleat_request_objects,
	cleat_request_ports,
	cleat_request_threads,
};

/* Observers change nothing. */
static int check_role(const struct cleat_conn *c, const Cleat__Envelope *env)
{
	if (c->slot != CLEAT_SLOT_NONE || env->body_case == CLEAT__ENVELOPE__BODY_PING ||
		env->body_case == CLEAT__ENVELOPE__BODY_PORT_XSTATS)
		return 0;
	return cleat_err(-EPERM, "%s: an observer may only look", cleat_message_name(env));
}

/* Things of the dead that wait for somebody to go on with them make room for the living. */
static int ask_family(family_fn family, struct cleat_conn *c, const Cleat__Envelope *env,
	uint64_t *value, uint64_t *value2)
{
	bool makes = env->body_case == CLEAT__ENVELOPE__BODY_RING_CREATE ||
		     env->body_case == CLEAT__ENVELOPE__BODY_POOL_CREATE ||
		     env->body_case == CLEAT__ENVELOPE__BODY_ZONE_RESERVE;
	int rc = family(c, env, value, value2);

	if (makes && (rc == -ENOSPC || rc == -ENOMEM) && cleat_rings_evict(c->p) > 0)
		rc = family(c, env, value, value2);
	return rc;
}

static int dispatch(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2)
{
	int rc = check_role(c, env);

	if (rc < 0)
		return rc;
	if (env->body_case == CLEAT__ENVELOPE__BODY_PING) {
		*value = cleat_registry->header.epoch;
		return 0;
	}
	for (unsigned int i = 0; i < sizeof(FAMILIES) / sizeof(FAMILIES[0]); i++) {
		rc = ask_family(FAMILIES[i], c, env, value, value2);
		if (rc != CLEAT_NOT_MINE)
			return rc;
	}
	return cleat_err(-EOPNOTSUPP, "%s: this primary does not know that request",
		cleat_message_name(env));
}

void cleat_request(struct cleat_conn *c, const Cleat__Envelope *env)
{
	Cleat__Reply reply = CLEAT__REPLY__INIT;
	char text[CLEAT_ERROR_LEN];
	uint64_t value = 0, value2 = 0;
	int rc;

	cleat_error_clear();
	rc = dispatch(c, env, &value, &value2);
	if (rc == CLEAT_ANSWERED)
		return;
	reply.status = rc;
	if (rc < 0) {
		reply.detail = cleat_message_text(text, sizeof(text), cleat_error());
		cleat_log(CLEAT_LOG_INFO, "pid %d: %s refused: %s", c->peer.pid,
			cleat_message_name(env), text);
	} else {
		reply.value = value;
		reply.value2 = value2;
	}
	(void)cleat_conn_reply(c, env->id, &reply, NULL, 0);
}
