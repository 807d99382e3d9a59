/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/conn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "primary/bars.h"
#include "primary/linger.h"
#include "primary/memory.h"
#include "primary/outbox.h"
#include "primary/ports.h"
#include "primary/procs.h"
#include "primary/reaper.h"
#include "primary/requests.h"
#include "primary/untold.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/log.h"

#define MAX_AT_ONCE 64 /* messages of one client before the others have their turn */

/* ---- the end ---- */

static void close_socket(struct cleat_conn *c)
{
	struct ev_loop *loop = c->p->loop;

	if (c->sock < 0)
		return;
	if (ev_is_active(&c->deadline)) {
		ev_timer_stop(loop, &c->deadline);
		c->p->n_shaking--;
	}
	ev_io_stop(loop, &c->readable);
	ev_io_stop(loop, &c->writable);
	cleat_outbox_clear(c);
	cleat_fd_close(&c->sock);
}

void cleat_conn_free(struct cleat_conn *c)
{
	struct cleat_conn **at = &c->p->conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	if (c->slot != CLEAT_SLOT_NONE && c->p->procs[c->slot] == c)
		c->p->procs[c->slot] = NULL;
	c->p->n_conns--;
	c->p->n_strangers -= c->stranger;
	close_socket(c);
	ev_io_stop(c->p->loop, &c->death);
	cleat_fd_close(&c->pidfd);
	free(c);
}

void cleat_conn_end(struct cleat_conn *c)
{
	struct cleat_primary *p = c->p;
	uint16_t slot = c->slot;

	cleat_conn_free(c);
	if (slot != CLEAT_SLOT_NONE)
		cleat_reaper_start(p, slot);
}

void cleat_conn_reject(struct cleat_conn *c, int status, const char *detail)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Reject reject = CLEAT__REJECT__INIT;
	char text[CLEAT_ERROR_LEN];

	reject.status = status;
	reject.detail = cleat_message_text(text, sizeof(text), detail);
	reject.proto_major = CLEAT_PROTO_MAJOR;
	reject.proto_minor = CLEAT_PROTO_MINOR;
	reject.abi = CLEAT_ABI;
	env.body_case = CLEAT__ENVELOPE__BODY_REJECT;
	env.reject = &reject;
	cleat_log(CLEAT_LOG_WARNING, "rejected pid %d, uid %u: %s", c->peer.pid, c->peer.uid, text);
	if (c->sock >= 0)
		(void)cleat_message_send(c->sock, &env, NULL, 0);
	if (c->slot == CLEAT_SLOT_NONE ||
		cleat_registry->procs[c->slot].state == CLEAT_PROC_ATTACHING) {
		cleat_conn_end(c);
	} else {
		close_socket(c); /* the process may live on in its mappings: wait for the pidfd */
		cleat_memory_mapped(c->p, c->slot); /* nothing more comes from it */
	}
}

static void on_death(struct ev_loop *loop, ev_io *io, int events)
{
	(void)loop;
	(void)events;
	cleat_conn_end(io->data);
}

/* ---- the handshake ---- */

static int send_welcome(struct cleat_conn *c, uint16_t thread)
{
	const struct cleat_registry_header_shm *h = &cleat_registry->header;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Welcome welcome = CLEAT__WELCOME__INIT;
	char version[] = CLEAT_VERSION;
	char instance[CLEAT_NAME_LEN];

	welcome.proto_major = CLEAT_PROTO_MAJOR;
	welcome.proto_minor = CLEAT_PROTO_MINOR;
	welcome.abi = CLEAT_ABI;
	welcome.version = version;
	memcpy(instance, h->instance, sizeof(instance));
	welcome.instance = instance;
	welcome.slot = c->slot;
	welcome.thread = thread;
	welcome.epoch = h->epoch;
	welcome.window_base = h->window_base;
	welcome.window_len = h->window_len;
	welcome.registry_len = h->registry_len;
	env.body_case = CLEAT__ENVELOPE__BODY_WELCOME;
	env.welcome = &welcome;
	return cleat_outbox_send(c, &env, &c->p->segments[0].fd_ro, 1);
}

