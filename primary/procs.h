/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * procs.h - slots of attached processes, their threads and lcores.
 *
 *   FREE → ATTACHING (Hello) → READY (Ready) → DYING (end proved) → FREE (the sweep is done)
 *
 * A name is taken while ATTACHING or READY, so that the same name can start again at once.
 */
#ifndef CLEAT_PRIMARY_PROCS_H
#define CLEAT_PRIMARY_PROCS_H

#include "primary/server.h"

/** Give the connection a slot and a first thread. @param thread receives its index. @return the
 * slot; -EEXIST: the name is taken; -ENOSPC */
int cleat_proc_attach(struct cleat_conn *c, const char *name, uint32_t tid, uint16_t *thread);
/** The handshake is over. */
void cleat_proc_ready(struct cleat_conn *c);
void cleat_proc_set_dying(struct cleat_primary *p, uint16_t slot);
/** Free the slot and its threads. */
void cleat_proc_free(struct cleat_primary *p, uint16_t slot);

/** @return the thread's index; -ENOSPC */
int cleat_proc_thread_add(uint16_t slot, uint32_t tid);
/** What its caches hold goes back to the pools. @return 0; -EPERM if it is another process's;
 * -EBUSY in the middle of an operation */
int cleat_proc_thread_remove(uint16_t slot, uint32_t thread);

/** @return 0; -EBUSY naming the holder; -EINVAL: no such processor */
int cleat_proc_lcore_claim(uint16_t slot, uint32_t lcore, uint32_t thread);
int cleat_proc_lcore_release(uint16_t slot, uint32_t lcore);
void cleat_proc_lcores_release(uint16_t slot);

#endif
