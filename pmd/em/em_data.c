/* SPDX-License-Identifier: BSD-3-Clause */
/* em_data.c - net_em, data side: bursts on the one receive and the one transmit queue. */
#include <string.h>

#include "pmd/common/intel_stats.h"
#include "pmd/common/nic_rx.h"
#include "pmd/common/nic_tx.h"
#include "pmd/em/em_desc.h"
#include "runtime/mbuf_ref.h"

#define MIN_FRAME 60

/* ---- receiving ---- */

/* 82540EM: TCPCS says that TCP or UDP was looked at; 82574: UDPCS as well (datasheet 7.1.4). */
static uint32_t checksum_flags(uint64_t w1)
{
	uint32_t flags = 0;

	if (w1 & CLEAT_EM_RX_IXSM)
		return 0;
	if (w1 & CLEAT_EM_RX_IPCS)
		flags |= w1 & CLEAT_EM_RX_IPE ? CLEAT_MBUF_RX_IP_BAD : CLEAT_MBUF_RX_IP_GOOD;
	if (w1 & (CLEAT_EM_RX_TCPCS | CLEAT_EM_RX_UDPCS))
		flags |= w1 & CLEAT_EM_RX_TCPE ? CLEAT_MBUF_RX_L4_BAD : CLEAT_MBUF_RX_L4_GOOD;
	return flags;
}

cleat_inline void parse(
	const struct cleat_queue *q, uint64_t w0, uint64_t w1, struct cleat_nic_done *done)
{
	(void)w0;
	done->len = (uint16_t)w1;
	done->eop = (w1 & CLEAT_EM_RX_EOP) != 0;
	done->bad = (w1 & CLEAT_EM_RX_DAMAGE) != 0;
	done->hash = 0;
	done->vlan = 0;
	done->flags = q->offloads & CLEAT_OFFLOAD_RX_CHECKSUM ? checksum_flags(w1) : 0;
	if ((w1 & CLEAT_EM_RX_VP) && (q->offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP)) {
		done->vlan = (uint16_t)(w1 >> 48);
		done->flags |= CLEAT_MBUF_VLAN;
	}
}

static int em_rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	return cleat_nic_rx_burst(q, mbufs, n, CLEAT_EM_RX_DD, parse);
}

static int em_rx_arm(struct cleat_queue *q)
{
	return cleat_nic_rx_arm(q, CLEAT_EM_RX_DD);
}

/* ---- sending ---- */

/* The 82540EM may damage a packet that it has to pad itself, so pad it here where the buffer allows
 * that. @return the length to be sent */
static uint64_t pad(const struct cleat_mbuf *m)
{
	uint32_t len = m->data_len;

	if (!cleat_mbuf_is_plain(m) || cleat_mbuf_tailroom(m) < MIN_FRAME - len)
		return len;
	memset(cleat_mbuf_data(m) + len, 0, MIN_FRAME - len);
	return MIN_FRAME;
}

cleat_inline uint64_t simple(const struct cleat_mbuf *m)
{
	uint64_t len = cleat_likely(m->data_len >= MIN_FRAME) ? m->data_len : pad(m);

	return len | CLEAT_NIC_TX_EOP | CLEAT_NIC_TX_IFCS;
}

/* Where the checksums are, for the context descriptor (8254x SDM 3.3.6). */
static void plan_context(const struct cleat_mbuf *m, struct cleat_nic_tx_plan *p)
{
	uint64_t l3 = m->l2_len, l4 = l3 + m->l3_len;
	uint64_t l4_sum = l4 + (m->ol_flags & CLEAT_MBUF_TX_TCP ? 16 : 6);

	/* IPCSS, IPCSO, IPCSE, TUCSS, TUCSO, TUCSE: 0 is the packet's end */
	p->context[0] = l3 | (l3 + 10) << 8 | (l4 - 1) << 16 | l4 << 32 | l4_sum << 40;
	p->context[1] = CLEAT_NIC_TX_DEXT;
	if (m->ol_flags & CLEAT_MBUF_TX_TCP)
		p->context[1] |= CLEAT_EM_TX_CONTEXT_TCP;
	if (m->ol_flags & CLEAT_MBUF_TX_IPV4)
		p->context[1] |= CLEAT_EM_TX_CONTEXT_IP;
}

static void plan(const struct cleat_mbuf *m, struct cleat_nic_tx_plan *p)
{
	p->w1 = CLEAT_NIC_TX_IFCS;
	if (m->ol_flags & CLEAT_MBUF_TX_VLAN)
		p->w1 |= CLEAT_NIC_TX_VLE | (uint64_t)m->vlan_tci << 48;
	if (!(m->ol_flags & (CLEAT_MBUF_TX_IPV4 | CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP)))
		return;
	plan_context(m, p);
	p->w1 |= CLEAT_NIC_TX_DEXT | CLEAT_EM_TX_DATA;
	if (m->ol_flags & CLEAT_MBUF_TX_IPV4)
		p->w1 |= CLEAT_EM_TX_IXSM;
	if (m->ol_flags & (CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP))
		p->w1 |= CLEAT_EM_TX_TXSM;
}

static int em_tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	return cleat_nic_tx_burst(q, mbufs, n, simple, plan);
}

/* ---- opening ---- */

static int em_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = em_rx_burst;
	return cleat_nic_rxq_open(q, conf);
}

static int em_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = em_tx_burst;
	return cleat_nic_txq_open(q, conf);
}

static void em_close(struct cleat_queue *q)
{
	if (q->dir == CLEAT_RX)
		cleat_nic_rxq_close(q);
	else
		cleat_nic_txq_close(q);
}

static struct cleat_data_ops em_data = {
	.name = "net_em",
	.rxq_open = em_rxq_open,
	.txq_open = em_txq_open,
	.close = em_close,
	.rx_arm = em_rx_arm,
	.rx_disarm = cleat_nic_rx_disarm,
	.hw_stats = cleat_intel_stats_names,
	.n_hw_stats = CLEAT_INTEL_STATS,
	.xstats = cleat_nic_xstats,
	.n_xstats = CLEAT_NIC_XSTATS,
};
CLEAT_DATA_REGISTER(em_data)
