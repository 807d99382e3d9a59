/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_ask.c - a requester reads its own reply for a short time.
 *
 * An answer mostly takes a few microseconds, less than it takes to wake the pump and have the pump
 * wake the requester. So the requester looks at the socket itself, without sleeping. Meanwhile the
 * pump must sleep on: it watches an epoll with the socket in it, which is told not to look.
 *
 *   - Only replies are taken here. The first message that is another (an event, memory, the end of
 *     the connection) is left, and so is all behind it: the pump handles them in order.
 *   - Watching again tells the pump of whatever is there by then, because the epoll is
 *     level-triggered.
 *   - A hang-up cannot be hidden. The pump then waits for `reading` until this is over.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "ipc/client_state.h"
#include "ipc/socket.h"
#include "runtime/arch.h"

#define LOOK_NS UINT64_C(100000)

int cleat_client_watch(int sock)
{
	struct epoll_event in = { .events = EPOLLIN };
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, sock, &in) < 0)
		cleat_fd_close(&fd);
	return fd;
}

static int set_interest(const struct cleat_client *c, uint32_t events)
{
	struct epoll_event interest = { .events = events };

	return epoll_ctl(c->watch_fd, EPOLL_CTL_MOD, c->sock, &interest);
}

/* Take the socket from the pump. @return whether we read now */
static bool take_over(struct cleat_client *c)
{
	bool another_pumps;

	pthread_mutex_lock(&c->lock);
	another_pumps = c->pumped && !pthread_equal(c->pump, pthread_self());
	pthread_mutex_unlock(&c->lock);
	if (!another_pumps || c->watch_fd < 0 || pthread_mutex_trylock(&c->reading) != 0)
		return false;
	if (cleat_look_begin(&c->look, LOOK_NS) && set_interest(c, 0) == 0)
		return true;
	pthread_mutex_unlock(&c->reading);
	return false;
}

static void give_back(struct cleat_client *c)
{
	if (set_interest(c, EPOLLIN) < 0)
		(void)cleat_client_lose(c, -ESTALE, "the socket cannot be watched any more");
	pthread_mutex_unlock(&c->reading);
}

/* Take replies until this one, or what is none, or the time is over. */
static void look(struct cleat_client *c, uint32_t id)
{
	while (cleat_look_on(&c->look)) {
		int next = cleat_message_next_is_reply(c->sock);

		if (next == -EAGAIN)
			cleat_pause();
		else if (next == 0 || cleat_client_read(c) != 1 || cleat_client_answered(c, id))
			return;
	}
}

int cleat_client_ask(struct cleat_client *c, const Cleat__Envelope *req)
{
	int err;

	if (!take_over(c))
		return -EAGAIN;
	err = cleat_message_send(c->sock, req, NULL, 0);
	if (err == 0)
		look(c, req->id);
	give_back(c);
	return err;
}
