/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_port_ctrl.c - what can be done with a virtio port: set up, start, stop, filters, claims.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pmd/virtio/virtio_ctrl.h"
#include "runtime/log.h"
#include "runtime/mbuf.h"

/* ---- set-up ---- */

static int check_unheld(const struct virtio_device *d, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++)
		if (d->vqs[i].held)
			return cleat_err(-EBUSY,
				"%s: %s queue %u is claimed; release it before it is set up anew",
				d->port.name, i % 2 == 0 ? "rx" : "tx", i / 2);
	return 0;
}

static int configure(struct cleat_port_ctrl *port, unsigned rx_queues, unsigned tx_queues)
{
	struct virtio_device *d = virtio_of(port);
	int rc = check_unheld(d, 0, VIRTIO_MAX_VQS - 1);

	if (rc < 0)
		return rc;
	if (tx_queues > rx_queues && tx_queues > 1)
		return cleat_err(-EINVAL,
			"%s: with %u tx queues the device spreads what it receives over as many rx "
			"queues, so %u are too few",
			port->name, tx_queues, rx_queues);
	rc = cleat_virtio_command_setup(d);
	if (rc < 0)
		return rc;
	d->rx_queues = rx_queues;
	d->tx_queues = tx_queues;
	for (unsigned i = 0; i < CLEAT_MAX_QUEUES; i++) {
		d->vqs[virtio_vq_number(CLEAT_RX, i)].configured = i < rx_queues;
		d->vqs[virtio_vq_number(CLEAT_TX, i)].configured = i < tx_queues;
	}
	return 0;
}

/* A legacy device prescribes the ring's size; then only part of it is used. */
static int choose_size(
	const struct virtio_device *d, unsigned number, unsigned descriptors, uint16_t *size)
{
	uint16_t max = d->vqs[number].max_size;

	if (descriptors < 2 || descriptors > max)
		return cleat_err(-EINVAL, "%s: a queue has 2 to %u descriptors, not %u",
			d->port.name, max, descriptors);
	*size = max;
	if (d->features & VIRTIO_F_VERSION_1)
		*size = (uint16_t)cleat_pow2_ceil(descriptors);
	return 0;
}

static int reserve_ring(struct virtio_device *d, unsigned number, uint16_t size, uint16_t depth)
{
	const struct cleat_services *s = d->services;
	struct virtio_vq *vq = &d->vqs[number];
	uint32_t slots = number % 2 == 0 ? 0 : depth;
	char what[16];
	void *va;
	int rc;

	(void)snprintf(what, sizeof(what), "%s%u", number % 2 == 0 ? "rx" : "tx", number / 2);
	if (vq->ring != NULL && vq->size == size && vq->slots == slots) {
		memset(vq->ring, 0, virtio_ring_layout(size, slots).bytes);
		vq->depth = depth;
		return 0;
	}
	if (vq->ring != NULL) {
		rc = s->dma_free(s->ctx, &d->port, what);
		if (rc < 0)
			return rc;
		vq->ring = NULL;
	}
	rc = s->dma_reserve(s->ctx, &d->port, what, virtio_ring_layout(size, slots).bytes,
		VIRTIO_RING_ALIGN, &va, &vq->iova);
	if (rc < 0)
		return rc;
	vq->ring = (char *)va;
	vq->size = size;
	vq->depth = depth;
	vq->slots = slots;
	return 0;
}

static int queue_setup(struct virtio_device *d, unsigned number, unsigned descriptors)
{
	uint16_t size = 0;
	int rc = check_unheld(d, number, number);

	rc = rc < 0 ? rc : choose_size(d, number, descriptors, &size);
	return rc < 0 ? rc : reserve_ring(d, number, size, (uint16_t)descriptors);
}

static int rx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	struct virtio_device *d = virtio_of(port);
	struct virtio_vq *vq = &d->vqs[virtio_vq_number(CLEAT_RX, queue)];
	uint32_t header = cleat_virtio_layout(d) & VIRTIO_LAYOUT_HEADER;

	if (pool->headroom_bytes < header)
		return cleat_err(-EINVAL, "%s: pool %s has %u bytes of headroom, %u are needed",
			port->name, pool->name, pool->headroom_bytes, header);
	if (vq->event_fd < 0)
		vq->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vq->event_fd < 0)
		return cleat_err(-errno, "eventfd: %s", strerror(errno));
	vq->room_bytes =
		pool->elt_bytes - (uint32_t)sizeof(struct cleat_mbuf) - pool->headroom_bytes;
	return queue_setup(d, virtio_vq_number(CLEAT_RX, queue), descriptors);
}

