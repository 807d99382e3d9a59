/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshake.h - which message may come when: two state machines without any I/O.
 *
 * Each takes a message and says what to do about it. The caller does it.
 *
 *   server     Hello          Ready          requests, Mapped
 *   HELLO      WELCOME>READY  close          close
 *   READY      close          DONE>DONE      close             Failed: close
 *   DONE       close          close          REQUEST, MAPPED
 *
 *   client     Welcome        Map            Map last       Reply, Event
 *   WELCOME    REGISTRY>MAP   close          close          close            Reject: close
 *   MAP        close          SEGMENTS       SEGMENTS>DONE  close
 *   DONE       close          SEGMENTS       close          REPLY, EVENT
 *
 * A client sends Ready after it has mapped the last Map's segments. CLOSED takes no message: every
 * further input says close.
 */
#ifndef CLEAT_IPC_HANDSHAKE_H
#define CLEAT_IPC_HANDSHAKE_H

#include <stdbool.h>

#include "proto/cleat.pb-c.h"
#include "runtime/error.h"
#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What to do with the message that was put in. */
enum cleat_hs_action {
	CLEAT_HS_CLOSE = 0, /* server: send Reject{status, detail}, log, close. client: close */
	/* server */
	CLEAT_HS_WELCOME,   /* admit: check policy and name, send Welcome and Maps */
	CLEAT_HS_DONE,	    /* the client is attached */
	CLEAT_HS_LEFT,	    /* the client gave up (Failed): log the detail, close without Reject */
	CLEAT_HS_REQUEST,   /* answer it */
	CLEAT_HS_REFUSE,    /* Reply{status, detail}, go on */
	CLEAT_HS_MAPPED,    /* the client's answer for one segment */
	CLEAT_HS_PORT_LEFT, /* the client is out of a removed port */
	/* client */
	CLEAT_HS_REGISTRY, /* Welcome: map the registry */
	CLEAT_HS_SEGMENTS, /* Map: map them; in the handshake's last one, then send Ready */
	CLEAT_HS_REPLY,
	CLEAT_HS_EVENT,
};

struct cleat_hs_verdict {
	enum cleat_hs_action action;
	int status; /* CLOSE, LEFT, REFUSE: negative errno */
	char detail[CLEAT_ERROR_LEN];
};

enum cleat_hs_state {
	CLEAT_HS_WAIT_HELLO = 0,
	CLEAT_HS_WAIT_READY,
	CLEAT_HS_WAIT_WELCOME,
	CLEAT_HS_WAIT_MAP,
	CLEAT_HS_ATTACHED,
	CLEAT_HS_CLOSED,
};

struct cleat_hs_server {
	enum cleat_hs_state state;
	/* from Hello */
	Cleat__Role role;
	uint32_t peer_minor;
	uint32_t tid;
	bool no_procs;
	char name[CLEAT_NAME_LEN];
	char version[CLEAT_NAME_LEN];
};

void cleat_hs_server_init(struct cleat_hs_server *hs);

/** @param n_fds  how many descriptors came with it (clients may send none) */
void cleat_hs_server_input(struct cleat_hs_server *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *out);

/** CLEAT_HELLO_TIMEOUT_MS went by. @return true if that matters: close, with the verdict's detail;
 * false once attached */
bool cleat_hs_server_timeout(struct cleat_hs_server *hs, struct cleat_hs_verdict *out);

struct cleat_hs_client {
	enum cleat_hs_state state;
	bool observer;
	bool send_ready; /* set by the Map that ends the handshake */
	/* from Welcome */
	uint64_t window_len;
	uint64_t registry_len;
	uint32_t peer_minor;
};

void cleat_hs_client_init(struct cleat_hs_client *hs, bool observer);
void cleat_hs_client_input(struct cleat_hs_client *hs, const Cleat__Envelope *env,
	unsigned int n_fds, struct cleat_hs_verdict *out);

#ifdef __cplusplus
}
#endif

#endif
