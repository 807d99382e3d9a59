/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_nic_ctrl.c - what the primary asks of a port: queues, start and stop. */
#include <errno.h>
#include <unistd.h>

#include "pmd/common/intel_nic.h"

/* ---- queues ---- */

static int all_unheld(const struct cleat_intel_nic *nic)
{
	int ret = 0;

	for (int dir = CLEAT_RX; ret == 0 && dir <= CLEAT_TX; dir++)
		ret = cleat_nic_rings_unheld(
			nic->rings[dir], &nic->port, (enum cleat_dir)dir, nic->chip->max_queues);
	return ret;
}

int cleat_intel_configure(struct cleat_port_ctrl *port, unsigned rx_queues, unsigned tx_queues)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	int ret = all_unheld(nic);

	if (ret < 0)
		return ret;
	nic->queues[CLEAT_RX] = rx_queues;
	nic->queues[CLEAT_TX] = tx_queues;
	return 0;
}

int cleat_intel_rx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	struct cleat_nic_ring *ring = &nic->rings[CLEAT_RX][queue];
	int ret = cleat_nic_ring_setup(
		ring, nic->mac.services, port, CLEAT_RX, queue, descriptors, pool);

	if (ret == 0 && nic->chip->buf_bytes(ring->buf_bytes) == 0)
		return cleat_err(-EINVAL, "%s: buffers of %u bytes are too small, %u is the least",
			port->name, ring->buf_bytes, nic->chip->min_buf);
	return ret;
}

int cleat_intel_tx_queue_setup(struct cleat_port_ctrl *port, unsigned queue, unsigned descriptors)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);

	return cleat_nic_ring_setup(&nic->rings[CLEAT_TX][queue], nic->mac.services, port, CLEAT_TX,
		queue, descriptors, NULL);
}

static void publish(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	const struct cleat_intel_chip *chip = nic->chip;
	struct cleat_nic_ring *ring = &nic->rings[dir][queue];
	uint32_t size = cleat_intel_max_packet(chip);
	struct cleat_nic_arm arm = { .on = NULL };

	if (dir == CLEAT_RX) {
		size = chip->buf_bytes(ring->buf_bytes);
		chip->irq_arm(nic, queue, &arm);
	}
	cleat_nic_ring_clear(ring);
	cleat_nic_ring_publish(ring, &nic->port, dir, queue,
		cleat_mmio_reg(nic->mac.bar, chip->tail(dir, queue)), size, &arm);
}

static void take_back(enum cleat_dir dir, struct cleat_queue_grant *grant)
{
	while (dir == CLEAT_RX && grant->n_fds > 0)
		(void)close(grant->fds[--grant->n_fds]);
}

int cleat_intel_queue_open(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue,
	struct cleat_queue_grant *grant)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	const struct cleat_intel_chip *chip = nic->chip;
	struct cleat_nic_ring *ring = &nic->rings[dir][queue];
	int ret = 0;

	if (!nic->running)
		return cleat_err(-EINVAL, "%s is stopped; start it first", port->name);
	if (chip->may_open != NULL)
		ret = chip->may_open(nic);
	if (ret == 0 && dir == CLEAT_RX)
		ret = cleat_nic_irq_grant(&nic->irq, queue, grant);
	if (ret < 0)
		return ret;
	publish(nic, dir, queue);
	ring->is_open = 1;
	ret = chip->run(nic, dir, queue);
	if (ret < 0) {
		ring->is_open = 0;
		take_back(dir, grant);
	}
	return ret;
}

/* What is not there writes nothing; but all ones are also what a device reads as that only does not
 * decode. */
static int rest(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	int ret = -ENODEV;

	if (cleat_intel_read(&nic->mac, CLEAT_INTEL_STATUS) != CLEAT_MMIO_GONE)
		ret = nic->chip->rest(nic, dir, queue);
	if (ret != -ENODEV)
		return ret;
	if (cleat_pci_is_gone(nic->pci))
		return 1;
	return cleat_err(
		-EIO, "%s does not answer, so it may still work on the queue", nic->port.name);
}

int cleat_intel_queue_reset(struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	struct cleat_nic_ring *ring = &nic->rings[dir][queue];
	int ret;

	if (!ring->is_open)
		return 0;
	ring->is_open = 0;
	ret = rest(nic, dir, queue);
	if (ret >= 0)
		cleat_nic_ring_clear(ring);
	return ret;
}

/* ---- the port ---- */

/* Without scatter a packet must fit one buffer, of which the device may use a part only. */
static int check_fits(const struct cleat_intel_nic *nic, unsigned mtu)
{
	uint32_t frame = cleat_intel_frame(mtu);

	if (nic->port.offloads & CLEAT_OFFLOAD_RX_SCATTER)
		return 0;
	for (unsigned q = 0; q < nic->queues[CLEAT_RX]; q++) {
		const struct cleat_nic_ring *ring = &nic->rings[CLEAT_RX][q];
		uint32_t size = nic->chip->buf_bytes(ring->buf_bytes);

		if (ring->va != NULL && frame > size)
			return cleat_err(-EINVAL,
				"%s: MTU %u takes %u bytes, but of the buffers of rx queue %u the "
				"device uses %u; switch rx-scatter on, or use a pool with larger "
				"ones",
				nic->port.name, mtu, frame, q, size);
	}
	return 0;
}

int cleat_intel_start(struct cleat_port_ctrl *port)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	int ret = check_fits(nic, port->mtu);

	ret = ret < 0 ? ret : nic->chip->begin(nic);
	/* a vector for each rx queue is wished for; the 82540EM has a single interrupt line */
	ret = ret < 0 ? ret
		      : cleat_nic_irq_open(&nic->irq, nic->pci, nic->mac.services,
				nic->queues[CLEAT_RX], nic->chip->on_interrupt, nic);
	if (ret < 0)
		return ret;
	nic->running = 1;
	nic->chip->irq_enable(nic);
	return 0;
}

int cleat_intel_stop(struct cleat_port_ctrl *port)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	int ret = all_unheld(nic);

	if (ret < 0)
		return ret;
	nic->running = 0;
	nic->chip->irq_mask(nic);
	cleat_nic_irq_close(&nic->irq);
	return nic->chip->end(nic);
}

int cleat_intel_mtu_set(struct cleat_port_ctrl *port, unsigned mtu)
{
	struct cleat_intel_nic *nic = cleat_intel_nic_of(port);
	int ret = check_fits(nic, mtu);

	return ret < 0 ? ret : nic->chip->set_frame(nic, mtu);
}