static int tx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors)
{
	return queue_setup(virtio_of(port), virtio_vq_number(CLEAT_TX, queue), descriptors);
}

/* ---- state ---- */

static int port_start(struct cleat_port_ctrl *port)
{
	struct virtio_device *d = virtio_of(port);
	int rc = cleat_virtio_irq_open(d);

	if (rc == -ENOTSUP)
		cleat_log(CLEAT_LOG_NOTICE, "port %u: %s: workers poll", port->port, cleat_error());
	else if (rc < 0)
		return rc;
	rc = cleat_virtio_resume(d);
	if (rc < 0) {
		d->state = VIRTIO_RESET;
		cleat_virtio_irq_close(d);
		return rc;
	}
	cleat_virtio_link_check(d);
	return 0;
}

static int port_stop(struct cleat_port_ctrl *port)
{
	struct virtio_device *d = virtio_of(port);
	int rc = cleat_virtio_quiesce(d);

	if (rc < 0)
		return rc;
	d->state = VIRTIO_RESET;
	cleat_virtio_irq_close(d);
	return 0;
}

static int link_get(struct cleat_port_ctrl *port, struct cleat_link *out)
{
	*out = port->link;
	return 0;
}

static void tick(struct cleat_port_ctrl *port)
{
	struct virtio_device *d = virtio_of(port);
	uint8_t status = 0;

	if (d->device->leaving || d->transport.ops->status(&d->transport, &status) < 0 ||
		status == 0xff)
		return; /* it is being taken away */
	if (d->state == VIRTIO_RUNNING && (status & VIRTIO_STATUS_NEEDS_RESET)) {
		cleat_log(CLEAT_LOG_WARNING,
			"port %u (%s): the device found nonsense in a queue and asks to be reset",
			port->port, port->name);
		(void)cleat_virtio_restart(d);
	} else if (d->state == VIRTIO_FAILED) {
		(void)cleat_virtio_restart(d);
	}
	cleat_virtio_unpark(d);
	cleat_virtio_link_check(d);
}

/* ---- what is received ---- */

static int no_filter(const struct virtio_device *d)
{
	return cleat_err(-EOPNOTSUPP,
		"%s: the device has no filters (VIRTIO_NET_F_CTRL_RX): it hands over all it gets",
		d->port.name);
}

static int promiscuous_set(struct cleat_port_ctrl *port, int on)
{
	struct virtio_device *d = virtio_of(port);

	if (!(d->features & VIRTIO_NET_F_CTRL_RX))
		return on ? 0 : no_filter(d);
	d->promiscuous = on;
	return d->state == VIRTIO_RUNNING ? cleat_virtio_command_promiscuous(d, on) : 0;
}

static int allmulticast_set(struct cleat_port_ctrl *port, int on)
{
	struct virtio_device *d = virtio_of(port);

	if (!(d->features & VIRTIO_NET_F_CTRL_RX))
		return on ? 0 : no_filter(d);
	d->allmulticast = on;
	return d->state == VIRTIO_RUNNING ? cleat_virtio_command_allmulticast(d, on) : 0;
}

static int filters_changed(struct virtio_device *d)
{
	return d->state == VIRTIO_RUNNING ? cleat_virtio_command_filters(d) : 0;
}

static int mac_filter_add(struct cleat_port_ctrl *port, const uint8_t mac[6])
{
	struct virtio_device *d = virtio_of(port);
	int rc;

	if (d->n_filters == VIRTIO_MAX_FILTERS)
		return cleat_err(-ENOSPC, "%s: all %u address filters are in use", port->name,
			VIRTIO_MAX_FILTERS);
	memcpy(d->filters[d->n_filters++], mac, 6);
	rc = filters_changed(d);
	if (rc < 0)
		d->n_filters--;
	return rc;
}

static int mac_filter_remove(struct cleat_port_ctrl *port, const uint8_t mac[6])
{
	struct virtio_device *d = virtio_of(port);

	for (unsigned i = 0; i < d->n_filters; i++) {
		if (memcmp(d->filters[i], mac, 6) != 0)
			continue;
		memmove(d->filters[i], d->filters[--d->n_filters], 6);
		return filters_changed(d);
	}
	return cleat_err(-ENOENT, "%s: there is no such address filter", port->name);
}

static int mac_set(struct cleat_port_ctrl *port, const uint8_t mac[6])
{
	struct virtio_device *d = virtio_of(port);

	if (d->features & VIRTIO_NET_F_CTRL_MAC_ADDR)
		return d->state == VIRTIO_RUNNING ? cleat_virtio_command_mac(d, mac) : 0;
	if ((d->features & VIRTIO_F_VERSION_1) || !(d->features & VIRTIO_NET_F_MAC))
		return cleat_err(
			-EOPNOTSUPP, "%s: the device keeps the MAC address it has", port->name);
	if (d->state != VIRTIO_RUNNING)
		return 0; /* written when it comes up */
	return d->transport.ops->config_write(&d->transport, VIRTIO_NET_CONFIG_MAC, mac, 6);
}

