/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pmd/virtio/virtio_fake.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/row.h"

#define AREA_OFF	    (MBUF_HELP_BYTES / 2) /* of the port's state, then what devices reach */
#define ROOM		    512			  /* for data in a buffer */
#define DOORBELL_OFF(queue) (AREA_OFF - 64 + (queue) % 2 * 2U)

struct fake_device fake;
static uint64_t used;
static struct cleat_pci_device pci;

/* ---- services ---- */

static int dma_reserve(void *ctx, const struct cleat_port_ctrl *port, const char *what,
	uint64_t len_bytes, uint64_t align, void **va, uint64_t *iova)
{
	(void)ctx;
	(void)port;
	ck_assert_uint_le(strlen(what), 12);
	used = cleat_align_up(used, align);
	*va = (void *)(cleat_window_base + used);
	*iova = (uintptr_t)*va;
	used += len_bytes;
	ck_assert_uint_le(used, MBUF_HELP_BYTES);
	return 0;
}

static int dma_free(void *ctx, const struct cleat_port_ctrl *port, const char *what)
{
	(void)ctx;
	(void)port;
	(void)what;
	return 0;
}

static void link_changed(void *ctx, struct cleat_port_ctrl *port)
{
	(void)ctx;
	(void)port;
	fake.link_events++;
}

static int port_remove(void *ctx, struct cleat_port_ctrl *port)
{
	(void)ctx;
	(void)port;
	fake.removed++;
	fake.removed_at_rest = fake.status == 0 || fake.status == 0xff || fake.gone;
	return 0;
}

static const struct cleat_services services = { .dma_reserve = dma_reserve,
	.dma_free = dma_free,
	.link_changed = link_changed,
	.port_remove = port_remove };

/* ---- registers ---- */

static int features(struct virtio_transport *t, uint64_t *offered)
{
	(void)t;
	*offered = fake.offered;
	return 0;
}

static int features_set(struct virtio_transport *t, uint64_t value)
{
	(void)t;
	fake.accepted = value;
	return 0;
}

static int status(struct virtio_transport *t, uint8_t *out)
{
	(void)t;
	if (fake.gone)
		return cleat_err(-EIO, "no such register");
	*out = fake.status;
	return 0;
}

static int status_set(struct virtio_transport *t, uint8_t value)
{
	(void)t;
	if (value != 0) {
		fake.status = value;
		if (fake.accepted & fake.refused)
			fake.status &= (uint8_t)~VIRTIO_STATUS_FEATURES_OK;
		return 0;
	}
	if (fake.stuck)
		return 0;
	fake.status = 0;
	fake.accepted = 0;
	fake.resets++;
	memset(fake.vqs, 0, sizeof(fake.vqs));
	return 0;
}

static int config_read(struct virtio_transport *t, uint32_t off, void *buf, uint32_t len)
{
	(void)t;
	memcpy(buf, fake.config + off, len);
	return 0;
}

static int config_write(struct virtio_transport *t, uint32_t off, const void *buf, uint32_t len)
{
	(void)t;
	memcpy(fake.config + off, buf, len);
	return 0;
}

static int queue_size(struct virtio_transport *t, uint16_t queue, uint16_t *size)
{
	(void)t;
	/* as QEMU: one pair and the control queue, until it knows that the driver can use more */
	*size = queue < 3 || (fake.accepted & VIRTIO_NET_F_MQ) ? fake.max_size : 0;
	if (fake.odd_vq != 0 && queue == fake.odd_vq)
		*size = fake.odd_size;
	return 0;
}

static int queue_enable(
	struct virtio_transport *t, uint16_t queue, const struct virtio_queue_place *place)
{
	(void)t;
	ck_assert(!fake.vqs[queue].enabled);
	memset(&fake.vqs[queue], 0, sizeof(fake.vqs[queue]));
	fake.vqs[queue].enabled = 1;
	fake.vqs[queue].place = *place;
	return 0;
}

static int queue_reset(struct virtio_transport *t, uint16_t queue)
{
	(void)t;
	fake.vqs[queue].enabled = 0;
	return 0;
}

static int doorbell(struct virtio_transport *t, uint16_t queue, struct virtio_doorbell *out)
{
	(void)t;
	out->fd = fake.doorbell_fd != 0 ? fake.doorbell_fd : -1;
	out->off = DOORBELL_OFF(queue);
	return 0;
}

