/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_modern_ctrl.c - a modern virtio device: capabilities say in which BAR its registers are.
 *
 * Source: VIRTIO 1.2, 4.1.4 (capabilities), 4.1.4.3 to 4.1.4.6 (registers), 2.6.1 (queue reset).
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "pmd/virtio/virtio_transport.h"
#include "runtime/handle.h"

#define MAX_CAPABILITIES 48 /* there are not more in 256 bytes: a loop ends here */
#define RESET_POLLS	 1000
#define POLL_USEC	 1000

/* ---- registers ---- */

static uint8_t get8(const struct virtio_transport *t, uint32_t off)
{
	return t->modern.common[off];
}

static uint16_t get16(const struct virtio_transport *t, uint32_t off)
{
	return *(volatile uint16_t *)(t->modern.common + off);
}

static uint32_t get32(const struct virtio_transport *t, uint32_t off)
{
	return *(volatile uint32_t *)(t->modern.common + off);
}

static void set16(struct virtio_transport *t, uint32_t off, uint16_t value)
{
	*(volatile uint16_t *)(t->modern.common + off) = value;
}

static void set32(struct virtio_transport *t, uint32_t off, uint32_t value)
{
	*(volatile uint32_t *)(t->modern.common + off) = value;
}

/* 4.1.3.1: 64-bit fields are written in halves. */
static void set64(struct virtio_transport *t, uint32_t off, uint64_t value)
{
	set32(t, off, (uint32_t)value);
	set32(t, off + 4, (uint32_t)(value >> 32));
}

static int features(struct virtio_transport *t, uint64_t *offered)
{
	set32(t, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 0);
	*offered = get32(t, VIRTIO_COMMON_DEVICE_FEATURE);
	set32(t, VIRTIO_COMMON_DEVICE_FEATURE_SELECT, 1);
	*offered |= (uint64_t)get32(t, VIRTIO_COMMON_DEVICE_FEATURE) << 32;
	return 0;
}

static int features_set(struct virtio_transport *t, uint64_t value)
{
	set32(t, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 0);
	set32(t, VIRTIO_COMMON_DRIVER_FEATURE, (uint32_t)value);
	set32(t, VIRTIO_COMMON_DRIVER_FEATURE_SELECT, 1);
	set32(t, VIRTIO_COMMON_DRIVER_FEATURE, (uint32_t)(value >> 32));
	return 0;
}

static int status(struct virtio_transport *t, uint8_t *out)
{
	*out = get8(t, VIRTIO_COMMON_STATUS);
	return 0;
}

static int status_set(struct virtio_transport *t, uint8_t value)
{
	t->modern.common[VIRTIO_COMMON_STATUS] = value;
	return 0;
}

/* 2.5.1: fields read across a change of the device's are read again. */
static int config_read(struct virtio_transport *t, uint32_t off, void *buf, uint32_t len)
{
	uint8_t before;
	int tries = 100;

	if (t->modern.config == NULL || off + len > t->modern.config_len)
		return cleat_err(-EPROTO, "%s: its configuration of %u bytes ends before byte %u",
			t->pci->device.name, t->modern.config_len, off + len);
	do {
		before = get8(t, VIRTIO_COMMON_GENERATION);
		for (uint32_t i = 0; i < len; i++)
			((uint8_t *)buf)[i] = t->modern.config[off + i];
	} while (get8(t, VIRTIO_COMMON_GENERATION) != before && --tries > 0);
	return tries > 0 ? 0
			 : cleat_err(-EIO, "%s: its configuration does not stay still",
				   t->pci->device.name);
}

/* 5.1.4: nothing in there is the driver's to write. */
static int config_write(struct virtio_transport *t, uint32_t off, const void *buf, uint32_t len)
{
	(void)buf;
	return cleat_err(-ENOTSUP,
		"%s: bytes %u to %u of a modern device's configuration are read-only",
		t->pci->device.name, off, off + len - 1);
}

static int queue_size(struct virtio_transport *t, uint16_t queue, uint16_t *size)
{
	*size = 0;
	if (queue >= get16(t, VIRTIO_COMMON_NUM_QUEUES))
		return 0;
	set16(t, VIRTIO_COMMON_QUEUE_SELECT, queue);
	*size = get16(t, VIRTIO_COMMON_QUEUE_SIZE);
	return 0;
}

