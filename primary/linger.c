/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/linger.h"

#include "runtime/look.h"

#define LONGEST_NS UINT64_C(50000)

static ev_idle idle;
static struct cleat_look look;

static void on_idle(struct ev_loop *loop, ev_idle *w, int events)
{
	(void)events;
	if (!cleat_look_on(&look))
		ev_idle_stop(loop, w);
}

void cleat_linger_init(void)
{
	cleat_look_init(&look);
	ev_idle_init(&idle, on_idle);
	ev_set_priority(&idle, EV_MINPRI);
}

void cleat_linger(struct ev_loop *loop)
{
	if (cleat_look_begin(&look, LONGEST_NS))
		ev_idle_start(loop, &idle);
}

void cleat_linger_stop(struct ev_loop *loop)
{
	ev_idle_stop(loop, &idle);
}
