/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_fake.h - a virtio network device in memory: registers behind a transport of its own, and
 * what it does with the rings. IOVAs are addresses.
 */
#ifndef CLEAT_TESTS_PMD_VIRTIO_FAKE_H
#define CLEAT_TESTS_PMD_VIRTIO_FAKE_H

#include "pmd/virtio/virtio_ctrl.h"
#include "pmd/virtio/virtio_queue.h"
#include "tests/runtime/mbuf_help.h"

#define FAKE_MODERN                                                                             \
	(VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_MAC | VIRTIO_NET_F_STATUS | \
		VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_MAC_ADDR |      \
		VIRTIO_NET_F_MQ | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM)

struct fake_vq {
	int enabled;
	struct virtio_queue_place place;
	uint16_t last_avail, used_idx;
	unsigned notified;
};

struct fake_device {
	struct virtio_device *d;
	uint64_t offered, accepted;
	uint64_t refused; /* of those offered, when it comes to it */
	uint8_t status;
	unsigned resets;
	int stuck; /* it does not reset */
	int gone;  /* it is not in the machine any more */
	unsigned removed;
	int removed_at_rest; /* its memory went after that */
	uint8_t config[64];
	struct fake_vq vqs[2 * CLEAT_MAX_QUEUES + 1];
	uint16_t max_size;
	uint16_t odd_vq, odd_size; /* that virtqueue has that size; 0: none */
	int doorbell_fd;	   /* written to by pwrite(), as I/O ports are; 0: in memory */
	int sends;		   /* notified by the primary, it sends what is in a tx queue */
	uint8_t command[2], data[512];
	uint32_t data_len;
	unsigned commands;
	int refuses, deaf;
	unsigned link_events;
	struct cleat_mempool *pool;
};
extern struct fake_device fake;

/* A device that offers this, a pool of @p mbufs of 512 bytes; configured with @p pairs of queues
 * of @p descriptors, and started. */
void fake_up(uint64_t offered, unsigned pairs, unsigned descriptors, unsigned mbufs);
/* As fake_up, with buffers of @p room bytes. */
void fake_up_with(
	uint64_t offered, unsigned pairs, unsigned descriptors, unsigned mbufs, uint32_t room);
/* As fake_up, but not configured; the rings have at most @p max_size descriptors. */
void fake_new(uint64_t offered, uint16_t max_size, unsigned mbufs);
int fake_start(unsigned pairs, unsigned descriptors);
/* The driver gives the device up. @return what it said */
int fake_remove(void);
/* Queues are removed, the device is at rest, all mbufs are in the pool again: checked. Without
 * that if the device was removed. */
void fake_down(void);

/* Claim for the process in @p slot; this process works on it whoever that is. @return 0 or why not
 */
int fake_claim(enum cleat_dir dir, unsigned queue, uint16_t slot);
/* The claim of this process ends without any of its doing, as if it were killed. */
void fake_kill(enum cleat_dir dir, unsigned queue);
/* Its mbufs go back to the pool. @return how many */
int fake_take_back(enum cleat_dir dir, unsigned queue);

/* The device receives a packet: its header (flags, csum_…) and data into as many buffers as it
 * takes. @return buffers used; 0: there are too few. With @p hold the index is not moved. */
unsigned fake_receive(unsigned queue, const struct virtio_net_header *header, const void *data,
	uint32_t len, int hold);
/* An entry in the used ring of virtqueue @p number, as it is. */
void fake_use(unsigned number, uint32_t id, uint32_t len);
/* Where the doorbell of virtqueue @p number lies, unless it is a descriptor. */
volatile uint16_t *fake_doorbell(unsigned number);
/* Heads that were offered and not taken yet. */
unsigned fake_offered(unsigned number);

struct fake_sent {
	uint32_t id;
	unsigned descriptors;
	uint32_t len; /* of header and data */
	uint8_t bytes[65536];
};
/* Take one packet from a tx queue. @return 0: there is none. It is not used before fake_use(). */
int fake_take_tx(unsigned queue, struct fake_sent *out);
/* The device does what the control queue says. */
void fake_obey(void);

#endif
