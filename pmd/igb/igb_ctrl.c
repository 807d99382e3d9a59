/* SPDX-License-Identifier: BSD-3-Clause */
/* igb_ctrl.c - net_igb, control side: from device to port, and what the primary asks of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/igb/igb.h"
#include "pmd/vdev_args.h"

#define OFFLOADS                                                                                  \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER |     \
		CLEAT_OFFLOAD_RX_RSS | CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT | \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define CRC 4U

/* ---- queues ---- */

static int configure(struct cleat_port_ctrl *port, unsigned rx_queues, unsigned tx_queues)
{
	struct cleat_igb *igb = cleat_igb_of(port);
	int ret = cleat_nic_rings_unheld(igb->rings[CLEAT_RX], port, CLEAT_RX, CLEAT_IGB_QUEUES);

	ret = ret < 0 ? ret
		      : cleat_nic_rings_unheld(
				igb->rings[CLEAT_TX], port, CLEAT_TX, CLEAT_IGB_QUEUES);
	if (ret < 0)
		return ret;
	igb->queues[CLEAT_RX] = rx_queues;
	igb->queues[CLEAT_TX] = tx_queues;
	return 0;
}

static int rx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	struct cleat_igb *igb = cleat_igb_of(port);
	struct cleat_nic_ring *ring = &igb->rings[CLEAT_RX][queue];
	int ret = cleat_nic_ring_setup(
		ring, igb->mac.services, port, CLEAT_RX, queue, descriptors, pool);

	if (ret == 0 && cleat_adv_buf_bytes(ring->buf_bytes) == 0)
		return cleat_err(-EINVAL,
			"%s: buffers of %u bytes are too small, 1024 is the least", port->name,
			ring->buf_bytes);
	return ret;
}

static int tx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors)
{
	struct cleat_igb *igb = cleat_igb_of(port);

	return cleat_nic_ring_setup(&igb->rings[CLEAT_TX][queue], igb->mac.services, port, CLEAT_TX,
		queue, descriptors, NULL);
}

static uint32_t block(enum cleat_dir dir, unsigned queue)
{
	return dir == CLEAT_RX ? CLEAT_IGB_RX(queue) : CLEAT_IGB_TX(queue);
}

static void publish(struct cleat_igb *igb, enum cleat_dir dir, unsigned queue)
{
	struct cleat_nic_ring *ring = &igb->rings[dir][queue];
	uint32_t size = CLEAT_IGB_MAX_FRAME - CRC;
	struct cleat_nic_arm arm = { .on = NULL };

	if (dir == CLEAT_RX) {
		size = cleat_adv_buf_bytes(ring->buf_bytes);
		cleat_igb_irq_arm(igb, queue, &arm);
	}
	cleat_nic_ring_clear(ring);
	cleat_nic_ring_publish(ring, &igb->port, dir, queue,
		cleat_mmio_reg(igb->mac.bar, block(dir, queue) + CLEAT_ADV_TAIL), size, &arm);
}

static int queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	struct cleat_igb *igb = cleat_igb_of(port);
	struct cleat_nic_ring *ring = &igb->rings[dir][queue];
	int ret;

	if (!igb->running)
		return cleat_err(-EINVAL, "%s is stopped; start it first", port->name);
	publish(igb, dir, queue);
	ret = cleat_adv_queue_run(
		&igb->mac, dir, block(dir, queue), ring, igb->queues[CLEAT_RX] > 1);
	if (ret == 0 && dir == CLEAT_RX)
		ret = cleat_nic_irq_grant(&igb->irq, queue, grant);
	if (ret < 0) {
		(void)cleat_adv_queue_rest(&igb->mac, dir, block(dir, queue));
		return ret;
	}
	ring->is_open = 1;
	if (dir == CLEAT_RX)
		cleat_igb_rss_update(igb);
	return 0;
}

/* 82576 datasheet 4.5.9: first no packets for it, then stop it. */
static int queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	struct cleat_igb *igb = cleat_igb_of(port);
	struct cleat_nic_ring *ring = &igb->rings[dir][queue];
	int ret;

	if (!ring->is_open)
		return 0;
	ring->is_open = 0;
	if (dir == CLEAT_RX)
		cleat_igb_rss_update(igb);
	ret = cleat_adv_queue_rest(&igb->mac, dir, block(dir, queue));
	if (ret == 0)
		cleat_nic_ring_clear(ring);
	return ret;
}

/* ---- the port ---- */

/* Without scatter a packet must fit one buffer, of which the device uses whole KiB. */
static int check_fits(const struct cleat_igb *igb, unsigned mtu)
{
	if (igb->port.offloads & CLEAT_OFFLOAD_RX_SCATTER)
		return 0;
	for (unsigned q = 0; q < igb->queues[CLEAT_RX]; q++) {
		const struct cleat_nic_ring *ring = &igb->rings[CLEAT_RX][q];
		uint32_t size = cleat_adv_buf_bytes(ring->buf_bytes);

		if (ring->va != NULL && cleat_intel_frame(mtu) > size)
			return cleat_err(-EINVAL,
				"%s: MTU %u takes %u bytes, but of the buffers of rx queue %u the "
				"device uses %u; switch rx-scatter on, or use a pool with larger "
				"ones",
				igb->port.name, mtu, cleat_intel_frame(mtu), q, size);
	}
	return 0;
}

static int start(struct cleat_port_ctrl *port)
{
	struct cleat_igb *igb = cleat_igb_of(port);
	int ret = check_fits(igb, port->mtu);

	ret = ret < 0 ? ret : cleat_igb_init(igb);
	ret = ret < 0 ? ret : cleat_igb_irq_open(igb);
	if (ret < 0)
		return ret;
	igb->running = 1;
	cleat_igb_irq_enable(igb);
	return 0;
}

