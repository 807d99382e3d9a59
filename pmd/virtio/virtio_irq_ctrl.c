/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_irq_ctrl.c - interrupts: who is woken by which.
 *
 *   vectors              configuration   rx queue i
 *   vfio-pci, MSI-X      0               1 + i, straight to the worker's eventfd
 *   one (igb_uio), or    0               0: the primary passes it on to every worker that waits
 *   too few of them
 *   none: INTx           the line        the line; the ISR register tells which, and takes it back
 *
 * Source: VIRTIO 1.2, 4.1.4.5 (ISR), 4.1.5.1.2 (MSI-X), 4.1.5.3, 4.1.5.4.
 */
#include <errno.h>
#include <unistd.h>

#include "pmd/virtio/virtio_ctrl.h"
#include "runtime/log.h"

void cleat_virtio_irq_signal(const struct virtio_vq *vq)
{
	uint64_t one = 1;

	if (vq->event_fd >= 0 && write(vq->event_fd, &one, sizeof(one)) < 0)
		return; /* it is full of signals: he is awake */
}

uint16_t cleat_virtio_irq_vector(const struct virtio_device *d, unsigned number)
{
	unsigned own = 1 + number / 2;

	if (number % 2 != 0 || d->vectors == 0)
		return VIRTIO_NO_VECTOR;
	return (uint16_t)(own < d->vectors ? own : 0);
}

/* Word ARMED is the owner's: what he writes there wakes him or not, nobody else. */
static void pass_on(const struct virtio_device *d)
{
	for (unsigned i = 0; i < d->rx_queues; i++) {
		unsigned number = virtio_vq_number(CLEAT_RX, i);
		const struct virtio_vq *vq = &d->vqs[number];
		const struct cleat_queue_shm *q = cleat_port_ctrl_queue(&d->port, CLEAT_RX, i);

		if (vq->held && cleat_virtio_irq_vector(d, number) == 0 &&
			cleat_load_acquire(&q->driver[VIRTIO_W_ARMED]))
			cleat_virtio_irq_signal(vq);
	}
}

static void on_irq(void *arg)
{
	struct virtio_device *d = (struct virtio_device *)arg;
	uint8_t isr = VIRTIO_ISR_QUEUE | VIRTIO_ISR_CONFIG;
	int rc = 0;

	if (!d->transport.msix)
		rc = d->transport.ops->isr(&d->transport, &isr);
	rc = rc < 0 ? rc : d->transport.pci->access->irq_ack(d->transport.pci);
	if (rc < 0) {
		cleat_log(CLEAT_LOG_WARNING, "port %u: no more interrupts: %s", d->port.port,
			cleat_error());
		cleat_virtio_irq_close(d);
		return;
	}
	if (isr & VIRTIO_ISR_QUEUE)
		pass_on(d);
	if (isr & VIRTIO_ISR_CONFIG)
		cleat_virtio_link_check(d);
}

void cleat_virtio_irq_look(struct virtio_device *d)
{
	d->transport.msix = cleat_pci_msix_is_on(d->transport.pci);
}

int cleat_virtio_irq_open(struct virtio_device *d)
{
	struct cleat_pci_device *pci = d->transport.pci;
	int fds[1 + CLEAT_MAX_QUEUES];
	unsigned n = 0;
	int wired, rc;

	fds[n++] = d->config_fd;
	for (unsigned i = 0; i < d->rx_queues; i++)
		fds[n++] = d->vqs[virtio_vq_number(CLEAT_RX, i)].event_fd;
	wired = pci->access->irq_open(pci, fds, n, &d->irq_fd);
	if (wired < 0) {
		d->irq_fd = -1;
		return wired;
	}
	d->vectors = (unsigned)wired;
	cleat_virtio_irq_look(d);
	rc = d->services->irq_watch(d->services->ctx, d->irq_fd, on_irq, d);
	if (rc < 0) {
		d->irq_fd = -1;
		d->vectors = 0;
		pci->access->irq_close(pci);
		cleat_virtio_irq_look(d);
	}
	return rc;
}

void cleat_virtio_irq_close(struct virtio_device *d)
{
	if (d->irq_fd < 0)
		return;
	d->services->irq_unwatch(d->services->ctx, d->irq_fd);
	d->irq_fd = -1;
	d->vectors = 0;
	d->transport.pci->access->irq_close(d->transport.pci);
	cleat_virtio_irq_look(d);
}
