/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ports.h - the primary's side of ports: what drivers get from it, what processes may ask.
 *
 *   added (STOPPED) → configured with all its queues and the pool on its node → STARTED
 *   configuring, stopping and settings of the whole port (MAC, MTU, …) need that no other process
 *   holds a queue of it
 *   removed: rows cleared, claims taken, everybody told
 */
#ifndef CLEAT_PRIMARY_PORTS_H
#define CLEAT_PRIMARY_PORTS_H

#include "primary/primary.h"

/** Fill in p->services, which drivers get. */
void cleat_services_init(struct cleat_primary *p);

/** 0, or -ENODEV naming the port. */
int cleat_port_check(const struct cleat_primary *p, uint32_t port);

/** 0, or -EBUSY naming a process other than @p slot that holds a queue. */
int cleat_port_unheld(uint32_t port, uint16_t slot);
/** 0, or -EBUSY while it is started. */
int cleat_port_stopped(uint32_t port);

/** Set up every queue that the driver offers, and start. */
int cleat_port_default(struct cleat_primary *p, uint32_t port);
int cleat_port_configure(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t rx_queues,
	uint32_t tx_queues);
int cleat_port_queue_setup(struct cleat_primary *p, uint32_t port, uint16_t slot,
	enum cleat_dir dir, uint32_t queue, uint32_t descriptors, const char *pool);
int cleat_port_start(struct cleat_primary *p, uint32_t port);
int cleat_port_stop(struct cleat_primary *p, uint32_t port, uint16_t slot);

/*
 * Settings of the whole port (port_settings.c), for the process in @p slot. What the device lacks
 * is refused with a sentence that names it. All return 0; -EBUSY naming another process that holds
 * a queue; -EINVAL; -EOPNOTSUPP; -ENODEV; the driver's error. They stay when the process ends.
 */

/** Set both to what CLEAT_PORT_… bits @p flags say. */
int cleat_port_flags(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t flags);
int cleat_port_promiscuous(struct cleat_primary *p, uint32_t port, uint16_t slot, int on);
int cleat_port_allmulticast(struct cleat_primary *p, uint32_t port, uint16_t slot, int on);
/** A frame of it fits into one buffer of each rx queue's pool, or rx-scatter is on. */
int cleat_port_mtu(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t mtu);
int cleat_port_mac(struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6]);
/** Receive for this address, too. @return also -EEXIST; -ENOSPC when all filters are in use */
int cleat_port_filter_add(
	struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6]);
/** @return also -ENOENT */
int cleat_port_filter_remove(
	struct cleat_primary *p, uint32_t port, uint16_t slot, const uint8_t mac[6]);
/** The port is stopped. @param offloads  CLEAT_OFFLOAD_…; what is not among them goes off */
int cleat_port_offloads(struct cleat_primary *p, uint32_t port, uint16_t slot, uint32_t offloads);

/** 0 if frames of the port's MTU can be received on rx queue @p queue into that pool. */
int cleat_port_fits(
	const struct cleat_port_ctrl *ctrl, uint32_t queue, const struct cleat_pool_row_shm *pool);

/** @param grant  gives descriptors for the claimer. @return 0; -EBUSY naming the holder */
int cleat_queue_claim(struct cleat_primary *p, uint32_t port, uint16_t slot, enum cleat_dir dir,
	uint32_t queue, struct cleat_queue_grant *grant);
int cleat_queue_release(
	struct cleat_primary *p, uint32_t port, uint16_t slot, enum cleat_dir dir, uint32_t queue);
/** For drivers: cleat_services.link_changed. */
void cleat_port_link_changed(void *ctx, struct cleat_port_ctrl *ctrl);
/** The device was reset: queues whose buffers it did not let go of are free. */
void cleat_port_free_stuck(uint32_t port);
/** The process is out of a removed port. */
void cleat_port_left(struct cleat_primary *p, uint32_t port, uint16_t slot);
/** Take all queues from a dead process. */
void cleat_ports_release(struct cleat_primary *p, uint16_t slot);

#endif
