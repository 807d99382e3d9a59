/* SPDX-License-Identifier: BSD-3-Clause */
/* igbvf_ctrl.c - net_igbvf, control side: from device to port, and what the primary asks of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/igbvf/igbvf.h"
#include "pmd/vdev_args.h"

#define OFFLOADS                                                                              \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER | \
		CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT |                    \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define CRC 4U

/* ---- queues ---- */

static uint32_t block(enum cleat_dir dir)
{
	return dir == CLEAT_RX ? CLEAT_IGBVF_RX : CLEAT_IGBVF_TX;
}

static int rx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	struct cleat_nic_ring *ring = &vf->rings[CLEAT_RX];
	int ret = cleat_nic_ring_setup(
		ring, vf->mac.services, port, CLEAT_RX, queue, descriptors, pool);

	if (ret == 0 && cleat_adv_buf_bytes(ring->buf_bytes) == 0)
		return cleat_err(-EINVAL,
			"%s: buffers of %u bytes are too small, 1024 is the least", port->name,
			ring->buf_bytes);
	return ret;
}

static int tx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);

	return cleat_nic_ring_setup(
		&vf->rings[CLEAT_TX], vf->mac.services, port, CLEAT_TX, queue, descriptors, NULL);
}

static void publish(struct cleat_igbvf *vf, enum cleat_dir dir, unsigned queue)
{
	struct cleat_nic_ring *ring = &vf->rings[dir];
	uint32_t size = CLEAT_IGBVF_MAX_FRAME - CRC;
	struct cleat_nic_arm arm = { .on = NULL };

	if (dir == CLEAT_RX) {
		size = cleat_adv_buf_bytes(ring->buf_bytes);
		cleat_igbvf_irq_arm(vf, &arm);
	}
	cleat_nic_ring_clear(ring);
	cleat_nic_ring_publish(ring, &vf->port, dir, queue,
		cleat_mmio_reg(vf->mac.bar, block(dir) + CLEAT_ADV_TAIL), size, &arm);
}

static int queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret;

	if (!vf->running)
		return cleat_err(-EINVAL, "%s is stopped; start it first", port->name);
	if (vf->lost)
		return cleat_err(-EAGAIN, "%s: its physical function (%s) is being reset",
			port->name, vf->pci->physfn);
	publish(vf, dir, queue);
	ret = cleat_adv_queue_run(&vf->mac, dir, block(dir), &vf->rings[dir], 1);
	if (ret == 0 && dir == CLEAT_RX)
		ret = cleat_nic_irq_grant(&vf->irq, queue, grant);
	if (ret < 0) {
		(void)cleat_adv_queue_rest(&vf->mac, dir, block(dir));
		return ret;
	}
	vf->rings[dir].is_open = 1;
	return 0;
}

static int queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret;

	(void)queue;
	if (!vf->rings[dir].is_open)
		return 0;
	vf->rings[dir].is_open = 0;
	ret = cleat_adv_queue_rest(&vf->mac, dir, block(dir));
	if (ret == 0)
		cleat_nic_ring_clear(&vf->rings[dir]);
	return ret;
}

/* ---- the port ---- */

static int check_fits(const struct cleat_igbvf *vf, unsigned mtu)
{
	uint32_t size = cleat_adv_buf_bytes(vf->rings[CLEAT_RX].buf_bytes);

	if (vf->rings[CLEAT_RX].va == NULL || (vf->port.offloads & CLEAT_OFFLOAD_RX_SCATTER) ||
		cleat_intel_frame(mtu) <= size)
		return 0;
	return cleat_err(-EINVAL,
		"%s: MTU %u takes %u bytes, but of these buffers the device uses %u; switch "
		"rx-scatter on, or use a pool with larger ones",
		vf->port.name, mtu, cleat_intel_frame(mtu), size);
}

static int start(struct cleat_port_ctrl *port)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret = check_fits(vf, port->mtu);

	ret = ret < 0 ? ret : cleat_igbvf_reset(vf);
	ret = ret < 0 ? ret : cleat_igbvf_settings(vf);
	ret = ret < 0 ? ret : cleat_igbvf_irq_open(vf);
	if (ret < 0)
		return ret;
	vf->running = 1;
	cleat_igbvf_irq_enable(vf);
	return 0;
}

static int stop(struct cleat_port_ctrl *port)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret = cleat_nic_rings_unheld(&vf->rings[CLEAT_RX], port, CLEAT_RX, 1);

	ret = ret < 0 ? ret : cleat_nic_rings_unheld(&vf->rings[CLEAT_TX], port, CLEAT_TX, 1);
	if (ret < 0)
		return ret;
	vf->running = 0;
	cleat_igbvf_irq_close(vf);
	return cleat_igbvf_rest(vf);
}

