/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * port.h - packets in and out of a port's queues, and what was counted.
 *
 * A process may use the queues it has claimed; the primary grants each to one process at a time.
 * Every process has its own table of them:
 *
 *   entry        a burst returns   until
 *   not claimed  -EPERM            cleat_queue_install()
 *   claimed      packets           cleat_queue_remove(): not claimed; cleat_port_gone(): removed
 *   removed      -ENODEV           cleat_queue_install(), when the port id has a new device
 *
 * A queue that the primary granted before its port left may be about to be installed when the port
 * goes. So whoever asks for a queue notes cleat_port_removals() first; what comes too late is
 * refused.
 *
 * The table is read under RCU (liburcu), so that the control thread may change it while other
 * threads are in a burst: it swaps the entry, waits until no thread is inside, then closes the
 * queue.
 */
#ifndef CLEAT_RUNTIME_PORT_H
#define CLEAT_RUNTIME_PORT_H

#include "runtime/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The shared state of one queue. Written by the process that claimed the queue (plain stores, one
 * writer); anybody reads. The driver area carries what must outlive its owner. It is untrusted:
 * each side checks what it reads.
 */
struct cleat_queue_shm {
	uint64_t packets;
	uint64_t bytes;
	uint64_t errors;
	uint64_t missed; /* rx: no mbuf to put it in; tx: dropped by the driver */
	uint64_t reserved[4];
	uint64_t driver[24];
} cleat_aligned(64);
static_assert(sizeof(struct cleat_queue_shm) == 256, "port ABI 2");

/* All shared state of a port, at queues_off of its row. hw_stats is the primary's to write. */
struct cleat_port_area_shm {
	struct cleat_queue_shm queues[2 * CLEAT_MAX_QUEUES]; /* rx, then tx */
	uint64_t hw_stats[CLEAT_MAX_HW_STATS];
};
static_assert(sizeof(struct cleat_port_area_shm) == 8704, "port ABI 2");

/** @return packets moved, or negative errno */
typedef int (*cleat_burst_fn)(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n);

/* A claimed queue in this process. */
struct cleat_queue {
	cleat_burst_fn burst;
	void *data; /* the driver's */
	struct cleat_queue_shm *shm;
	struct cleat_mempool *pool; /* rx */
	const struct cleat_data_ops *ops;
	uint16_t port;
	uint16_t queue;
	uint16_t dir;	   /* enum cleat_dir */
	uint16_t owner_id; /* for owner words of kind QUEUE */
	uint32_t offloads; /* of the port, switched on */
	int event_fd;	   /* rx: signalled at a packet once armed; -1: there is none. Ours */
};

/* A burst on one entry, whichever direction; under the read lock of the table. */
int cleat_queue_burst(
	uint16_t port, enum cleat_dir dir, uint16_t queue, struct cleat_mbuf **mbufs, unsigned n);

/**
 * Take received packets from one queue.
 *
 * @param port   port id, 0..CLEAT_MAX_PORTS-1
 * @param queue  queue id; must be claimed by the calling process
 * @param mbufs  array of @p n pointers; the first <return value> are written
 * @param n      how many packets at most, 1..CLEAT_MAX_BURST
 * @return       packets received, 0..n; -ENODEV if the port was removed, -EPERM if the queue is not
 *               ours
 *
 * Ownership: each returned mbuf belongs to the caller, who frees or transmits it exactly once.
 * Killed here: nothing was received, or the mbufs are the dead process's and the reaper returns
 * them. One thread at a time per queue, and one that is registered (shared.h).
 */
cleat_inline int cleat_rx_burst(
	uint16_t port, uint16_t queue, struct cleat_mbuf **mbufs, unsigned n)
{
	return cleat_queue_burst(port, CLEAT_RX, queue, mbufs, n);
}

