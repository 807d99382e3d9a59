/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_help.h - for the tests of NIC drivers' data sides: a pool, and a queue whose ring and tail
 * register lie in plain memory of the window.
 */
#ifndef CLEAT_TESTS_PMD_NIC_HELP_H
#define CLEAT_TESTS_PMD_NIC_HELP_H

#include "pmd/common/nic_queue.h"
#include "tests/runtime/mbuf_help.h"

#define NIC_COUNT    32 /* descriptors */
#define NIC_PORT     3
#define NIC_OWNER_RX 0x0860
#define NIC_OWNER_TX 0x0870

struct nic {
	struct cleat_mempool *pool;
	struct cleat_queue_shm *shm[2]; /* by direction */
	struct cleat_nic_desc *ring[2];
	volatile uint32_t *tail[2];
	volatile uint32_t *mask[2]; /* what lets rx interrupts come, and what holds them back */
	uint32_t head[2];	    /* where the pretended device is */
};
extern struct nic nic;

/* A pool of @p mbufs buffers of 2 KiB, and words that describe both queues. */
void nic_world_up(uint32_t mbufs);
void nic_world_down(void);
/* Size of the pages that the window's memory is said to have; 1 GiB at first. */
void nic_pages(uint64_t page_bytes);

/* Claim a queue of a driver: as nic_conf() says. @return what the driver says */
int nic_claim(const char *driver, enum cleat_dir dir, uint32_t offloads);
void nic_conf(
	struct cleat_queue_conf *conf, const char *driver, enum cleat_dir dir, uint32_t offloads);

/* The device writes @p len bytes to the buffer of the next posted descriptor, and @p w1 and the
 * upper half of w0 over the descriptor. Fails the test if none is posted. */
void nic_receive(const void *data, uint32_t len, uint64_t w0, uint64_t w1);
/* Descriptors that the device may work on. */
uint32_t nic_pending(enum cleat_dir dir);
/* The device has sent everything: reports are written where they are asked for. */
void nic_send_all(void);

/* How many mbufs of the pool carry this kind of owner. */
uint32_t nic_owned(enum cleat_owner_kind kind);

#endif
