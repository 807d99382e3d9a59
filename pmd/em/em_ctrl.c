/* SPDX-License-Identifier: BSD-3-Clause */
/* em_ctrl.c - net_em, control side: from device to port, and what the primary asks of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"
#include "pmd/vdev_args.h"

#define OFFLOADS                                                                              \
	(CLEAT_OFFLOAD_RX_CHECKSUM | CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_RX_SCATTER | \
		CLEAT_OFFLOAD_TX_CHECKSUM | CLEAT_OFFLOAD_TX_VLAN_INSERT |                    \
		CLEAT_OFFLOAD_TX_SEGMENTS)
#define VLAN (CLEAT_OFFLOAD_RX_VLAN_STRIP | CLEAT_OFFLOAD_TX_VLAN_INSERT)
#define CRC  4U

static uint32_t max_frame(const struct cleat_em *em)
{
	return (em->model == CLEAT_EM_82540 ? CLEAT_EM_MAX_FRAME_82540 : CLEAT_EM_MAX_FRAME_82574) -
	       CRC;
}

/* ---- queues ---- */

static int rx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	struct cleat_em *em = cleat_em_of(port);
	int ret = cleat_nic_ring_setup(
		&em->rings[CLEAT_RX], em->mac.services, port, CLEAT_RX, queue, descriptors, pool);

	if (ret == 0 && cleat_em_buf_bytes(em->rings[CLEAT_RX].buf_bytes) == 0)
		return cleat_err(-EINVAL, "%s: buffers of %u bytes are too small, 256 is the least",
			port->name, em->rings[CLEAT_RX].buf_bytes);
	return ret;
}

static int tx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors)
{
	struct cleat_em *em = cleat_em_of(port);

	return cleat_nic_ring_setup(
		&em->rings[CLEAT_TX], em->mac.services, port, CLEAT_TX, queue, descriptors, NULL);
}

static int queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	struct cleat_em *em = cleat_em_of(port);
	struct cleat_nic_ring *ring = &em->rings[dir];
	uint32_t tail = dir == CLEAT_RX ? CLEAT_EM_RDT : CLEAT_EM_TDT;
	struct cleat_nic_arm arm = { .on = NULL };
	int ret;

	if (!em->running)
		return cleat_err(-EINVAL, "%s is stopped; start it first", port->name);
	ret = dir == CLEAT_RX ? cleat_nic_irq_grant(&em->irq, queue, grant) : 0;
	if (ret < 0)
		return ret;
	if (dir == CLEAT_RX)
		cleat_em_irq_arm(em, &arm);
	cleat_nic_ring_clear(ring);
	cleat_nic_ring_publish(ring, port, dir, queue, cleat_mmio_reg(em->mac.bar, tail),
		dir == CLEAT_RX ? cleat_em_buf_bytes(ring->buf_bytes) : max_frame(em), &arm);
	ring->is_open = 1;
	cleat_em_queue_run(em, dir);
	return 0;
}

static int queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	struct cleat_em *em = cleat_em_of(port);
	int ret;

	(void)queue;
	if (!em->rings[dir].is_open)
		return 0;
	em->rings[dir].is_open = 0;
	ret = cleat_em_queue_rest(em, dir);
	if (ret >= 0)
		cleat_nic_ring_clear(&em->rings[dir]);
	return ret;
}

/* ---- the port ---- */

/* Without scatter a packet must fit one buffer, as the device cuts buffers to a power of two. */
static int check_fits(const struct cleat_em *em, unsigned mtu)
{
	uint32_t size = cleat_em_buf_bytes(em->rings[CLEAT_RX].buf_bytes);

	if (em->rings[CLEAT_RX].va == NULL || (em->port.offloads & CLEAT_OFFLOAD_RX_SCATTER) ||
		cleat_intel_frame(mtu) <= size)
		return 0;
	return cleat_err(-EINVAL,
		"%s: MTU %u takes %u bytes, but of these buffers the device uses %u; switch "
		"rx-scatter on, or use a pool with larger ones",
		em->port.name, mtu, cleat_intel_frame(mtu), size);
}

static int start(struct cleat_port_ctrl *port)
{
	struct cleat_em *em = cleat_em_of(port);
	int ret = check_fits(em, port->mtu);

	ret = ret < 0 ? ret : cleat_em_reset(em);
	if (ret < 0)
		return ret;
	cleat_em_set_up(em);
	ret = cleat_intel_phy_up(&em->mac);
	ret = ret < 0 ? ret : cleat_em_irq_open(em);
	if (ret < 0)
		return ret;
	em->running = 1;
	cleat_em_irq_enable(em);
	return 0;
}

static int stop(struct cleat_port_ctrl *port)
{
	struct cleat_em *em = cleat_em_of(port);
	int ret = cleat_nic_rings_unheld(&em->rings[CLEAT_RX], port, CLEAT_RX, 1);

	ret = ret < 0 ? ret : cleat_nic_rings_unheld(&em->rings[CLEAT_TX], port, CLEAT_TX, 1);
	if (ret < 0)
		return ret;
	em->running = 0;
	cleat_em_irq_close(em);
	return cleat_em_reset(em);
}

static int mtu_set(struct cleat_port_ctrl *port, unsigned mtu)
{
	int ret = check_fits(cleat_em_of(port), mtu);

	if (ret == 0)
		cleat_em_set_frame(cleat_em_of(port), mtu);
	return ret;
}

