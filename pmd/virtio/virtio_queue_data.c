/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_queue_data.c - opening a virtqueue in a worker, and its doorbell.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "pmd/virtio/virtio_queue.h"

/* The control side's words. Any worker may scribble over them at any time, so they are read once,
 * and what was checked is what is used; of the layout a part later anew. */
struct words {
	uint64_t ring, ring_iova, size, depth, layout, doorbell, queue, fds;
};

static uint64_t word(const struct cleat_queue *q, enum virtio_word w)
{
	return cleat_load_relaxed(&q->shm->driver[w]);
}

static struct words read_words(const struct cleat_queue *q)
{
	return (struct words){ .ring = word(q, VIRTIO_W_RING),
		.ring_iova = word(q, VIRTIO_W_RING_IOVA),
		.size = word(q, VIRTIO_W_SIZE),
		.depth = word(q, VIRTIO_W_DEPTH),
		.layout = word(q, VIRTIO_W_LAYOUT),
		.doorbell = word(q, VIRTIO_W_DOORBELL),
		.queue = word(q, VIRTIO_W_QUEUE),
		.fds = word(q, VIRTIO_W_FDS) };
}

static int in_window(uint64_t off, uint64_t len_bytes)
{
	return off != 0 && off < cleat_window_len && len_bytes <= cleat_window_len - off;
}

static int nonsense(const struct cleat_queue *q, const char *what, uint64_t value)
{
	return cleat_err(-EPROTO,
		"net_virtio port %u %s queue %u: %s %llu in shared memory makes no sense", q->port,
		q->dir == CLEAT_RX ? "rx" : "tx", q->queue, what, (unsigned long long)value);
}

static int check_words(const struct cleat_queue *q, const struct words *w)
{
	uint64_t header = w->layout & VIRTIO_LAYOUT_HEADER;
	uint64_t slots = q->dir == CLEAT_TX ? w->depth : 0;

	if (!cleat_is_pow2(w->size) || w->size > VIRTIO_RING_MAX)
		return nonsense(q, "ring size", w->size);
	if (w->depth < 2 || w->depth > w->size)
		return nonsense(q, "depth", w->depth);
	if (header != VIRTIO_NET_HEADER_BYTES && header != VIRTIO_NET_HEADER_BYTES_OLD)
		return nonsense(q, "header of bytes", header);
	if (w->ring % VIRTIO_RING_ALIGN != 0 ||
		!in_window(w->ring, virtio_ring_layout((uint32_t)w->size, (uint32_t)slots).bytes))
		return nonsense(q, "ring at", w->ring);
	return 0;
}

static void use_ring(struct virtio_queue *vq, const struct cleat_queue *q, const struct words *w)
{
	struct virtio_ring_layout l = virtio_ring_layout((uint32_t)w->size, 0);
	char *ring = (char *)(cleat_window_base + w->ring);

	vq->shm = q->shm;
	vq->mask = (uint16_t)(w->size - 1);
	vq->depth = (uint16_t)w->depth;
	vq->layout = (uint32_t)w->layout & ~VIRTIO_LAYOUT_HEADER;
	vq->header_bytes = (uint16_t)(w->layout & VIRTIO_LAYOUT_HEADER);
	vq->desc = (struct virtio_desc *)ring;
	vq->avail = (struct virtio_avail *)(ring + l.avail_off);
	vq->used = (struct virtio_used *)(ring + l.used_off);
	vq->headers = (uint8_t *)ring + l.slots_off;
	vq->headers_iova = w->ring_iova + l.slots_off;
	vq->number = (uint16_t)w->queue;
}

