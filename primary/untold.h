/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * untold.h - what a process must know, kept while it takes no messages (outbox.h is full).
 *
 *   told → (its outbox is full) untold → (its outbox has drained) told
 *
 * A port that left: until the process says that it is out of it, nothing of that port is free. BARs
 * to be unmapped, after that (bars.h has the table). Memory that came, which others may put packets
 * into once all have it. It is told before its next request is read; so no claim of it comes
 * between.
 */
#ifndef CLEAT_PRIMARY_UNTOLD_H
#define CLEAT_PRIMARY_UNTOLD_H

#include "primary/server.h"

/** The message about it was lost. */
void cleat_untold_port(struct cleat_conn *c, uint32_t port);
void cleat_untold_segment(struct cleat_conn *c, uint32_t row);

/** Does the process wait for one of those? */
bool cleat_untold_waits(const struct cleat_conn *c);

/** The outbox has drained: tell all that is untold, in so far as there is room again. */
void cleat_untold_send(struct cleat_conn *c);

#endif
