/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_shared.h - what net_virtio's two sides tell each other in a queue's driver area.
 *
 * A virtio device without VIRTIO_F_RING_RESET can only be reset as a whole. So when the owner of
 * one queue dies, all queues start anew, while their owners are alive and may be in a burst. The
 * state word carries a generation that the data side reads once at the start of each operation:
 *
 *   generation   the ring is             the data side                    the device
 *   odd          the primary's           returns 0, touches nothing       is being reset
 *   even, same   the owner's             works                            works
 *   even, other  the owner's, and empty  starts anew, then works          has no buffer
 *
 * The primary makes it odd, then waits until every thread of the owners has been outside an
 * operation (grace.h): from then on nobody touches the ring. It resets the device, zeroes the
 * ring's indexes, sets the device up again with the same memory, and makes the generation even.
 *
 * Starting anew, the owner still has all its buffers: their owner words said QUEUE all the time.
 *   rx   takes the packets that the device had finished before the reset (the word says how many),
 *        then offers all its buffers again, each from where it is noted in the process's own memory
 *   tx   frees all that was on its way. Before a reset the primary lets the device send what it
 *        has, for at most VIRTIO_DRAIN_MS; what remains after that is lost on the wire
 *
 * A process that is stopped (SIGSTOP) inside an operation cannot be waited for. After
 * VIRTIO_GRACE_MS its queue is left out: the device comes back without it, so what the process will
 * write into its ring when it goes on is seen by nobody, and the others work. Once a second the
 * primary looks whether it has left that operation, and then resets once more, with it.
 *
 * Forbidden: odd → work; even → other even without a start anew; the primary reading any of this
 * back: it keeps its own copy, as any worker may scribble here.
 *
 * Killed: the owner anywhere, its buffers say QUEUE(claim) and go back once the device has let go.
 * The primary between odd and even: queues rest until the next primary resets the device.
 */
#ifndef CLEAT_PMD_VIRTIO_SHARED_H
#define CLEAT_PMD_VIRTIO_SHARED_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VIRTIO_GRACE_MS 100U
#define VIRTIO_DRAIN_MS 100U

/* Words of cleat_queue_shm.driver. The first nine are the primary's. */
enum virtio_word {
	VIRTIO_W_STATE = 0, /* generation << 16 | used index when the device was reset */
	VIRTIO_W_RING = 1,  /* offset in the window */
	VIRTIO_W_RING_IOVA = 2,
	VIRTIO_W_SIZE = 3,     /* of the ring */
	VIRTIO_W_DEPTH = 4,    /* descriptors to use of it */
	VIRTIO_W_LAYOUT = 5,   /* header bytes | VIRTIO_LAYOUT_… */
	VIRTIO_W_DOORBELL = 6, /* window offset, or offset in the descriptor that came along */
	VIRTIO_W_QUEUE = 7,    /* what to write there */
	VIRTIO_W_FDS = 8,      /* which descriptors came along, in this order: VIRTIO_FD_… */
	/* the owner's */
	VIRTIO_W_ARMED = 9,	/* it waits for its eventfd */
	VIRTIO_W_WILD = 10,	/* nonsense from the device */
	VIRTIO_W_RESTARTS = 11, /* times it started anew */
	VIRTIO_W_NO_MBUF = 12,	/* times the pool was empty */
};

#define VIRTIO_LAYOUT_HEADER	0xffU  /* mask of the header bytes */
#define VIRTIO_LAYOUT_MERGEABLE 0x100U /* a packet may lie in several buffers */
#define VIRTIO_LAYOUT_APART	0x200U /* the header takes a descriptor of its own */
#define VIRTIO_LAYOUT_EVENTS	0x400U /* who is told of what goes by event indexes */
#define VIRTIO_LAYOUT_CHECKSUMS 0x800U /* rx: the header says what is known of the checksums */

/* Of these the word says anew how they are whenever the device has been set up; an owner takes them
 * over when he starts anew. The others stay as they were at the claim. */
#define VIRTIO_LAYOUT_AGREED (VIRTIO_LAYOUT_MERGEABLE | VIRTIO_LAYOUT_CHECKSUMS)

#define VIRTIO_FD_EVENT	   0x1U /* rx: its interrupt */
#define VIRTIO_FD_DOORBELL 0x2U /* legacy: write there to notify */

static inline uint64_t virtio_generation(uint64_t state)
{
	return state >> 16;
}

#ifdef __cplusplus
}
#endif

#endif
