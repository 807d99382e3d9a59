/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * linger.h - after a message the event loop looks on for a moment before it sleeps.
 *
 * Requests mostly follow one another, and to be woken costs more than to answer one. Lingering
 * takes no event's place: it is the idle watcher, which the loop calls when nothing else is there.
 */
#ifndef CLEAT_PRIMARY_LINGER_H
#define CLEAT_PRIMARY_LINGER_H

#include <ev.h>

void cleat_linger_init(void);

/** A message has been handled: the loop does not sleep for the next 50 us, if look.h agrees. */
void cleat_linger(struct ev_loop *loop);

/** Sleep from now on, as long as nobody calls cleat_linger(). */
void cleat_linger_stop(struct ev_loop *loop);

#endif
