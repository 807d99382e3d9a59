/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_queue.h - a claimed virtqueue in the process that claimed it; data side only.
 *
 * The free descriptors form a list through slots[].next, in which a chain stays linked while the
 * device has it: taking and giving back a chain is one step. What the device says is checked
 * against this process's own notes, never against the descriptors in shared memory.
 */
#ifndef CLEAT_PMD_VIRTIO_QUEUE_H
#define CLEAT_PMD_VIRTIO_QUEUE_H

#include "pmd/virtio/virtio_regs.h"
#include "pmd/virtio/virtio_ring.h"
#include "pmd/virtio/virtio_shared.h"
#include "runtime/mbuf_ring.h"
#include "runtime/mempool.h"
#include "runtime/port.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What lies in a descriptor. */
struct virtio_slot {
	struct cleat_mbuf *mbuf; /* of a chain's head; NULL: the device does not have it */
	uint16_t next;		 /* free or in a chain: the descriptor after this one */
	uint16_t last;		 /* of a chain's head */
	uint16_t count;		 /* descriptors of the chain */
};

struct virtio_queue {
	uint64_t state; /* as last seen: VIRTIO_W_STATE */
	struct cleat_queue_shm *shm;
	struct virtio_desc *desc;
	struct virtio_avail *avail;
	struct virtio_used *used;
	struct virtio_slot *slots;
	struct cleat_mbuf **done; /* [depth + CLEAT_MAX_BURST]: to be freed after the operation */
	uint8_t *headers;	  /* slots of VIRTIO_SLOT_BYTES; tx */
	uint64_t headers_iova;
	uint32_t n_done;
	uint32_t layout;     /* VIRTIO_LAYOUT_…, without the header bytes */
	uint32_t buf_bytes;  /* rx: room of a buffer, header included */
	uint32_t tx_allowed; /* tx: CLEAT_MBUF_TX_… that may be asked for */
	uint16_t header_bytes;
	uint16_t mask; /* size - 1 */
	uint16_t depth;
	uint16_t free_head;
	uint16_t n_free;
	uint16_t avail_idx;
	uint16_t published;	     /* avail_idx as the device knows it */
	uint16_t used_idx;	     /* taken up to here */
	uint16_t quiet_until;	     /* used_event, as written last */
	uint16_t number;	     /* of the virtqueue */
	int may_scatter;	     /* rx */
	volatile uint16_t *doorbell; /* NULL: by doorbell_fd */
	int doorbell_fd;
	uint64_t doorbell_off;
};

/**
 * Describe the queue to this process, from the words that the control side wrote.
 *
 * @param conf  its descriptors are taken
 * @return      0, and q->data is the queue; -EPROTO if the words make no sense; -ENOMEM
 */
int cleat_virtio_queue_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
/** Forget it. What the device still has is left to the primary. */
void cleat_virtio_queue_close(struct cleat_queue *q);

/** The ring is that of a device that was just reset: no descriptor is in use, the indexes are 0,
 * and what was agreed upon with the device is read. Called by who has acquired the state. */
void cleat_virtio_queue_anew(struct virtio_queue *vq, uint64_t state);

/** Free what stands in vq->done; outside any operation. */
void cleat_virtio_queue_free_done(struct virtio_queue *vq);

/** Tell the device. Called inside an operation, so that no reset is on its way. */
void cleat_virtio_queue_ring_doorbell(struct virtio_queue *vq);

int cleat_virtio_rx_open(struct cleat_queue *q, struct cleat_queue_conf *conf);
int cleat_virtio_tx_open(struct cleat_queue *q, struct cleat_queue_conf *conf);

/**
 * Write the checksum that the sender of a received packet left to its network device.
 *
 * @param start, offset  as in the packet's header
 * @return  0; -EINVAL if they lie outside the packet
 */
int cleat_virtio_sum_complete(struct cleat_mbuf *m, uint32_t start, uint32_t offset);
/** Write the header checksum of the IPv4 header at @p ip; its own field counts as 0. */
void cleat_virtio_sum_ipv4(uint8_t *ip, uint32_t len);

