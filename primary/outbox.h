/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * outbox.h - sending to a peer that may read slowly: what it does not take now waits here.
 */
#ifndef CLEAT_PRIMARY_OUTBOX_H
#define CLEAT_PRIMARY_OUTBOX_H

#include "primary/server.h"

/** Send, or keep for later. @p fds borrowed. @return 0; -ENOBUFS: too much waits already (or no
 * memory), the message is lost; else the connection is broken */
int cleat_outbox_send(
	struct cleat_conn *c, const Cleat__Envelope *env, const int *fds, unsigned int n_fds);

/** The socket is writable: send what waits. @return 0 or why the connection is broken */
int cleat_outbox_flush(struct cleat_conn *c);

/** Has the peer to read before it is sent anything more? Then its requests are not read. */
bool cleat_outbox_waits(const struct cleat_conn *c);

/** Forget what waits. */
void cleat_outbox_clear(struct cleat_conn *c);

#endif
