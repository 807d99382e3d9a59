/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * driver.h - what a driver is: a control side in the primary, a data side in every process.
 *
 * The two sides share a name and the queues' shared state (port.h), nothing else. The control side
 * makes devices into ports and never touches packets. The data side opens a queue that the primary
 * granted, with the descriptors that came with the grant, and moves packets.
 */
#ifndef CLEAT_RUNTIME_DRIVER_H
#define CLEAT_RUNTIME_DRIVER_H

#include <stdint.h>

#include "runtime/device.h"
#include "runtime/registry.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_queue_shm;
struct cleat_queue;
struct cleat_mbuf;
struct cleat_mempool;
struct cleat_port_ctrl;

#define CLEAT_MAX_QUEUE_FDS 4

/* ---- control side ---- */

/* Descriptors that go to the process that claims a queue. */
struct cleat_queue_grant {
	int fds[CLEAT_MAX_QUEUE_FDS]; /* given: the caller sends and then closes them */
	unsigned n_fds;
};

struct cleat_link {
	int up;
	uint32_t mbps;
};

/*
 * What a port's control side does. Every function may be NULL: nothing to do (for queue_open: no
 * descriptors). All return 0 or negative errno with a sentence. The primary checks arguments
 * against the port's limits and its state before it calls, and writes the registry after.
 */
struct cleat_port_ops {
	int (*configure)(struct cleat_port_ctrl *port, unsigned rx_queues, unsigned tx_queues);
	int (*rx_queue_setup)(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
		const struct cleat_pool_row_shm *pool);
	int (*tx_queue_setup)(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors);
	int (*start)(struct cleat_port_ctrl *port);
	int (*stop)(struct cleat_port_ctrl *port);
	int (*promiscuous_set)(struct cleat_port_ctrl *port, int on);
	int (*mtu_set)(struct cleat_port_ctrl *port, unsigned mtu);
	int (*mac_set)(struct cleat_port_ctrl *port, const uint8_t mac[6]);
	int (*allmulticast_set)(struct cleat_port_ctrl *port, int on);
	/** Receive for this address, too. -ENOSPC: all max_mac_filters are in use */
	int (*mac_filter_add)(struct cleat_port_ctrl *port, const uint8_t mac[6]);
	int (*mac_filter_remove)(struct cleat_port_ctrl *port, const uint8_t mac[6]);
	/** The port is stopped; @p offloads is part of port->offload_capa. Takes effect at start.
	 */
	int (*offloads_set)(struct cleat_port_ctrl *port, uint32_t offloads);
	int (*link_get)(struct cleat_port_ctrl *port, struct cleat_link *out);
	/**
	 * A process claimed the queue: open what it needs. Gives @p grant's descriptors. A device's
	 * queue is set running without buffers: the data side brings those.
	 */
	int (*queue_open)(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
		struct cleat_queue_grant *grant);
	/**
	 * The owner released the queue or died: bring it to rest, and return when the device
	 * touches no buffer of it any more. The primary then takes back the mbufs that lie in it:
	 * they are found by their owner words. 1: so are all others of the port that are not in
	 * use, also those that did not come to rest before. -EIO: the device does not stop; its
	 * buffers stay away.
	 */
	int (*queue_reset)(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue);
	/** All counters of the queues back to zero; the default zeroes cleat_queue_shm's own. */
	int (*stats_reset)(struct cleat_port_ctrl *port);
	/** Once per second while the port is started: add the device's counters to port->hw_stats,
	 * before they overflow; look at the link if the device does not tell. */
	void (*tick)(struct cleat_port_ctrl *port);
};

/*
 * A port as its control side sees it. The driver owns the struct, fills the first part, and hands
 * it to cleat_services.port_add; it must stay in place until port_remove.
 */
struct cleat_port_ctrl {
	const char *name;   /* device's name */
	const char *driver; /* whose data ops serve it */
	const struct cleat_port_ops *ops;
	void *driver_data;
	uint8_t mac[6];
	uint16_t mtu; /* 0: 1500 */
	uint16_t max_mtu;
	uint16_t max_rx_queues; /* 0 .. CLEAT_MAX_QUEUES */
	uint16_t max_tx_queues;
	uint16_t default_rx_queues; /* 0: all; what the primary sets up at first */
	uint16_t default_tx_queues;
	uint16_t max_descriptors;   /* of a queue; 0: no limit of the device's */
	uint16_t align_descriptors; /* their number is a multiple of it; 0: any */
	uint16_t max_mac_filters;   /* besides its own */
	uint32_t offload_capa;	    /* CLEAT_OFFLOAD_… */
	uint32_t offloads;	    /* switched on at first */
	int numa_node;		    /* -1: none */
	struct cleat_link link;
	struct cleat_device *device; /* whose mapped BARs go to every process that claims a queue */

