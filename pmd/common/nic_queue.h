/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nic_queue.h - how the control side of a NIC driver describes a queue to whoever claims it.
 *
 * The words lie in cleat_queue_shm.driver, which any worker may scribble over. So the control side
 * never reads them back (CLEAT_NIC_ARMED excepted, where every value is harmless), and writes them
 * anew at each claim; the data side checks each against the window before use.
 */
#ifndef CLEAT_PMD_COMMON_NIC_QUEUE_H
#define CLEAT_PMD_COMMON_NIC_QUEUE_H

#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_nic_word {
	CLEAT_NIC_RING = 0,	 /* offset in the window of the descriptor ring */
	CLEAT_NIC_COUNT = 1,	 /* descriptors, a multiple of 8 */
	CLEAT_NIC_TAIL = 2,	 /* offset in the window of the tail register */
	CLEAT_NIC_BUF_BYTES = 3, /* rx: what the device may write to one buffer */
	CLEAT_NIC_MAX_FRAME = 4, /* tx: longest packet it can send, without the CRC */
	CLEAT_NIC_ARM_ON = 5,	 /* offset of the register that lets rx interrupts come; 0: none */
	CLEAT_NIC_ARM_OFF = 6, /* and of the one that holds them back; 0: others wait for it, too */
	CLEAT_NIC_ARM_BITS = 7, /* what to write to either */
	CLEAT_NIC_ARMED = 8,	/* the owner waits for a packet; written by the data side */
	/* counters, by the data side */
	CLEAT_NIC_NO_MBUF = 16,	   /* rx: how often the pool had no mbuf for a free descriptor */
	CLEAT_NIC_TOO_LONG = 17,   /* rx: packets longer than a buffer, scatter being off */
	CLEAT_NIC_BAD_PACKET = 18, /* tx: packets that the device cannot send as they are */
};

#define CLEAT_NIC_DESC_BYTES	  16U
#define CLEAT_NIC_MIN_DESCRIPTORS 16U
#define CLEAT_NIC_MAX_DESCRIPTORS 4096U
#define CLEAT_NIC_ALIGN		  8U /* rings are whole multiples of 128 bytes */

/* A descriptor of any of these devices: two words, the second of which the device writes back. */
struct cleat_nic_desc {
	uint64_t w[2];
};
static_assert(sizeof(struct cleat_nic_desc) == CLEAT_NIC_DESC_BYTES, "as the devices have it");

/* The words as a process uses them, checked. */
struct cleat_nic_view {
	struct cleat_nic_desc *ring;
	volatile uint32_t *tail;
	volatile uint32_t *arm_on;  /* NULL: no rx interrupts */
	volatile uint32_t *arm_off; /* NULL: the control side alone holds them back */
	uint32_t arm_bits;
	uint32_t count;
	uint32_t buf_bytes;
	uint32_t max_frame;
};

/**
 * Read and check a queue's words.
 *
 * @return  0; -EPROTO with a sentence that names the word that makes no sense
 */
int cleat_nic_view(const struct cleat_queue_conf *conf, struct cleat_nic_view *out);

/** What hw queues count in their driver areas; for cleat_data_ops.xstats. */
extern const struct cleat_xstat cleat_nic_xstats[];
#define CLEAT_NIC_XSTATS 3

#ifdef __cplusplus
}
#endif

#endif
