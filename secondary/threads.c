/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/threads.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/lcore.h"
#include "runtime/shared.h"
#include "secondary/request.h"

int cleat_thread_register(void)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__ThreadRegister body = CLEAT__THREAD_REGISTER__INIT;
	uint64_t thread;
	int err;

	if (cleat_self.thread != CLEAT_THREAD_NONE)
		return cleat_err(
			-EALREADY, "this thread is data-path thread %u already", cleat_self.thread);
	body.tid = (uint32_t)syscall(SYS_gettid);
	env.body_case = CLEAT__ENVELOPE__BODY_THREAD_REGISTER;
	env.thread_register = &body;
	err = cleat_request_call(&env, &thread);
	if (err < 0)
		return err;
	if (thread >= CLEAT_MAX_THREADS)
		return cleat_err(-EPROTO, "the primary gave a thread number that is too high");
	cleat_self_use((uint16_t)thread);
	return (int)thread;
}

int cleat_thread_release(void)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__ThreadRelease body = CLEAT__THREAD_RELEASE__INIT;

	if (cleat_self.thread == CLEAT_THREAD_NONE)
		return cleat_err(-EINVAL, "this thread is not a data-path thread");
	body.thread = cleat_self.thread;
	env.body_case = CLEAT__ENVELOPE__BODY_THREAD_RELEASE;
	env.thread_release = &body;
	cleat_self_use(CLEAT_THREAD_NONE); /* before the primary gives it to somebody else */
	return cleat_request_call(&env, NULL);
}

int cleat_lcore_release(unsigned lcore)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__LcoreRelease body = CLEAT__LCORE_RELEASE__INIT;

	body.lcore = lcore;
	env.body_case = CLEAT__ENVELOPE__BODY_LCORE_RELEASE;
	env.lcore_release = &body;
	return cleat_request_call(&env, NULL);
}

int cleat_lcore_claim(unsigned lcore)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__LcoreClaim body = CLEAT__LCORE_CLAIM__INIT;
	char why[CLEAT_ERROR_LEN];
	int err;

	body.lcore = lcore;
	body.thread = cleat_self.thread;
	env.body_case = CLEAT__ENVELOPE__BODY_LCORE_CLAIM;
	env.lcore_claim = &body;
	err = cleat_request_call(&env, NULL);
	if (err < 0)
		return err;
	err = cleat_lcore_pin(lcore);
	if (err == 0)
		return 0;
	memcpy(why, cleat_error(), strlen(cleat_error()) + 1);
	(void)cleat_lcore_release(lcore);
	return cleat_err(err, "%s", why);
}