static void admit(struct cleat_conn *c)
{
	uint16_t thread = CLEAT_THREAD_NONE;
	int rc = cleat_policy_check(&c->p->policy, &c->peer);

	c->hello_ns = cleat_now_ns();
	if (rc == 0 && c->hs.role == CLEAT__ROLE__ROLE_SECONDARY)
		rc = cleat_proc_attach(c, c->hs.name, c->hs.tid, &thread);
	if (rc < 0) {
		cleat_conn_reject(c, rc, cleat_error());
		return;
	}
	rc = send_welcome(c, thread);
	rc = rc == 0 ? cleat_server_send_maps(c) : rc;
	if (rc < 0 && rc != -EPIPE) /* if it left, it may have said why: that is read first */
		cleat_conn_end(c);
}

static void done(struct cleat_conn *c)
{
	ev_timer_stop(c->p->loop, &c->deadline);
	c->p->n_shaking--;
	if (c->slot != CLEAT_SLOT_NONE)
		cleat_proc_ready(c);
	else
		cleat_log(CLEAT_LOG_DEBUG, "observer, pid %d", c->peer.pid);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct cleat_conn *c = timer->data;
	struct cleat_hs_verdict verdict;

	(void)loop;
	(void)events;
	c->p->n_shaking--; /* the timer is no longer active */
	if (cleat_hs_server_timeout(&c->hs, &verdict))
		cleat_conn_reject(c, verdict.status, verdict.detail);
}

/* ---- messages ---- */

static void on_mapped(struct cleat_conn *c, const Cleat__Mapped *mapped)
{
	char text[CLEAT_ERROR_LEN], why[CLEAT_ERROR_LEN + 64];

	if (cleat_bars_answered(c->p, c->slot, mapped->segment, mapped->status))
		return; /* without a BAR it cannot use that port, but all else */
	if (mapped->status < 0) {
		(void)snprintf(why, sizeof(why), "cannot map segment %u: %s", mapped->segment,
			cleat_message_text(text, sizeof(text), mapped->detail));
		cleat_conn_reject(c, mapped->status, why);
	}
	if ((int)mapped->segment == c->p->growth.row)
		cleat_memory_mapped(c->p, c->slot);
}

/* @return 0: the connection is closed or gone */
static int act(struct cleat_conn *c, const struct cleat_message *m)
{
	struct cleat_hs_verdict verdict;

	cleat_hs_server_input(&c->hs, m->env, m->fds.n, &verdict);
	switch (verdict.action) {
	case CLEAT_HS_WELCOME:
		admit(c);
		return 0; /* c may be gone; the next message makes another event */
	case CLEAT_HS_DONE:
		done(c);
		return 1;
	case CLEAT_HS_REQUEST:
		cleat_request(c, m->env);
		return c->sock >= 0;
	case CLEAT_HS_REFUSE:
		cleat_conn_answer(
			c, m->env->id, cleat_err(verdict.status, "%s", verdict.detail), 0);
		return c->sock >= 0;
	case CLEAT_HS_MAPPED:
		if (c->slot == CLEAT_SLOT_NONE)
			return 1;
		on_mapped(c, m->env->mapped);
		return c->sock >= 0;
	case CLEAT_HS_PORT_LEFT:
		if (c->slot != CLEAT_SLOT_NONE)
			cleat_port_left(c->p, m->env->port_left->port, c->slot);
		return 1;
	case CLEAT_HS_LEFT:
		cleat_log(CLEAT_LOG_WARNING, "pid %d gave up: %s", c->peer.pid, verdict.detail);
		cleat_conn_end(c);
		return 0;
	default:
		cleat_conn_reject(c, verdict.status, verdict.detail);
		return 0;
	}
}

