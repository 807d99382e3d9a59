/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/request.h"

#include <errno.h>
#include <stddef.h>

#include "runtime/error.h"

#define TELL_TIMEOUT_MS 100

int cleat_request_call(Cleat__Envelope *env, uint64_t *value)
{
	struct cleat_client *client = cleat_attach_client();

	return client == NULL ? -ENOTCONN : cleat_client_call(client, env, 0, value);
}

int cleat_request_reply(Cleat__Envelope *env, struct cleat_message *reply)
{
	struct cleat_client *client = cleat_attach_client();

	return client == NULL ? -ENOTCONN : cleat_client_request(client, env, 0, reply);
}

int cleat_request_tell(Cleat__Envelope *env)
{
	struct cleat_client *client = cleat_attach_client();

	return client == NULL ? -ENOTCONN : cleat_client_tell(client, env, TELL_TIMEOUT_MS);
}

char *cleat_request_text(const char *text)
{
	static char empty[1];
	union {
		const char *in;
		char *out;
	} u = { .in = text };

	return text == NULL ? empty : u.out;
}
