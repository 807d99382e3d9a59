/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ipc/client_state.h"
#include "ipc/rundir.h"
#include "runtime/registry.h"

/* ---- what arrives ---- */

int cleat_client_lose(struct cleat_client *c, int status, const char *reason)
{
	pthread_mutex_lock(&c->lock);
	if (c->lost == 0) {
		c->lost = status;
		(void)snprintf(c->lost_reason, sizeof(c->lost_reason), "%s", reason);
		if (c->ops.lost) /* under the lock: no request fails before the user knows why */
			c->ops.lost(c->arg, status, reason);
	}
	pthread_cond_broadcast(&c->wake);
	pthread_mutex_unlock(&c->lock);
	return cleat_err(status, "%s", reason);
}

static int send_mapped(struct cleat_client *c, uint32_t segment, int status)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Mapped mapped = CLEAT__MAPPED__INIT;
	char detail[CLEAT_ERROR_LEN];

	(void)snprintf(detail, sizeof(detail), "%s", status ? cleat_error() : "");
	mapped.segment = segment;
	mapped.status = status;
	mapped.detail = detail;
	env.body_case = CLEAT__ENVELOPE__BODY_MAPPED;
	env.mapped = &mapped;
	return cleat_client_send(c->sock, &env, cleat_client_deadline(CLEAT_HELLO_TIMEOUT_MS));
}

/* @param in_handshake  the first failure ends it; later each segment is answered for itself */
static int take_segments(
	struct cleat_client *c, const Cleat__Map *map, struct cleat_fds *fds, bool in_handshake)
{
	unsigned int i;
	int err;

	for (i = 0; i < map->n_segments; i++) {
		int fd = cleat_fds_take(fds, i);

		cleat_error_clear();
		err = c->ops.segment_add(c->arg, map->segments[i], &fd);
		cleat_fd_close(&fd);
		if (in_handshake && err < 0)
			return err;
		if (!in_handshake) {
			err = send_mapped(c, map->segments[i]->index, err);
			if (err < 0)
				return err;
		}
	}
	return 0;
}

static int send_port_left(struct cleat_client *c, uint32_t port)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortLeft left = CLEAT__PORT_LEFT__INIT;

	left.port = port;
	env.body_case = CLEAT__ENVELOPE__BODY_PORT_LEFT;
	env.port_left = &left;
	return cleat_client_send(c->sock, &env, cleat_client_deadline(CLEAT_HELLO_TIMEOUT_MS));
}

static int take_event(struct cleat_client *c, const Cleat__Event *event)
{
	int err;

	if (event->kind == CLEAT__EVENT_KIND__EVENT_SEGMENT_REMOVE) {
		cleat_error_clear();
		err = c->ops.segment_remove
			      ? c->ops.segment_remove(c->arg, event->subject)
			      : cleat_err(-EOPNOTSUPP, "this program keeps its segments");
		return send_mapped(c, event->subject, err);
	}
	if (c->ops.event)
		c->ops.event(c->arg, event);
	if (event->kind == CLEAT__EVENT_KIND__EVENT_PORT_REMOVED)
		return send_port_left(c, event->subject);
	return 0;
}

static int take_welcome(
	struct cleat_client *c, const Cleat__Welcome *welcome, struct cleat_fds *fds)
{
	int fd = cleat_fds_take(fds, 0);
	int err;

	cleat_error_clear();
	err = c->ops.welcome(c->arg, welcome, &fd);
	cleat_fd_close(&fd);
	return err;
}

/* Handle one message. @return 0 or what ends the connection */
static int take_message(struct cleat_client *c, struct cleat_message *m)
{
	bool in_handshake = c->hs.state != CLEAT_HS_ATTACHED;
	struct cleat_hs_verdict verdict;

	cleat_hs_client_input(&c->hs, m->env, m->fds.n, &verdict);
	switch (verdict.action) {
	case CLEAT_HS_REGISTRY:
		return take_welcome(c, m->env->welcome, &m->fds);
	case CLEAT_HS_SEGMENTS:
		return take_segments(c, m->env->map, &m->fds, in_handshake);
	case CLEAT_HS_REPLY:
		cleat_client_take_reply(c, m);
		return 0;
	case CLEAT_HS_EVENT:
		return take_event(c, m->env->event);
	default:
		return cleat_err(verdict.status, "%s", verdict.detail);
	}
}

