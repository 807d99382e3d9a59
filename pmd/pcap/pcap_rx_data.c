/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap, data side, rx: packets of a capture become mbufs, in order, each once. */
#include "pmd/pcap/pcap_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pmd/pcap/pcap_file.h"
#include "pmd/pcap/pcap_state.h"
#include "runtime/mempool.h"

#define READ_BYTES (64U * 1024) /* per system call; more gains nothing, and takes of the cache */

struct pcap_rx {
	pcap_t *pcap;
	int fd;
	int infinite;
	int finished;
	uint64_t position; /* packets handed out in this pass */
	struct pcap_pkthdr *header;
	const u_char *data;	 /* of the packet read but not handed out; NULL: none */
	char buffer[READ_BYTES]; /* libpcap's */
};

static pcap_t *open_capture(struct pcap_rx *rx)
{
	return cleat_pcap_open_fd(rx->fd, "of an rx queue", rx->buffer, sizeof(rx->buffer));
}

/* Again from the start. A capture that turns out to be unreadable ends the queue. */
static void rewind_capture(struct cleat_queue *q, struct pcap_rx *rx)
{
	if (rx->position == 0 || !rx->infinite) {
		rx->finished = 1;
		return;
	}
	pcap_close(rx->pcap);
	rx->position = 0;
	rx->pcap = open_capture(rx);
	if (rx->pcap == NULL) {
		cleat_count(&q->shm->errors, 1);
		rx->finished = 1;
	}
	cleat_count(&q->shm->driver[CLEAT_PCAP_RX_PASSES], 1);
}

/* Make rx->data the next packet. @return 0 if there is none now. */
static int next_packet(struct cleat_queue *q, struct pcap_rx *rx)
{
	while (rx->data == NULL && !rx->finished) {
		int ret = pcap_next_ex(rx->pcap, &rx->header, &rx->data);

		if (ret == 1)
			break;
		rx->data = NULL;
		if (ret == PCAP_ERROR) /* the file ends in the middle of a packet, or worse */
			cleat_count(&q->shm->errors, 1);
		rewind_capture(q, rx);
	}
	return rx->data != NULL;
}

static void fill_header(const struct cleat_queue *q, struct cleat_mbuf *m,
	const struct pcap_pkthdr *header, unsigned segs)
{
	m->port = q->port;
	m->pkt_len = header->caplen;
	m->nb_segs = (uint8_t)segs;
	m->timestamp_ns =
		(uint64_t)header->ts.tv_sec * 1000000000ULL + (uint64_t)header->ts.tv_usec;
	m->ol_flags |= CLEAT_MBUF_TIMESTAMP;
}

/* Segment by segment; the first one may be there already. NULL: the pool is empty. */
static struct cleat_mbuf *make_packet(
	struct cleat_queue *q, const struct pcap_rx *rx, struct cleat_mbuf *first)
{
	uint32_t room = q->pool->buf_bytes - q->pool->headroom;
	uint32_t left = rx->header->caplen;
	uint32_t segs = left <= room ? 1 : (left + room - 1) / room;
	const u_char *from = rx->data;
	struct cleat_mbuf *mbufs[CLEAT_MBUF_MAX_SEGS];

	mbufs[0] = first;
	if (first == NULL && (mbufs[0] = cleat_mbuf_alloc(q->pool)) == NULL)
		return NULL;
	if (segs > 1 && cleat_mbuf_alloc_bulk(q->pool, mbufs + 1, segs - 1) < 0) {
		if (first == NULL)
			cleat_mbuf_free(mbufs[0]);
		return NULL;
	}
	for (uint32_t i = 0; i < segs; i++) {
		uint32_t len = left < room ? left : room;

		memcpy(cleat_mbuf_data(mbufs[i]), from, len);
		mbufs[i]->data_len = (uint16_t)len;
		if (i > 0)
			mbufs[i - 1]->next = cleat_handle_of(mbufs[i]);
		from += len;
		left -= len;
	}
	fill_header(q, mbufs[0], rx->header, segs);
	return mbufs[0];
}

