/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_vfio_irq.c - interrupts of a VFIO device by eventfds: MSI-X, else MSI, else INTx. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_vfio.h"

static uint32_t irq_count(int fd, uint32_t index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };

	if (ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info) < 0 ||
		(info.flags & VFIO_IRQ_INFO_EVENTFD) == 0)
		return 0;
	return info.count;
}

/* @return 0; how many vectors there would be (> 0) if not so many; negative errno */
static int set_fds(int fd, uint32_t index, const int *fds, uint32_t n)
{
	uint32_t bytes = (uint32_t)(sizeof(struct vfio_irq_set) + n * sizeof(int32_t));
	struct vfio_irq_set *set = (struct vfio_irq_set *)calloc(1, bytes);
	int ret;

	if (set == NULL)
		return -ENOMEM;
	set->argsz = bytes;
	set->flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER;
	set->index = index;
	set->count = n;
	memcpy(set->data, fds, n * sizeof(int32_t));
	ret = ioctl(fd, VFIO_DEVICE_SET_IRQS, set);
	if (ret < 0)
		ret = -errno;
	free(set);
	return ret;
}

static int set_none(int fd, uint32_t index, uint32_t action, uint32_t count)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | action,
		.index = index,
		.count = count,
	};

	return ioctl(fd, VFIO_DEVICE_SET_IRQS, &set) < 0 ? -errno : 0;
}

/* As many vectors of this kind as there are, n at most. @return how many; negative errno */
static int wire(int fd, uint32_t index, const int *fds, unsigned n)
{
	uint32_t count = irq_count(fd, index);
	int ret;

	if (count == 0)
		return -ENOTSUP;
	if (n < count)
		count = n;
	ret = set_fds(fd, index, fds, count);
	if (ret > 0 && (uint32_t)ret < count) { /* the machine has no more vectors than that */
		count = (uint32_t)ret;
		ret = set_fds(fd, index, fds, count);
	}
	if (ret > 0)
		return -ENOSPC;
	return ret < 0 ? ret : (int)count;
}

int cleat_vfio_irq_open(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd)
{
	static const uint32_t kinds[] = { VFIO_PCI_MSIX_IRQ_INDEX, VFIO_PCI_MSI_IRQ_INDEX,
		VFIO_PCI_INTX_IRQ_INDEX };
	struct cleat_vfio *v = (struct cleat_vfio *)dev->access_data;
	int ret = -ENOTSUP;

	if (n == 0)
		return cleat_err(-EINVAL, "%s: interrupts need an eventfd", dev->device.name);
	if (v->irq_index != CLEAT_VFIO_NO_IRQ)
		return cleat_err(-EALREADY, "interrupts of %s are on", dev->device.name);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && ret < 0; i++) {
		int wired = wire(v->fd, kinds[i], fds, n);

		if (wired == -ENOTSUP)
			continue;
		ret = wired;
		v->irq_index = wired > 0 ? kinds[i] : CLEAT_VFIO_NO_IRQ;
	}
	if (ret == -ENOTSUP)
		return cleat_err(ret, "%s has no interrupts", dev->device.name);
	if (ret < 0)
		return cleat_err(
			ret, "%s: no interrupt is free: %s", dev->device.name, strerror(-ret));
	v->irq_fd = *irq_fd = fds[0];
	return ret;
}

int cleat_vfio_irq_ack(struct cleat_pci_device *dev)
{
	struct cleat_vfio *v = (struct cleat_vfio *)dev->access_data;
	uint64_t count;
	int ret;

	if (v->irq_index == CLEAT_VFIO_NO_IRQ)
		return cleat_err(-EINVAL, "interrupts of %s are off", dev->device.name);
	if (read(v->irq_fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR)
		return cleat_err(-EIO, "interrupt of %s: %s", dev->device.name, strerror(errno));
	if (v->irq_index != VFIO_PCI_INTX_IRQ_INDEX)
		return 0;
	/* The kernel has masked the line. */
	ret = set_none(v->fd, v->irq_index, VFIO_IRQ_SET_ACTION_UNMASK, 1);
	return ret == 0 ? 0
			: cleat_err(-EIO, "interrupt of %s stays masked: %s", dev->device.name,
				  strerror(-ret));
}

void cleat_vfio_irq_close(struct cleat_pci_device *dev)
{
	struct cleat_vfio *v = (struct cleat_vfio *)dev->access_data;

	if (v->irq_index == CLEAT_VFIO_NO_IRQ)
		return;
	/* Fails only if the device is gone, and its interrupts with it. */
	set_none(v->fd, v->irq_index, VFIO_IRQ_SET_ACTION_TRIGGER, 0);
	v->irq_index = CLEAT_VFIO_NO_IRQ;
	v->irq_fd = -1;
}

int cleat_vfio_request_open(struct cleat_vfio *v)
{
	int ret;

	if (irq_count(v->fd, VFIO_PCI_REQ_IRQ_INDEX) == 0)
		return 0;
	v->req_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (v->req_fd < 0)
		return cleat_err(-errno, "eventfd: %s", strerror(errno));
	ret = set_fds(v->fd, VFIO_PCI_REQ_IRQ_INDEX, &v->req_fd, 1);
	if (ret == 0)
		return 0;
	cleat_pci_fd_close(&v->req_fd);
	return cleat_err(ret < 0 ? ret : -EIO, "no notice of removal: %s", strerror(-ret));
}
