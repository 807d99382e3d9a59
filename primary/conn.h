/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * conn.h - one connection's life, for server.c.
 */
#ifndef CLEAT_PRIMARY_CONN_H
#define CLEAT_PRIMARY_CONN_H

#include "primary/server.h"

/** Takes @p sock. */
void cleat_conn_start(struct cleat_primary *p, int sock);
/** Close and free; what the process holds is not touched. */
void cleat_conn_free(struct cleat_conn *c);
/** The handshake's Map messages. @return 0 or why the connection is broken */
int cleat_server_send_maps(struct cleat_conn *c);

#endif