	/* filled by port_add */
	uint16_t port;
	struct cleat_queue_shm *queues; /* [2 * CLEAT_MAX_QUEUES], zeroed: rx, then tx */
	uint64_t *hw_stats;		/* [CLEAT_MAX_HW_STATS], zeroed: the device's counters */
};
#define CLEAT_MAX_HW_STATS 64
/* The last of them has no name: packets that came and that the device dropped for want of a buffer.
 * They are part of the port's rx_missed. */
#define CLEAT_HW_RX_MISSED (CLEAT_MAX_HW_STATS - 1)

/* The shared state of one queue of @p port. */
struct cleat_queue_shm *cleat_port_ctrl_queue(
	const struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue);

/*
 * What the primary does for drivers; handed to probe and valid until the device is removed. All
 * return negative errno with a sentence on failure.
 */
struct cleat_services {
	void *ctx;
	/** @param align  power of two, 0: 64. @param node -1: any. @return 0, zeroed memory at *va
	 */
	int (*zone_reserve)(void *ctx, const char *name, uint64_t len_bytes, uint64_t align,
		int node, void **va);
	int (*zone_free)(void *ctx, const char *name);
	/** @return the ring's index; -EEXIST if the name is taken (*use is kept for use by it) */
	int (*ring_create)(void *ctx, const char *name, uint32_t slots, enum cleat_ring_mode mode,
		enum cleat_ring_use use, int node);
	/** What the ring still holds goes back to its pools. */
	int (*ring_free)(void *ctx, uint32_t ring);
	/** @return the pool's index, row in *out */
	int (*pool_find)(void *ctx, const char *name, struct cleat_pool_row_shm *out);
	/** Make it a port, state STOPPED. Borrows @p port until port_remove. @return the port's id
	 */
	int (*port_add)(void *ctx, struct cleat_port_ctrl *port);
	/**
	 * The device has come to rest: it touches no memory any more, and is kept from it by its
	 * bus before any goes. Holders of queues find -ENODEV;
	 * @p port is the driver's again at once, while what workers may still touch (queues' state,
	 * dma_reserve) stays until the last of them has let go. -EBUSY never.
	 */
	int (*port_remove)(void *ctx, struct cleat_port_ctrl *port);
	/**
	 * Memory of a port that its device reaches, zeroed, on the port's node: descriptor rings
	 * and the like. It goes back by itself when the port is removed and no process is left that
	 * uses it.
	 *
	 * @param what   its name within the port: "rx3"; at most 12 characters
	 * @param align  power of two, 0: 64
	 * @param va     receives where it is; @p iova what the device calls it, contiguous
	 * @return       0; -EEXIST: free it first; -ENOMEM, -ENOSPC; -ENOTSUP if devices cannot
	 * reach memory (ordinary pages by physical address)
	 */
	int (*dma_reserve)(void *ctx, const struct cleat_port_ctrl *port, const char *what,
		uint64_t len_bytes, uint64_t align, void **va, uint64_t *iova);
	/** Only while no process holds the queue it is of. -ENOENT */
	int (*dma_free)(void *ctx, const struct cleat_port_ctrl *port, const char *what);
	/**
	 * Map a memory BAR of a PCI device into the window, here and in every process that claims a
	 * queue of its ports. It stays until the device is removed.
	 *
	 * @param va  receives where it starts; parts that the kernel keeps for itself fault
	 * @return    0; -ENOENT: no such memory BAR; what mmap() said
	 */
	int (*bar_map)(void *ctx, struct cleat_device *device, unsigned bar, void **va,
		uint64_t *len_bytes);
	/** Call @p fn in the event loop whenever @p fd is readable, until irq_unwatch. Borrows @p
	 * fd. */
	int (*irq_watch)(void *ctx, int fd, void (*fn)(void *arg), void *arg);
	void (*irq_unwatch)(void *ctx, int fd);
	/** port->link has changed: everybody is told. */
	void (*link_changed)(void *ctx, struct cleat_port_ctrl *port);
	/** For buses, before they close a device whose driver has let go of it: its BARs are
	 * unmapped here, and others are asked to. NULL: nothing is ever mapped. */
	void (*bars_unmap)(void *ctx, struct cleat_device *device);
	/** This queue is that ring (written to the queue's row). */
	int (*queue_ring_set)(void *ctx, const struct cleat_port_ctrl *port, enum cleat_dir dir,
		unsigned queue, uint32_t ring);
};