static void read_messages(struct cleat_conn *c)
{
	for (int i = 0; i < MAX_AT_ONCE; i++) {
		struct cleat_message m;
		int rc = cleat_message_recv(c->sock, &m);

		if (rc == -EAGAIN || rc == -EINTR)
			return;
		if (rc == -EMSGSIZE || rc == -E2BIG || rc == -EBADMSG) {
			cleat_conn_reject(c, rc, cleat_error());
			return;
		}
		if (rc <= 0) {
			cleat_conn_end(c);
			return;
		}
		rc = act(c, &m);
		cleat_message_clear(&m);
		/* with answers waiting, its further requests wait too */
		if (rc == 0 || cleat_outbox_waits(c))
			return;
	}
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	(void)events;
	read_messages(io->data); /* the connection may be gone */
	cleat_linger(loop);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct cleat_conn *c = io->data;

	(void)loop;
	(void)events;
	if (cleat_outbox_flush(c) < 0)
		cleat_conn_end(c);
	else if (!cleat_outbox_waits(c))
		cleat_untold_send(c); /* before its next request is read */
}

int cleat_conn_reply(
	struct cleat_conn *c, uint32_t id, Cleat__Reply *reply, const int *fds, unsigned int n_fds)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	int rc;

	env.id = id;
	env.body_case = CLEAT__ENVELOPE__BODY_REPLY;
	env.reply = reply;
	rc = cleat_outbox_send(c, &env, fds, n_fds);
	if (rc < 0)
		cleat_log(rc == -EPIPE ? CLEAT_LOG_DEBUG : CLEAT_LOG_WARNING,
			"pid %d: a reply is lost: %s", c->peer.pid, strerror(-rc));
	return rc;
}

void cleat_conn_answer(struct cleat_conn *c, uint32_t id, int status, uint64_t value)
{
	Cleat__Reply reply = CLEAT__REPLY__INIT;
	char text[CLEAT_ERROR_LEN];

	reply.status = status < 0 ? status : 0;
	if (status < 0)
		reply.detail = cleat_message_text(text, sizeof(text), cleat_error());
	else
		reply.value = value;
	(void)cleat_conn_reply(c, id, &reply, NULL, 0);
}

/* ---- the beginning ---- */

static void start_watching(struct cleat_conn *c)
{
	struct ev_loop *loop = c->p->loop;

	ev_io_init(&c->readable, on_readable, c->sock, EV_READ);
	ev_io_init(&c->writable, on_writable, c->sock, EV_WRITE);
	ev_io_init(&c->death, on_death, c->pidfd, EV_READ);
	ev_timer_init(&c->deadline, on_deadline, CLEAT_HELLO_TIMEOUT_MS / 1000., 0.);
	c->readable.data = c->writable.data = c->death.data = c->deadline.data = c;
	ev_set_priority(&c->readable, 1); /* what a process said before it died comes first */
	ev_io_start(loop, &c->readable);
	ev_io_start(loop, &c->death);
	ev_now_update(loop);
	ev_timer_start(loop, &c->deadline);
	c->p->n_shaking++;
}

void cleat_conn_start(struct cleat_primary *p, int sock)
{
	struct cleat_conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		cleat_fd_close(&sock);
		return;
	}
	c->p = p;
	c->sock = sock;
	c->slot = CLEAT_SLOT_NONE;
	c->last = &c->first;
	c->pidfd = cleat_peer_read(sock, &c->peer);
	if (c->pidfd == 0)
		c->pidfd = cleat_peer_pidfd(sock, &c->peer);
	if (c->pidfd < 0) { /* gone before we looked */
		cleat_log(CLEAT_LOG_INFO, "a client left at once: %s", cleat_error());
		cleat_fd_close(&sock);
		free(c);
		return;
	}
	c->stranger = !cleat_policy_allows(&p->policy, &c->peer);
	if (c->stranger && p->n_strangers >= CLEAT_MAX_STRANGERS) { /* nobody waits for them */
		cleat_fd_close(&sock);
		cleat_fd_close(&c->pidfd);
		free(c);
		return;
	}
	p->n_strangers += c->stranger;
	cleat_hs_server_init(&c->hs);
	c->next = p->conns;
	p->conns = c;
	p->n_conns++;
	start_watching(c);
}
