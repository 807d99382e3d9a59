/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap, data side. */
#include "pmd/pcap/pcap_data.h"

#include "pmd/pcap/pcap_state.h"

static void pcap_queue_close(struct cleat_queue *q)
{
	if (q->dir == CLEAT_RX)
		cleat_pcap_rxq_close(q);
	else
		cleat_pcap_txq_close(q);
}

static const struct cleat_xstat xstats[] = {
	{ "passes", CLEAT_RX, CLEAT_PCAP_RX_PASSES },
	{ "cut_packets", CLEAT_RX, CLEAT_PCAP_RX_CUT },
	{ "mbuf_waits", CLEAT_RX, CLEAT_PCAP_RX_WAITS },
	{ "file_bytes", CLEAT_TX, CLEAT_PCAP_TX_END },
};

static struct cleat_data_ops pcap_data = {
	.name = "net_pcap",
	.rxq_open = cleat_pcap_rxq_open,
	.txq_open = cleat_pcap_txq_open,
	.close = pcap_queue_close,
	.xstats = xstats,
	.n_xstats = sizeof(xstats) / sizeof(xstats[0]),
};
CLEAT_DATA_REGISTER(pcap_data)