volatile uint16_t *fake_doorbell(unsigned number)
{
	return (volatile uint16_t *)(cleat_window_base + DOORBELL_OFF(number));
}

/* ---- notified ---- */

static int notify(struct virtio_transport *t, uint16_t queue)
{
	static struct fake_sent sent;
	struct fake_vq *vq = &fake.vqs[queue];

	(void)t;
	vq->notified++;
	if (queue == fake.d->command.number && fake.d->command.ring != NULL && !fake.deaf)
		fake_obey();
	else if (fake.sends && queue % 2 == 1)
		while (fake_take_tx(queue / 2, &sent))
			fake_use(queue, sent.id, 0);
	return 0;
}

static const struct virtio_transport_ops ops = {
	.name = "fake",
	.features = features,
	.features_set = features_set,
	.status = status,
	.status_set = status_set,
	.config_read = config_read,
	.config_write = config_write,
	.queue_size = queue_size,
	.queue_enable = queue_enable,
	.queue_reset = queue_reset,
	.notify = notify,
	.doorbell = doorbell,
};

/* ---- PCI ---- */

static int no_irq(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd)
{
	(void)dev;
	(void)fds;
	(void)n;
	(void)irq_fd;
	return cleat_err(-ENOTSUP, "it has no interrupts");
}

static int config_space(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len)
{
	(void)dev;
	(void)off;
	memset(buf, fake.gone ? 0xff : 0, len);
	return 0;
}

static const struct cleat_pci_access fake_access = {
	.driver = "fake", .irq_open = no_irq, .config_read = config_space
};

/* ---- the world ---- */

static void make_pool(unsigned mbufs, uint32_t room)
{
	struct cleat_mempool *mp = mbuf_world_pool("p", mbufs, room, 32);

	for (uint32_t i = 0; i < mbufs; i++) {
		struct cleat_mbuf *m = cleat_mbuf_of(cleat_mempool_handle(mp, i));

		m->iova = (uintptr_t)(m + 1);
	}
	fake.pool = mp;
}

static void make_device(void)
{
	struct virtio_device *d = (struct virtio_device *)calloc(1, sizeof(*d));

	ck_assert_ptr_nonnull(d);
	memset(&pci, 0, sizeof(pci));
	(void)snprintf(pci.device.name, sizeof(pci.device.name), "0000:00:04.0");
	pci.access = &fake_access;
	d->transport.ops = &ops;
	d->transport.pci = &pci;
	d->device = &pci.device;
	d->services = &services;
	d->port.name = pci.device.name;
	d->port.driver = "net_virtio";
	d->port.ops = &cleat_virtio_port_ops;
	d->port.driver_data = d;
	d->port.queues = (struct cleat_queue_shm *)(cleat_window_base + AREA_OFF);
	d->port.hw_stats = ((struct cleat_port_area_shm *)d->port.queues)->hw_stats;
	d->port.offloads = CLEAT_OFFLOAD_TX_SEGMENTS | CLEAT_OFFLOAD_RX_SCATTER |
			   CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_RX_CHECKSUM;
	d->irq_fd = -1;
	d->config_fd = eventfd(0, EFD_CLOEXEC);
	ck_assert_int_ge(d->config_fd, 0);
	pci.device.driver_data = d;
	for (unsigned i = 0; i < VIRTIO_MAX_VQS; i++) {
		d->vqs[i].event_fd = -1;
		d->vqs[i].generation = 1;
	}
	fake.d = d;
}

static void new_with(uint64_t offered, uint16_t max_size, unsigned mbufs, uint32_t room)
{
	static const uint16_t mtu = 9000;

	mbuf_world_up();
	cleat_registry->header.iova_mode = CLEAT_IOVA_PA;
	memset(&fake, 0, sizeof(fake));
	used = AREA_OFF + sizeof(struct cleat_port_area_shm);
	fake.offered = offered;
	fake.max_size = max_size;
	fake.config[VIRTIO_NET_CONFIG_MAC] = 2;
	fake.config[VIRTIO_NET_CONFIG_STATUS] = VIRTIO_NET_S_LINK_UP;
	fake.config[VIRTIO_NET_CONFIG_MAX_PAIRS] = 4;
	memcpy(fake.config + VIRTIO_NET_CONFIG_MTU, &mtu, sizeof(mtu));
	make_pool(mbufs, room);
	make_device();
	for (unsigned i = 0; i < 2 * CLEAT_MAX_QUEUES; i++)
		(&cleat_registry->queues[0][0][0])[i].owner_slot = CLEAT_SLOT_NONE;
	ck_assert_int_eq(cleat_virtio_learn(fake.d), 0);
}

