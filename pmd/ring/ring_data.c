/* SPDX-License-Identifier: BSD-3-Clause */
/* net_ring, data side: a burst is an enqueue or a dequeue of the queue's ring. */
#include <errno.h>
#include <stdlib.h>

#include "runtime/mbuf_cksum.h"
#include "runtime/mbuf_ring.h"
#include "runtime/port.h"
#include "runtime/row.h"

static int rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	unsigned got = cleat_ring_dequeue_mbufs((struct cleat_ring *)q->data, mbufs, n);
	uint64_t bytes = 0;

	if (got == 0)
		return 0;
	for (unsigned i = 0; i < got; i++) {
		mbufs[i]->port = q->port;
		bytes += mbufs[i]->pkt_len;
	}
	cleat_count(&q->shm->packets, got);
	cleat_count(&q->shm->bytes, bytes);
	return (int)got;
}

/* Whoever receives has no device that would do what the flags ask for: it is done here. @return how
 * many of the first are ready */
static unsigned ready(struct cleat_mbuf **mbufs, unsigned n)
{
	unsigned i = 0;

	while (i < n && (!(mbufs[i]->ol_flags & CLEAT_MBUF_TX_MASK) ||
				cleat_mbuf_cksum_prepare(mbufs[i], 0) == 0))
		i++;
	return i;
}

static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	unsigned good = ready(mbufs, n);
	uint64_t bytes = 0;
	unsigned sent;

	for (unsigned i = 0; i < good; i++) /* afterwards they are somebody else's */
		bytes += mbufs[i]->pkt_len;
	sent = cleat_ring_enqueue_mbufs((struct cleat_ring *)q->data, mbufs, good);
	for (unsigned i = sent; i < good; i++)
		bytes -= mbufs[i]->pkt_len;
	cleat_count(&q->shm->packets, sent);
	cleat_count(&q->shm->bytes, bytes);
	if (good == n || sent < good)
		return (int)sent;
	cleat_count(&q->shm->errors, 1); /* its flags do not fit it */
	cleat_count(&q->shm->missed, 1);
	cleat_mbuf_free(mbufs[good]);
	return (int)good + 1;
}

static int open_queue(struct cleat_queue *q, const struct cleat_queue_conf *conf)
{
	struct cleat_ring_row_shm row;
	void *r = NULL;
	int ret;

	if (conf->ring >= CLEAT_MAX_RINGS || cleat_registry == NULL)
		return cleat_err(
			-EPROTO, "net_ring port %u queue %u has no ring", conf->port, conf->queue);
	ret = CLEAT_ROW_READ(&row, &cleat_registry->rings[conf->ring]);
	if (ret < 0)
		return cleat_err(ret, "the row of ring %u cannot be read", conf->ring);
	if (posix_memalign(&r, CLEAT_FALSE_SHARING, sizeof(struct cleat_ring)) != 0)
		return cleat_err(-ENOMEM, "no memory for a net_ring queue");
	ret = cleat_ring_open_row((struct cleat_ring *)r, conf->ring, &row);
	if (ret < 0) {
		free(r);
		return ret;
	}
	q->data = r;
	return 0;
}

static int ring_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = rx_burst;
	return open_queue(q, conf);
}

static int ring_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = tx_burst;
	return open_queue(q, conf);
}

static void ring_close(struct cleat_queue *q)
{
	free(q->data);
}

static struct cleat_data_ops ring_data = {
	.name = "net_ring",
	.rxq_open = ring_rxq_open,
	.txq_open = ring_txq_open,
	.close = ring_close,
};
CLEAT_DATA_REGISTER(ring_data)
