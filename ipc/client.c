/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/client.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "ipc/handshake.h"
#include "ipc/rundir.h"
#include "runtime/registry.h"

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
	struct cleat_client_ops ops;
	void *arg;
	struct cleat_hs_client hs; /* of the thread that reads */

	pthread_mutex_t lock; /* for all below */
	pthread_cond_t wake;
	bool pumped;
	pthread_t pump;
	int lost; /* 0 or negative errno */
	char lost_reason[CLEAT_ERROR_LEN];
	uint32_t last_id;
	struct waiting waiting[CLEAT_MAX_REQUESTS];
};

static uint64_t deadline_after(int timeout_ms)
{
	int ms = timeout_ms > 0 ? timeout_ms : CLEAT_REQUEST_TIMEOUT_MS;

	return cleat_now_ns() + (uint64_t)ms * UINT64_C(1000000);
}

static int send_until(int sock, const Cleat__Envelope *env, uint64_t deadline_ns)
{
	int err;

	while ((err = cleat_message_send(sock, env, NULL, 0)) == -EAGAIN)
		if (cleat_socket_wait(sock, POLLOUT, deadline_ns) < 0)
			return cleat_err(-ETIMEDOUT, "the primary does not read its messages");
	return err;
}

/* ---- what arrives ---- */

static int note_lost(struct cleat_client *c, int status, const char *reason)
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

static struct waiting *find_waiting(struct cleat_client *c, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < CLEAT_MAX_REQUESTS; i++)
		if (c->waiting[i].id == id)
			return &c->waiting[i];
	return NULL;
}

static void take_reply(struct cleat_client *c, struct cleat_message *m)
{
	struct waiting *w;

	pthread_mutex_lock(&c->lock);
	w = find_waiting(c, m->env->id);
	if (w && w->abandoned) {
		w->id = 0;
		w->abandoned = false;
	} else if (w && !w->reply.env) {
		w->reply = *m;
		m->env = NULL;
		m->fds.n = 0;
		pthread_cond_broadcast(&c->wake);
	}
	pthread_mutex_unlock(&c->lock);
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
	return send_until(c->sock, &env, deadline_after(CLEAT_HELLO_TIMEOUT_MS));
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
	return send_until(c->sock, &env, deadline_after(CLEAT_HELLO_TIMEOUT_MS));
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
		take_reply(c, m);
		return 0;
	case CLEAT_HS_EVENT:
		return take_event(c, m->env->event);
	default:
		return cleat_err(verdict.status, "%s", verdict.detail);
	}
}

/* @return 1 after a message, -EAGAIN when there is none, else the connection is of no use */
static int read_one(struct cleat_client *c)
{
	struct cleat_message m;
	int err = cleat_message_recv(c->sock, &m);

	if (err == 0)
		return cleat_err(-ESTALE, "the primary closed the connection");
	if (err < 0)
		return err;
	err = take_message(c, &m);
	cleat_message_clear(&m);
	return err < 0 ? err : 1;
}

int cleat_client_dispatch(struct cleat_client *c)
{
	int err;

	if (c->lost)
		return cleat_err(-ESTALE, "%s", c->lost_reason);
	while ((err = read_one(c)) == 1)
		;
	if (err == -EAGAIN)
		return 0;
	return note_lost(c, -ESTALE, cleat_error());
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
	hello.tid = (uint32_t)syscall(SYS_gettid);
	hello.role = config->observer ? CLEAT__ROLE__ROLE_OBSERVER : CLEAT__ROLE__ROLE_SECONDARY;
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	err = send_until(c->sock, &env, deadline_ns);
	return err == -EPIPE ? 0 : err; /* then a Reject with the reason waits for us */
}

static int send_ready(struct cleat_client *c, uint64_t deadline_ns)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Ready ready = CLEAT__READY__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_READY;
	env.ready = &ready;
	return send_until(c->sock, &env, deadline_ns);
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
	if (err && c->hs.state != CLEAT_HS_CLOSED)
		send_failed(c, err);
	return err;
}

static struct cleat_client *new_client(
	const struct cleat_client_config *config, const struct cleat_client_ops *ops, void *arg)
{
	struct cleat_client *c = (struct cleat_client *)calloc(1, sizeof(*c));
	pthread_condattr_t attr;

	if (!c)
		return NULL;
	c->sock = -1;
	c->ops = *ops;
	c->arg = arg;
	cleat_hs_client_init(&c->hs, config->observer != 0);
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
	uint64_t deadline_ns = deadline_after(timeout_ms);
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
	*out = c;
	return 0;
}