void fake_new(uint64_t offered, uint16_t max_size, unsigned mbufs)
{
	new_with(offered, max_size, mbufs, ROOM);
}

int fake_start(unsigned pairs, unsigned descriptors)
{
	struct cleat_pool_row_shm row = { .headroom_bytes = CLEAT_MBUF_HEADROOM_DEFAULT,
		.elt_bytes = (uint32_t)sizeof(struct cleat_mbuf) + fake.pool->buf_bytes };
	const struct cleat_port_ops *o = fake.d->port.ops;
	int rc = o->configure(&fake.d->port, pairs, pairs);

	for (unsigned q = 0; rc == 0 && q < pairs; q++) {
		rc = o->rx_queue_setup(&fake.d->port, q, descriptors, &row);
		rc = rc < 0 ? rc : o->tx_queue_setup(&fake.d->port, q, descriptors);
	}
	return rc < 0 ? rc : o->start(&fake.d->port);
}

void fake_up_with(
	uint64_t offered, unsigned pairs, unsigned descriptors, unsigned mbufs, uint32_t room)
{
	new_with(offered, 1024, mbufs, room);
	ck_assert_int_eq(fake_start(pairs, descriptors), 0);
}

void fake_up(uint64_t offered, unsigned pairs, unsigned descriptors, unsigned mbufs)
{
	fake_up_with(offered, pairs, descriptors, mbufs, ROOM);
}

void fake_down(void)
{
	const char *wrong;

	cleat_queue_remove_all();
	fake.stuck = 0;
	if (fake.removed)
		return mbuf_world_down();
	ck_assert_int_eq(fake.d->port.ops->stop(&fake.d->port), 0);
	for (unsigned q = 0; q < CLEAT_MAX_QUEUES; q++) {
		(void)fake_take_back(CLEAT_RX, q);
		(void)fake_take_back(CLEAT_TX, q);
	}
	wrong = mbuf_world_take_all(fake.pool);
	ck_assert_msg(wrong == NULL, "%s", wrong);
	ck_assert_int_eq(fake_remove(), 0);
	ck_assert_uint_eq(fake.removed, 1);
	mbuf_world_down();
}

int fake_remove(void)
{
	const struct cleat_driver *driver = NULL;

	do
		driver = cleat_driver_next(driver);
	while (driver != NULL && strcmp(driver->name, "net_virtio") != 0);
	ck_assert_ptr_nonnull(driver);
	return driver->remove(&pci.device, &services);
}

static struct cleat_queue_row_shm *row_of(enum cleat_dir dir, unsigned queue)
{
	return &cleat_registry->queues[0][dir][queue];
}

static uint16_t owner_id(enum cleat_dir dir, unsigned queue)
{
	return cleat_owner_queue_id(
		0, (uint16_t)queue, dir == CLEAT_TX, row_of(dir, queue)->claims);
}

int fake_claim(enum cleat_dir dir, unsigned queue, uint16_t slot)
{
	struct cleat_port_ctrl *port = &fake.d->port;
	struct cleat_queue_grant grant = { .n_fds = 0 };
	struct cleat_queue_conf conf = { .queue = (uint16_t)queue, .dir = dir, .ring = 0xffff };
	int rc = port->ops->queue_open(port, dir, queue, &grant);

	if (rc < 0)
		return rc;
	row_of(dir, queue)->owner_slot = slot;
	row_of(dir, queue)->claims++;
	conf.driver = "net_virtio";
	conf.shm = cleat_port_ctrl_queue(port, dir, queue);
	conf.pool = dir == CLEAT_RX ? fake.pool : NULL;
	conf.offloads = port->offloads;
	conf.mtu = port->mtu;
	conf.owner_id = owner_id(dir, queue);
	conf.n_fds = grant.n_fds;
	memcpy(conf.fds, grant.fds, sizeof(conf.fds));
	return cleat_queue_install(&conf);
}

void fake_kill(enum cleat_dir dir, unsigned queue)
{
	ck_assert_int_eq(cleat_queue_remove(0, dir, (uint16_t)queue), 0);
}

int fake_take_back(enum cleat_dir dir, unsigned queue)
{
	return cleat_sweep_queue(owner_id(dir, queue));
}
