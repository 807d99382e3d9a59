/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_command_ctrl.c - commands to the device over its control queue, one at a time.
 *
 * The primary alone uses this queue, and waits for each answer: devices answer at once. One that
 * does not, or that says that it must be reset, is given up until that.
 *
 * Source: VIRTIO 1.2, 5.1.6.5.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pmd/virtio/virtio_ctrl.h"
#include "runtime/clock.h"

#define ANSWER_MS 1000U
#define POLL_USEC 100

/* What lies behind the ring, in the header slots' place. */
struct command {
	uint8_t class_, command;
	uint8_t ack;
	uint8_t reserved[13];
	uint8_t data[496];
};
static_assert(sizeof(struct command) == 4 * VIRTIO_SLOT_BYTES, "takes whole slots");
#define COMMAND_SLOTS (sizeof(struct command) / VIRTIO_SLOT_BYTES)

/* 5.1.6.5.2: two lists, addresses of stations and of groups. */
struct mac_list {
	uint32_t n;
	uint8_t macs[VIRTIO_MAX_FILTERS][6];
};

int cleat_virtio_command_setup(struct virtio_device *d)
{
	struct virtio_command_queue *c = &d->command;
	void *va;
	int rc;

	if (!(d->features & VIRTIO_NET_F_CTRL_VQ) || c->ring != NULL)
		return 0;
	if (c->size < 4)
		return cleat_err(-EPROTO, "%s: a control queue of %u descriptors cannot be used",
			d->port.name, c->size);
	rc = d->services->dma_reserve(d->services->ctx, &d->port, "command",
		virtio_ring_layout(c->size, COMMAND_SLOTS).bytes, VIRTIO_RING_ALIGN, &va, &c->iova);
	if (rc == 0)
		c->ring = (char *)va;
	return rc;
}

int cleat_virtio_command_enable(struct virtio_device *d)
{
	struct virtio_command_queue *c = &d->command;
	struct virtio_ring_layout l;
	struct virtio_queue_place place = { .vector = VIRTIO_NO_VECTOR };

	if (c->ring == NULL)
		return 0;
	l = virtio_ring_layout(c->size, COMMAND_SLOTS);
	memset(c->ring, 0, l.bytes);
	virtio_ring_interrupt((struct virtio_avail *)(c->ring + l.avail_off), c->size,
		(d->features & VIRTIO_F_EVENT_IDX) != 0, 0, 0);
	c->idx = 0;
	c->broken = 0;
	place.desc = c->iova;
	place.avail = c->iova + l.avail_off;
	place.used = c->iova + l.used_off;
	place.size = c->size;
	return d->transport.ops->queue_enable(&d->transport, c->number, &place);
}

/* Whoever owns one of its queues can scribble over it: the device then does nothing any more, and
 * the primary has others to serve. A device that is gone reads as ones. */
static int has_given_up(struct virtio_device *d)
{
	uint8_t status = 0;

	return d->transport.ops->status(&d->transport, &status) < 0 ||
	       (status & VIRTIO_STATUS_NEEDS_RESET) != 0;
}

/* Offer the three descriptors and wait until the device has used them. */
static int run(struct virtio_device *d, const struct virtio_ring_layout *l)
{
	struct virtio_command_queue *c = &d->command;
	struct virtio_avail *avail = (struct virtio_avail *)(c->ring + l->avail_off);
	const struct virtio_used *used = (const struct virtio_used *)(c->ring + l->used_off);
	uint64_t end_ms;
	int rc;

	avail->ring[c->idx & (c->size - 1)] = 0;
	c->idx++;
	cleat_store_release(&avail->idx, c->idx);
	cleat_fence_seq_cst();
	rc = d->transport.ops->notify(&d->transport, c->number);
	end_ms = cleat_now_ms() + ANSWER_MS;
	while (rc == 0) {
		if (cleat_load_acquire(&used->idx) == c->idx)
			return 0;
		if (has_given_up(d) || cleat_now_ms() > end_ms)
			break;
		(void)usleep(POLL_USEC);
	}
	c->broken = 1;
	return rc < 0 ? rc
		      : cleat_err(-ETIMEDOUT, "%s: the device does not answer a command",
				d->port.name);
}

