/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_ring.h - a split virtqueue in memory: descriptors, what the driver offers, what the device
 * has done with it.
 *
 * All of a queue lies in one piece, in the layout that a legacy device prescribes; a modern one
 * takes it as well. Behind it are Cleat's own header slots, one for each descriptor (virtio_tx).
 *
 * Source: VIRTIO 1.2, 2.7 (split virtqueues), 2.7.2 (legacy layout).
 */
#ifndef CLEAT_PMD_VIRTIO_RING_H
#define CLEAT_PMD_VIRTIO_RING_H

#include "runtime/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VIRTIO_RING_ALIGN 4096U
#define VIRTIO_RING_MAX	  32768U /* descriptors, 2.7 */

/* 2.7.5 */
struct virtio_desc {
	uint64_t iova;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};
static_assert(sizeof(struct virtio_desc) == 16, "VIRTIO 1.2, 2.7.5");
#define VIRTIO_DESC_NEXT  0x1U
#define VIRTIO_DESC_WRITE 0x2U /* the device writes there */

/* 2.7.6: written by the driver */
struct virtio_avail {
	uint16_t flags; /* 0 with VIRTIO_F_EVENT_IDX */
	uint16_t idx;
	uint16_t ring[]; /* heads of chains; after the last, used_event: virtio_used_event() */
};
#define VIRTIO_AVAIL_NO_INTERRUPT 0x1U

/* 2.7.8: written by the device */
struct virtio_used_elem {
	uint32_t id; /* head of the chain */
	uint32_t len;
};
struct virtio_used {
	uint16_t flags; /* 0 with VIRTIO_F_EVENT_IDX */
	uint16_t idx;
	struct virtio_used_elem ring[]; /* after the last, avail_event: virtio_avail_event() */
};
static_assert(sizeof(struct virtio_used_elem) == 8, "VIRTIO 1.2, 2.7.8");
#define VIRTIO_USED_NO_NOTIFY 0x1U

/* A header slot: the packet header, then copied protocol headers of a packet whose data is not ours
 * to change. */
#define VIRTIO_SLOT_BYTES 128U

struct virtio_ring_layout {
	uint32_t avail_off;
	uint32_t used_off;
	uint32_t slots_off;
	uint32_t bytes;
};

/** @param size  descriptors, a power of two up to VIRTIO_RING_MAX. @param slots  header slots */
cleat_inline struct virtio_ring_layout virtio_ring_layout(uint32_t size, uint32_t slots)
{
	struct virtio_ring_layout l;

	l.avail_off = size * (uint32_t)sizeof(struct virtio_desc);
	/* after both rings there is one more uint16_t, the event index */
	l.used_off = (uint32_t)cleat_align_up(l.avail_off + 6 + 2 * size, VIRTIO_RING_ALIGN);
	l.slots_off = (uint32_t)cleat_align_up(l.used_off + 6 + 8 * size, CLEAT_CACHE_LINE);
	l.bytes = l.slots_off + slots * VIRTIO_SLOT_BYTES;
	return l;
}

/* With VIRTIO_F_EVENT_IDX each side says at which entry of its ring's index the other is to speak
 * up, 2.7.7, 2.7.10. */

/** The driver's: the device interrupts once it has used the entry of this index. */
cleat_inline uint16_t *virtio_used_event(struct virtio_avail *avail, uint32_t size)
{
	return &avail->ring[size];
}

/** The device's: the driver notifies it once it has offered the entry of this index. */
cleat_inline uint16_t *virtio_avail_event(struct virtio_used *used, uint32_t size)
{
	return (uint16_t *)(void *)&used->ring[size];
}

/** Was the entry of index @p event among those that brought an index from @p before to @p now? */
cleat_inline int virtio_event_is_due(uint16_t event, uint16_t before, uint16_t now)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

/** Is the device to interrupt as soon as it has used more than @p used_idx says, or, if @p on is 0,
 * not at all? With events the latter holds for the next 65,535 entries, 2.7.7.1. */
cleat_inline void virtio_ring_interrupt(
	struct virtio_avail *avail, uint32_t size, int events, uint16_t used_idx, int on)
{
	if (events)
		cleat_store_relaxed(
			virtio_used_event(avail, size), (uint16_t)(on ? used_idx : used_idx - 1));
	cleat_store_relaxed(
		&avail->flags, (uint16_t)(on || events ? 0 : VIRTIO_AVAIL_NO_INTERRUPT));
}

#ifdef __cplusplus
}
#endif

#endif
