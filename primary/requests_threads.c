/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * requests_threads.c - data-path threads and lcores.
 */
#include "primary/procs.h"
#include "primary/requests.h"

int cleat_request_threads(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2)
{
	int rc;

	(void)value2;
	switch (env->body_case) {
	case CLEAT__ENVELOPE__BODY_LCORE_CLAIM:
		return cleat_proc_lcore_claim(
			c->slot, env->lcore_claim->lcore, env->lcore_claim->thread);
	case CLEAT__ENVELOPE__BODY_LCORE_RELEASE:
		return cleat_proc_lcore_release(c->slot, env->lcore_release->lcore);
	case CLEAT__ENVELOPE__BODY_THREAD_REGISTER:
		rc = cleat_proc_thread_add(c->slot, env->thread_register->tid);
		*value = (uint64_t)(rc < 0 ? 0 : rc);
		return rc < 0 ? rc : 0;
	case CLEAT__ENVELOPE__BODY_THREAD_RELEASE:
		return cleat_proc_thread_remove(c->slot, env->thread_release->thread);
	default:
		return CLEAT_NOT_MINE;
	}
}
