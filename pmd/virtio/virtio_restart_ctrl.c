/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_restart_ctrl.c - resetting a device whose queues belong to living processes.
 *
 * The table of states is in virtio_shared.h. What the primary waits for here is bounded: threads of
 * the owners VIRTIO_GRACE_MS, packets on their way VIRTIO_DRAIN_MS, the device's own reset a
 * second.
 */
#include <errno.h>
#include <unistd.h>

#include "pmd/virtio/virtio_ctrl.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define POLL_USEC 50

static struct virtio_avail *avail_of(const struct virtio_vq *vq)
{
	return (struct virtio_avail *)(vq->ring + virtio_ring_layout(vq->size, 0).avail_off);
}

static struct virtio_used *used_of(const struct virtio_vq *vq)
{
	return (struct virtio_used *)(vq->ring + virtio_ring_layout(vq->size, 0).used_off);
}

static enum cleat_dir dir_of(unsigned number)
{
	return number % 2 == 0 ? CLEAT_RX : CLEAT_TX;
}

void cleat_virtio_publish_state(struct virtio_device *d, unsigned number, uint16_t used_idx)
{
	struct cleat_queue_shm *q = cleat_port_ctrl_queue(&d->port, dir_of(number), number / 2);

	/* partner: the load at the start of each operation of the data side */
	cleat_store_release(&q->driver[VIRTIO_W_STATE], d->vqs[number].generation << 16 | used_idx);
}

/* Before the state that goes with it; who owns the queue reads it when he starts anew. */
static void publish_layout(struct virtio_device *d, unsigned number)
{
	struct cleat_queue_shm *q = cleat_port_ctrl_queue(&d->port, dir_of(number), number / 2);

	cleat_store_relaxed(&q->driver[VIRTIO_W_LAYOUT], cleat_virtio_layout(d));
}

static uint16_t owner_slot(const struct virtio_device *d, unsigned number)
{
	return cleat_registry->queues[d->port.port][dir_of(number)][number / 2].owner_slot;
}

static int is_dying(uint16_t slot)
{
	return slot >= CLEAT_MAX_PROCS || cleat_registry->procs[slot].state == CLEAT_PROC_DYING;
}

/* ---- owners ---- */

/* Is a thread of this queue's owner still inside the operation it was in? */
static int owner_inside(const struct virtio_device *d, unsigned number)
{
	uint16_t slot = owner_slot(d, number);

	if (!d->vqs[number].held || is_dying(slot))
		return 0;
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++)
		if (cleat_registry->threads[t].slot == slot &&
			cleat_thread_set_has(&d->grace.waiting, t))
			return 1;
	return 0;
}

static int owners_inside(const struct virtio_device *d)
{
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++)
		if (d->vqs[i].configured && owner_inside(d, i))
			return 1;
	return 0;
}

static void park_the_stopped(struct virtio_device *d)
{
	d->has_parked = 0;
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++) {
		struct virtio_vq *vq = &d->vqs[i];

		vq->parked = vq->configured && owner_inside(d, i);
		if (!vq->parked)
			continue;
		d->has_parked = 1;
		cleat_log(CLEAT_LOG_WARNING,
			"port %u (%s): the owner of %s queue %u is stopped in the middle of a "
			"burst; the queue rests until it goes on or dies",
			d->port.port, d->port.name, i % 2 == 0 ? "rx" : "tx", i / 2);
	}
}

/* After this, whoever is not parked touches no ring. */
static int pause_owners(struct virtio_device *d)
{
	uint64_t end = cleat_now_ms() + VIRTIO_GRACE_MS;
	int rc;

	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++) {
		d->vqs[i].generation |= 1;
		if (d->vqs[i].configured)
			cleat_virtio_publish_state(d, i, 0);
	}
	rc = cleat_grace_begin(&d->grace);
	while (rc == 0 && cleat_grace_poll(&d->grace, NULL) == 0 && owners_inside(d) &&
		cleat_now_ms() < end)
		(void)usleep(POLL_USEC);
	if (rc == 0)
		park_the_stopped(d);
	return rc;
}

/* ---- rings ---- */

/* An index that a worker scribbled over costs VIRTIO_DRAIN_MS, no more. */
static void drain(struct virtio_device *d, unsigned number, uint64_t end)
{
	const struct virtio_vq *vq = &d->vqs[number];

	while (cleat_load_acquire(&used_of(vq)->idx) != cleat_load_acquire(&avail_of(vq)->idx) &&
		cleat_now_ms() < end)
		(void)usleep(POLL_USEC);
}

/* Let go out what was handed over for sending, also by someone killed before he rang the bell. */
static void drain_tx(struct virtio_device *d, unsigned first, unsigned last)
{
	uint64_t end = cleat_now_ms() + VIRTIO_DRAIN_MS;

	for (unsigned i = first | 1; i <= last; i += 2)
		if (d->vqs[i].configured && !d->vqs[i].parked)
			(void)d->transport.ops->notify(&d->transport, (uint16_t)i);
	for (unsigned i = first | 1; i <= last; i += 2)
		if (d->vqs[i].configured && !d->vqs[i].parked)
			drain(d, i, end);
}