static int stop(struct cleat_port_ctrl *port)
{
	struct cleat_igb *igb = cleat_igb_of(port);
	int ret = configure(port, igb->queues[CLEAT_RX], igb->queues[CLEAT_TX]);

	if (ret < 0)
		return ret;
	igb->running = 0;
	cleat_igb_irq_close(igb);
	return cleat_igb_reset(igb);
}

static int mtu_set(struct cleat_port_ctrl *port, unsigned mtu)
{
	int ret = check_fits(cleat_igb_of(port), mtu);

	if (ret == 0)
		cleat_igb_set_frame(cleat_igb_of(port), mtu);
	return ret;
}

/* They take effect at start. */
static int offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	(void)port;
	(void)offloads;
	return 0;
}

static const struct cleat_port_ops ops = {
	.configure = configure,
	.rx_queue_setup = rx_queue_setup,
	.tx_queue_setup = tx_queue_setup,
	.start = start,
	.stop = stop,
	.promiscuous_set = cleat_intel_promiscuous_set,
	.mtu_set = mtu_set,
	.mac_set = cleat_intel_mac_set,
	.allmulticast_set = cleat_intel_allmulticast_set,
	.mac_filter_add = cleat_intel_filter_add,
	.mac_filter_remove = cleat_intel_filter_remove,
	.offloads_set = offloads_set,
	.link_get = cleat_intel_link_get,
	.queue_open = queue_open,
	.queue_reset = queue_reset,
	.tick = cleat_intel_tick,
};

/* ---- probe ---- */

static int parse(const struct cleat_device *device, uint64_t *queues)
{
	static const struct cleat_kvkey keys[] = { { "queues", 0 }, { NULL, 0 } };
	struct cleat_kvargs args;
	int ret = cleat_vdev_args(device, keys, &args);

	if (ret >= 0)
		ret = cleat_kvargs_u64(&args, "queues", 1, CLEAT_IGB_QUEUES, queues);
	cleat_kvargs_free(&args);
	return ret;
}

static void fill(struct cleat_igb *igb, struct cleat_device *device,
	const struct cleat_services *services, unsigned queues)
{
	struct cleat_port_ctrl *port = &igb->port;

	igb->pci = cleat_pci_of(device);
	igb->mac.port = port;
	igb->mac.services = services;
	igb->mac.eerd_done = CLEAT_IGB_EERD_DONE;
	igb->mac.eerd_shift = CLEAT_IGB_EERD_SHIFT;
	igb->mac.phy_lock = cleat_igb_phy_lock;
	port->name = device->name;
	port->driver = device->driver->name;
	port->ops = &ops;
	port->driver_data = &igb->mac;
	port->mtu = 1500;
	port->max_mtu = (uint16_t)(CLEAT_IGB_MAX_FRAME - CRC - cleat_intel_frame(0));
	port->max_rx_queues = port->max_tx_queues = CLEAT_IGB_QUEUES;
	port->default_rx_queues = port->default_tx_queues = (uint16_t)queues;
	port->max_descriptors = CLEAT_NIC_MAX_DESCRIPTORS;
	port->align_descriptors = CLEAT_NIC_ALIGN;
	port->max_mac_filters = CLEAT_INTEL_RARS - 1;
	port->offload_capa = OFFLOADS;
	port->offloads =
		CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_RX_RSS | CLEAT_OFFLOAD_TX_SEGMENTS;
	port->numa_node = device->numa_node;
	port->device = device;
}

static int bring_up(struct cleat_igb *igb, struct cleat_device *device)
{
	const struct cleat_services *services = igb->mac.services;
	uint64_t len = 0;
	int ret = services->bar_map(services->ctx, device, 0, &igb->mac.bar, &len);

	if (ret < 0)
		return ret;
	if (len < 0x10000) /* 82576 datasheet 9.4: 128 KiB */
		return cleat_err(
			-EPROTO, "%s: BAR 0 has %llu bytes", device->name, (unsigned long long)len);
	ret = cleat_igb_reset(igb);
	ret = ret < 0 ? ret : cleat_intel_own_address(&igb->mac);
	if (ret < 0)
		return ret;
	memcpy(igb->port.mac, igb->mac.own, 6);
	(void)cleat_intel_link_get(&igb->port, &igb->port.link);
	return services->port_add(services->ctx, &igb->port);
}

static int igb_probe(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_igb *igb;
	uint64_t queues = 1;
	int ret = parse(device, &queues);

	if (ret < 0)
		return ret;
	igb = (struct cleat_igb *)calloc(1, sizeof(*igb));
	if (igb == NULL)
		return cleat_err(-ENOMEM, "no memory for device %s", device->name);
	fill(igb, device, services, (unsigned)queues);
	ret = bring_up(igb, device);
	if (ret < 0) {
		free(igb);
		return ret;
	}
	device->driver_data = igb;
	return 0;
}

static int igb_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_igb *igb = (struct cleat_igb *)device->driver_data;
	int ret;

	igb->running = 0;
	cleat_igb_irq_close(igb);
	ret = cleat_igb_reset(igb);
	if (ret < 0 && ret != -ENODEV)
		return ret; /* it may still write to memory */
	ret = services->port_remove(services->ctx, &igb->port);
	if (ret < 0)
		return ret;
	device->driver_data = NULL;
	free(igb);
	return 0;
}

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(0x8086, 0x10c9, 0),
	{ .vendor = 0 },
};

static struct cleat_driver igb_driver = {
	.name = "net_igb",
	.bus = "pci",
	.ids = ids,
	.probe = igb_probe,
	.remove = igb_remove,
	.usage = "queues=N",
};
CLEAT_DRIVER_REGISTER(igb_driver)