static int mtu_set(struct cleat_port_ctrl *port, unsigned mtu)
{
	struct cleat_igbvf *vf = cleat_igbvf_of(port);
	int ret = check_fits(vf, mtu);

	return ret == 0 ? cleat_igbvf_mtu_tell(vf, mtu) : ret;
}

static int offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	if (!(offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP))
		return cleat_err(-EOPNOTSUPP,
			"%s: its physical function strips VLAN tags; rx-vlan-strip cannot be "
			"switched off",
			port->name);
	return 0;
}

static const struct cleat_port_ops ops = {
	.rx_queue_setup = rx_queue_setup,
	.tx_queue_setup = tx_queue_setup,
	.start = start,
	.stop = stop,
	.promiscuous_set = cleat_igbvf_promiscuous_set,
	.mtu_set = mtu_set,
	.mac_set = cleat_igbvf_mac_set,
	.allmulticast_set = cleat_igbvf_allmulticast_set,
	.mac_filter_add = cleat_igbvf_filter_add,
	.mac_filter_remove = cleat_igbvf_filter_remove,
	.offloads_set = offloads_set,
	.link_get = cleat_intel_link_get,
	.queue_open = queue_open,
	.queue_reset = queue_reset,
	.tick = cleat_igbvf_tick,
};

/* ---- probe ---- */

static void fill(
	struct cleat_igbvf *vf, struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_port_ctrl *port = &vf->port;

	vf->pci = cleat_pci_of(device);
	vf->mac.port = port;
	vf->mac.services = services;
	port->name = device->name;
	port->driver = device->driver->name;
	port->ops = &ops;
	port->driver_data = &vf->mac;
	port->mtu = 1500;
	port->max_mtu = (uint16_t)(CLEAT_IGBVF_MAX_FRAME - CRC - cleat_intel_frame(0));
	port->max_rx_queues = port->max_tx_queues = 1;
	port->max_descriptors = CLEAT_NIC_MAX_DESCRIPTORS;
	port->align_descriptors = CLEAT_NIC_ALIGN;
	port->max_mac_filters = CLEAT_IGBVF_FILTERS;
	port->offload_capa = OFFLOADS;
	port->offloads =
		CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_TX_SEGMENTS;
	port->numa_node = device->numa_node;
	port->device = device;
}

static int bring_up(struct cleat_igbvf *vf, struct cleat_device *device)
{
	const struct cleat_services *services = vf->mac.services;
	static const uint8_t ZERO[6];
	uint64_t len = 0;
	int ret = services->bar_map(services->ctx, device, 0, &vf->mac.bar, &len);

	if (ret < 0)
		return ret;
	if (len < 0x4000)
		return cleat_err(
			-EPROTO, "%s: BAR 0 has %llu bytes", device->name, (unsigned long long)len);
	ret = cleat_igbvf_reset(vf);
	if (ret < 0)
		return ret;
	memcpy(vf->mac.own, vf->granted, 6);
	if (memcmp(vf->mac.own, ZERO, 6) == 0) /* nobody gave it one */
		cleat_mac_from_name(device->name, vf->mac.own);
	memcpy(vf->port.mac, vf->mac.own, 6);
	(void)cleat_intel_link_get(&vf->port, &vf->port.link);
	return services->port_add(services->ctx, &vf->port);
}

static int igbvf_probe(struct cleat_device *device, const struct cleat_services *services)
{
	static const struct cleat_kvkey none[] = { { NULL, 0 } };
	struct cleat_kvargs args;
	struct cleat_igbvf *vf;
	int ret = cleat_vdev_args(device, none, &args);

	cleat_kvargs_free(&args);
	if (ret < 0)
		return ret;
	vf = (struct cleat_igbvf *)calloc(1, sizeof(*vf));
	if (vf == NULL)
		return cleat_err(-ENOMEM, "no memory for device %s", device->name);
	fill(vf, device, services);
	ret = bring_up(vf, device);
	if (ret < 0) {
		free(vf);
		return ret;
	}
	device->driver_data = vf;
	return 0;
}

static int igbvf_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_igbvf *vf = (struct cleat_igbvf *)device->driver_data;
	int ret;

	vf->running = 0;
	cleat_igbvf_irq_close(vf);
	ret = cleat_igbvf_leave(vf);
	if (ret < 0)
		return ret; /* it may still write to memory */
	ret = services->port_remove(services->ctx, &vf->port);
	if (ret < 0)
		return ret;
	device->driver_data = NULL;
	free(vf);
	return 0;
}

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(0x8086, 0x10ca, 0),
	{ .vendor = 0 },
};

static struct cleat_driver igbvf_driver = {
	.name = "net_igbvf",
	.bus = "pci",
	.ids = ids,
	.probe = igbvf_probe,
	.remove = igbvf_remove,
	.usage = "",
};
CLEAT_DRIVER_REGISTER(igbvf_driver)
