/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * message.h - Envelopes (proto/cleat.proto) on a socket, with their limits.
 */
#ifndef CLEAT_IPC_MESSAGE_H
#define CLEAT_IPC_MESSAGE_H

#include "ipc/socket.h"
#include "proto/cleat.pb-c.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_message {
	Cleat__Envelope
		*env; /* NULL: empty. body_case NOT_SET: a request of a newer minor version */
	struct cleat_fds fds;
};

/** Send one Envelope; returns as cleat_socket_send(). */
int cleat_message_send(int sock, const Cleat__Envelope *env, const int *fds, unsigned int n_fds);

/**
 * Receive one Envelope.
 *
 * @param out  filled when 1 is returned (cleat_message_clear() it), else empty
 * @return     1; 0 when the peer closed; -EAGAIN when nothing is there; -EMSGSIZE, -E2BIG, -EBADMSG
 *             (not an Envelope) with a sentence: the peer breaks the protocol, close
 */
int cleat_message_recv(int sock, struct cleat_message *out);

/** Free the Envelope and close the descriptors that nobody took. */
void cleat_message_clear(struct cleat_message *m);

/** "Hello", "ZoneReserve", …; "unknown message". */
const char *cleat_message_name(const Cleat__Envelope *env);

/** Whether @p env is of the kind that a Reply answers (unknown ones are). */
int cleat_message_is_request(const Cleat__Envelope *env);

/** Copy a peer's text for a log line: at most @p len - 1 bytes, control characters as '?'.
 * @return to */
char *cleat_message_text(char *to, size_t len, const char *from);

/** Note "<what the peer said>" as this thread's error. @return a negative errno: @p status if it is
 * one, else -EPROTO */
int cleat_message_error(int32_t status, const char *detail);

#ifdef __cplusplus
}
#endif

#endif