static int queue_enable(
	struct virtio_transport *t, uint16_t queue, const struct virtio_queue_place *place)
{
	set16(t, VIRTIO_COMMON_QUEUE_SELECT, queue);
	set16(t, VIRTIO_COMMON_QUEUE_SIZE, place->size);
	set64(t, VIRTIO_COMMON_QUEUE_DESC, place->desc);
	set64(t, VIRTIO_COMMON_QUEUE_AVAIL, place->avail);
	set64(t, VIRTIO_COMMON_QUEUE_USED, place->used);
	if (t->msix) {
		set16(t, VIRTIO_COMMON_QUEUE_VECTOR, place->vector);
		if (get16(t, VIRTIO_COMMON_QUEUE_VECTOR) != place->vector)
			return cleat_err(-ENOSPC, "%s: refuses interrupt vector %u of queue %u",
				t->pci->device.name, place->vector, queue);
	}
	set16(t, VIRTIO_COMMON_QUEUE_ENABLE, 1);
	return 0;
}

static int queue_reset(struct virtio_transport *t, uint16_t queue)
{
	if (t->modern.common_len < VIRTIO_COMMON_QUEUE_RESET + 2)
		return cleat_err(-EPROTO, "%s: offers to reset queues, but has no register for it",
			t->pci->device.name);
	set16(t, VIRTIO_COMMON_QUEUE_SELECT, queue);
	set16(t, VIRTIO_COMMON_QUEUE_RESET, 1);
	for (int i = 0; i < RESET_POLLS; i++) {
		if (get16(t, VIRTIO_COMMON_QUEUE_RESET) == 0)
			return 0;
		(void)usleep(POLL_USEC);
	}
	return cleat_err(-EIO, "%s: queue %u does not come to rest", t->pci->device.name, queue);
}

static int config_vector(struct virtio_transport *t, uint16_t vector)
{
	set16(t, VIRTIO_COMMON_CONFIG_VECTOR, vector);
	if (get16(t, VIRTIO_COMMON_CONFIG_VECTOR) != vector)
		return cleat_err(
			-ENOSPC, "%s: refuses interrupt vector %u", t->pci->device.name, vector);
	return 0;
}

static int isr(struct virtio_transport *t, uint8_t *out)
{
	*out = *t->modern.isr;
	return 0;
}

/* 4.1.4.4 */
static int notify_place(struct virtio_transport *t, uint16_t queue, volatile uint8_t **out)
{
	uint64_t off;

	set16(t, VIRTIO_COMMON_QUEUE_SELECT, queue);
	off = (uint64_t)get16(t, VIRTIO_COMMON_QUEUE_NOTIFY_OFF) * t->modern.multiplier;
	if (off % 2 != 0 || off + 2 > t->modern.notify_len)
		return cleat_err(-EPROTO,
			"%s: the doorbell of queue %u lies outside the notification registers",
			t->pci->device.name, queue);
	*out = t->modern.notify + off;
	return 0;
}

static int notify(struct virtio_transport *t, uint16_t queue)
{
	volatile uint8_t *at = NULL;
	int rc = notify_place(t, queue, &at);

	if (rc == 0)
		*(volatile uint16_t *)at = queue;
	return rc;
}

static int doorbell(struct virtio_transport *t, uint16_t queue, struct virtio_doorbell *out)
{
	volatile uint8_t *at = NULL;
	int rc = notify_place(t, queue, &at);

	if (rc < 0)
		return rc;
	out->fd = -1;
	out->off = (uint64_t)((uintptr_t)at - cleat_window_base);
	return 0;
}

static const struct virtio_transport_ops modern_ops = {
	.name = "modern",
	.features = features,
	.features_set = features_set,
	.status = status,
	.status_set = status_set,
	.config_read = config_read,
	.config_write = config_write,
	.queue_size = queue_size,
	.queue_enable = queue_enable,
	.queue_reset = queue_reset,
	.config_vector = config_vector,
	.isr = isr,
	.notify = notify,
	.doorbell = doorbell,
};

/* ---- capabilities ---- */

struct area {
	uint8_t type, bar;
	uint32_t off, len;
};

/* BARs that are mapped already. */
struct bars {
	void *va[CLEAT_PCI_BARS];
	uint64_t len_bytes[CLEAT_PCI_BARS];
};

