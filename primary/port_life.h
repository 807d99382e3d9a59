/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port_life.h - how ports come and go.
 *
 *   FREE → STOPPED (added) ⇄ STARTED → REMOVED (the device is gone, everybody is told) → FREE
 *
 * A removed port keeps its id, its queues' state and its descriptor memory until every process that
 * held a queue of it has said that it is out of it (PortLeft), or is dead: none of that is reused
 * under the hands of a thread that is still in a burst.
 */
#ifndef CLEAT_PRIMARY_PORT_LIFE_H
#define CLEAT_PRIMARY_PORT_LIFE_H

#include "primary/primary.h"

/* Names of the zones of a port; those of its driver go on with a dot. */
#define CLEAT_PORT_ZONE "cleat.port.%u"

/** For drivers: cleat_services.port_add, port_remove. */
int cleat_port_add(void *ctx, struct cleat_port_ctrl *ctrl);
int cleat_port_remove(void *ctx, struct cleat_port_ctrl *ctrl);

/** Somebody let go of a queue: a removed port that nobody holds any more becomes free. */
void cleat_port_settle(struct cleat_primary *p, uint32_t port);

#endif
