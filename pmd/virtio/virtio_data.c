/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_data.c - net_virtio, data side: its entry in the table of drivers, and sleeping.
 */
#include <unistd.h>

#include "pmd/virtio/virtio_queue.h"

/* The ring is the primary's while it resets the device; it wakes all who sleep when that is over.
 */
static int rx_arm(struct cleat_queue *q)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint64_t state;
	int there = 0;
	struct cleat_op op = cleat_op_enter();

	state = cleat_load_acquire(&q->shm->driver[VIRTIO_W_STATE]);
	cleat_store_relaxed(&q->shm->driver[VIRTIO_W_ARMED], 1);
	if (state == vq->state) {
		virtio_queue_interrupt(vq, 1);
		cleat_fence_seq_cst(); /* that before the index is read, 2.7.14 */
		there = virtio_queue_used_end(vq) != vq->used_idx || vq->n_free == vq->depth;
		if (there)
			virtio_queue_interrupt(vq, 0);
	} else {
		there = !(virtio_generation(state) & 1);
	}
	if (there)
		cleat_store_relaxed(&q->shm->driver[VIRTIO_W_ARMED], 0);
	cleat_op_exit(op);
	return there;
}

static void rx_disarm(struct cleat_queue *q)
{
	struct virtio_queue *vq = (struct virtio_queue *)q->data;
	uint64_t count;
	ssize_t got;
	struct cleat_op op = cleat_op_enter();

	cleat_store_relaxed(&q->shm->driver[VIRTIO_W_ARMED], 0);
	if (cleat_load_acquire(&q->shm->driver[VIRTIO_W_STATE]) == vq->state)
		virtio_queue_interrupt(vq, 0);
	cleat_op_exit(op);
	got = read(q->event_fd, &count, sizeof(count)); /* does not block */
	(void)got;					/* nothing there: it did not come */
}

static const struct cleat_xstat xstats[] = {
	{ "device_nonsense", CLEAT_RX, VIRTIO_W_WILD },
	{ "restarts", CLEAT_RX, VIRTIO_W_RESTARTS },
	{ "pool_empty", CLEAT_RX, VIRTIO_W_NO_MBUF },
	{ "device_nonsense", CLEAT_TX, VIRTIO_W_WILD },
	{ "restarts", CLEAT_TX, VIRTIO_W_RESTARTS },
};

static const char *const hw_stats[] = { "device_resets" };

static struct cleat_data_ops virtio_data = {
	.name = "net_virtio",
	.rxq_open = cleat_virtio_rx_open,
	.txq_open = cleat_virtio_tx_open,
	.close = cleat_virtio_queue_close,
	.rx_arm = rx_arm,
	.rx_disarm = rx_disarm,
	.hw_stats = hw_stats,
	.n_hw_stats = 1,
	.xstats = xstats,
	.n_xstats = sizeof(xstats) / sizeof(xstats[0]),
};
CLEAT_DATA_REGISTER(virtio_data)