struct cleat_driver {
	const char *name; /* "net_pcap"; for vdev also the prefix of its devices' names */
	const char *bus;  /* "vdev", "pci" */
	const void *ids;  /* the bus's own table of what it knows; NULL for vdev */
	/** Make ports of the device. device->args are not yet parsed; device->driver_data is free.
	 */
	int (*probe)(struct cleat_device *device, const struct cleat_services *services);
	/** Remove the ports and free everything. */
	int (*remove)(struct cleat_device *device, const struct cleat_services *services);
	const char *usage; /* one line: "rx_pcap=FILE,…" */
	struct cleat_driver *next;
};

void cleat_driver_register(struct cleat_driver *driver);
#define CLEAT_DRIVER_REGISTER(driver)                                             \
	static void __attribute__((constructor)) cleat_driver_ctor_##driver(void) \
	{                                                                         \
		cleat_driver_register(&(driver));                                 \
	}

/** First driver for NULL, else the next; NULL at the end. In alphabetical order. */
const struct cleat_driver *cleat_driver_next(const struct cleat_driver *driver);

/** A locally administered MAC made from a name: the same in every run. */
void cleat_mac_from_name(const char *name, uint8_t mac[6]);

/* ---- data side ---- */

/* A claimed queue as the claiming process got it. */
struct cleat_queue_conf {
	uint16_t port;
	uint16_t queue;
	enum cleat_dir dir;
	uint16_t ring; /* index of its ring, 0xffff: none */
	const char *driver;
	struct cleat_queue_shm *shm;
	struct cleat_mempool *pool; /* rx; borrowed until the queue is removed */
	uint32_t offloads;	    /* switched on */
	uint16_t descriptors;
	uint16_t mtu;
	uint16_t owner_id; /* for owner words of kind QUEUE */
	uint32_t removals; /* cleat_port_removals() before the queue was asked for */
	int numa_node;	   /* -1: none */
	int fds[CLEAT_MAX_QUEUE_FDS];
	unsigned n_fds;
};

/* An extended statistic that lives in the driver area of each queue of one direction. */
struct cleat_xstat {
	const char *name; /* "truncated_packets" → "rx_q0_truncated_packets" */
	uint16_t dir;	  /* enum cleat_dir */
	uint16_t word;	  /* index into cleat_queue_shm.driver */
};

struct cleat_data_ops {
	const char *name; /* the driver's */
	/** Sets q->burst and q->data. Takes from conf->fds what it keeps, setting those to -1. */
	int (*rxq_open)(struct cleat_queue *q, struct cleat_queue_conf *conf);
	int (*txq_open)(struct cleat_queue *q, struct cleat_queue_conf *conf);
	/** No thread is inside a burst of this queue any more. Buffers that the device still has
	 * are left to the primary. */
	void (*close)(struct cleat_queue *q);
	/**
	 * Have q->event_fd signalled at the next packet; NULL if it cannot be.
	 * @return  0; 1: a packet is there already, nothing is armed
	 */
	int (*rx_arm)(struct cleat_queue *q);
	void (*rx_disarm)(struct cleat_queue *q);
	/** Names of cleat_port_ctrl.hw_stats, by index. */
	const char *const *hw_stats;
	unsigned n_hw_stats;
	const struct cleat_xstat *xstats;
	unsigned n_xstats;
	struct cleat_data_ops *next;
};

void cleat_data_register(struct cleat_data_ops *ops);
#define CLEAT_DATA_REGISTER(ops)                                             \
	static void __attribute__((constructor)) cleat_data_ctor_##ops(void) \
	{                                                                    \
		cleat_data_register(&(ops));                                 \
	}

/** The data side of a driver, or NULL. */
const struct cleat_data_ops *cleat_data_find(const char *driver);

#ifdef __cplusplus
}
#endif

#endif
