/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rewrite.h - the classic sample's MAC addresses: from the sending port, to 02:00:00:00:00:<port>.
 */
#ifndef CLEAT_SECONDARY_REWRITE_H
#define CLEAT_SECONDARY_REWRITE_H

#include <string.h>

#include "secondary/endpoint.h"

/** Rewrite both addresses of each packet for @p tx, an open port. Shorter packets stay. */
static inline void cleat_rewrite_macs(
	struct cleat_mbuf **mbufs, unsigned n, const struct cleat_endpoint *tx)
{
	uint8_t addresses[12] = { 0x02, 0, 0, 0, 0, (uint8_t)tx->port };

	memcpy(addresses + 6, tx->mac, 6);
	for (unsigned i = 0; i < n; i++)
		if (mbufs[i]->data_len >= sizeof(addresses))
			memcpy(cleat_mbuf_data(mbufs[i]), addresses, sizeof(addresses));
}

#endif
