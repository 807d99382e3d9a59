/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tx_first.h - packets of our own that flows begin with, where the wire leads back to us: they go
 * round, and what a port can forward is seen without anybody who sends.
 */
#ifndef CLEAT_SECONDARY_TX_FIRST_H
#define CLEAT_SECONDARY_TX_FIRST_H

#include "secondary/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Wait until the ports of all flows have a link, have all look for packets once without taking any,
 * so that their devices have buffers, then make @p packets for each flow, as those of
 * generate.h, pending: the pipeline sends them before it takes any. A flow's work is not done on
 * them.
 *
 * @param flows    open, nothing pending
 * @param packets  1..CLEAT_MAX_BURST
 * @param link_ms  how long to wait
 * @param pool     name, or NULL: the one on the node of the sending port
 * @param stop     ends the wait when it is set: nothing is made then; or NULL
 * @return 0; -ENETDOWN when a port has no link, the sentence names it; -ENOENT: no such pool;
 *         -ENOMEM: the pool has not so many. What was made is pending all the same.
 */
int cleat_tx_first(struct cleat_flow *flows, unsigned n, unsigned packets, unsigned link_ms,
	const char *pool, const volatile sig_atomic_t *stop);

#ifdef __cplusplus
}
#endif

#endif