/* One bit of the device, CTRL.VME, switches both (SDM 13.4.1). */
static int offloads_set(struct cleat_port_ctrl *port, uint32_t offloads)
{
	if ((offloads & CLEAT_OFFLOAD_TX_VLAN_INSERT) && !(offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP))
		return cleat_err(-EOPNOTSUPP,
			"%s: the device inserts VLAN tags only while it strips them; switch on "
			"both or neither",
			port->name);
	return 0;
}

static const struct cleat_port_ops ops = {
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

/* 82574 datasheet, 10.2, EXTCNF_CTRL: the bit sticks when nobody else has it. */
static int phy_lock_82574(struct cleat_intel_mac *mac, int take)
{
	uint32_t value = cleat_intel_read(mac, CLEAT_EM_EXTCNF);

	if (!take) {
		cleat_intel_write(mac, CLEAT_EM_EXTCNF, value & ~CLEAT_EM_EXTCNF_MDIO);
		return 0;
	}
	for (int i = 0; i < 100; i++) {
		cleat_intel_write(mac, CLEAT_EM_EXTCNF, value | CLEAT_EM_EXTCNF_MDIO);
		if (cleat_intel_wait(mac, CLEAT_EM_EXTCNF, CLEAT_EM_EXTCNF_MDIO,
			    CLEAT_EM_EXTCNF_MDIO, 100) == 0)
			return 0;
	}
	return cleat_err(-EBUSY, "%s: the firmware does not let go of the PHY", mac->port->name);
}

static void fill_mac(struct cleat_em *em, const struct cleat_services *services)
{
	em->mac.port = &em->port;
	em->mac.services = services;
	em->mac.eerd_done = CLEAT_EM_EERD_DONE_82540;
	em->mac.eerd_shift = CLEAT_EM_EERD_SHIFT_82540;
	if (em->model == CLEAT_EM_82540)
		return;
	em->mac.eerd_done = CLEAT_EM_EERD_DONE_82574;
	em->mac.eerd_shift = CLEAT_EM_EERD_SHIFT_82574;
	em->mac.phy_lock = phy_lock_82574;
}

static void fill_port(struct cleat_em *em, struct cleat_device *device)
{
	struct cleat_port_ctrl *port = &em->port;

	port->name = device->name;
	port->driver = device->driver->name;
	port->ops = &ops;
	port->driver_data = &em->mac;
	port->mtu = 1500;
	port->max_mtu = (uint16_t)(max_frame(em) - cleat_intel_frame(0));
	port->max_rx_queues = port->max_tx_queues = 1;
	port->max_descriptors = CLEAT_NIC_MAX_DESCRIPTORS;
	port->align_descriptors = CLEAT_NIC_ALIGN;
	port->max_mac_filters = CLEAT_INTEL_RARS - 1;
	port->offload_capa = OFFLOADS;
	port->offloads = CLEAT_OFFLOAD_RX_SCATTER | CLEAT_OFFLOAD_TX_SEGMENTS;
	port->numa_node = device->numa_node;
	port->device = device;
}

static int bring_up(struct cleat_em *em, struct cleat_device *device)
{
	const struct cleat_services *services = em->mac.services;
	uint64_t len = 0;
	int ret = services->bar_map(services->ctx, device, 0, &em->mac.bar, &len);

	if (ret < 0)
		return ret;
	if (len < 0x10000) /* SDM 4.1: 128 KiB; no register that is used lies above 64 KiB */
		return cleat_err(
			-EPROTO, "%s: BAR 0 has %llu bytes", device->name, (unsigned long long)len);
	ret = cleat_em_reset(em);
	ret = ret < 0 ? ret : cleat_intel_own_address(&em->mac);
	if (ret < 0)
		return ret;
	memcpy(em->port.mac, em->mac.own, 6);
	(void)cleat_intel_link_get(&em->port, &em->port.link);
	return services->port_add(services->ctx, &em->port);
}

static int em_probe(struct cleat_device *device, const struct cleat_services *services)
{
	static const struct cleat_kvkey none[] = { { NULL, 0 } };
	struct cleat_kvargs args;
	struct cleat_em *em;
	int ret = cleat_vdev_args(device, none, &args);

	cleat_kvargs_free(&args);
	if (ret < 0)
		return ret;
	em = (struct cleat_em *)calloc(1, sizeof(*em));
	if (em == NULL)
		return cleat_err(-ENOMEM, "no memory for device %s", device->name);
	em->pci = cleat_pci_of(device);
	em->model = (enum cleat_em_model)em->pci->model;
	fill_mac(em, services);
	fill_port(em, device);
	ret = bring_up(em, device);
	if (ret < 0) {
		free(em);
		return ret;
	}
	device->driver_data = em;
	return 0;
}

static int em_remove(struct cleat_device *device, const struct cleat_services *services)
{
	struct cleat_em *em = (struct cleat_em *)device->driver_data;
	int ret;

	em->running = 0;
	cleat_em_irq_close(em);
	ret = cleat_em_reset(em);
	if (ret < 0 && ret != -ENODEV)
		return ret; /* it may still write to memory */
	ret = services->port_remove(services->ctx, &em->port);
	if (ret < 0)
		return ret;
	device->driver_data = NULL;
	free(em);
	return 0;
}

static const struct cleat_pci_id ids[] = {
	CLEAT_PCI_ID(0x8086, 0x100e, CLEAT_EM_82540),
	CLEAT_PCI_ID(0x8086, 0x10d3, CLEAT_EM_82574),
	{ .vendor = 0 },
};

static struct cleat_driver em_driver = {
	.name = "net_em",
	.bus = "pci",
	.ids = ids,
	.probe = em_probe,
	.remove = em_remove,
	.usage = "",
};
CLEAT_DRIVER_REGISTER(em_driver)
