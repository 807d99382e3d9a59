/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_ctrl.h - a virtio network device as the primary has it. Control side only.
 *
 *   RESET → RUNNING    start
 *   RUNNING → RESET    stop; a reset that all queues survive passes through it (virtio_shared.h)
 *   RUNNING → FAILED   it did not come back from a reset; tried again once a second
 *   FAILED → RUNNING, RESET
 *
 * In RESET and FAILED the device touches no memory and every queue's generation is odd. Virtqueue
 * 2i is rx queue i, 2i + 1 is tx queue i; behind the device's last pair comes the control queue
 * (5.1.2).
 */
#ifndef CLEAT_PMD_VIRTIO_CTRL_H
#define CLEAT_PMD_VIRTIO_CTRL_H

#include "pmd/virtio/virtio_shared.h"
#include "pmd/virtio/virtio_transport.h"
#include "runtime/grace.h"
#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VIRTIO_MAX_FILTERS 32
#define VIRTIO_MAX_VQS	   (2 * CLEAT_MAX_QUEUES)

enum virtio_state { VIRTIO_RESET = 0, VIRTIO_RUNNING = 1, VIRTIO_FAILED = 2 };

struct virtio_vq {
	char *ring; /* NULL: not set up */
	uint64_t iova;
	uint64_t generation;
	uint32_t slots;	   /* header slots behind the ring */
	uint16_t max_size; /* as the device says; 0: of none of max_pairs */
	uint16_t size, depth;
	uint32_t room_bytes; /* rx: for data in a buffer of the pool */
	uint16_t used_idx;   /* when the device was reset */
	uint16_t configured; /* of those that start() enables */
	uint16_t held;	     /* claimed by a process */
	uint16_t parked;     /* its owner is stopped inside an operation: left out */
	uint16_t rested;     /* reset together with others since its owner died */
	int event_fd;	     /* rx; -1: none */
};

struct virtio_command_queue {
	char *ring; /* NULL: the device has none, or it is not set up */
	uint64_t iova;
	uint16_t number, size;
	uint16_t idx;
	int broken; /* it did not answer: no more commands until the next reset */
};

struct virtio_device {
	struct cleat_port_ctrl port;
	struct virtio_transport transport;
	struct cleat_device *device;
	const struct cleat_services *services;
	enum virtio_state state;
	uint64_t offered;
	uint64_t features;	       /* of use to this driver; not each is always wanted */
	uint64_t agreed;	       /* with the device, while it is running */
	unsigned mtu;		       /* as it will be: port.mtu is set once mtu_set() is done */
	unsigned max_pairs;	       /* usable, from the first on; 1 without VIRTIO_NET_F_MQ */
	unsigned rx_queues, tx_queues; /* configured */
	struct virtio_vq vqs[VIRTIO_MAX_VQS];
	struct virtio_command_queue command;
	int promiscuous, allmulticast;
	uint8_t filters[VIRTIO_MAX_FILTERS][6];
	unsigned n_filters;
	uint8_t own_mac[6]; /* as the device had it at first */
	int config_fd;	    /* eventfd of vector 0 */
	int irq_fd;	    /* watched; -1: no interrupts */
	unsigned vectors;
	int given; /* the rings are their owners', or were when the device last worked */
	int has_parked;
	struct cleat_grace grace; /* whom a reset did not wait for */
};

cleat_inline struct virtio_device *virtio_of(const struct cleat_port_ctrl *port)
{
	return (struct virtio_device *)port->driver_data;
}

cleat_inline unsigned virtio_vq_number(enum cleat_dir dir, unsigned queue)
{
	return 2 * queue + (dir == CLEAT_TX);
}

extern const struct cleat_port_ops cleat_virtio_port_ops;

/* ---- virtio_device_ctrl.c: the device by itself ---- */

/** Status 0, and wait until it says so. @return 0; -EIO */
int cleat_virtio_reset(struct virtio_device *d);
/** Reset it, read what it offers and its configuration, and leave it reset. */
int cleat_virtio_learn(struct virtio_device *d);
/** From reset to DRIVER_OK, with all configured queues that are not parked, and all settings.
 * On failure the device is reset. */
int cleat_virtio_bring_up(struct virtio_device *d);
/** Enable one queue of a running or starting device. */
int cleat_virtio_vq_enable(struct virtio_device *d, unsigned number);
/** Bytes of the header before each packet, and VIRTIO_LAYOUT_…, as agreed with a running device;
 * else as they will be. */
uint32_t cleat_virtio_layout(const struct virtio_device *d);
/** Does the port need a feature by now that the running device was not asked for? */
int cleat_virtio_wants_more(const struct virtio_device *d);
/** Read the link; tell everybody if it changed. */
void cleat_virtio_link_check(struct virtio_device *d);

/* ---- virtio_restart_ctrl.c: the device below living owners ---- */

/** Take the rings from their owners and reset the device. @return 0; -EIO: the device does not
 * stop, all rings are taken nevertheless */
int cleat_virtio_quiesce(struct virtio_device *d);
/** Bring it up and give the rings back. */
int cleat_virtio_resume(struct virtio_device *d);
/** Both. @return 0 if the device has been at rest in between, whether or not it came back; -EIO */
int cleat_virtio_restart(struct virtio_device *d);
/** One queue that nobody holds any more, by VIRTIO_F_RING_RESET or a restart. */
int cleat_virtio_vq_reset(struct virtio_device *d, unsigned number);
/** Has someone who was stopped gone on? Then restart with his queue. */
void cleat_virtio_unpark(struct virtio_device *d);
/** Write the state word of a queue as it is now. */
void cleat_virtio_publish_state(struct virtio_device *d, unsigned number, uint16_t used_idx);

/* ---- virtio_command_ctrl.c: the control queue ---- */

/** Memory for it; harmless without VIRTIO_NET_F_CTRL_VQ. */
int cleat_virtio_command_setup(struct virtio_device *d);
/** Enable it while the device comes up. */
int cleat_virtio_command_enable(struct virtio_device *d);
/** The commands that the settings of the port ask for; after DRIVER_OK. */
int cleat_virtio_command_settings(struct virtio_device *d, unsigned pairs);
int cleat_virtio_command_promiscuous(struct virtio_device *d, int on);
int cleat_virtio_command_allmulticast(struct virtio_device *d, int on);
int cleat_virtio_command_filters(struct virtio_device *d);
int cleat_virtio_command_mac(struct virtio_device *d, const uint8_t mac[6]);

/* ---- virtio_irq_ctrl.c ---- */

/** Are there vectors? Legacy registers lie elsewhere then. */
void cleat_virtio_irq_look(struct virtio_device *d);
/** Wire vector 0 to the primary and one to each rx queue as far as there are vectors. */
int cleat_virtio_irq_open(struct virtio_device *d);
void cleat_virtio_irq_close(struct virtio_device *d);
/** Vector of a queue, VIRTIO_NO_VECTOR for tx. */
uint16_t cleat_virtio_irq_vector(const struct virtio_device *d, unsigned number);
/** Wake the owner of an rx queue. */
void cleat_virtio_irq_signal(const struct virtio_vq *vq);

#ifdef __cplusplus
}
#endif

#endif
