/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_ring.h - descriptor rings of a NIC's queues: their memory, and the words that describe them.
 * Control side only.
 */
#ifndef CLEAT_PMD_COMMON_NIC_RING_H
#define CLEAT_PMD_COMMON_NIC_RING_H

#include "pmd/common/nic_queue.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_nic_ring {
	void *va; /* NULL: not set up */
	uint64_t iova;
	uint32_t count;
	uint32_t buf_bytes; /* rx: room for a packet in a buffer of the queue's pool */
	int is_open;	    /* some process has claimed the queue */
};

/* How the data side of a queue asks for an interrupt; on NULL: it cannot. off NULL: it does not
 * hold it back, as other queues share it. */
struct cleat_nic_arm {
	volatile uint32_t *on, *off;
	uint32_t bits;
};

/**
 * Give a queue a ring of @p count descriptors, instead of the one that it has.
 *
 * @param pool  rx: whose buffers will be posted; NULL for tx
 * @return      0; -EINVAL: no such number of descriptors; -EBUSY: a process holds the queue; the
 *              error of dma_reserve
 */
int cleat_nic_ring_setup(struct cleat_nic_ring *ring, const struct cleat_services *services,
	const struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue, unsigned count,
	const struct cleat_pool_row_shm *pool);

/** Empty descriptors, for the next owner. The device must be at rest. */
void cleat_nic_ring_clear(struct cleat_nic_ring *ring);

/** Write the words of nic_queue.h for whoever claims the queue.
 * @param size  rx: what the device writes to a buffer; tx: its longest packet */
void cleat_nic_ring_publish(const struct cleat_nic_ring *ring, const struct cleat_port_ctrl *port,
	enum cleat_dir dir, unsigned queue, volatile uint32_t *tail, uint32_t size,
	const struct cleat_nic_arm *arm);

/** 0, or -EBUSY naming the first of the queues that is claimed. */
int cleat_nic_rings_unheld(const struct cleat_nic_ring *rings, const struct cleat_port_ctrl *port,
	enum cleat_dir dir, unsigned n);

#ifdef __cplusplus
}
#endif

#endif