static int command(
	struct virtio_device *d, uint8_t class_, uint8_t what, const void *data, uint32_t len)
{
	struct virtio_command_queue *c = &d->command;
	struct virtio_ring_layout l = virtio_ring_layout(c->size, COMMAND_SLOTS);
	struct virtio_desc *desc = (struct virtio_desc *)c->ring;
	struct command *cmd = (struct command *)(c->ring + l.slots_off);
	uint64_t at = c->iova + l.slots_off;
	int rc;

	if (c->broken || len > sizeof(cmd->data))
		return cleat_err(-EIO, "%s: the device does not take commands", d->port.name);
	cmd->class_ = class_;
	cmd->command = what;
	cmd->ack = 0xff;
	memcpy(cmd->data, data, len);
	desc[0] = (struct virtio_desc){ at, 2, VIRTIO_DESC_NEXT, 1 };
	desc[1] = (struct virtio_desc){ at + offsetof(struct command, data), len, VIRTIO_DESC_NEXT,
		2 };
	desc[2] =
		(struct virtio_desc){ at + offsetof(struct command, ack), 1, VIRTIO_DESC_WRITE, 0 };
	rc = run(d, &l);
	if (rc == 0 && cmd->ack != VIRTIO_NET_CTRL_OK)
		return cleat_err(
			-EIO, "%s: the device refuses command %u.%u", d->port.name, class_, what);
	return rc;
}

/* A device that is not running is told when it comes up. */
static int can_tell(const struct virtio_device *d, uint64_t feature)
{
	return d->command.ring != NULL && (d->features & feature);
}

int cleat_virtio_command_promiscuous(struct virtio_device *d, int on)
{
	uint8_t byte = on != 0;

	if (!can_tell(d, VIRTIO_NET_F_CTRL_RX))
		return 0;
	return command(d, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, &byte, 1);
}

int cleat_virtio_command_allmulticast(struct virtio_device *d, int on)
{
	uint8_t byte = on != 0;

	if (!can_tell(d, VIRTIO_NET_F_CTRL_RX))
		return 0;
	return command(d, VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, &byte, 1);
}

/* @return bytes written to @p out */
static uint32_t put_list(const struct virtio_device *d, int groups, uint8_t *out)
{
	struct mac_list list = { .n = 0 };

	for (unsigned i = 0; i < d->n_filters; i++)
		if ((d->filters[i][0] & 1) == groups)
			memcpy(list.macs[list.n++], d->filters[i], 6);
	memcpy(out, &list, 4 + 6 * list.n);
	return 4 + 6 * list.n;
}

int cleat_virtio_command_filters(struct virtio_device *d)
{
	uint8_t lists[2 * sizeof(struct mac_list)];
	uint32_t len;

	if (!can_tell(d, VIRTIO_NET_F_CTRL_RX))
		return 0;
	len = put_list(d, 0, lists);
	len += put_list(d, 1, lists + len);
	return command(d, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE, lists, len);
}

int cleat_virtio_command_mac(struct virtio_device *d, const uint8_t mac[6])
{
	if (!can_tell(d, VIRTIO_NET_F_CTRL_MAC_ADDR))
		return 0;
	return command(d, VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR, mac, 6);
}

int cleat_virtio_command_settings(struct virtio_device *d, unsigned pairs)
{
	uint16_t n = (uint16_t)pairs;
	int rc = 0;

	if (can_tell(d, VIRTIO_NET_F_MQ) && pairs > 1)
		rc = command(d, VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_PAIRS, &n, sizeof(n));
	rc = rc < 0 ? rc : cleat_virtio_command_promiscuous(d, d->promiscuous);
	rc = rc < 0 ? rc : cleat_virtio_command_allmulticast(d, d->allmulticast);
	if (rc == 0 && d->n_filters > 0)
		rc = cleat_virtio_command_filters(d);
	if (rc == 0 && memcmp(d->port.mac, d->own_mac, 6) != 0)
		rc = cleat_virtio_command_mac(d, d->port.mac);
	return rc;
}
