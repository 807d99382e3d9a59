/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client_ask.c - a requester reads its own reply for a short time.
 *
 * An answer mostly takes a few microseconds, less than it takes to wake the pump and have the pump
 * wake the requester. So the requester looks at the socket itself, without sleeping, and then, or
 * where that makes no sense, sleeps on it for a while. Meanwhile the pump must sleep on: it watches
 * an epoll with the socket in it, which is told not to look.
 *
 *   watched     the pump is woken by the socket. Left by the first requester.
 *   not         it is woken by a timer, each millisecond, and handles what is there. Left when a
 *               tick finds that nobody asked since the one before, or when a requester ends its
 *               look without all replies: so requests that follow each other do not pay for the
 *               change. A request that another thread sends just then is answered at the next tick.
 *
 *   - Only replies are handled here. The first message that is another (an event, memory) is set
 *     aside, and all behind it left, for the pump, which is called by the timer: it handles them
 *     in order.
 *   - Watching again tells the pump of whatever is there by then, because the epoll is
 *     level-triggered.
 *   - A hang-up cannot be hidden. The pump then waits for `reading` until this is over.
 */
#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "ipc/client_state.h"
#include "ipc/socket.h"
#include "runtime/arch.h"

#define LOOK_NS	 UINT64_C(100000)
#define SLEEP_NS UINT64_C(500000) /* the pump may want the socket, and waits so long */
#define TICK_NS	 1000000L
#define NOW_NS	 1L

/* ---- who wakes the pump ---- */

static int add(int epoll, int fd)
{
	struct epoll_event in = { .events = EPOLLIN };

	return fd < 0 ? -1 : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &in);
}

void cleat_client_watch_open(struct cleat_client *c)
{
	c->watch_fd = epoll_create1(EPOLL_CLOEXEC);
	c->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	c->watched = true;
	if (c->watch_fd < 0 || add(c->watch_fd, c->sock) < 0 || add(c->watch_fd, c->timer_fd) < 0)
		cleat_client_watch_close(c);
}

void cleat_client_watch_close(struct cleat_client *c)
{
	cleat_fd_close(&c->watch_fd);
	cleat_fd_close(&c->timer_fd);
}

/* @param ns  0: never */
static int set_timer(const struct cleat_client *c, long ns)
{
	struct itimerspec in = { .it_value.tv_nsec = ns };

	return timerfd_settime(c->timer_fd, 0, &in, NULL);
}

static int set_interest(const struct cleat_client *c, uint32_t events)
{
	struct epoll_event interest = { .events = events };

	return epoll_ctl(c->watch_fd, EPOLL_CTL_MOD, c->sock, &interest);
}

/* Both under `reading`, as long as there is a watch. @return 0 or -1 */
static int unwatch(struct cleat_client *c)
{
	if (c->watched && (set_timer(c, TICK_NS) < 0 || set_interest(c, 0) < 0))
		return -1;
	c->watched = false;
	return 0;
}

static void watch(struct cleat_client *c)
{
	long timer = c->aside.env != NULL ? NOW_NS : 0;

	if (!c->watched && (set_interest(c, EPOLLIN) < 0 || set_timer(c, timer) < 0))
		(void)cleat_client_lose(c, -ESTALE, "the socket cannot be watched any more");
	c->watched = true;
}

void cleat_client_watch_tick(struct cleat_client *c)
{
	uint64_t ticks;

	if (c->watch_fd < 0 || read(c->timer_fd, &ticks, sizeof(ticks)) < 0)
		return;
	if (!c->watched && (!c->asked || set_timer(c, TICK_NS) < 0))
		watch(c);
	c->asked = false;
}

/* ---- the requester ---- */

/* Take the socket from the pump. @return whether we read now */
static bool take_over(struct cleat_client *c)
{
	bool another_pumps;

	pthread_mutex_lock(&c->lock);
	another_pumps = c->pumped && !pthread_equal(c->pump, pthread_self());
	pthread_mutex_unlock(&c->lock);
	if (!another_pumps || c->watch_fd < 0 || pthread_mutex_trylock(&c->reading) != 0)
		return false;
	if (c->aside.env == NULL && unwatch(c) == 0)
		return true;
	watch(c);
	pthread_mutex_unlock(&c->reading);
	return false;
}

/* What is left is the pump's: at once if a reply is missing or something was set aside, else at the
 * next tick. */
static void give_back(struct cleat_client *c)
{
	c->asked = true;
	if (cleat_client_owed(c) || (c->aside.env != NULL && set_timer(c, NOW_NS) < 0))
		watch(c);
	pthread_mutex_unlock(&c->reading);
}

/* Take replies until this one, or what is none. @return -EAGAIN: neither is there yet */
static int take_replies(struct cleat_client *c, uint32_t id)
{
	int got;

	do
		got = cleat_client_read_reply(c);
	while (got == 1 && !cleat_client_answered(c, id));
	return got;
}

/* @return whether there is nothing to wait for */
static bool look(struct cleat_client *c, uint32_t id)
{
	if (!cleat_look_begin(&c->look, LOOK_NS))
		return false;
	while (cleat_look_on(&c->look)) {
		if (take_replies(c, id) != -EAGAIN)
			return true;
		cleat_pause();
	}
	return false;
}

/* Sleep until it comes. It wakes this thread, and not the pump first, which then wakes this one. */
static void sleep_on(struct cleat_client *c, uint32_t id)
{
	uint64_t end_ns = cleat_now_ns() + SLEEP_NS, now_ns;
	struct pollfd in = { .fd = c->sock, .events = POLLIN };

	while ((now_ns = cleat_now_ns()) < end_ns) {
		struct timespec left = { .tv_nsec = (long)(end_ns - now_ns) };

		(void)ppoll(&in, 1, &left, NULL);
		if (take_replies(c, id) != -EAGAIN)
			return;
	}
}

int cleat_client_ask(struct cleat_client *c, const Cleat__Envelope *req)
{
	int err;

	if (!take_over(c))
		return -EAGAIN;
	err = cleat_message_send(c->sock, req, NULL, 0);
	if (err == 0 && !look(c, req->id))
		sleep_on(c, req->id);
	give_back(c);
	return err;
}
