/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * asker.h - a client that asks, its pump in a thread, and what the pump sees. One per process.
 */
#ifndef CLEAT_TESTS_IPC_ASKER_H
#define CLEAT_TESTS_IPC_ASKER_H

#include <stdbool.h>

#include "ipc/client.h"
#include "tests/ipc/ipc_help.h"

struct asker {
	struct cleat_client *client;
	struct ipc_fake fake;
	pthread_t pump;
	int stop[2];
	bool deaf;	  /* the pump announces itself, and then reads nothing */
	bool slow;	  /* callbacks take their time */
	uint64_t held_ns; /* the longest time that the pump was away */
	/* by cleat_load_acquire() */
	int events, segments, foreign, lost, woken, sent;
};
extern struct asker asker;

/** Attach to a primary that does what @p script says, and start the pump. */
void asker_begin(void (*script)(int sock, void *arg));
void asker_end(void);
/** Ping, and check that the reply is its own. @return as of cleat_client_call() */
int asker_ask(int timeout_ms);
/** For scripts: the id of the next request; 0: the client closed; UINT32_MAX: it says Mapped. Looks
 * on, so that it answers at once. */
uint32_t asker_next_request(int sock);

#endif
