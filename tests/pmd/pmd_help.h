/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pmd_help.h - for the drivers' tests: a world in which devices become ports and queues are
 * claimed, without a primary's sockets. What must hold and does not aborts, so that programs other
 * than Check's can use it.
 */
#ifndef CLEAT_TESTS_PMD_PMD_HELP_H
#define CLEAT_TESTS_PMD_PMD_HELP_H

#include "runtime/bus.h"
#include "runtime/port.h"
#include "runtime/vdev.h"
#include "tests/runtime/mbuf_help.h"

/* What the drivers get; valid after pmd_world_up(). */
extern struct cleat_services pmd_services;

void pmd_world_up(void);
/* Removes all devices and queues first. Aborts if rings, ports or descriptors remain. */
void pmd_world_down(void);

/* Ask for a device and probe it. @return the port's id, or the error; the device is gone then */
int pmd_plug(const char *spec);
/* Remove the device of that port. */
int pmd_unplug(int port);

/* The control side of a port; NULL if there is none. */
struct cleat_port_ctrl *pmd_port(int port);

/* Claim a queue for this process, as the primary and the worker do together. */
int pmd_claim(int port, enum cleat_dir dir, unsigned queue, struct cleat_mempool *pool);
/* Give it back: closed here, then reset by the control side. */
int pmd_release(int port, enum cleat_dir dir, unsigned queue);
/* Its owner died: only the control side's part. */
int pmd_reset(int port, enum cleat_dir dir, unsigned queue);

/* Open descriptors of this process. */
int pmd_count_fds(void);

#endif
