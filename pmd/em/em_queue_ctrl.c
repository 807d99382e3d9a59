/* SPDX-License-Identifier: BSD-3-Clause */
/* em_queue_ctrl.c - the rings of the two directions: set running, and bring to rest. */
#include <errno.h>
#include <unistd.h>

#include "pmd/em/em.h"
#include "pmd/em/em_regs.h"
#include "runtime/clock.h"
#include "runtime/log.h"

#define STILL_US  1000U /* a head that does not move for so long has stopped */
#define STEP_US	  100U
#define MOST_US	  50000U
#define MASTER_US 20000U
/* SDM 13.4.33: collisions, for half duplex */
#define TCTL (CLEAT_TCTL_PSP | CLEAT_TCTL_CT(15) | CLEAT_TCTL_COLD(0x40) | CLEAT_TCTL_RTLC)

/* The receive ring's registers; the transmit ring's lie 0x1000 above. */
static uint32_t reg(enum cleat_dir dir, uint32_t rx)
{
	return dir == CLEAT_RX ? rx : rx + (CLEAT_EM_TDBAL - CLEAT_EM_RDBAL);
}

uint32_t cleat_em_queue_tail(enum cleat_dir dir, unsigned queue)
{
	(void)queue;
	return reg(dir, CLEAT_EM_RDT);
}

static void enable(struct cleat_intel_nic *nic, enum cleat_dir dir, int on)
{
	if (dir == CLEAT_RX) {
		nic->mac.receiving = on;
		cleat_intel_rctl_write(&nic->mac);
		return;
	}
	cleat_intel_write(&nic->mac, CLEAT_INTEL_TCTL, on ? TCTL | CLEAT_TCTL_EN : TCTL);
	cleat_intel_flush(&nic->mac);
}

int cleat_em_queue_run(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	const struct cleat_nic_ring *ring = &nic->rings[dir][0];
	const struct cleat_intel_mac *mac = &nic->mac;

	(void)queue;
	cleat_intel_write(mac, reg(dir, CLEAT_EM_RDBAL), (uint32_t)ring->iova);
	cleat_intel_write(mac, reg(dir, CLEAT_EM_RDBAH), (uint32_t)(ring->iova >> 32));
	cleat_intel_write(mac, reg(dir, CLEAT_EM_RDLEN), ring->count * CLEAT_NIC_DESC_BYTES);
	cleat_intel_write(mac, reg(dir, CLEAT_EM_RDH), 0);
	cleat_intel_write(mac, reg(dir, CLEAT_EM_RDT), 0);
	enable(nic, dir, 1);
	return 0;
}

/* @return 0 when the head has stood still for long enough; -ENODEV */
static int wait_still(const struct cleat_intel_nic *nic, enum cleat_dir dir)
{
	uint32_t before = cleat_intel_read(&nic->mac, reg(dir, CLEAT_EM_RDH));
	uint64_t moved_us = cleat_now_us(), end_us = moved_us + MOST_US, now_us;

	do {
		uint32_t now;

		(void)usleep(STEP_US);
		now = cleat_intel_read(&nic->mac, reg(dir, CLEAT_EM_RDH));
		now_us = cleat_now_us();
		if (now == CLEAT_MMIO_GONE)
			return -ENODEV;
		if (now != before)
			moved_us = now_us;
		before = now;
		if (now_us - moved_us >= STILL_US)
			return 0;
	} while (now_us < end_us);
	return -ETIMEDOUT;
}

/* PCI Express: hold up DMA for a moment; when none is on its way any more, none of the queue at
 * rest is. The other direction waits meanwhile. */
static int wait_no_dma(const struct cleat_intel_nic *nic)
{
	uint32_t ctrl = cleat_intel_read(&nic->mac, CLEAT_INTEL_CTRL);
	int ret;

	if (cleat_em_model(nic) != CLEAT_EM_82574)
		return 0;
	if (ctrl == CLEAT_MMIO_GONE)
		return -ENODEV;
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL, ctrl | CLEAT_CTRL_GIO_DISABLE);
	ret = cleat_intel_wait(
		&nic->mac, CLEAT_INTEL_STATUS, CLEAT_STATUS_GIO_MASTER, 0, MASTER_US);
	cleat_intel_write(&nic->mac, CLEAT_INTEL_CTRL, ctrl);
	return ret;
}

/* Nobody is at the device: reset all of it. A PHY that then does not answer writes no memory. */
static int rest_all(struct cleat_intel_nic *nic)
{
	int ret = cleat_em_reset(nic);

	if (ret < 0)
		return cleat_err_prefix(ret == -ENODEV ? ret : -EIO, "%s", nic->port.name);
	cleat_em_set_up(nic);
	if (cleat_intel_phy_up(&nic->mac) < 0)
		cleat_log(CLEAT_LOG_WARNING, "%s: no link after a reset: %s; stop and start it",
			nic->port.name, cleat_error());
	cleat_em_irq_enable(nic);
	return 1;
}

/* The other direction works on meanwhile, and its owner must not notice. */
static int rest_one(struct cleat_intel_nic *nic, enum cleat_dir dir)
{
	int ret;

	enable(nic, dir, 0);
	ret = wait_still(nic, dir);
	ret = ret < 0 ? ret : wait_no_dma(nic);
	if (ret == -ENODEV)
		return ret;
	if (ret < 0)
		return cleat_err(-EIO,
			"%s: %s does not end; the buffers come back when nobody holds the other "
			"queue",
			nic->port.name, dir == CLEAT_RX ? "receiving" : "sending");
	cleat_intel_write(&nic->mac, reg(dir, CLEAT_EM_RDH), 0);
	cleat_intel_write(&nic->mac, reg(dir, CLEAT_EM_RDT), 0);
	return 0;
}

int cleat_em_queue_rest(struct cleat_intel_nic *nic, enum cleat_dir dir, unsigned queue)
{
	enum cleat_dir other = dir == CLEAT_RX ? CLEAT_TX : CLEAT_RX;

	(void)queue;
	return nic->rings[other][0].is_open ? rest_one(nic, dir) : rest_all(nic);
}