/* The indexes of a device that was just reset; how far it had used the ring is noted. */
static void clear_ring(const struct virtio_device *d, struct virtio_vq *vq)
{
	int events = (d->features & VIRTIO_F_EVENT_IDX) != 0;

	vq->used_idx = cleat_load_acquire(&used_of(vq)->idx);
	virtio_ring_interrupt(avail_of(vq), vq->size, events, 0, 0);
	cleat_store_relaxed(&avail_of(vq)->idx, 0);
	cleat_store_relaxed(&used_of(vq)->flags, 0);
	cleat_store_relaxed(&used_of(vq)->idx, 0);
	cleat_store_relaxed(virtio_avail_event(used_of(vq), vq->size), 0);
}

static void clear_rings(struct virtio_device *d)
{
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++)
		if (d->vqs[i].configured && !d->vqs[i].parked)
			clear_ring(d, &d->vqs[i]);
}

/* Whoever died with several queues had them all reset at once. */
static void note_the_dead(struct virtio_device *d)
{
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++) {
		struct virtio_vq *vq = &d->vqs[i];

		if (vq->held && is_dying(owner_slot(d, i))) {
			vq->held = 0;
			vq->rested = 1;
		}
	}
}

/* ---- the whole device ---- */

int cleat_virtio_quiesce(struct virtio_device *d)
{
	int rc = 0;

	if (d->given) {
		rc = pause_owners(d);
		if (rc == 0 && d->state == VIRTIO_RUNNING)
			drain_tx(d, 0, VIRTIO_MAX_VQS - 1);
	}
	rc = rc < 0 ? rc : cleat_virtio_reset(d);
	d->state = rc < 0 ? VIRTIO_FAILED : VIRTIO_RESET;
	if (rc < 0 || !d->given)
		return rc;
	note_the_dead(d);
	clear_rings(d);
	d->given = 0;
	return 0;
}

/* Those who went on while the device was at rest find it with their rings. */
static void admit_parked(struct virtio_device *d)
{
	if (!d->has_parked)
		return;
	(void)cleat_grace_poll(&d->grace, NULL);
	d->has_parked = 0;
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++) {
		struct virtio_vq *vq = &d->vqs[i];

		if (vq->parked && !owner_inside(d, i)) {
			vq->parked = 0;
			if (vq->configured)
				clear_ring(d, vq);
		}
		d->has_parked = d->has_parked || vq->parked;
	}
}

int cleat_virtio_resume(struct virtio_device *d)
{
	int rc;

	admit_parked(d);
	rc = cleat_virtio_bring_up(d);
	d->state = rc < 0 ? VIRTIO_FAILED : VIRTIO_RUNNING;
	d->given = rc == 0;
	for (unsigned i = 0; rc == 0 && i < VIRTIO_MAX_VQS; i++) {
		struct virtio_vq *vq = &d->vqs[i];

		if (!vq->configured || vq->parked)
			continue;
		vq->generation++;
		publish_layout(d, i);
		cleat_virtio_publish_state(d, i, vq->used_idx);
		if (vq->held)
			cleat_virtio_irq_signal(vq); /* he may sleep, and has buffers to bring */
	}
	return rc;
}

int cleat_virtio_restart(struct virtio_device *d)
{
	int rc = cleat_virtio_quiesce(d);

	cleat_store_relaxed(d->port.hw_stats, *d->port.hw_stats + 1);
	if (rc < 0 || cleat_virtio_resume(d) < 0) {
		d->state = VIRTIO_FAILED;
		cleat_log(
			CLEAT_LOG_ERROR, "port %u: %s; trying again", d->port.port, cleat_error());
	}
	cleat_virtio_link_check(d);
	return rc;
}

void cleat_virtio_unpark(struct virtio_device *d)
{
	int again = 0;

	if (!d->has_parked)
		return;
	(void)cleat_grace_poll(&d->grace, NULL);
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++)
		again = again || (d->vqs[i].parked && !owner_inside(d, i));
	if (again)
		(void)cleat_virtio_restart(d);
}

/* ---- one queue ---- */

static int reset_alone(struct virtio_device *d, unsigned number)
{
	struct virtio_vq *vq = &d->vqs[number];
	int rc;

	if (number % 2 == 1)
		drain_tx(d, number, number);
	rc = d->transport.ops->queue_reset(&d->transport, (uint16_t)number);
	if (rc < 0)
		return rc;
	clear_ring(d, vq);
	vq->generation += 2;
	cleat_virtio_publish_state(d, number, 0);
	return cleat_virtio_vq_enable(d, number);
}

int cleat_virtio_vq_reset(struct virtio_device *d, unsigned number)
{
	struct virtio_vq *vq = &d->vqs[number];
	int rc;

	vq->held = 0;
	if (vq->rested || d->state != VIRTIO_RUNNING || !vq->configured) {
		vq->rested = 0;
		return d->state == VIRTIO_FAILED ? cleat_virtio_reset(d) : 0;
	}
	if (vq->parked || !(d->features & VIRTIO_F_RING_RESET))
		return cleat_virtio_restart(d);
	rc = reset_alone(d, number);
	if (rc == 0)
		return 0;
	cleat_log(CLEAT_LOG_WARNING, "port %u: %s; resetting the whole device", d->port.port,
		cleat_error());
	return cleat_virtio_restart(d);
}