static int read_area(struct cleat_pci_device *pci, uint32_t at, struct area *a)
{
	uint8_t head[VIRTIO_PCI_CAP_MULTIPLIER];
	int rc = cleat_pci_config_read(pci, at, head, sizeof(head));

	if (rc < 0)
		return rc;
	a->type = head[VIRTIO_PCI_CAP_TYPE];
	a->bar = head[VIRTIO_PCI_CAP_BAR];
	memcpy(&a->off, head + VIRTIO_PCI_CAP_OFFSET, sizeof(a->off));
	memcpy(&a->len, head + VIRTIO_PCI_CAP_LENGTH, sizeof(a->len));
	return 0;
}

static int map_area(struct bars *bars, struct cleat_device *device,
	const struct cleat_services *services, const struct area *a, volatile uint8_t **out)
{
	uint64_t align = a->type == VIRTIO_PCI_CAP_ISR	    ? 1
			 : a->type == VIRTIO_PCI_CAP_NOTIFY ? 2
							    : 4;
	int rc;

	if (bars->va[a->bar] == NULL) {
		rc = services->bar_map(
			services->ctx, device, a->bar, &bars->va[a->bar], &bars->len_bytes[a->bar]);
		if (rc < 0)
			return rc;
	}
	if (a->off % align != 0 || (uint64_t)a->off + a->len > bars->len_bytes[a->bar])
		return cleat_err(-EPROTO,
			"%s: virtio capability %u says bytes %u to %llu of BAR %u, which has %llu",
			device->name, a->type, a->off, (unsigned long long)a->off + a->len, a->bar,
			(unsigned long long)bars->len_bytes[a->bar]);
	*out = (volatile uint8_t *)bars->va[a->bar] + a->off;
	return 0;
}

/* The first of each type counts, 4.1.4.1. A BAR number above 5 is for the future: skipped. */
static int use_area(struct virtio_transport *t, struct bars *bars, struct cleat_device *device,
	const struct cleat_services *services, uint32_t at)
{
	struct virtio_modern *m = &t->modern;
	struct area a;
	int rc = read_area(t->pci, at, &a);

	if (rc < 0 || a.bar >= CLEAT_PCI_BARS)
		return rc;
	if (a.type == VIRTIO_PCI_CAP_COMMON && m->common == NULL) {
		m->common_len = a.len;
		return map_area(bars, device, services, &a, &m->common);
	}
	if (a.type == VIRTIO_PCI_CAP_NOTIFY && m->notify == NULL) {
		m->notify_len = a.len;
		rc = cleat_pci_config_read(t->pci, at + VIRTIO_PCI_CAP_MULTIPLIER, &m->multiplier,
			sizeof(m->multiplier));
		return rc < 0 ? rc : map_area(bars, device, services, &a, &m->notify);
	}
	if (a.type == VIRTIO_PCI_CAP_ISR && m->isr == NULL && a.len >= 1)
		return map_area(bars, device, services, &a, &m->isr);
	if (a.type == VIRTIO_PCI_CAP_DEVICE && m->config == NULL) {
		m->config_len = a.len;
		return map_area(bars, device, services, &a, &m->config);
	}
	return 0;
}

int cleat_virtio_modern_open(struct virtio_transport *t, struct cleat_device *device,
	const struct cleat_services *services)
{
	struct bars bars;
	uint32_t at = 0;
	int rc = 0;

	memset(&bars, 0, sizeof(bars));
	memset(&t->modern, 0, sizeof(t->modern));
	for (int i = 0; i < MAX_CAPABILITIES && rc == 0; i++) {
		at = cleat_pci_capability(t->pci, VIRTIO_PCI_CAP_ID, at);
		if (at == 0)
			break;
		rc = use_area(t, &bars, device, services, at);
	}
	if (rc < 0)
		return rc;
	if (t->modern.common == NULL || t->modern.notify == NULL || t->modern.isr == NULL)
		return cleat_err(
			-ENOENT, "%s: no capabilities of a modern virtio device", device->name);
	if (t->modern.common_len < VIRTIO_COMMON_BYTES)
		return cleat_err(-EPROTO, "%s: common registers of only %u bytes", device->name,
			t->modern.common_len);
	t->ops = &modern_ops;
	return 0;
}
