/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sleep.h - wait for packets without using a processor: by the interrupts of rx queues.
 *
 *   busy     bursts; nothing came for a while
 *   arming   each queue is asked to signal its next packet; one that has a packet already says so,
 *            and nobody sleeps
 *   asleep   in poll(2), until a queue signals, a signal arrives, or the time is over
 *   busy     each queue is disarmed before the next burst
 *
 * A packet that comes between the last burst and the arming is found by the arming; one that comes
 * after it, by poll(): so none waits. A thread that sleeps is outside every operation (shared.h),
 * so nobody waits for it. Killed here: the queue is armed; its next owner finds it reset.
 */
#ifndef CLEAT_SECONDARY_SLEEP_H
#define CLEAT_SECONDARY_SLEEP_H

#include "secondary/pipeline.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Can every flow wake us? @return 0; -ENOTSUP with the flow that cannot: it reads a ring, makes
 * its packets, or its device has no interrupts */
int cleat_sleep_check(const struct cleat_flow *flows, unsigned n);

/**
 * Sleep until one of the flows may have a packet.
 *
 * @param n           1..CLEAT_MAX_PORTS
 * @param timeout_ms  at most that long
 * @return            1: a packet came or may be there; 0: nothing, the time is over or a signal
 *                    came; negative errno of a queue that cannot be armed any more
 */
int cleat_sleep(const struct cleat_flow *flows, unsigned n, int timeout_ms);

#ifdef __cplusplus
}
#endif

#endif
