/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * virtio_device_ctrl.c - the steps from reset to a device that works, and what it tells about
 * itself.
 *
 * Source: VIRTIO 1.2, 2.1 (status), 3.1 (initialisation), 5.1.3 to 5.1.5.
 */
#include <errno.h>
#include <net/ethernet.h>
#include <string.h>
#include <unistd.h>

#include "pmd/virtio/virtio_ctrl.h"
#include "runtime/log.h"

#define RESET_POLLS 1000
#define POLL_USEC   1000

/* All that this driver can make use of; what it needs VIRTIO_NET_F_GUEST_CSUM for is an offload. */
#define KNOWN                                                                         \
	(VIRTIO_F_ANY_LAYOUT | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1 |              \
		VIRTIO_F_ACCESS_PLATFORM | VIRTIO_F_RING_RESET | VIRTIO_NET_F_CSUM |  \
		VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_MTU | VIRTIO_NET_F_MAC |       \
		VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ | \
		VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_MQ | VIRTIO_NET_F_CTRL_MAC_ADDR | \
		VIRTIO_NET_F_SPEED_DUPLEX)
#define ON_CTRL_VQ (VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_MQ | VIRTIO_NET_F_CTRL_MAC_ADDR)

static int status_add(struct virtio_device *d, uint8_t *status, uint8_t bits)
{
	*status = (uint8_t)(*status | bits);
	return d->transport.ops->status_set(&d->transport, *status);
}

int cleat_virtio_reset(struct virtio_device *d)
{
	uint8_t status = VIRTIO_STATUS_RESET;
	int rc = d->transport.ops->status_set(&d->transport, status);

	for (int i = 0; rc == 0 && i < RESET_POLLS; i++) {
		rc = d->transport.ops->status(&d->transport, &status);
		if (rc == 0 && status == VIRTIO_STATUS_RESET)
			return 0;
		if (status == 0xff)
			return 0; /* it is not there any more: nothing is more at rest */
		(void)usleep(POLL_USEC);
	}
	return rc < 0 ? rc
		      : cleat_err(-EIO, "%s: the device does not reset, its status stays 0x%x",
				d->port.name, status);
}

/* ---- what it offers ---- */

/* A device that goes round the IOMMU takes an IOVA for a physical address: it would write anywhere.
 */
static int check_reach(const struct virtio_device *d)
{
	if (cleat_registry->header.iova_mode == CLEAT_IOVA_PA ||
		(d->offered & VIRTIO_F_ACCESS_PLATFORM))
		return 0;
	return cleat_err(-ENOTSUP,
		"%s: this virtio device does not go through the IOMMU; start with --iova-mode pa, or "
		"give it iommu_platform=on and its modern interface",
		d->port.name);
}

static int negotiate(struct virtio_device *d)
{
	d->features = d->offered & KNOWN;
	if (!(d->features & VIRTIO_NET_F_CTRL_VQ))
		d->features &= ~ON_CTRL_VQ;
	if (d->transport.ops->queue_reset == NULL)
		d->features &= ~VIRTIO_F_RING_RESET;
	return check_reach(d);
}

static int read_pairs(struct virtio_device *d)
{
	uint16_t pairs = 1;
	int rc = 0;

	if (d->features & VIRTIO_NET_F_MQ)
		rc = d->transport.ops->config_read(
			&d->transport, VIRTIO_NET_CONFIG_MAX_PAIRS, &pairs, sizeof(pairs));
	if (rc == 0 && (pairs < 1 || pairs > 0x8000))
		rc = cleat_err(
			-EPROTO, "%s: the device says it has %u queue pairs", d->port.name, pairs);
	d->max_pairs = pairs;
	return rc;
}

static int read_mac(struct virtio_device *d)
{
	int rc = 0;

	if (d->features & VIRTIO_NET_F_MAC)
		rc = d->transport.ops->config_read(
			&d->transport, VIRTIO_NET_CONFIG_MAC, d->port.mac, sizeof(d->port.mac));
	else
		cleat_mac_from_name(d->port.name, d->port.mac);
	memcpy(d->own_mac, d->port.mac, sizeof(d->own_mac));
	return rc;
}

