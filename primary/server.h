/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.h - the listening socket and the connections: handshake, limits, sending.
 *
 *   accepted → handshake (ipc/handshake.h, 2 s) → attached → closed
 *
 * A connection that the peer closed means that the process is done with us. One that we close for
 * a breach of the protocol means nothing about the process: it keeps its slot and all it holds
 * until its end is proved by the pidfd (procs.h).
 */
#ifndef CLEAT_PRIMARY_SERVER_H
#define CLEAT_PRIMARY_SERVER_H

#include "ipc/handshake.h"
#include "ipc/message.h"
#include "primary/primary.h"

#define CLEAT_MAX_CONNS	    512
#define CLEAT_MAX_SHAKING   128 /* in the handshake at a time; others wait in the kernel's queue */
#define CLEAT_MAX_STRANGERS 32	/* of those, who may not attach; others are closed at once */

/* A packet that the peer was too slow to take. */
struct cleat_packet {
	struct cleat_packet *next;
	size_t len;
	int fds[CLEAT_MSG_MAX_FDS]; /* duplicates, ours */
	unsigned int n_fds;
	uint8_t data[];
};

/* What the peer must know, but was too slow to be told (untold.h). */
struct cleat_untold {
	bool any;
	bool ports[CLEAT_MAX_PORTS];	   /* that left */
	bool segments[CLEAT_MAX_SEGMENTS]; /* of memory that came */
};

struct cleat_conn {
	struct cleat_primary *p;
	struct cleat_conn *next;
	int sock; /* -1: closed by us, waiting for the pidfd */
	int pidfd;
	ev_io readable, writable, death;
	ev_timer deadline;
	struct cleat_peer peer;
	struct cleat_hs_server hs;
	bool stranger; /* will be refused */
	uint16_t slot; /* CLEAT_SLOT_NONE: observer, or not attached */
	uint64_t hello_ns;
	struct cleat_packet *first, **last;
	unsigned int n_packets;
	struct cleat_untold untold;
};

/** Listen and accept. @return 0 or negative errno */
int cleat_server_start(struct cleat_primary *p);
/** Tell everybody about the shutdown, close everything. */
void cleat_server_stop(struct cleat_primary *p);

/** Send an event to all attached, but no coming and end of a process to those who said no. Those
 * who read too slowly are told of a port's removal later; other events are lost for them. */
void cleat_server_event(
	struct cleat_primary *p, Cleat__EventKind kind, uint32_t subject, const char *text);

/** Send an event to one. @return 0; -ENOBUFS, -EPIPE */
int cleat_conn_event(
	struct cleat_conn *c, Cleat__EventKind kind, uint32_t subject, const char *text);

/** Send these segments to one, which answers for each. @param n 1..CLEAT_MSG_MAX_FDS. @return 0;
 * -ENOBUFS, -EPIPE */
int cleat_server_send_rows(struct cleat_conn *c, const uint16_t *rows, unsigned n);

/** Offer a segment of memory to all, to those who read too slowly later; @p waits receives true for
 * each slot that has to answer. */
void cleat_server_offer_segment(struct cleat_primary *p, uint32_t row, bool *waits);

/** Answer a request: with status and, if that is negative, the sentence of cleat_error(). */
void cleat_conn_answer(struct cleat_conn *c, uint32_t id, int status, uint64_t value);
/** Answer with everything; descriptors are borrowed. @return 0; -ENOBUFS, -EPIPE: it is lost */
int cleat_conn_reply(
	struct cleat_conn *c, uint32_t id, Cleat__Reply *reply, const int *fds, unsigned int n_fds);

/** Close for a breach: Reject to the peer, a line to the log. */
void cleat_conn_reject(struct cleat_conn *c, int status, const char *detail);
/** The process is done or dead: free the connection, reap what it held. */
void cleat_conn_end(struct cleat_conn *c);

#endif
