/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * server.c - accepting connections and sending to all of them; conn.c is one connection's life.
 */
#include "primary/server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "primary/conn.h"
#include "primary/linger.h"
#include "primary/outbox.h"
#include "primary/untold.h"
#include "runtime/error.h"
#include "runtime/log.h"

#define PAUSE_S	    0.05
#define DESCRIPTORS (4 * CLEAT_MAX_CONNS)
#define MAX_AT_ONCE 64 /* new connections before those that are there have their turn */

static ev_io accept_io;
static ev_timer accept_pause;

/* Out of descriptors, or too many in the handshake: let the kernel's queue hold the others. */
static void pause_accepting(struct cleat_primary *p)
{
	ev_io_stop(p->loop, &accept_io);
	ev_timer_again(p->loop, &accept_pause);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)events;
	ev_timer_stop(loop, timer);
	ev_io_start(loop, &accept_io);
}

/* Whoever holds all connections does not read on; the others hear why they get none. */
static void refuse(int sock)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Reject reject = CLEAT__REJECT__INIT;
	char text[] = "all connections of the primary are in use", byte;

	reject.status = -ENOSPC;
	reject.detail = text;
	env.body_case = CLEAT__ENVELOPE__BODY_REJECT;
	env.reject = &reject;
	/* what is unread at the end would reset what is sent */
	(void)shutdown(sock, SHUT_RD);
	(void)recv(sock, &byte, sizeof(byte), MSG_DONTWAIT);
	(void)cleat_message_send(sock, &env, NULL, 0);
	cleat_fd_close(&sock);
}

static void on_connect(struct ev_loop *loop, ev_io *io, int events)
{
	struct cleat_primary *p = io->data;

	(void)loop;
	(void)events;
	for (int i = 0; i < MAX_AT_ONCE; i++) {
		int sock;

		if (p->n_shaking >= CLEAT_MAX_SHAKING) {
			pause_accepting(p);
			return;
		}
		sock = cleat_socket_accept(p->listen_fd);
		if (sock == -EAGAIN || sock == -EINTR)
			return;
		if (sock == -ECONNABORTED)
			continue;
		if (sock < 0) {
			cleat_log(CLEAT_LOG_WARNING, "accept: %s", cleat_error());
			pause_accepting(p);
			return;
		}
		if (p->n_conns >= CLEAT_MAX_CONNS)
			refuse(sock);
		else
			cleat_conn_start(p, sock);
	}
}

/* Each connection takes a socket and a pidfd: a login's 1,024 descriptors may not do for all. */
static void want_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

int cleat_server_start(struct cleat_primary *p)
{
	want_descriptors();
	p->listen_fd = cleat_socket_listen(p->rundir.socket, 0666);
	if (p->listen_fd < 0)
		return p->listen_fd;
	ev_io_init(&accept_io, on_connect, p->listen_fd, EV_READ);
	accept_io.data = p;
	ev_timer_init(&accept_pause, on_pause_over, PAUSE_S, PAUSE_S);
	ev_io_start(p->loop, &accept_io);
	cleat_linger_init();
	return 0;
}

void cleat_server_stop(struct cleat_primary *p)
{
	ev_io_stop(p->loop, &accept_io);
	ev_timer_stop(p->loop, &accept_pause);
	cleat_linger_stop(p->loop);
	cleat_fd_close(&p->listen_fd);
	cleat_server_event(p, CLEAT__EVENT_KIND__EVENT_SHUTDOWN, 0, "the primary ends");
	while (p->conns != NULL)
		cleat_conn_free(p->conns);
}

int cleat_conn_event(
	struct cleat_conn *c, Cleat__EventKind kind, uint32_t subject, const char *text)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Event event = CLEAT__EVENT__INIT;
	char copy[CLEAT_NAME_LEN];

	event.kind = kind;
	event.subject = subject;
	event.text = cleat_message_text(copy, sizeof(copy), text);
	env.body_case = CLEAT__ENVELOPE__BODY_EVENT;
	env.event = &event;
	return cleat_outbox_send(c, &env, NULL, 0);
}

