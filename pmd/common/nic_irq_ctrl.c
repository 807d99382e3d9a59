/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pmd/common/nic_irq.h"
#include "pmd/common/nic_queue.h"
#include "runtime/log.h"
#include "runtime/pci/pci_access.h"

static void close_fds(struct cleat_nic_irq *irq)
{
	for (unsigned i = 0; i < irq->n; i++)
		(void)close(irq->fds[i]);
	irq->n = 0;
}

static int open_fds(struct cleat_nic_irq *irq, unsigned n)
{
	for (irq->n = 0; irq->n < n; irq->n++) {
		irq->fds[irq->n] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (irq->fds[irq->n] < 0) {
			int ret = cleat_err(-errno, "%s: no eventfd for its interrupts: %s",
				irq->pci->device.name, strerror(errno));

			close_fds(irq);
			return ret;
		}
	}
	return 0;
}

int cleat_nic_irq_open(struct cleat_nic_irq *irq, struct cleat_pci_device *pci,
	const struct cleat_services *services, unsigned queues, void (*fn)(void *arg), void *arg)
{
	int ret;

	irq->pci = pci;
	irq->services = services;
	irq->wired = 0;
	irq->msix = 0;
	irq->irq_fd = -1;
	ret = open_fds(irq, 1 + queues);
	if (ret < 0)
		return ret;
	ret = pci->access->irq_open(pci, irq->fds, irq->n, &irq->irq_fd);
	if (ret == -ENOTSUP) {
		cleat_log(CLEAT_LOG_NOTICE, "%s: no interrupts (%s); the link is polled",
			pci->device.name, cleat_error());
		close_fds(irq);
		return 0;
	}
	if (ret < 0) {
		close_fds(irq);
		return ret;
	}
	irq->wired = (unsigned)ret;
	irq->msix = cleat_pci_msix_is_on(pci);
	ret = services->irq_watch(services->ctx, irq->irq_fd, fn, arg);
	if (ret < 0) {
		pci->access->irq_close(pci);
		irq->wired = 0;
		close_fds(irq);
	}
	return ret < 0 ? ret : 0;
}

void cleat_nic_irq_close(struct cleat_nic_irq *irq)
{
	if (irq->wired != 0) {
		irq->services->irq_unwatch(irq->services->ctx, irq->irq_fd);
		irq->pci->access->irq_close(irq->pci);
		irq->wired = 0;
	}
	close_fds(irq);
}

int cleat_nic_irq_ack(struct cleat_nic_irq *irq)
{
	return irq->pci->access->irq_ack(irq->pci);
}

int cleat_nic_irq_is_own(const struct cleat_nic_irq *irq, unsigned queue)
{
	return irq->wired > 1 + queue;
}

int cleat_nic_irq_can_wake(const struct cleat_nic_irq *irq, unsigned queue)
{
	return irq->wired == 1 || cleat_nic_irq_is_own(irq, queue);
}

int cleat_nic_irq_grant(
	const struct cleat_nic_irq *irq, unsigned queue, struct cleat_queue_grant *grant)
{
	int fd;

	grant->n_fds = 0;
	if (!cleat_nic_irq_can_wake(irq, queue))
		return 0;
	fd = fcntl(irq->fds[1 + queue], F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return cleat_err(-errno, "%s: the eventfd of rx queue %u cannot be duplicated: %s",
			irq->pci->device.name, queue, strerror(errno));
	grant->fds[0] = fd;
	grant->n_fds = 1;
	return 0;
}

void cleat_nic_irq_wake(const struct cleat_nic_irq *irq, const struct cleat_port_ctrl *port)
{
	const uint64_t one = 1;

	for (unsigned q = 0; q + 1 < irq->n; q++) {
		const struct cleat_queue_shm *shm = cleat_port_ctrl_queue(port, CLEAT_RX, q);

		/* EAGAIN: it is signalled more than enough */
		if (cleat_load_acquire(&shm->driver[CLEAT_NIC_ARMED]) != 0)
			(void)!write(irq->fds[1 + q], &one, sizeof(one));
	}
}
