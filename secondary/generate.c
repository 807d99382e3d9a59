/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/generate.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/shared.h"
#include "secondary/pools.h"

#define ETHER_BYTES 14
#define IP_BYTES    20

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned ip_checksum(const uint8_t *ip)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < IP_BYTES; i += 2)
		sum += (unsigned)ip[i] << 8 | ip[i + 1];
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

int cleat_generator_init(struct cleat_generator *g, struct cleat_mempool *pool, uint16_t len_bytes)
{
	/* addresses and ports of RFC 2544, no UDP checksum */
	static const uint8_t HEAD[sizeof(g->head)] = { 0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0,
		0x01, 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 0, 1, 198, 18,
		0, 2, 0, 9, 0, 9, 0, 0, 0, 0 };

	if (len_bytes < CLEAT_GENERATE_MIN || len_bytes > pool->buf_bytes - pool->headroom)
		return cleat_err(-EINVAL, "packets of %u bytes: pool %s has room for %d to %u",
			len_bytes, pool->name, CLEAT_GENERATE_MIN,
			pool->buf_bytes - pool->headroom);
	g->pool = pool;
	g->len_bytes = len_bytes;
	g->next = 0;
	memcpy(g->head, HEAD, sizeof(HEAD));
	put16(g->head + 16, len_bytes - ETHER_BYTES);
	put16(g->head + 38, len_bytes - ETHER_BYTES - IP_BYTES);
	put16(g->head + 24, ip_checksum(g->head + ETHER_BYTES));
	return 0;
}

/* Of a port; -1 if it is none or not known. */
static int node_of(const struct cleat_endpoint *ep)
{
	uint16_t node = 0xffff;

	if (ep->kind == CLEAT_ENDPOINT_PORT)
		node = cleat_load_relaxed(&cleat_registry->ports[ep->port].numa_node);
	return node == 0xffff ? -1 : node;
}

int cleat_generator_open(struct cleat_generator *g, const struct cleat_endpoint *tx,
	const char *pool, uint16_t len_bytes)
{
	struct cleat_mempool *found =
		pool != NULL ? cleat_mempool_by_name(pool) : cleat_pool_on_node(node_of(tx));

	return found != NULL ? cleat_generator_init(g, found, len_bytes) : -ENOENT;
}

/* A fresh mbuf; cleat_generator_init() has checked that there is room. */
static void fill(struct cleat_generator *g, struct cleat_mbuf *m)
{
	uint64_t number = htobe64(g->next++);
	uint8_t *data = cleat_mbuf_data(m);

	m->data_len = g->len_bytes;
	m->pkt_len = g->len_bytes;
	memcpy(data, g->head, sizeof(g->head));
	memcpy(data + sizeof(g->head), &number, sizeof(number));
	memset(data + sizeof(g->head) + sizeof(number), 0,
		g->len_bytes - sizeof(g->head) - sizeof(number));
}

int cleat_generate(struct cleat_mbuf **mbufs, unsigned n, void *arg)
{
	struct cleat_generator *g = arg;

	if (cleat_mbuf_alloc_bulk(g->pool, mbufs, n) < 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		fill(g, mbufs[i]);
	return (int)n;
}
