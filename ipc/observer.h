/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * observer.h - look at an instance: registry and memory mapped read-only, no slot, no thread.
 *
 * After cleat_observer_attach() the globals cleat_registry, cleat_shared, cleat_window_base and
 * cleat_window_len are set and everything that reads through them works. The window lies where the
 * primary has it if that range is free here, else anywhere.
 */
#ifndef CLEAT_IPC_OBSERVER_H
#define CLEAT_IPC_OBSERVER_H

#include "ipc/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @param instance  NULL: "default"
 *  @return 0 or negative errno with a sentence; as cleat_client_connect() */
int cleat_observer_attach(const char *instance);

/** Map what was added meanwhile, unmap what was removed. @return 0; -ESTALE when the primary is
 * gone (what is mapped can still be read) */
int cleat_observer_refresh(void);

/** The connection, for requests an observer may make (Ping, PortXstats); NULL when detached. */
struct cleat_client *cleat_observer_client(void);

void cleat_observer_detach(void);

#ifdef __cplusplus
}
#endif

#endif