static bool wants(const struct cleat_conn *c, Cleat__EventKind kind)
{
	return !c->hs.no_procs || (kind != CLEAT__EVENT_KIND__EVENT_PROC_READY &&
					  kind != CLEAT__EVENT_KIND__EVENT_PROC_DIED);
}

void cleat_server_event(
	struct cleat_primary *p, Cleat__EventKind kind, uint32_t subject, const char *text)
{
	for (struct cleat_conn *c = p->conns; c != NULL; c = c->next) {
		if (c->hs.state == CLEAT_HS_ATTACHED && c->sock >= 0 && wants(c, kind) &&
			cleat_conn_event(c, kind, subject, text) == -ENOBUFS &&
			kind == CLEAT__EVENT_KIND__EVENT_PORT_REMOVED)
			cleat_untold_port(c, subject);
	}
}

static void fill_segment(
	Cleat__Segment *msg, const struct cleat_segment *seg, uint32_t row, bool writable)
{
	cleat__segment__init(msg);
	msg->index = row;
	msg->off = seg->off;
	msg->len_bytes = seg->len_bytes;
	msg->page_bytes = seg->page_bytes;
	msg->kind = seg->kind;
	msg->writable = writable;
	msg->fd_off = seg->fd_off;
}

/* @param last  of the handshake */
static int send_map(struct cleat_conn *c, const uint16_t *rows, unsigned n, bool last)
{
	bool writable = c->hs.role == CLEAT__ROLE__ROLE_SECONDARY;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Segment segments[CLEAT_MSG_MAX_FDS], *list[CLEAT_MSG_MAX_FDS];
	Cleat__Map map = CLEAT__MAP__INIT;
	int fds[CLEAT_MSG_MAX_FDS];

	for (unsigned i = 0; i < n; i++) {
		const struct cleat_segment *seg = &c->p->segments[rows[i]];

		fill_segment(&segments[i], seg, rows[i], writable);
		list[i] = &segments[i];
		fds[i] = writable ? seg->fd : seg->fd_ro;
	}
	map.segments = list;
	map.n_segments = n;
	map.last = last;
	env.body_case = CLEAT__ENVELOPE__BODY_MAP;
	env.map = &map;
	return cleat_outbox_send(c, &env, fds, n);
}

int cleat_server_send_rows(struct cleat_conn *c, const uint16_t *rows, unsigned n)
{
	return send_map(c, rows, n, false);
}

/* All memory, as many messages as it takes. BARs come with claims (bars.h). */
int cleat_server_send_maps(struct cleat_conn *c)
{
	uint16_t rows[CLEAT_MSG_MAX_FDS];
	unsigned n = 0;
	int rc = 0;

	for (uint16_t row = 1; rc == 0 && row < CLEAT_MAX_SEGMENTS; row++) { /* 0 is the registry */
		if (c->p->segments[row].kind != CLEAT_SEGMENT_MEMORY)
			continue;
		if (n == CLEAT_MSG_MAX_FDS) {
			rc = send_map(c, rows, n, false);
			n = 0;
		}
		rows[n++] = row;
	}
	return rc < 0 ? rc : send_map(c, rows, n, true);
}

void cleat_server_offer_segment(struct cleat_primary *p, uint32_t row, bool *waits)
{
	struct cleat_conn *c, *next;

	for (c = p->conns; c != NULL; c = next) {
		uint16_t rows[1] = { (uint16_t)row };
		int rc;

		next = c->next;
		if (c->sock < 0 || c->hs.state == CLEAT_HS_WAIT_HELLO)
			continue;
		rc = send_map(c, rows, 1, false);
		if (rc == -ENOBUFS) {
			cleat_untold_segment(c, row);
			cleat_log(CLEAT_LOG_WARNING,
				"pid %d does not take messages; it is told of segment %u when it "
				"does",
				c->peer.pid, row);
		}
		if (c->slot != CLEAT_SLOT_NONE)
			waits[c->slot] = rc == 0 || rc == -ENOBUFS;
	}
}
