/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_stats_ctrl.c - reads the statistics registers before they overflow. */
#include "pmd/common/intel_regs.h"
#include "pmd/common/intel_stats.h"
#include "pmd/common/nic_mmio.h"
#include "runtime/driver.h"

/* A counter of 64 bits: low half first, reading the high half clears both. */
#define WIDE 1U

/* In the order of cleat_intel_stats_names. */
static const uint16_t offsets[CLEAT_INTEL_STATS] = {
	0x4000,	       /* rx_crc_errors */
	0x4008,	       /* rx_symbol_errors */
	0x400c,	       /* rx_errors */
	0x4010,	       /* rx_missed_packets */
	0x4014,	       /* tx_single_collisions */
	0x4018,	       /* tx_excessive_collisions */
	0x401c,	       /* tx_multiple_collisions */
	0x4020,	       /* tx_late_collisions */
	0x4028,	       /* tx_collisions */
	0x4030,	       /* tx_deferred */
	0x4040,	       /* rx_length_errors */
	0x4048,	       /* rx_xon_packets */
	0x404c,	       /* tx_xon_packets */
	0x4050,	       /* rx_xoff_packets */
	0x4054,	       /* tx_xoff_packets */
	0x405c,	       /* rx_size_64_packets */
	0x4060,	       /* rx_size_65_to_127_packets */
	0x4064,	       /* rx_size_128_to_255_packets */
	0x4068,	       /* rx_size_256_to_511_packets */
	0x406c,	       /* rx_size_512_to_1023_packets */
	0x4070,	       /* rx_size_1024_to_max_packets */
	0x4074,	       /* rx_good_packets */
	0x4078,	       /* rx_broadcast_packets */
	0x407c,	       /* rx_multicast_packets */
	0x4080,	       /* tx_good_packets */
	0x4088 | WIDE, /* rx_good_bytes */
	0x4090 | WIDE, /* tx_good_bytes */
	0x40a0,	       /* rx_no_buffer_count */
	0x40a4,	       /* rx_undersized_packets */
	0x40a8,	       /* rx_fragments */
	0x40ac,	       /* rx_oversized_packets */
	0x40b0,	       /* rx_jabbers */
	0x40d0,	       /* rx_total_packets */
	0x40d4,	       /* tx_total_packets */
	0x40d8,	       /* tx_size_64_packets */
	0x40dc,	       /* tx_size_65_to_127_packets */
	0x40e0,	       /* tx_size_128_to_255_packets */
	0x40e4,	       /* tx_size_256_to_511_packets */
	0x40e8,	       /* tx_size_512_to_1023_packets */
	0x40ec,	       /* tx_size_1024_to_max_packets */
	0x40f0,	       /* tx_multicast_packets */
	0x40f4,	       /* tx_broadcast_packets */
};

static_assert(CLEAT_INTEL_STATS <= CLEAT_HW_RX_MISSED, "the last one is the port's");

void cleat_intel_stats_add(void *bar, uint64_t *stats)
{
	if (cleat_mmio_read32(cleat_mmio_reg(bar, CLEAT_INTEL_STATUS)) == CLEAT_MMIO_GONE)
		return;
	for (unsigned i = 0; i < CLEAT_INTEL_STATS; i++) {
		uint32_t off = offsets[i] & ~WIDE;
		uint64_t value = cleat_mmio_read32(cleat_mmio_reg(bar, off));

		if (offsets[i] & WIDE)
			value |= (uint64_t)cleat_mmio_read32(cleat_mmio_reg(bar, off + 4)) << 32;
		cleat_store_relaxed(&stats[i], stats[i] + value);
	}
	cleat_store_relaxed(&stats[CLEAT_HW_RX_MISSED], stats[CLEAT_INTEL_RX_MISSED]);
}
