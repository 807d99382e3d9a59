/* SPDX-License-Identifier: BSD-3-Clause */
/* igbvf_data.c - net_igbvf, data side: advanced descriptors (pmd/common/intel_adv.c). */
#include "pmd/common/intel_adv.h"
#include "pmd/common/nic_rx.h"

/* In the order in which igbvf_hw_ctrl.c reads them. */
static const char *const stats[] = {
	"rx_good_packets",
	"tx_good_packets",
	"rx_good_bytes",
	"tx_good_bytes",
	"rx_multicast_packets",
};

static struct cleat_data_ops igbvf_data = {
	.name = "net_igbvf",
	.rxq_open = cleat_adv_rxq_open,
	.txq_open = cleat_adv_txq_open,
	.close = cleat_adv_close,
	.rx_arm = cleat_adv_rx_arm,
	.rx_disarm = cleat_nic_rx_disarm,
	.hw_stats = stats,
	.n_hw_stats = sizeof(stats) / sizeof(stats[0]),
	.xstats = cleat_nic_xstats,
	.n_xstats = CLEAT_NIC_XSTATS,
};
CLEAT_DATA_REGISTER(igbvf_data)
