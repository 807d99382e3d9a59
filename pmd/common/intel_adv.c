/* SPDX-License-Identifier: BSD-3-Clause */
/* intel_adv.c - bursts with advanced descriptors. */
#include "pmd/common/intel_adv.h"

#include "pmd/common/nic_rx.h"
#include "pmd/common/nic_tx.h"

/* ---- receiving ---- */

static uint32_t checksum_flags(uint64_t w1)
{
	uint32_t flags = 0;

	if (w1 & CLEAT_ADV_RX_IPCS)
		flags |= w1 & CLEAT_ADV_RX_IPE ? CLEAT_MBUF_RX_IP_BAD : CLEAT_MBUF_RX_IP_GOOD;
	if (w1 & (CLEAT_ADV_RX_L4CS | CLEAT_ADV_RX_UDPCS))
		flags |= w1 & CLEAT_ADV_RX_L4E ? CLEAT_MBUF_RX_L4_BAD : CLEAT_MBUF_RX_L4_GOOD;
	return flags;
}

cleat_inline void parse(
	const struct cleat_queue *q, uint64_t w0, uint64_t w1, struct cleat_nic_done *done)
{
	done->len = (uint16_t)(w1 >> 32);
	done->eop = (w1 & CLEAT_ADV_RX_EOP) != 0;
	done->bad = (w1 & CLEAT_ADV_RX_RXE) != 0;
	done->hash = 0;
	done->vlan = 0;
	done->flags = q->offloads & CLEAT_OFFLOAD_RX_CHECKSUM ? checksum_flags(w1) : 0;
	if ((q->offloads & CLEAT_OFFLOAD_RX_RSS) && (w0 & CLEAT_ADV_RX_RSS_TYPE)) {
		done->hash = CLEAT_ADV_RX_HASH(w0);
		done->flags |= CLEAT_MBUF_RSS_HASH;
	}
	if ((w1 & CLEAT_ADV_RX_VP) && (q->offloads & CLEAT_OFFLOAD_RX_VLAN_STRIP)) {
		done->vlan = (uint16_t)(w1 >> 48);
		done->flags |= CLEAT_MBUF_VLAN;
	}
}

static int rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	return cleat_nic_rx_burst(q, mbufs, n, CLEAT_ADV_RX_DD, parse);
}

int cleat_adv_rx_arm(struct cleat_queue *q)
{
	return cleat_nic_rx_arm(q, CLEAT_ADV_RX_DD);
}

/* ---- sending ---- */

#define DATA (CLEAT_NIC_TX_DEXT | CLEAT_NIC_TX_IFCS | CLEAT_ADV_TX_DATA)

cleat_inline uint64_t simple(const struct cleat_mbuf *m)
{
	return DATA | CLEAT_NIC_TX_EOP | m->data_len | CLEAT_ADV_TX_PAYLEN(m->data_len);
}

/* 82576 datasheet 7.2.2.2: lengths of the headers, the VLAN tag, what the packet is. */
static void plan_context(const struct cleat_mbuf *m, int checksum, struct cleat_nic_tx_plan *p)
{
	uint64_t macip = 0;

	p->context[1] = CLEAT_NIC_TX_DEXT | CLEAT_ADV_TX_CONTEXT;
	if (checksum)
		macip = (uint64_t)m->l3_len | (uint64_t)m->l2_len << 9;
	if (m->ol_flags & CLEAT_MBUF_TX_VLAN)
		macip |= (uint64_t)m->vlan_tci << 16;
	p->context[0] = macip;
	if (m->ol_flags & CLEAT_MBUF_TX_IPV4)
		p->context[1] |= CLEAT_ADV_TX_CONTEXT_IPV4;
	if (m->ol_flags & CLEAT_MBUF_TX_TCP)
		p->context[1] |= CLEAT_ADV_TX_CONTEXT_TCP;
}

static void plan(const struct cleat_mbuf *m, struct cleat_nic_tx_plan *p)
{
	const uint32_t l4 = CLEAT_MBUF_TX_TCP | CLEAT_MBUF_TX_UDP;
	int checksum = (m->ol_flags & (CLEAT_MBUF_TX_IPV4 | l4)) != 0;

	p->w1 = DATA | CLEAT_ADV_TX_PAYLEN(m->pkt_len);
	if (checksum || (m->ol_flags & CLEAT_MBUF_TX_VLAN))
		plan_context(m, checksum, p);
	if (m->ol_flags & CLEAT_MBUF_TX_VLAN)
		p->w1 |= CLEAT_NIC_TX_VLE;
	if (m->ol_flags & CLEAT_MBUF_TX_IPV4)
		p->w1 |= CLEAT_ADV_TX_IXSM;
	if (m->ol_flags & l4)
		p->w1 |= CLEAT_ADV_TX_TXSM;
}

static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	return cleat_nic_tx_burst(q, mbufs, n, simple, plan);
}

/* ---- opening ---- */

int cleat_adv_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = rx_burst;
	return cleat_nic_rxq_open(q, conf);
}

int cleat_adv_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = tx_burst;
	return cleat_nic_txq_open(q, conf);
}

void cleat_adv_close(struct cleat_queue *q)
{
	if (q->dir == CLEAT_RX)
		cleat_nic_rxq_close(q);
	else
		cleat_nic_txq_close(q);
}