static int read_mtu(struct virtio_device *d)
{
	uint16_t mtu = d->features & VIRTIO_NET_F_MRG_RXBUF ? 9216 : ETHERMTU;
	int rc = 0;

	if (d->features & VIRTIO_NET_F_MTU)
		rc = d->transport.ops->config_read(
			&d->transport, VIRTIO_NET_CONFIG_MTU, &mtu, sizeof(mtu));
	if (rc == 0 && mtu < 68)
		rc = cleat_err(-EPROTO, "%s: the device says its MTU is %u", d->port.name, mtu);
	d->port.max_mtu = mtu;
	d->port.mtu = mtu < ETHERMTU ? mtu : ETHERMTU;
	d->mtu = d->port.mtu;
	return rc;
}

/* May a packet take several buffers of some queue? Where they may be merged they are, unless each
 * holds any Ethernet frame, whatever the port's MTU is, 5.1.6.3.1. */
static int needs_merging(const struct virtio_device *d)
{
	unsigned mtu = d->mtu > ETHERMTU ? d->mtu : ETHERMTU;

	if (!(d->port.offloads & CLEAT_OFFLOAD_RX_SCATTER))
		return 0;
	for (unsigned i = 0; i < d->rx_queues; i++)
		if (d->vqs[virtio_vq_number(CLEAT_RX, i)].room_bytes < mtu + VIRTIO_ETHER_BYTES)
			return 1;
	return 0;
}

/* What the port needs at present is asked for. Merged buffers cost the device a look at the ring
 * and at a descriptor more for each packet; a legacy one changes its header with them. Without them
 * VIRTIO_NET_F_MTU is left out, too: it promises room for packets of the device's own MTU, 5.1.4.2,
 * which the buffers may not have. */
static uint64_t wanted(const struct virtio_device *d)
{
	uint64_t f = d->features;

	if (!(d->port.offloads & CLEAT_OFFLOAD_RX_CHECKSUM))
		f &= ~VIRTIO_NET_F_GUEST_CSUM;
	if (!(d->port.offloads & CLEAT_OFFLOAD_TX_CHECKSUM))
		f &= ~VIRTIO_NET_F_CSUM;
	if ((f & VIRTIO_F_VERSION_1) && !needs_merging(d))
		f &= ~(VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_MTU);
	return f;
}

int cleat_virtio_wants_more(const struct virtio_device *d)
{
	return d->state == VIRTIO_RUNNING && (wanted(d) & ~d->agreed) != 0;
}

static int agree(struct virtio_device *d, uint8_t *status)
{
	uint64_t f = wanted(d);
	int rc = d->transport.ops->features_set(&d->transport, f);

	d->agreed = f;
	if (rc < 0 || !(f & VIRTIO_F_VERSION_1))
		return rc;
	rc = status_add(d, status, VIRTIO_STATUS_FEATURES_OK);
	rc = rc < 0 ? rc : d->transport.ops->status(&d->transport, status);
	if (rc == 0 && !(*status & VIRTIO_STATUS_FEATURES_OK))
		return cleat_err(-ENOTSUP, "%s: the device refuses features 0x%llx", d->port.name,
			(unsigned long long)f);
	return rc;
}

static int is_usable(uint16_t size)
{
	return size >= 2 && cleat_is_pow2(size) && size <= VIRTIO_RING_MAX;
}

static int read_size(struct virtio_device *d, unsigned number, uint16_t *size)
{
	int rc = d->transport.ops->queue_size(&d->transport, (uint16_t)number, size);

	if (rc == 0 && !is_usable(*size))
		return cleat_err(-EPROTO, "%s: virtqueue %u of %u descriptors cannot be used",
			d->port.name, number, *size);
	return rc;
}