/* Entries that the device has put into the used ring, up to @p end. */
cleat_inline uint16_t virtio_queue_pending(const struct virtio_queue *vq, uint16_t end)
{
	return (uint16_t)(end - vq->used_idx);
}

cleat_inline uint16_t virtio_queue_used_end(const struct virtio_queue *vq)
{
	/* partner: the device, which fills entries before it moves the index */
	return cleat_load_acquire(&vq->used->idx);
}

/* Take the chain of @p count descriptors that begins at the free list's head. There must be that
 * many. @return its head */
cleat_inline uint16_t virtio_queue_take(
	struct virtio_queue *vq, uint16_t count, uint16_t last, struct cleat_mbuf *m)
{
	uint16_t head = vq->free_head;

	vq->free_head = vq->slots[last].next;
	vq->n_free = (uint16_t)(vq->n_free - count);
	vq->slots[head].last = last;
	vq->slots[head].count = count;
	vq->slots[head].mbuf = m;
	return head;
}

/* Take back the chain that the device says it has used. @return its mbuf, or NULL if there is no
 * such chain */
cleat_inline struct cleat_mbuf *virtio_queue_give_back(struct virtio_queue *vq, uint32_t id)
{
	struct virtio_slot *head;
	struct cleat_mbuf *m;

	if (cleat_unlikely(id >= vq->depth || vq->slots[id].mbuf == NULL)) {
		cleat_count(&vq->shm->driver[VIRTIO_W_WILD], 1);
		cleat_count(&vq->shm->errors, 1);
		return NULL;
	}
	head = &vq->slots[id];
	m = head->mbuf;
	head->mbuf = NULL;
	vq->slots[head->last].next = vq->free_head;
	vq->free_head = (uint16_t)id;
	vq->n_free = (uint16_t)(vq->n_free + head->count);
	return m;
}

/* Offer a chain; the device sees it after virtio_queue_publish(). */
cleat_inline void virtio_queue_offer(struct virtio_queue *vq, uint16_t head)
{
	vq->avail->ring[vq->avail_idx++ & vq->mask] = head;
}

/* Does the device ask to be told of what was published after @p before? By events it says so in a
 * cache line of its own; the flag shares one with the index that it moves for each packet. */
cleat_inline int virtio_queue_is_awaited(const struct virtio_queue *vq, uint16_t before)
{
	if (cleat_likely(vq->layout & VIRTIO_LAYOUT_EVENTS))
		return virtio_event_is_due(
			cleat_load_relaxed(virtio_avail_event(vq->used, vq->mask + 1U)), before,
			vq->avail_idx);
	return !(cleat_load_relaxed(&vq->used->flags) & VIRTIO_USED_NO_NOTIFY);
}

cleat_inline void virtio_queue_publish(struct virtio_queue *vq)
{
	uint16_t before = vq->published;

	vq->published = vq->avail_idx;
	/* partner: the device, which reads the index before the entries */
	cleat_store_release(&vq->avail->idx, vq->avail_idx);
	cleat_fence_seq_cst(); /* the index before it is seen who is awaited, 2.7.13.4 */
	if (virtio_queue_is_awaited(vq, before))
		cleat_virtio_queue_ring_doorbell(vq);
}

/* virtio_ring_interrupt() of this queue. */
cleat_inline void virtio_queue_interrupt(struct virtio_queue *vq, int on)
{
	virtio_ring_interrupt(vq->avail, vq->mask + 1U, (vq->layout & VIRTIO_LAYOUT_EVENTS) != 0,
		vq->used_idx, on);
	vq->quiet_until = (uint16_t)(on ? vq->used_idx : vq->used_idx - 1);
}

/* Once in 32,768 entries: put off the one at which the device would interrupt. Called when
 * used_idx has moved on, so nobody waits for an interrupt any more. */
cleat_inline void virtio_queue_stay_quiet(struct virtio_queue *vq)
{
	if (cleat_unlikely((uint16_t)(vq->quiet_until - vq->used_idx) < 0x8000U))
		virtio_queue_interrupt(vq, 0);
}

#ifdef __cplusplus
}
#endif

#endif