static int receive(struct cleat_client *c, struct cleat_message *m)
{
	int err = cleat_message_recv(c->sock, m);

	return err != 0 ? err : cleat_err(-ESTALE, "the primary closed the connection");
}

/* @return 1, -EAGAIN when there is none, or what ends the connection */
static int next_message(struct cleat_client *c, struct cleat_message *m)
{
	if (c->aside.env == NULL)
		return receive(c, m);
	*m = c->aside;
	c->aside = (struct cleat_message){ 0 };
	return 1;
}

/* @return 1, or what ends the connection */
static int handle(struct cleat_client *c, struct cleat_message *m)
{
	int err = take_message(c, m);

	cleat_message_clear(m);
	return err < 0 ? err : 1;
}

/* @return 1 after a message, -EAGAIN when there is none, else the connection is of no use */
static int read_one(struct cleat_client *c)
{
	struct cleat_message m;
	int err = next_message(c, &m);

	return err == 1 ? handle(c, &m) : err;
}

int cleat_client_read(struct cleat_client *c)
{
	int err;

	if (c->lost)
		return cleat_err(-ESTALE, "%s", c->lost_reason);
	err = read_one(c);
	return err == 1 || err == -EAGAIN ? err : cleat_client_lose(c, -ESTALE, cleat_error());
}

int cleat_client_read_reply(struct cleat_client *c)
{
	struct cleat_message m;
	int err;

	if (c->lost || c->aside.env != NULL)
		return 0;
	err = receive(c, &m);
	if (err == -EAGAIN)
		return err;
	if (err == 1 && m.env->body_case != CLEAT__ENVELOPE__BODY_REPLY) {
		c->aside = m;
		return 0;
	}
	if (err == 1)
		err = handle(c, &m);
	return err == 1 ? 1 : cleat_client_lose(c, -ESTALE, cleat_error());
}

int cleat_client_dispatch(struct cleat_client *c)
{
	int err;

	pthread_mutex_lock(&c->reading);
	cleat_client_watch_tick(c);
	while ((err = cleat_client_read(c)) == 1)
		;
	pthread_mutex_unlock(&c->reading);
	return err == -EAGAIN ? 0 : err;
}

/* ---- attach ---- */

static int send_hello(
	struct cleat_client *c, const struct cleat_client_config *config, uint64_t deadline_ns)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Hello hello = CLEAT__HELLO__INIT;
	char name[CLEAT_NAME_LEN], version[] = CLEAT_VERSION;
	int err;

	(void)snprintf(name, sizeof(name), "%s", config->name);
	hello.proto_major = CLEAT_PROTO_MAJOR;
	hello.proto_minor = CLEAT_PROTO_MINOR;
	hello.abi = CLEAT_ABI;
	hello.name = name;
	hello.version = version;
	hello.no_procs = config->no_procs != 0;
	hello.tid = (uint32_t)syscall(SYS_gettid);
	hello.role = config->observer ? CLEAT__ROLE__ROLE_OBSERVER : CLEAT__ROLE__ROLE_SECONDARY;
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	err = cleat_client_send(c->sock, &env, deadline_ns);
	return err == -EPIPE ? 0 : err; /* then a Reject with the reason waits for us */
}

static int send_ready(struct cleat_client *c, uint64_t deadline_ns)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Ready ready = CLEAT__READY__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_READY;
	env.ready = &ready;
	return cleat_client_send(c->sock, &env, deadline_ns);
}

/* The primary did not wait for Ready; why not lies behind what was read so far. @return it */
static int read_reject(struct cleat_client *c)
{
	int err;

	while ((err = read_one(c)) == 1)
		;
	return err == -EAGAIN ? -EPIPE : err;
}

