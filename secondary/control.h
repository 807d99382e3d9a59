/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control.h - the thread that listens to the primary: replies, events, new memory.
 *
 * One per attached process, with its own libev loop. Threads that wait for a reply sleep until it
 * wakes them; pipelines never meet it.
 */
#ifndef CLEAT_SECONDARY_CONTROL_H
#define CLEAT_SECONDARY_CONTROL_H

#include "ipc/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Start the thread; it borrows @p client until cleat_control_stop(). Returns when it listens.
 * @return 0 or negative errno */
int cleat_control_start(struct cleat_client *client);

/** End the thread and wait for it. Not from the thread itself. Harmless when there is none. */
void cleat_control_stop(void);

#ifdef __cplusplus
}
#endif

#endif
