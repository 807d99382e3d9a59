/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ports.h - set ports up and claim their queues. Bursts are in runtime/port.h.
 *
 *   port      configure → queue set-up, each → start        any process, once
 *   queue     unclaimed → claimed (one process) → unclaimed
 */
#ifndef CLEAT_SECONDARY_PORTS_H
#define CLEAT_SECONDARY_PORTS_H

#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/** @param mtu  0: leave. @return 0; -ENODEV; -EINVAL; -EBUSY
 * while started or claimed */
int cleat_ctl_port_configure(uint16_t port, unsigned rx_queues, unsigned tx_queues, unsigned mtu);
/** @param descriptors  0: the driver's choice. @param pool  rx: where mbufs come from; NULL: the
 * primary's own on the port's node */
int cleat_ctl_queue_setup(
	uint16_t port, enum cleat_dir dir, uint16_t queue, unsigned descriptors, const char *pool);
int cleat_ctl_port_start(uint16_t port);
int cleat_ctl_port_stop(uint16_t port);

/*
 * Settings of the whole port. All return 0; -EBUSY naming the holder while another process holds a
 * queue; -EINVAL; -EOPNOTSUPP, naming what the device lacks; the driver's error. They stay when
 * this process ends.
 */
int cleat_ctl_port_promiscuous(uint16_t port, int on);
int cleat_ctl_port_allmulticast(uint16_t port, int on);
/** A frame of it fits into one buffer of each rx queue's pool, or rx-scatter is on. */
int cleat_ctl_port_mtu(uint16_t port, unsigned mtu);
int cleat_ctl_port_mac(uint16_t port, const uint8_t mac[6]);
/** Receive for this address, too; a group address will do. -ENOSPC when all filters are in use */
int cleat_ctl_port_filter_add(uint16_t port, const uint8_t mac[6]);
int cleat_ctl_port_filter_remove(uint16_t port, const uint8_t mac[6]);
/** The port is stopped. @param offloads  CLEAT_OFFLOAD_…: these on, the others off */
int cleat_ctl_port_offloads(uint16_t port, uint32_t offloads);

/**
 * Claim a queue and make it usable in this process.
 *
 * @return 0; -EBUSY when a process holds it (the sentence names it); -ENODEV, also if the device
 *         left meanwhile; -EINVAL when it is not set up; -ETIMEDOUT: should the primary still grant
 *         it, it has been told to take it back; the driver's error
 */
int cleat_ctl_queue_claim(uint16_t port, enum cleat_dir dir, uint16_t queue);
/** Close and give back, also what only the primary counts as ours. @return 0; -ENOENT if not ours
 */
int cleat_ctl_queue_release(uint16_t port, enum cleat_dir dir, uint16_t queue);

/* How a worker wants a port to be. What it does not ask for is left as it is. */
struct cleat_port_wish {
	/* Of all rx queues; NULL: as it is, at first that on its node. Who prepares a tx queue does
	 * not change it, unless the queues' own pools are too small for what else is wished. */
	const char *pool;
	unsigned queues; /* each way, as far as the port has them, when it is configured */
	unsigned mtu;	 /* 0: as it is */
	int has_offloads;
	uint32_t offloads; /* these and no others */
	int promiscuous;   /* 0: as it is */
};

/**
 * See to it that a port is started, has the queue, and is as wished: configure, set up all queues,
 * start, unless that was done. Several processes may do this at once. One that uses several queues
 * of a port prepares all of them before it claims any: what it holds is in use.
 *
 * @param wish  at least @p queue + 1 queues are asked for
 * @return      0; -EBUSY when the port is otherwise and in use: the sentence says how and by whom;
 *              -ENOENT: no such pool; what the primary refuses. The port is started again then, as
 * it was.
 */
int cleat_port_prepare(
	uint16_t port, enum cleat_dir dir, uint16_t queue, const struct cleat_port_wish *wish);

/** A port by number or device name. @return its id; -ENODEV with the ports there are */
int cleat_port_find(const char *text, struct cleat_port_shm *row);

#ifdef __cplusplus
}
#endif

#endif
