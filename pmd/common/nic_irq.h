/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_irq.h - interrupts of a NIC: vector 0 for the control side, one eventfd for each rx queue.
 * Control side only.
 *
 *   vectors wired   what wakes a queue's owner
 *   0               nothing: it polls; the link is looked at once per second
 *   1               the control side: it reads the cause, and signals each queue whose owner waits
 *   1 + q or more   the device itself, queue q's own vector; others of the port cannot wake
 */
#ifndef CLEAT_PMD_COMMON_NIC_IRQ_H
#define CLEAT_PMD_COMMON_NIC_IRQ_H

#include "runtime/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_pci_device;

struct cleat_nic_irq {
	struct cleat_pci_device *pci;
	const struct cleat_services *services;
	int fds[1 + CLEAT_MAX_QUEUES]; /* eventfds; those of the queues from 1 on */
	unsigned n;
	unsigned wired;
	int msix; /* they are MSI-X, be it one: a cause comes only by the vector it is given */
	int irq_fd;
};

/**
 * Turn interrupts on, @p fn is called for those of vector 0 and must call cleat_nic_irq_ack().
 *
 * @param queues  rx queues that want a vector
 * @return        0, also if the device has none; negative errno
 */
int cleat_nic_irq_open(struct cleat_nic_irq *irq, struct cleat_pci_device *pci,
	const struct cleat_services *services, unsigned queues, void (*fn)(void *arg), void *arg);
/** Harmless when it is not open. */
void cleat_nic_irq_close(struct cleat_nic_irq *irq);

/** The cause is dealt with. @return 0, -EIO: the device is gone */
int cleat_nic_irq_ack(struct cleat_nic_irq *irq);

/** Can the queue's owner be woken? */
int cleat_nic_irq_can_wake(const struct cleat_nic_irq *irq, unsigned queue);
/** By the queue's own vector, that is 1 + queue? */
int cleat_nic_irq_is_own(const struct cleat_nic_irq *irq, unsigned queue);

/** Give the claiming process the queue's eventfd, if it can be woken. @return 0, -EMFILE */
int cleat_nic_irq_grant(
	const struct cleat_nic_irq *irq, unsigned queue, struct cleat_queue_grant *grant);

/** One vector for all: signal the queues whose owners wait. The cause is held back before, and that
 * has arrived at the device: so an owner that is not seen waiting lets it come again after it. */
void cleat_nic_irq_wake(const struct cleat_nic_irq *irq, const struct cleat_port_ctrl *port);

#ifdef __cplusplus
}
#endif

#endif
