/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * version.h - the software's version, the protocol's version, and how much a peer may send.
 */
#ifndef CLEAT_PROTO_VERSION_H
#define CLEAT_PROTO_VERSION_H

#define CLEAT_VERSION "0.1.0"

/* See the note on compatibility in cleat.proto. */
#define CLEAT_PROTO_MAJOR 1
#define CLEAT_PROTO_MINOR 2 /* 1: allmulticast, MAC filters, offloads, PortLeft; 2: no_procs */

#define CLEAT_MSG_MAX_BYTES	 65536 /* one Envelope */
#define CLEAT_MSG_MAX_FDS	 16    /* beside one Envelope */
#define CLEAT_MSG_MAX_DETAIL	 511   /* bytes of a detail or text that are kept */
#define CLEAT_MAX_REQUESTS	 64    /* unanswered, per client */
#define CLEAT_HELLO_TIMEOUT_MS	 2000  /* from connect to Hello, and from Welcome to Ready */
#define CLEAT_REQUEST_TIMEOUT_MS 5000  /* a client's wait unless it says otherwise */

#endif