void cleat_client_close(struct cleat_client *c)
{
	unsigned int i;

	if (!c)
		return;
	cleat_fd_close(&c->sock);
	for (i = 0; i < CLEAT_MAX_REQUESTS; i++)
		cleat_message_clear(&c->waiting[i].reply);
	pthread_cond_destroy(&c->wake);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

int cleat_client_fd(const struct cleat_client *c)
{
	return c->sock;
}

void cleat_client_pump(struct cleat_client *c, int on)
{
	pthread_mutex_lock(&c->lock);
	c->pumped = on != 0;
	c->pump = pthread_self();
	pthread_mutex_unlock(&c->lock);
}

/* ---- requests ---- */

/* Under the lock. */
static int reserve(struct cleat_client *c, uint32_t *id)
{
	struct waiting *w = find_waiting(c, 0);

	if (c->lost)
		return cleat_err(-ESTALE, "%s", c->lost_reason);
	if (!w)
		return cleat_err(
			-EBUSY, "%d requests are unanswered: wait for one", CLEAT_MAX_REQUESTS);
	do
		c->last_id++;
	while (c->last_id == 0 || find_waiting(c, c->last_id));
	w->id = *id = c->last_id;
	return 0;
}

/* Under the lock: the end of a request, by a reply or without. */
static int settle(struct cleat_client *c, struct waiting *w, struct cleat_message *reply)
{
	if (w->reply.env) {
		*reply = w->reply;
		w->reply.env = NULL;
		w->reply.fds.n = 0;
		w->id = 0;
		return 0;
	}
	if (c->lost) {
		w->id = 0;
		return cleat_err(-ESTALE, "%s", c->lost_reason);
	}
	w->abandoned = true;
	return cleat_err(
		-ETIMEDOUT, "the primary did not answer in time: it may still do what was asked");
}

/* Another thread reads: sleep until it has our reply. Under the lock. */
static void sleep_for_reply(struct cleat_client *c, const struct waiting *w, uint64_t deadline_ns)
{
	struct timespec until = { .tv_sec = (time_t)(deadline_ns / 1000000000ULL),
		.tv_nsec = (long)(deadline_ns % 1000000000ULL) };

	while (!w->reply.env && !c->lost)
		if (pthread_cond_timedwait(&c->wake, &c->lock, &until) == ETIMEDOUT)
			return;
}

/* Nobody else reads: do it here. Under the lock, which is open while we wait. */
static void read_for_reply(struct cleat_client *c, const struct waiting *w, uint64_t deadline_ns)
{
	while (!w->reply.env && !c->lost) {
		int err;

		pthread_mutex_unlock(&c->lock);
		err = cleat_client_dispatch(c);
		pthread_mutex_lock(&c->lock);
		if (w->reply.env || err)
			return;
		pthread_mutex_unlock(&c->lock);
		err = cleat_socket_wait(c->sock, POLLIN, deadline_ns);
		pthread_mutex_lock(&c->lock);
		if (err)
			return;
	}
}

static int await(
	struct cleat_client *c, uint32_t id, uint64_t deadline_ns, struct cleat_message *reply)
{
	struct waiting *w;
	int err;

	pthread_mutex_lock(&c->lock);
	w = find_waiting(c, id);
	if (c->pumped && !pthread_equal(c->pump, pthread_self()))
		sleep_for_reply(c, w, deadline_ns);
	else
		read_for_reply(c, w, deadline_ns);
	err = settle(c, w, reply);
	pthread_mutex_unlock(&c->lock);
	return err;
}

static void withdraw(struct cleat_client *c, uint32_t id)
{
	pthread_mutex_lock(&c->lock);
	find_waiting(c, id)->id = 0;
	pthread_mutex_unlock(&c->lock);
}

int cleat_client_request(
	struct cleat_client *c, Cleat__Envelope *req, int timeout_ms, struct cleat_message *reply)
{
	uint64_t deadline_ns = deadline_after(timeout_ms);
	struct cleat_message answer = { 0 };
	int err;

	pthread_mutex_lock(&c->lock);
	err = reserve(c, &req->id);
	pthread_mutex_unlock(&c->lock);
	if (err)
		return err;
	err = send_until(c->sock, req, deadline_ns);
	if (err) {
		withdraw(c, req->id);
		return err == -EPIPE ? cleat_err(-ESTALE, "the primary closed the connection")
				     : err;
	}
	err = await(c, req->id, deadline_ns, &answer);
	if (err)
		return err;
	if (answer.env->reply->status != 0) {
		err = cleat_message_error(answer.env->reply->status, answer.env->reply->detail);
		cleat_message_clear(&answer);
		return err;
	}
	if (reply)
		*reply = answer;
	else
		cleat_message_clear(&answer);
	return 0;
}

int cleat_client_call(struct cleat_client *c, Cleat__Envelope *req, int timeout_ms, uint64_t *value)
{
	struct cleat_message reply = { 0 };
	int err = cleat_client_request(c, req, timeout_ms, &reply);

	if (err)
		return err;
	if (value)
		*value = reply.env->reply->value;
	cleat_message_clear(&reply);
	return 0;
}
