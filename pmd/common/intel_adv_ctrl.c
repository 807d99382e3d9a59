/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_adv_ctrl.c - queues with advanced descriptors: set running, and bring to rest. */
#include <errno.h>
#include <unistd.h>

#include "pmd/common/intel_adv.h"

#define ENABLE_US 100000U
#define REST_US	  50000U
#define SETTLE_US 100U
#define MAX_KIB	  16U
/* fetch when 8 are left, by 8; write back each that is done */
#define RX_DCTL (8U | 8U << 8 | 1U << 16)
#define TX_DCTL (8U | 1U << 8)

uint32_t cleat_adv_buf_bytes(uint32_t room)
{
	uint32_t kib = room / 1024;

	return 1024 * (kib < MAX_KIB ? kib : MAX_KIB);
}

/* 82576 datasheet 4.5.9 (receive), 4.5.10 (transmit) */
int cleat_adv_queue_run(const struct cleat_intel_mac *mac, enum cleat_dir dir, uint32_t block,
	const struct cleat_nic_ring *ring, int drop)
{
	uint32_t dctl = dir == CLEAT_RX ? RX_DCTL : TX_DCTL;
	uint32_t srrctl = CLEAT_ADV_SRRCTL_KIB(cleat_adv_buf_bytes(ring->buf_bytes) / 1024);

	cleat_intel_write(mac, block + CLEAT_ADV_DCTL, dctl);
	cleat_intel_write(mac, block + CLEAT_ADV_BASE_LOW, (uint32_t)ring->iova);
	cleat_intel_write(mac, block + CLEAT_ADV_BASE_HIGH, (uint32_t)(ring->iova >> 32));
	cleat_intel_write(mac, block + CLEAT_ADV_LEN, ring->count * CLEAT_NIC_DESC_BYTES);
	if (dir == CLEAT_RX) {
		srrctl |= CLEAT_ADV_SRRCTL_ONEBUF | (drop ? CLEAT_ADV_SRRCTL_DROP : 0);
		cleat_intel_write(mac, block + CLEAT_ADV_SRRCTL, srrctl);
	}
	cleat_intel_write(mac, block + CLEAT_ADV_HEAD, 0);
	cleat_intel_write(mac, block + CLEAT_ADV_TAIL, 0);
	cleat_intel_write(mac, block + CLEAT_ADV_DCTL, dctl | CLEAT_ADV_DCTL_ENABLE);
	return cleat_intel_wait(mac, block + CLEAT_ADV_DCTL, CLEAT_ADV_DCTL_ENABLE,
		CLEAT_ADV_DCTL_ENABLE, ENABLE_US);
}

/* The bit reads 0 when the device has ended what it was at. It does so for packets to be sent, too,
 * even without a link: they stay in the chip. */
int cleat_adv_queue_rest(const struct cleat_intel_mac *mac, enum cleat_dir dir, uint32_t block)
{
	uint32_t dctl = dir == CLEAT_RX ? RX_DCTL : TX_DCTL | CLEAT_ADV_DCTL_FLUSH;
	int ret;

	cleat_intel_write(mac, block + CLEAT_ADV_DCTL, dctl);
	ret = cleat_intel_wait(mac, block + CLEAT_ADV_DCTL, CLEAT_ADV_DCTL_ENABLE, 0, REST_US);
	if (ret == -ENODEV)
		return ret;
	if (ret < 0)
		return cleat_err_prefix(-EIO, "a queue does not stop");
	(void)usleep(SETTLE_US); /* writes on their way arrive */
	cleat_intel_write(mac, block + CLEAT_ADV_LEN, 0);
	return 0;
}