/* Tell the primary why we leave, if it still listens; the thread's sentence stays. */
static void send_failed(struct cleat_client *c, int status)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Failed failed = CLEAT__FAILED__INIT;
	char detail[CLEAT_ERROR_LEN];

	(void)snprintf(detail, sizeof(detail), "%s", cleat_error());
	failed.status = status;
	failed.detail = detail;
	env.body_case = CLEAT__ENVELOPE__BODY_FAILED;
	env.failed = &failed;
	(void)cleat_message_send(c->sock, &env, NULL, 0);
	(void)cleat_err(status, "%s", detail);
}

static int attach(
	struct cleat_client *c, const struct cleat_client_config *config, uint64_t deadline_ns)
{
	int err = send_hello(c, config, deadline_ns);

	while (!err && c->hs.state != CLEAT_HS_ATTACHED) {
		err = read_one(c);
		if (err == -EAGAIN)
			err = cleat_socket_wait(c->sock, POLLIN, deadline_ns);
		if (err == -ETIMEDOUT)
			err = cleat_err(-ETIMEDOUT,
				"the primary does not answer the handshake: is it stopped, or too busy?");
		if (err == 1)
			err = 0;
	}
	if (!err)
		err = send_ready(c, deadline_ns);
	if (err == -EPIPE)
		err = read_reject(c);
	if (err && c->hs.state != CLEAT_HS_CLOSED)
		send_failed(c, err);
	return err;
}

static struct cleat_client *new_client(
	const struct cleat_client_config *config, const struct cleat_client_ops *ops, void *arg)
{
	struct cleat_client *c = (struct cleat_client *)calloc(1, sizeof(*c));
	pthread_mutexattr_t recursive;
	pthread_condattr_t attr;

	if (!c)
		return NULL;
	c->sock = c->watch_fd = c->timer_fd = -1;
	cleat_look_init(&c->look);
	c->ops = *ops;
	c->arg = arg;
	cleat_hs_client_init(&c->hs, config->observer != 0);
	pthread_mutexattr_init(&recursive);
	pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&c->reading, &recursive);
	pthread_mutexattr_destroy(&recursive);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->wake, &attr);
	pthread_condattr_destroy(&attr);
	return c;
}

int cleat_client_connect(struct cleat_client **out, const struct cleat_client_config *config,
	const struct cleat_client_ops *ops, void *arg)
{
	const char *instance = config->instance ? config->instance : CLEAT_INSTANCE_DEFAULT;
	int timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : CLEAT_REQUEST_TIMEOUT_MS;
	uint64_t deadline_ns = cleat_client_deadline(timeout_ms);
	char path[CLEAT_PATH_LEN];
	struct cleat_client *c;
	int err;

	*out = NULL;
	err = cleat_name_check("process", config->name);
	if (!err && !config->socket)
		err = cleat_rundir_find_socket(instance, path);
	if (err)
		return err;
	c = new_client(config, ops, arg);
	if (!c)
		return cleat_err(-ENOMEM, "no memory for a connection");
	c->sock = cleat_socket_connect(config->socket ? config->socket : path, timeout_ms);
	err = c->sock < 0 ? c->sock : attach(c, config, deadline_ns);
	if (err) {
		cleat_client_close(c);
		return err;
	}
	cleat_client_watch_open(c);
	*out = c;
	return 0;
}

void cleat_client_close(struct cleat_client *c)
{
	unsigned int i;

	if (!c)
		return;
	cleat_client_watch_close(c);
	cleat_fd_close(&c->sock);
	cleat_message_clear(&c->aside);
	for (i = 0; i < CLEAT_MAX_REQUESTS; i++)
		cleat_message_clear(&c->waiting[i].reply);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->reading);
	free(c);
}

int cleat_client_fd(const struct cleat_client *c)
{
	return c->watch_fd >= 0 ? c->watch_fd : c->sock;
}

void cleat_client_pump(struct cleat_client *c, int on)
{
	pthread_mutex_lock(&c->lock);
	c->pumped = on != 0;
	c->pump = pthread_self();
	pthread_mutex_unlock(&c->lock);
}
