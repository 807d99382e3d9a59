/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ports.h - the primary's side of ports: what drivers get from it, what processes may ask.
 *
 *   added (STOPPED) → configured with all its queues and the pool "default" → STARTED
 *   configuring, stopping, and setting MAC, MTU or promiscuous need that no other process holds a
 *   queue of the port
 *   removed: rows cleared, claims taken, everybody told
 */
#ifndef CLEAT_PRIMARY_PORTS_H
#define CLEAT_PRIMARY_PORTS_H

#include "primary/primary.h"

/** Fill in p->services, which drivers get. */
void cleat_services_init(struct cleat_primary *p);

/** 0, or -ENODEV naming the port. */
int cleat_port_check(const struct cleat_primary *p, uint32_t port);

/** Set up every queue that the driver offers, and start. */
int cleat_port_default(struct cleat_primary *p, uint32_t port);
int cleat_port_configure(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t rx_queues,
	uint32_t tx_queues);
int cleat_port_queue_setup(struct cleat_primary *p, uint32_t port, uint16_t slot,
	enum cleat_dir dir, uint32_t queue, uint32_t descriptors, const char *pool);
int cleat_port_start(struct cleat_primary *p, uint32_t port);
int cleat_port_stop(struct cleat_primary *p, uint32_t port, uint16_t slot);
int cleat_port_promiscuous(struct cleat_primary *p, uint32_t port, uint16_t slot, int on);
int cleat_port_mtu(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t mtu);
int cleat_port_mac(struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6]);

/** @param grant  gives descriptors for the claimer. @return 0; -EBUSY naming the holder */
int cleat_queue_claim(struct cleat_primary *p, uint32_t port, uint16_t slot, enum cleat_dir dir,
	uint32_t queue, struct cleat_queue_grant *grant);
int cleat_queue_release(
	struct cleat_primary *p, uint32_t port, uint16_t slot, enum cleat_dir dir, uint32_t queue);
/** Take all queues from a dead process. */
void cleat_ports_release(struct cleat_primary *p, uint16_t slot);

#endif