/* A packet of more segments than an mbuf chain may have is skipped and counted. */
static int too_long(struct cleat_queue *q, struct pcap_rx *rx)
{
	uint64_t room = q->pool->buf_bytes - q->pool->headroom;

	if (rx->header->caplen <= room * CLEAT_MBUF_MAX_SEGS)
		return 0;
	cleat_count(&q->shm->errors, 1);
	rx->data = NULL;
	rx->position++;
	return 1;
}

struct tally {
	unsigned packets;
	uint64_t bytes, cut;
};

/* @p spare holds *n_spare mbufs, used from its end. */
static void read_burst(struct cleat_queue *q, struct cleat_mbuf **out, unsigned n,
	struct cleat_mbuf **spare, unsigned *n_spare, struct tally *t)
{
	struct pcap_rx *rx = (struct pcap_rx *)q->data;

	while (t->packets < n && next_packet(q, rx)) {
		struct cleat_mbuf *first = *n_spare > 0 ? spare[*n_spare - 1] : NULL;
		struct cleat_mbuf *m;

		if (too_long(q, rx))
			continue;
		m = make_packet(q, rx, first);
		if (m == NULL) {
			cleat_count(&q->shm->driver[CLEAT_PCAP_RX_WAITS], 1);
			break; /* it stays the next packet */
		}
		if (first != NULL)
			(*n_spare)--;
		t->bytes += m->pkt_len;
		t->cut += rx->header->len > rx->header->caplen;
		out[t->packets++] = m;
		rx->data = NULL;
		rx->position++;
	}
}

static int rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct pcap_rx *rx = (struct pcap_rx *)q->data;
	struct cleat_mbuf *spare[CLEAT_MAX_BURST];
	struct tally t = { 0 };
	unsigned n_spare = 0;

	if (!next_packet(q, rx))
		return 0;
	if (cleat_mbuf_alloc_bulk(q->pool, spare, n) == 0)
		n_spare = n;
	read_burst(q, mbufs, n, spare, &n_spare, &t);
	if (n_spare > 0)
		cleat_mbuf_free_bulk(spare, n_spare);
	cleat_count(&q->shm->packets, t.packets);
	cleat_count(&q->shm->bytes, t.bytes);
	if (t.cut > 0)
		cleat_count(&q->shm->driver[CLEAT_PCAP_RX_CUT], t.cut);
	/* partner: the acquire load of the next owner in skip_delivered() */
	cleat_store_release(&q->shm->driver[CLEAT_PCAP_RX_POSITION], rx->position);
	return (int)t.packets;
}

/* Go on where the last owner stopped. */
static void skip_delivered(struct cleat_queue *q, struct pcap_rx *rx)
{
	uint64_t skip = cleat_load_acquire(&q->shm->driver[CLEAT_PCAP_RX_POSITION]);

	while (rx->position < skip) {
		if (pcap_next_ex(rx->pcap, &rx->header, &rx->data) != 1)
			break; /* the next burst will meet the end, too */
		rx->position++;
	}
	rx->data = NULL;
}

int cleat_pcap_rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	struct pcap_rx *rx;

	if (conf->n_fds != 1)
		return cleat_err(-EPROTO, "net_pcap port %u: %u descriptors came with rx queue %u",
			conf->port, conf->n_fds, conf->queue);
	rx = (struct pcap_rx *)calloc(1, sizeof(*rx));
	if (rx == NULL)
		return cleat_err(-ENOMEM, "no memory for a net_pcap queue");
	rx->fd = conf->fds[0];
	rx->pcap = open_capture(rx);
	if (rx->pcap == NULL) {
		free(rx);
		return -EINVAL;
	}
	conf->fds[0] = -1;
	rx->infinite = cleat_load_relaxed(&q->shm->driver[CLEAT_PCAP_RX_INFINITE]) != 0;
	skip_delivered(q, rx);
	q->data = rx;
	q->burst = rx_burst;
	return 0;
}

void cleat_pcap_rxq_close(struct cleat_queue *q)
{
	struct pcap_rx *rx = (struct pcap_rx *)q->data;

	if (rx->pcap != NULL)
		pcap_close(rx->pcap);
	(void)close(rx->fd);
	free(rx);
}