/**
 * Hand packets to one queue for sending.
 *
 * @param n  how many, up to CLEAT_MAX_BURST. With 0 the driver just gives back the mbufs of packets
 *           that the device has sent: up to 128 of a queue else wait for a later burst
 * @return  how many were taken, 0..n: the first ones; -ENODEV, -EPERM as cleat_rx_burst()
 *
 * Ownership: the taken ones are the driver's, the others stay the caller's.
 */
cleat_inline int cleat_tx_burst(
	uint16_t port, uint16_t queue, struct cleat_mbuf **mbufs, unsigned n)
{
	return cleat_queue_burst(port, CLEAT_TX, queue, mbufs, n);
}

/**
 * Sleep until a packet comes: arm, poll the descriptor, disarm. Not for the fast path: these make
 * system calls.
 *
 * @return  the descriptor to poll for reading, borrowed until the queue is removed; -ENOTSUP if the
 *          queue cannot wake anybody (poll by bursts instead); -EPERM, -ENODEV
 */
int cleat_rx_event_fd(uint16_t port, uint16_t queue);
/** One wake: a burst that took packets meanwhile may have spent it. @return 0: armed; 1: a packet
 * is there, do not sleep; negative errno */
int cleat_rx_arm(uint16_t port, uint16_t queue);
/** Take the signal back, also after it came. */
int cleat_rx_disarm(uint16_t port, uint16_t queue);

/**
 * Make a queue that the primary granted usable in this process.
 *
 * @param conf  its descriptors are taken: whatever the outcome, conf->fds are all -1 afterwards
 * @return      0; -ENOTSUP if no data side has that driver's name; -EBUSY if installed already;
 *              -ENODEV if the port left since conf->removals was read; the driver's error
 */
int cleat_queue_install(struct cleat_queue_conf *conf);

/** Undo it; returns when no thread of this process is inside the queue. -ENOENT if not installed.
 */
int cleat_queue_remove(uint16_t port, enum cleat_dir dir, uint16_t queue);
/** Is the queue installed in this process? @return 1 or 0 */
int cleat_queue_in_use(uint16_t port, enum cleat_dir dir, uint16_t queue);
/** The device is gone: bursts on this port return -ENODEV from now on; its queues are closed, and
 * none that was asked for before is installed any more. */
void cleat_port_gone(uint16_t port);
/** How often that happened to this port id; for cleat_queue_conf. */
uint32_t cleat_port_removals(uint16_t port);
/** Close every queue of this process (detach). */
void cleat_queue_remove_all(void);

/* For drivers: one writer, so no read-modify-write. */
cleat_inline void cleat_count(uint64_t *counter, uint64_t add)
{
	cleat_store_relaxed(counter, cleat_load_relaxed(counter) + add);
}

struct cleat_port_stats {
	uint64_t rx_packets, rx_bytes, rx_errors, rx_missed;
	uint64_t tx_packets, tx_bytes, tx_errors, tx_dropped;
};

/** The shared state of a port, checked against the window; NULL if there is none. */
struct cleat_port_area_shm *cleat_port_area(const struct cleat_port_shm *row);
/** One queue of it. */
struct cleat_queue_shm *cleat_port_queue(
	const struct cleat_port_shm *row, enum cleat_dir dir, unsigned queue);

/** Sums over all queues, and what the device dropped before any (rx_missed), from shared memory;
 * any process. @return 0 or -ENODEV */
int cleat_port_stats(uint16_t port, struct cleat_port_stats *out);

struct cleat_xstat_value {
	char name[64];
	uint64_t value;
};
/**
 * All statistics by name: the sums, each queue's, and the driver's own.
 * @return how many there are; the first @p n are written. -ENODEV
 */
int cleat_port_xstats(uint16_t port, struct cleat_xstat_value *out, unsigned n);
/** One by name. @return 0; -ENOENT naming it; -ENODEV */
int cleat_port_xstat(uint16_t port, const char *name, uint64_t *out);

#ifdef __cplusplus
}
#endif

#endif