/* The device takes whatever fits; what fits is checked against the pools before. Where buffers have
 * to be merged from now on, that is agreed upon anew, and the queues go on by themselves; where
 * they need not any more, it waits for the next start. */
static int mtu_set(struct cleat_port_ctrl *port, unsigned mtu)
{
	struct virtio_device *d = virtio_of(port);
	int rc;

	if (d->state == VIRTIO_FAILED && mtu != port->mtu)
		return cleat_err(-EAGAIN,
			"%s: the device does not work at present; it is being tried again with the "
			"MTU it had, change that afterwards",
			port->name);
	d->mtu = mtu;
	if (!cleat_virtio_wants_more(d))
		return 0;
	rc = cleat_virtio_restart(d);
	if (rc == 0 && d->state != VIRTIO_RUNNING)
		rc = cleat_err_prefix(-EIO, "%s: with an MTU of %u", port->name, mtu);
	if (rc < 0)
		d->mtu = port->mtu; /* so it comes up the next time */
	return rc;
}

/* Negotiated at start. */
static int offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	(void)port;
	(void)offloads;
	return 0;
}

/* ---- claims ---- */

static int grant_fd(struct cleat_queue_grant *grant, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return cleat_err(-errno, "a descriptor for a queue's owner: %s", strerror(errno));
	grant->fds[grant->n_fds++] = copy;
	return 0;
}

static int can_wake(const struct virtio_device *d, const struct virtio_vq *vq)
{
	return vq->event_fd >= 0 && (d->irq_fd >= 0 || d->state == VIRTIO_RESET);
}

static int grant_fds(struct virtio_device *d, const struct virtio_vq *vq, int doorbell_fd,
	struct cleat_queue_grant *grant, uint64_t *fds)
{
	int rc = 0;

	if (can_wake(d, vq)) {
		rc = grant_fd(grant, vq->event_fd);
		*fds |= VIRTIO_FD_EVENT;
	}
	if (rc == 0 && doorbell_fd >= 0) {
		rc = grant_fd(grant, doorbell_fd);
		*fds |= VIRTIO_FD_DOORBELL;
	}
	while (rc < 0 && grant->n_fds > 0)
		(void)close(grant->fds[--grant->n_fds]);
	return rc;
}

static int queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	struct virtio_device *d = virtio_of(port);
	unsigned number = virtio_vq_number(dir, queue);
	struct virtio_vq *vq = &d->vqs[number];
	uint64_t *word = cleat_port_ctrl_queue(port, dir, queue)->driver;
	struct virtio_doorbell bell;
	uint64_t fds = 0;
	int rc = d->transport.ops->doorbell(&d->transport, (uint16_t)number, &bell);

	rc = rc < 0 ? rc : grant_fds(d, vq, bell.fd, grant, &fds);
	if (rc < 0)
		return rc;
	word[VIRTIO_W_RING] = (uint64_t)((uintptr_t)vq->ring - cleat_window_base);
	word[VIRTIO_W_RING_IOVA] = vq->iova;
	word[VIRTIO_W_SIZE] = vq->size;
	word[VIRTIO_W_DEPTH] = vq->depth;
	word[VIRTIO_W_LAYOUT] = cleat_virtio_layout(d);
	word[VIRTIO_W_DOORBELL] = bell.off;
	word[VIRTIO_W_QUEUE] = number;
	word[VIRTIO_W_FDS] = fds;
	word[VIRTIO_W_ARMED] = 0;
	vq->held = 1;
	vq->rested = 0;
	cleat_virtio_publish_state(d, number, 0);
	return 0;
}

static int queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	return cleat_virtio_vq_reset(virtio_of(port), virtio_vq_number(dir, queue));
}

const struct cleat_port_ops cleat_virtio_port_ops = {
	.configure = configure,
	.rx_queue_setup = rx_queue_setup,
	.tx_queue_setup = tx_queue_setup,
	.start = port_start,
	.stop = port_stop,
	.promiscuous_set = promiscuous_set,
	.mtu_set = mtu_set,
	.mac_set = mac_set,
	.allmulticast_set = allmulticast_set,
	.mac_filter_add = mac_filter_add,
	.mac_filter_remove = mac_filter_remove,
	.offloads_set = offloads_set,
	.link_get = link_get,
	.queue_open = queue_open,
	.queue_reset = queue_reset,
	.tick = tick,
};
