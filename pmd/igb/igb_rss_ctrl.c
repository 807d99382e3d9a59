/* SPDX-License-Identifier: BSD-3-Clause */
/* igb_rss_ctrl.c - which receive queue a packet goes to (82576 datasheet 7.1.2.8, 8.11). */
#include "pmd/igb/igb.h"

/* This pattern gives both directions of a connection the same hash. */
static const uint8_t KEY_PAIR[2] = { 0x6d, 0x5a };

void cleat_igb_reta(uint16_t open, uint8_t table[CLEAT_IGB_RETA_ENTRIES])
{
	uint8_t queues[CLEAT_IGB_QUEUES] = { 0 };
	unsigned n = 0;

	for (unsigned q = 0; q < CLEAT_IGB_QUEUES; q++)
		if (open >> q & 1)
			queues[n++] = (uint8_t)q;
	if (n == 0)
		n = 1;
	for (unsigned i = 0; i < CLEAT_IGB_RETA_ENTRIES; i++)
		table[i] = queues[i % n];
}

static uint16_t open_queues(const struct cleat_intel_nic *nic)
{
	uint16_t open = 0;

	for (unsigned q = 0; q < nic->queues[CLEAT_RX]; q++)
		if (nic->rings[CLEAT_RX][q].is_open)
			open = (uint16_t)(open | 1U << q);
	return open;
}

/* Packets whose hash is wanted: none where it would choose no queue and nobody asked to see it. */
static uint32_t fields(const struct cleat_intel_nic *nic)
{
	if (nic->queues[CLEAT_RX] > 1 || (nic->port.offloads & CLEAT_OFFLOAD_RX_RSS))
		return CLEAT_MRQC_FIELDS;
	return 0;
}

void cleat_igb_rss_update(struct cleat_intel_nic *nic)
{
	uint16_t open = open_queues(nic);
	uint32_t first = open != 0 ? (uint32_t)__builtin_ctz(open) : 0;
	uint8_t t[CLEAT_IGB_RETA_ENTRIES];

	cleat_igb_reta(open, t);
	for (uint32_t i = 0; i < CLEAT_IGB_RETA_ENTRIES; i += 4)
		cleat_intel_write(&nic->mac, CLEAT_IGB_RETA + i,
			(uint32_t)t[i] | (uint32_t)t[i + 1] << 8 | (uint32_t)t[i + 2] << 16 |
				(uint32_t)t[i + 3] << 24);
	cleat_intel_write(
		&nic->mac, CLEAT_IGB_MRQC, CLEAT_MRQC_RSS | CLEAT_MRQC_DEF_Q(first) | fields(nic));
	cleat_intel_flush(&nic->mac);
}

void cleat_igb_rss_init(struct cleat_intel_nic *nic)
{
	const uint32_t pair = (uint32_t)KEY_PAIR[0] | (uint32_t)KEY_PAIR[1] << 8;

	for (uint32_t i = 0; i < CLEAT_IGB_RSS_KEY_BYTES; i += 4)
		cleat_intel_write(&nic->mac, CLEAT_IGB_RSSRK + i, pair | pair << 16);
	cleat_igb_rss_update(nic);
}
