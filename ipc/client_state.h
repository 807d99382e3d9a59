/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_state.h - what a connection is made of, for client.c and client_requests.c only.
 */
#ifndef CLEAT_IPC_CLIENT_STATE_H
#define CLEAT_IPC_CLIENT_STATE_H

#include <pthread.h>

#include "ipc/client.h"
#include "ipc/handshake.h"
#include "runtime/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A request on its way.
 *
 *   state      id   abandoned   reply.env   left by
 *   free       0    -           NULL        cleat_client_request()
 *   waiting    n    false       NULL        the reply, the deadline, loss of the connection
 *   answered   n    false       set         the requester takes the reply
 *   abandoned  n    true        NULL        the late reply; the primary still counts it
 */
struct waiting {
	uint32_t id;
	bool abandoned;
	struct cleat_message reply;
};

struct cleat_client {
	int sock;
	struct cleat_client_ops ops;
	void *arg;
	struct cleat_hs_client hs; /* of the thread that reads */

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t wake;
	bool pumped;
	pthread_t pump;
	int lost; /* 0 or negative errno */
	char lost_reason[CLEAT_ERROR_LEN];
	uint32_t last_id;
	struct waiting waiting[CLEAT_MAX_REQUESTS];
};

/** Monotonic time, in ns, by which something that may take @p timeout_ms is done. */
uint64_t cleat_client_deadline(int timeout_ms);

/** Send, waiting for room until then. @return 0; -ETIMEDOUT; -EPIPE; others */
int cleat_client_send(int sock, const Cleat__Envelope *env, uint64_t deadline_ns);

/** Takes a reply for whoever waits for it; what nobody waits for stays in @p m. */
void cleat_client_take_reply(struct cleat_client *c, struct cleat_message *m);

#ifdef __cplusplus
}
#endif

#endif