/* Both queues of a pair. */
static int read_pair(struct virtio_device *d, unsigned pair)
{
	struct virtio_vq *rx = &d->vqs[virtio_vq_number(CLEAT_RX, pair)];
	struct virtio_vq *tx = &d->vqs[virtio_vq_number(CLEAT_TX, pair)];
	int rc = read_size(d, virtio_vq_number(CLEAT_RX, pair), &rx->max_size);

	rc = rc < 0 ? rc : read_size(d, virtio_vq_number(CLEAT_TX, pair), &tx->max_size);
	if (rc < 0)
		rx->max_size = tx->max_size = 0;
	return rc;
}

/* The first pair has to be usable; the first further one that is not ends them. */
static int read_all_pairs(struct virtio_device *d)
{
	unsigned pairs = d->max_pairs < CLEAT_MAX_QUEUES ? d->max_pairs : CLEAT_MAX_QUEUES;
	uint16_t least = VIRTIO_RING_MAX;

	for (unsigned i = 0; i < pairs; i++) {
		int rc = read_pair(d, i);

		if (rc < 0 && (rc != -EPROTO || i == 0))
			return rc;
		if (rc < 0) {
			cleat_log(CLEAT_LOG_WARNING, "%s; the port has %u queue pairs of %u",
				cleat_error(), i, d->max_pairs);
			d->max_pairs = i;
			break;
		}
		for (unsigned n = 2 * i; n <= 2 * i + 1; n++)
			if (d->vqs[n].max_size < least)
				least = d->vqs[n].max_size;
	}
	d->port.max_descriptors = least;
	return 0;
}

/* The device has its further pairs, and the control queue behind them, only once it knows that the
 * driver can use them (5.1.2): QEMU says 0 before. */
static int read_sizes(struct virtio_device *d)
{
	int rc;

	d->command.number = (uint16_t)(2 * d->max_pairs); /* of the device's own pairs */
	rc = read_all_pairs(d);
	if (rc < 0 || !(d->features & VIRTIO_NET_F_CTRL_VQ))
		return rc;
	return read_size(d, d->command.number, &d->command.size);
}

int cleat_virtio_learn(struct virtio_device *d)
{
	uint8_t status = 0;
	int rc = cleat_virtio_reset(d);

	rc = rc < 0 ? rc : status_add(d, &status, VIRTIO_STATUS_ACKNOWLEDGE);
	rc = rc < 0 ? rc : status_add(d, &status, VIRTIO_STATUS_DRIVER);
	rc = rc < 0 ? rc : d->transport.ops->features(&d->transport, &d->offered);
	rc = rc < 0 ? rc : negotiate(d);
	rc = rc < 0 ? rc : read_pairs(d);
	rc = rc < 0 ? rc : read_mac(d);
	rc = rc < 0 ? rc : read_mtu(d);
	rc = rc < 0 ? rc : agree(d, &status);
	rc = rc < 0 ? rc : read_sizes(d);
	return rc < 0 ? rc : cleat_virtio_reset(d);
}

uint32_t cleat_virtio_layout(const struct virtio_device *d)
{
	uint64_t f = d->state == VIRTIO_RUNNING ? d->agreed : wanted(d);
	uint32_t layout = VIRTIO_NET_HEADER_BYTES_OLD;

	if (f & (VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF))
		layout = VIRTIO_NET_HEADER_BYTES;
	if (f & VIRTIO_NET_F_MRG_RXBUF)
		layout |= VIRTIO_LAYOUT_MERGEABLE;
	if (!(f & (VIRTIO_F_VERSION_1 | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_F_ANY_LAYOUT)))
		layout |= VIRTIO_LAYOUT_APART;
	if (f & VIRTIO_F_EVENT_IDX)
		layout |= VIRTIO_LAYOUT_EVENTS;
	if (f & VIRTIO_NET_F_GUEST_CSUM)
		layout |= VIRTIO_LAYOUT_CHECKSUMS;
	return layout;
}

