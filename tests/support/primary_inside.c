/* SPDX-License-Identifier: BSD-3-Clause */
/* spawn.h: a primary that has what the test program has, like drivers of its own. */
#include <ev.h>
#include <signal.h>
#include <stdio.h>

#include "primary/boot.h"
#include "runtime/log.h"
#include "tests/support/spawn.h"

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)watcher;
	(void)events;
	ev_break(loop, EVBREAK_ALL);
}

/* What main() of cleat-primary does. */
int primary_inside(char *argv[], void (*prepare)(struct cleat_primary *p))
{
	static struct cleat_options options;
	static struct cleat_primary p;
	ev_signal term;
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	if (cleat_options_parse(&options, argc, argv) != CLEAT_EXIT_OK)
		return 2;
	cleat_log_set(cleat_log_to_file, stderr);
	cleat_log_set_level(options.log_level);
	(void)signal(SIGPIPE, SIG_IGN);
	p.options = &options;
	p.rundir.lock_fd = p.listen_fd = -1;
	p.loop = ev_default_loop(EVFLAG_AUTO);
	ev_signal_init(&term, on_signal, SIGTERM);
	ev_signal_start(p.loop, &term);
	if (prepare != NULL)
		prepare(&p);
	if (cleat_boot_up(&p) != CLEAT_EXIT_OK)
		return 1;
	ev_run(p.loop, 0);
	cleat_boot_down(&p);
	return 0;
}
