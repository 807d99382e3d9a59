/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main.c - cleat-primary: read the options, start step by step, serve until a signal, end in order.
 */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "primary/boot.h"
#include "runtime/log.h"
#include "runtime/std_fds.h"

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)events;
	cleat_log(CLEAT_LOG_NOTICE, "%s: ending in order",
		watcher->signum == SIGINT ? "interrupt" : "asked to end");
	ev_break(loop, EVBREAK_ALL);
}

static enum cleat_exit run(struct cleat_primary *p)
{
	ev_signal term, interrupt;
	enum cleat_exit code;

	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_init(&interrupt, on_signal, SIGINT);
	ev_signal_start(p->loop, &term);
	ev_signal_start(p->loop, &interrupt);
	code = cleat_boot_up(p);
	if (code == CLEAT_EXIT_OK) {
		ev_run(p->loop, 0);
		cleat_boot_down(p);
	}
	ev_signal_stop(p->loop, &term);
	ev_signal_stop(p->loop, &interrupt);
	return code;
}

int main(int argc, char **argv)
{
	static struct cleat_options options;
	struct cleat_primary *p;
	enum cleat_exit code;

	cleat_std_fds_fill();
	code = cleat_options_parse(&options, argc, argv);
	if (code != CLEAT_EXIT_OK)
		return (int)code;
	cleat_log_set(cleat_log_to_file, stderr);
	cleat_log_set_level(options.log_level);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* `ulimit -f` is an error, not an end */
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return CLEAT_EXIT_MEMORY;
	p->options = &options;
	p->rundir.lock_fd = -1;
	p->listen_fd = -1;
	p->loop = ev_default_loop(EVFLAG_AUTO);
	if (p->loop == NULL) {
		(void)fputs("cleat-primary: no event loop to be had\n", stderr);
		code = CLEAT_EXIT_FAILED;
	} else {
		code = run(p);
		ev_loop_destroy(p->loop);
	}
	free(p);
	return (int)code;
}
