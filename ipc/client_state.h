/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_state.h - what a connection is made of, for the files client*.c only.
 */
#ifndef CLEAT_IPC_CLIENT_STATE_H
#define CLEAT_IPC_CLIENT_STATE_H

#include <pthread.h>

#include "ipc/client.h"
#include "ipc/handshake.h"
#include "runtime/error.h"
#include "runtime/look.h"

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
	int watch_fd; /* epoll, with `sock` and `timer_fd` in it; -1: none to be had */
	int timer_fd; /* tells the pump to look, while nobody watches the socket */
	struct cleat_client_ops ops;
	void *arg;

	/* Held by whoever takes messages off the socket, before `lock`. Recursive: a callback may
	 * request. */
	pthread_mutex_t reading;
	struct cleat_hs_client hs; /* under `reading`, as are the next */
	struct cleat_look look;
	bool watched;		    /* the socket, by `watch_fd` */
	bool asked;		    /* since the last tick of `timer_fd` */
	struct cleat_message aside; /* taken off the socket, still to be handled before all in it */

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t wake;
	bool pumped;
	pthread_t pump;
	int lost; /* 0 or negative errno; changes under `reading`, too */
	char lost_reason[CLEAT_ERROR_LEN];
	uint32_t last_id;
	struct waiting waiting[CLEAT_MAX_REQUESTS];
};

/** Monotonic time, in ns, by which something that may take @p timeout_ms is done. */
uint64_t cleat_client_deadline(int timeout_ms);

/** Send, waiting for room until then. @return 0; -ETIMEDOUT; -EPIPE; others */
int cleat_client_send(int sock, const Cleat__Envelope *env, uint64_t deadline_ns);

/** Take one message off the socket and handle it. Under `reading`. @return 1; -EAGAIN when there is
 * none; -ESTALE: the connection is lost, all have been told */
int cleat_client_read(struct cleat_client *c);

/** The end of the connection, told to all. Under `reading`. @return @p status */
int cleat_client_lose(struct cleat_client *c, int status, const char *reason);

/** Make `watch_fd`: readable when there is something for the pump. Failing that it stays -1. */
void cleat_client_watch_open(struct cleat_client *c);
void cleat_client_watch_close(struct cleat_client *c);

/** The pump's turn: is it to watch the socket again? Under `reading`. */
void cleat_client_watch_tick(struct cleat_client *c);

/** Take one message off the socket, if it is a reply handle it, else set it aside. Under `reading`.
 * @return 1: it was a reply; 0: it was not; -EAGAIN; -ESTALE, as cleat_client_read() */
int cleat_client_read_reply(struct cleat_client *c);

/** Send a request and read its reply in this thread, if another one is the pump and neither takes
 * waiting. @return 0: sent, and perhaps answered; -EAGAIN: not sent, do it the other way; others */
int cleat_client_ask(struct cleat_client *c, const Cleat__Envelope *req);

/** Whether the request of that number has its reply. */
bool cleat_client_answered(struct cleat_client *c, uint32_t id);

/** Whether any request has none yet. */
bool cleat_client_owed(struct cleat_client *c);

/** Takes a reply for whoever waits for it; what nobody waits for stays in @p m. */
void cleat_client_take_reply(struct cleat_client *c, struct cleat_message *m);

#ifdef __cplusplus
}
#endif

#endif
