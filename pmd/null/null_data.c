/* SPDX-License-Identifier: BSD-3-Clause */
/* net_null, data side: as many packets as asked for, of one size; what is sent is freed. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pmd/null/null_config.h"
#include "runtime/mempool.h"
#include "runtime/port.h"

struct null_queue {
	uint16_t size;
	uint8_t pattern[CLEAT_NULL_MAX_SIZE]; /* copy: what is received, where sent goes */
};

static int rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	const struct null_queue *nq = (const struct null_queue *)q->data;
	uint16_t size = nq->size;

	if (cleat_mbuf_alloc_bulk(q->pool, mbufs, n) < 0)
		return 0; /* nothing existed that could be missed */
	for (unsigned i = 0; i < n; i++) {
		mbufs[i]->data_len = size;
		mbufs[i]->pkt_len = size;
		mbufs[i]->port = q->port;
	}
	cleat_count(&q->shm->packets, n);
	cleat_count(&q->shm->bytes, (uint64_t)n * size);
	return (int)n;
}

static int rx_burst_copy(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	const struct null_queue *nq = (const struct null_queue *)q->data;
	int got = rx_burst(q, mbufs, n);

	for (int i = 0; i < got; i++)
		memcpy(cleat_mbuf_data(mbufs[i]), nq->pattern, nq->size);
	return got;
}

static uint64_t total_bytes(struct cleat_mbuf **mbufs, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	return bytes;
}

static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	uint64_t bytes = total_bytes(mbufs, n);

	cleat_mbuf_free_bulk(mbufs, n);
	cleat_count(&q->shm->packets, n);
	cleat_count(&q->shm->bytes, bytes);
	return (int)n;
}

static int tx_burst_copy(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct null_queue *nq = (struct null_queue *)q->data;

	for (unsigned i = 0; i < n; i++) {
		uint16_t len = mbufs[i]->data_len;

		memcpy(nq->pattern, cleat_mbuf_data(mbufs[i]), len < nq->size ? len : nq->size);
	}
	return tx_burst(q, mbufs, n);
}

static int open_queue(struct cleat_queue *q)
{
	uint64_t size = cleat_load_relaxed(&q->shm->driver[CLEAT_NULL_SIZE]);
	struct null_queue *nq;

	if (size < CLEAT_NULL_MIN_SIZE || size > CLEAT_NULL_MAX_SIZE)
		return cleat_err(-EPROTO,
			"net_null port %u: packet size %llu in shared memory is "
			"out of range",
			q->port, (unsigned long long)size);
	if (q->pool != NULL && size > q->pool->buf_bytes - q->pool->headroom)
		return cleat_err(-EINVAL,
			"net_null port %u: packets of %llu bytes do not fit into the buffers of "
			"pool %s, %u bytes",
			q->port, (unsigned long long)size, q->pool->name,
			q->pool->buf_bytes - q->pool->headroom);
	nq = (struct null_queue *)calloc(1, sizeof(*nq));
	if (nq == NULL)
		return cleat_err(-ENOMEM, "no memory for a net_null queue");
	nq->size = (uint16_t)size;
	q->data = nq;
	return 0;
}

static int null_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	(void)conf;
	q->burst = cleat_load_relaxed(&q->shm->driver[CLEAT_NULL_COPY]) ? rx_burst_copy : rx_burst;
	return open_queue(q);
}

static int null_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	(void)conf;
	q->burst = cleat_load_relaxed(&q->shm->driver[CLEAT_NULL_COPY]) ? tx_burst_copy : tx_burst;
	return open_queue(q);
}

static void null_close(struct cleat_queue *q)
{
	free(q->data);
}

static struct cleat_data_ops null_data = {
	.name = "net_null",
	.rxq_open = null_rxq_open,
	.txq_open = null_txq_open,
	.close = null_close,
};
CLEAT_DATA_REGISTER(null_data)
