/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "pmd/common/nic_ring.h"
#include "runtime/mbuf.h"

#define MAX_BUF 65535U

static const char *dir_name(enum cleat_dir dir)
{
	return dir == CLEAT_RX ? "rx" : "tx";
}

static uint32_t buf_room(const struct cleat_pool_row_shm *pool)
{
	uint32_t buf = pool->elt_bytes - (uint32_t)sizeof(struct cleat_mbuf);

	return (buf < MAX_BUF ? buf : MAX_BUF) - pool->headroom_bytes;
}

static int check_count(const struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned count)
{
	if (count >= CLEAT_NIC_MIN_DESCRIPTORS && count <= CLEAT_NIC_MAX_DESCRIPTORS &&
		count % CLEAT_NIC_ALIGN == 0)
		return 0;
	return cleat_err(-EINVAL,
		"%s: a %s queue has %u to %u descriptors, a multiple of %u; not %u", port->name,
		dir_name(dir), CLEAT_NIC_MIN_DESCRIPTORS, CLEAT_NIC_MAX_DESCRIPTORS,
		CLEAT_NIC_ALIGN, count);
}

int cleat_nic_ring_setup(struct cleat_nic_ring *ring, const struct cleat_services *services,
	const struct cleat_port_ctrl *port, enum cleat_dir dir, unsigned queue, unsigned count,
	const struct cleat_pool_row_shm *pool)
{
	char what[12];
	int ret = check_count(port, dir, count);

	if (ret < 0)
		return ret;
	if (ring->is_open)
		return cleat_err(-EBUSY, "%s: %s queue %u is held; it must be released first",
			port->name, dir_name(dir), queue);
	(void)snprintf(what, sizeof(what), "%s%u", dir_name(dir), queue % 100);
	if (ring->va != NULL) {
		ret = services->dma_free(services->ctx, port, what);
		if (ret < 0)
			return ret;
		ring->va = NULL;
	}
	ret = services->dma_reserve(services->ctx, port, what,
		(uint64_t)count * CLEAT_NIC_DESC_BYTES, 128, &ring->va, &ring->iova);
	if (ret < 0) {
		ring->va = NULL;
		return ret;
	}
	ring->count = count;
	ring->buf_bytes = pool != NULL ? buf_room(pool) : 0;
	return 0;
}

void cleat_nic_ring_clear(struct cleat_nic_ring *ring)
{
	memset(ring->va, 0, (size_t)ring->count * CLEAT_NIC_DESC_BYTES);
}

static uint64_t window_off(const volatile void *p)
{
	return p == NULL ? 0 : (uintptr_t)p - cleat_window_base;
}

void cleat_nic_ring_publish(const struct cleat_nic_ring *ring, const struct cleat_port_ctrl *port,
	enum cleat_dir dir, unsigned queue, volatile uint32_t *tail, uint32_t size,
	const struct cleat_nic_arm *arm)
{
	uint64_t *words = cleat_port_ctrl_queue(port, dir, queue)->driver;

	words[CLEAT_NIC_RING] = window_off(ring->va);
	words[CLEAT_NIC_COUNT] = ring->count;
	words[CLEAT_NIC_TAIL] = window_off(tail);
	words[CLEAT_NIC_BUF_BYTES] = dir == CLEAT_RX ? size : 0;
	words[CLEAT_NIC_MAX_FRAME] = dir == CLEAT_TX ? size : 0;
	words[CLEAT_NIC_ARM_ON] = arm != NULL ? window_off(arm->on) : 0;
	words[CLEAT_NIC_ARM_OFF] = arm != NULL ? window_off(arm->off) : 0;
	words[CLEAT_NIC_ARM_BITS] = arm != NULL ? arm->bits : 0;
	words[CLEAT_NIC_ARMED] = 0;
}

int cleat_nic_rings_unheld(const struct cleat_nic_ring *rings, const struct cleat_port_ctrl *port,
	enum cleat_dir dir, unsigned n)
{
	for (unsigned q = 0; q < n; q++)
		if (rings[q].is_open)
			return cleat_err(-EBUSY,
				"%s: %s queue %u is held; it must be released first", port->name,
				dir_name(dir), q);
	return 0;
}