/* ---- the way up ---- */

int cleat_virtio_vq_enable(struct virtio_device *d, unsigned number)
{
	const struct virtio_vq *vq = &d->vqs[number];
	struct virtio_ring_layout l = virtio_ring_layout(vq->size, vq->slots);
	struct virtio_queue_place place = {
		.desc = vq->iova,
		.avail = vq->iova + l.avail_off,
		.used = vq->iova + l.used_off,
		.size = vq->size,
		.vector = cleat_virtio_irq_vector(d, number),
	};

	return d->transport.ops->queue_enable(&d->transport, (uint16_t)number, &place);
}

static int enable_all(struct virtio_device *d)
{
	int rc = 0;

	if (d->transport.msix)
		rc = d->transport.ops->config_vector(&d->transport, 0);
	for (unsigned i = 0; rc == 0 && i < VIRTIO_MAX_VQS; i++)
		if (d->vqs[i].configured && !d->vqs[i].parked)
			rc = cleat_virtio_vq_enable(d, i);
	return rc < 0 ? rc : cleat_virtio_command_enable(d);
}

/* A legacy device without the command for it takes the address in its configuration. */
static int write_old_mac(struct virtio_device *d)
{
	if ((d->features & (VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_F_VERSION_1)) ||
		!(d->features & VIRTIO_NET_F_MAC) ||
		memcmp(d->port.mac, d->own_mac, sizeof(d->own_mac)) == 0)
		return 0;
	return d->transport.ops->config_write(
		&d->transport, VIRTIO_NET_CONFIG_MAC, d->port.mac, sizeof(d->port.mac));
}

int cleat_virtio_bring_up(struct virtio_device *d)
{
	unsigned pairs = d->rx_queues > d->tx_queues ? d->rx_queues : d->tx_queues;
	uint8_t status = 0;
	int rc = cleat_virtio_reset(d);

	rc = rc < 0 ? rc : status_add(d, &status, VIRTIO_STATUS_ACKNOWLEDGE);
	rc = rc < 0 ? rc : status_add(d, &status, VIRTIO_STATUS_DRIVER);
	rc = rc < 0 ? rc : agree(d, &status);
	rc = rc < 0 ? rc : enable_all(d);
	rc = rc < 0 ? rc : status_add(d, &status, VIRTIO_STATUS_DRIVER_OK);
	rc = rc < 0 ? rc : write_old_mac(d);
	rc = rc < 0 ? rc : cleat_virtio_command_settings(d, pairs);
	if (rc == 0)
		return 0;
	(void)cleat_virtio_reset(d); /* the sentence of the first failure stays in what follows */
	return rc;
}

/* ---- link ---- */

static int read_link(struct virtio_device *d, struct cleat_link *link)
{
	uint16_t status = VIRTIO_NET_S_LINK_UP;
	uint32_t mbps = 0;
	int rc = 0;

	if (d->features & VIRTIO_NET_F_STATUS)
		rc = d->transport.ops->config_read(
			&d->transport, VIRTIO_NET_CONFIG_STATUS, &status, sizeof(status));
	if (rc == 0 && (d->features & VIRTIO_NET_F_SPEED_DUPLEX))
		rc = d->transport.ops->config_read(
			&d->transport, VIRTIO_NET_CONFIG_SPEED, &mbps, sizeof(mbps));
	link->up = (status & VIRTIO_NET_S_LINK_UP) != 0;
	link->mbps = mbps < VIRTIO_NET_SPEED_UNKNOWN ? mbps : 0;
	return rc;
}

void cleat_virtio_link_check(struct virtio_device *d)
{
	struct cleat_link link = { .up = 0 };

	if (d->state == VIRTIO_RUNNING && read_link(d, &link) < 0)
		return; /* asked again in a second */
	if (link.up == d->port.link.up && link.mbps == d->port.link.mbps)
		return;
	d->port.link = link;
	d->services->link_changed(d->services->ctx, &d->port);
}