/* Descriptors come in the order of the bits of VIRTIO_W_FDS. */
static int take_fds(struct virtio_queue *vq, struct cleat_queue *q, struct cleat_queue_conf *conf,
	const struct words *w)
{
	unsigned n = 0, want = (w->fds & VIRTIO_FD_EVENT) != 0;

	want += (w->fds & VIRTIO_FD_DOORBELL) != 0;
	if (conf->n_fds != want)
		return nonsense(q, "number of descriptors", conf->n_fds);
	if (w->fds & VIRTIO_FD_EVENT) {
		q->event_fd = conf->fds[n];
		conf->fds[n++] = -1;
	}
	vq->doorbell_off = w->doorbell;
	if (w->fds & VIRTIO_FD_DOORBELL) {
		vq->doorbell_fd = conf->fds[n];
		conf->fds[n++] = -1;
		return 0;
	}
	if (vq->doorbell_off % 2 != 0 || !in_window(vq->doorbell_off, 2))
		return nonsense(q, "doorbell at", vq->doorbell_off);
	vq->doorbell = (volatile uint16_t *)(cleat_window_base + vq->doorbell_off);
	return 0;
}

static void rest(struct virtio_queue *vq)
{
	for (uint16_t i = 0; i < vq->depth; i++)
		vq->slots[i] = (struct virtio_slot){ .next = (uint16_t)(i + 1) };
	vq->free_head = 0;
	vq->n_free = vq->depth;
	vq->avail_idx = 0;
	vq->published = 0;
	vq->used_idx = 0;
}

int cleat_virtio_queue_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	const struct words w = read_words(q);
	int rc = check_words(q, &w);
	struct virtio_queue *vq;

	if (rc < 0)
		return rc;
	vq = (struct virtio_queue *)calloc(1, sizeof(*vq));
	if (vq == NULL)
		return cleat_err(-ENOMEM, "no memory for a net_virtio queue");
	vq->doorbell_fd = -1;
	q->data = vq;
	use_ring(vq, q, &w);
	vq->slots = (struct virtio_slot *)calloc(vq->depth, sizeof(*vq->slots));
	vq->done = (struct cleat_mbuf **)calloc(
		vq->depth + CLEAT_MAX_BURST, sizeof(struct cleat_mbuf *));
	if (vq->slots == NULL || vq->done == NULL)
		rc = cleat_err(-ENOMEM, "no memory for a net_virtio queue");
	rc = rc < 0 ? rc : take_fds(vq, q, conf, &w);
	if (rc < 0) {
		cleat_virtio_queue_close(q);
		return rc;
	}
	vq->state = UINT64_MAX; /* none: the first burst starts anew */
	rest(vq);
	return 0;
}

void cleat_virtio_queue_close(struct cleat_queue *q)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;

	if (vq->doorbell_fd >= 0)
		(void)close(vq->doorbell_fd);
	free(vq->slots);
	free(vq->done);
	free(vq);
	q->data = NULL;
}

/* Whoever scribbles over the word costs the owner packets, no more. */
void cleat_virtio_queue_anew(struct virtio_queue *vq, uint64_t state)
{
	/* partner: publish_layout() of the control side, before the state that was acquired */
	uint64_t layout = cleat_load_relaxed(&vq->shm->driver[VIRTIO_W_LAYOUT]);

	vq->layout =
		(vq->layout & ~VIRTIO_LAYOUT_AGREED) | ((uint32_t)layout & VIRTIO_LAYOUT_AGREED);
	rest(vq);
	if (!(virtio_generation(vq->state) & 1))
		cleat_count(&vq->shm->driver[VIRTIO_W_RESTARTS], 1);
	vq->state = state;
}

void cleat_virtio_queue_free_done(struct virtio_queue *vq)
{
	if (vq->n_done != 0)
		cleat_mbuf_free_bulk(vq->done, vq->n_done);
	vq->n_done = 0;
}

void cleat_virtio_queue_ring_doorbell(struct virtio_queue *vq)
{
	if (cleat_likely(vq->doorbell != NULL))
		*vq->doorbell = vq->number; /* 4.1.5.2 */
	else if (pwrite(vq->doorbell_fd, &vq->number, sizeof(vq->number),
			 (off_t)vq->doorbell_off) != (ssize_t)sizeof(vq->number))
		cleat_count(&vq->shm->errors, 1); /* the device is being taken away */
}
