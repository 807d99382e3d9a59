/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of a client, from the number that each gets to the reply or the deadline. */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "ipc/client_state.h"
#include "ipc/socket.h"
#include "runtime/clock.h"

uint64_t cleat_client_deadline(int timeout_ms)
{
	int ms = timeout_ms > 0 ? timeout_ms : CLEAT_REQUEST_TIMEOUT_MS;

	return cleat_now_ns() + (uint64_t)ms * UINT64_C(1000000);
}

int cleat_client_send(int sock, const Cleat__Envelope *env, uint64_t deadline_ns)
{
	int err;

	while ((err = cleat_message_send(sock, env, NULL, 0)) == -EAGAIN)
		if (cleat_socket_wait(sock, POLLOUT, deadline_ns) < 0)
			return cleat_err(-ETIMEDOUT, "the primary does not read its messages");
	return err;
}

static struct waiting *find_waiting(struct cleat_client *c, uint32_t id)
{
	unsigned int i;

	for (i = 0; i < CLEAT_MAX_REQUESTS; i++)
		if (c->waiting[i].id == id)
			return &c->waiting[i];
	return NULL;
}

void cleat_client_take_reply(struct cleat_client *c, struct cleat_message *m)
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

bool cleat_client_answered(struct cleat_client *c, uint32_t id)
{
	bool answered;

	pthread_mutex_lock(&c->lock);
	answered = find_waiting(c, id)->reply.env != NULL;
	pthread_mutex_unlock(&c->lock);
	return answered;
}

bool cleat_client_owed(struct cleat_client *c)
{
	bool owed = false;

	pthread_mutex_lock(&c->lock);
	for (unsigned int i = 0; i < CLEAT_MAX_REQUESTS; i++)
		owed |= c->waiting[i].id != 0 && c->waiting[i].reply.env == NULL;
	pthread_mutex_unlock(&c->lock);
	return owed;
}

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
	struct waiting *w;

	pthread_mutex_lock(&c->lock);
	w = find_waiting(c, id);
	w->id = 0;
	w->abandoned = false;
	pthread_mutex_unlock(&c->lock);
}

/* Under its number, until then. @param ask  somebody waits for the reply */
static int send_request(
	struct cleat_client *c, Cleat__Envelope *req, uint64_t deadline_ns, bool ask)
{
	int err = ask ? cleat_client_ask(c, req) : -EAGAIN;

	if (err == -EAGAIN)
		err = cleat_client_send(c->sock, req, deadline_ns);
	if (err == 0)
		return 0;
	withdraw(c, req->id);
	return err == -EPIPE ? cleat_err(-ESTALE, "the primary closed the connection") : err;
}

int cleat_client_tell(struct cleat_client *c, Cleat__Envelope *req, int timeout_ms)
{
	int err;

	pthread_mutex_lock(&c->lock);
	err = reserve(c, &req->id);
	if (err == 0)
		find_waiting(c, req->id)->abandoned = true; /* the reply frees it */
	pthread_mutex_unlock(&c->lock);
	return err ? err : send_request(c, req, cleat_client_deadline(timeout_ms), false);
}

int cleat_client_request(
	struct cleat_client *c, Cleat__Envelope *req, int timeout_ms, struct cleat_message *reply)
{
	uint64_t deadline_ns = cleat_client_deadline(timeout_ms);
	struct cleat_message answer = { 0 };
	int err;

	pthread_mutex_lock(&c->lock);
	err = reserve(c, &req->id);
	pthread_mutex_unlock(&c->lock);
	if (err)
		return err;
	err = send_request(c, req, deadline_ns, true);
	if (!err)
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
