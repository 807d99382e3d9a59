/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/control.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/log.h"

static struct {
	struct cleat_client *client;
	struct ev_loop *loop;
	ev_io readable;
	ev_async quit;
	pthread_t thread;
	sem_t pumping; /* posted when the thread reads the socket */
	bool running;
} control;

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
	(void)events;
	if (cleat_client_dispatch(control.client) < 0)
		ev_io_stop(loop, w); /* lost: `lost` of attach.c has been called */
}

static void on_quit(struct ev_loop *loop, ev_async *w, int events)
{
	(void)w;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

static void *run(void *arg)
{
	(void)arg;
	cleat_client_pump(control.client, 1);
	(void)sem_post(&control.pumping);
	/* what arrived before the loop watched */
	if (cleat_client_dispatch(control.client) < 0)
		ev_io_stop(control.loop, &control.readable);
	ev_run(control.loop, 0);
	cleat_client_pump(control.client, 0);
	return NULL;
}

/* Signals are for the program's own threads. */
static int start_thread(void)
{
	sigset_t all, before;
	int err;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&control.thread, NULL, run, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err == 0 ? 0 : cleat_err(-err, "cannot start the control thread: %s", strerror(err));
}

int cleat_control_start(struct cleat_client *client)
{
	int err;

	control.client = client;
	control.loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOSIGMASK);
	if (control.loop == NULL)
		return cleat_err(-ENOMEM, "cannot make an event loop for the control thread");
	ev_io_init(&control.readable, on_readable, cleat_client_fd(client), EV_READ);
	ev_async_init(&control.quit, on_quit);
	ev_io_start(control.loop, &control.readable);
	ev_async_start(control.loop, &control.quit);
	(void)sem_init(&control.pumping, 0, 0);
	err = start_thread();
	if (err != 0) {
		ev_loop_destroy(control.loop);
		return err;
	}
	/* A request made before it reads would wait for a reply that the thread takes off the
	 * socket. */
	while (sem_wait(&control.pumping) < 0 && errno == EINTR)
		;
	control.running = true;
	return 0;
}

void cleat_control_stop(void)
{
	if (!control.running)
		return;
	ev_async_send(control.loop, &control.quit);
	(void)pthread_join(control.thread, NULL);
	ev_loop_destroy(control.loop);
	control.running = false;
}
