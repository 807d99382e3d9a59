/* SPDX-License-Identifier: BSD-3-Clause */
/* igb_data.c - net_igb, data side: advanced descriptors (pmd/common/intel_adv.c). */
#include "pmd/common/intel_adv.h"
#include "pmd/common/intel_stats.h"
#include "pmd/common/nic_rx.h"

static struct cleat_data_ops igb_data = {
	.name = "net_igb",
	.rxq_open = cleat_adv_rxq_open,
	.txq_open = cleat_adv_txq_open,
	.close = cleat_adv_close,
	.rx_arm = cleat_adv_rx_arm,
	.rx_disarm = cleat_nic_rx_disarm,
	.hw_stats = cleat_intel_stats_names,
	.n_hw_stats = CLEAT_INTEL_STATS,
	.xstats = cleat_nic_xstats,
	.n_xstats = CLEAT_NIC_XSTATS,
};
CLEAT_DATA_REGISTER(igb_data)
