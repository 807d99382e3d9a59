/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap, data side, tx: a burst is formatted in memory, written in one piece, then committed. */
#include "pmd/pcap/pcap_data.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pmd/pcap/pcap_state.h"
#include "runtime/mbuf_cksum.h"

struct pcap_tx {
	pcap_t *dead;
	pcap_dumper_t *dumper; /* libpcap writes into `stream` */
	FILE *stream;	       /* memory: `text`, `text_bytes` */
	char *text;
	size_t text_bytes;
	int fd;
	uint64_t committed;
	u_char linear[CLEAT_PCAP_SNAPLEN + 4]; /* a packet in one piece, and room for a tag */
};

static struct timeval now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	/* the file is a nanosecond one: tv_usec carries nanoseconds */
	return (struct timeval){ .tv_sec = ts.tv_sec, .tv_usec = ts.tv_nsec };
}

static struct timeval time_of(const struct cleat_mbuf *m, struct timeval now)
{
	if (!(m->ol_flags & CLEAT_MBUF_TIMESTAMP))
		return now;
	return (struct timeval){ .tv_sec = (time_t)(m->timestamp_ns / 1000000000ULL),
		.tv_usec = (suseconds_t)(m->timestamp_ns % 1000000000ULL) };
}

/* The packet in one piece, as a device would have sent it. @return NULL if it cannot be: too long,
 * its segments do not add up, or its flags do not fit it */
static const void *bytes_of(struct pcap_tx *tx, const struct cleat_mbuf *m, uint32_t *len)
{
	const void *data;

	*len = m->pkt_len;
	if (*len > CLEAT_PCAP_SNAPLEN)
		return NULL;
	data = cleat_mbuf_read(m, 0, *len, tx->linear);
	if (data == NULL || !(m->ol_flags & CLEAT_MBUF_TX_MASK))
		return data;
	if (data != tx->linear)
		memcpy(tx->linear, data, *len);
	if (cleat_frame_cksum_prepare(tx->linear, len, m) < 0 || *len > CLEAT_PCAP_SNAPLEN)
		return NULL;
	return tx->linear;
}

/* @return 0 if the packet cannot be written; else its length has been added to *bytes */
static unsigned dump(
	struct pcap_tx *tx, const struct cleat_mbuf *m, struct timeval now, uint64_t *bytes)
{
	struct pcap_pkthdr header = { .ts = time_of(m, now) };
	uint32_t len;
	const void *data = bytes_of(tx, m, &len);

	if (data == NULL)
		return 0;
	header.caplen = header.len = len;
	pcap_dump((u_char *)tx->dumper, &header, (const u_char *)data);
	*bytes += len;
	return 1;
}

/* @return 0; -EIO when not all of it went out: then nothing counts */
static int write_all(const struct pcap_tx *tx, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret =
			pwrite(tx->fd, tx->text + done, len - done, (off_t)(tx->committed + done));

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret <= 0)
			return -EIO;
		done += (size_t)ret;
	}
	return 0;
}

static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct pcap_tx *tx = (struct pcap_tx *)q->data;
	struct timeval now = now_ns();
	unsigned written = 0;
	uint64_t bytes = 0;
	long len;

	if (n == 0)
		return 0;
	rewind(tx->stream);
	for (unsigned i = 0; i < n; i++)
		written += dump(tx, mbufs[i], now, &bytes);
	len = ftell(tx->stream);
	if (len < 0 || fflush(tx->stream) != 0 || write_all(tx, (size_t)len) < 0) {
		cleat_count(&q->shm->errors, 1);
		return 0; /* disk full: the packets stay the caller's */
	}
	tx->committed += (uint64_t)len;
	/* partner: the acquire loads of queue_reset() and of the next owner */
	cleat_store_release(&q->shm->driver[CLEAT_PCAP_TX_COMMITTED], tx->committed);
	cleat_count(&q->shm->packets, written);
	cleat_count(&q->shm->bytes, bytes);
	if (written < n) {
		cleat_count(&q->shm->errors, n - written);
		cleat_count(&q->shm->missed, n - written);
	}
	cleat_mbuf_free_bulk(mbufs, n);
	return (int)n;
}

static void free_tx(struct pcap_tx *tx)
{
	if (tx->dumper != NULL)
		pcap_dump_close(tx->dumper); /* closes the stream */
	else if (tx->stream != NULL)
		(void)fclose(tx->stream);
	if (tx->dead != NULL)
		pcap_close(tx->dead);
	free(tx->text);
	free(tx);
}

int cleat_pcap_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	uint64_t committed = cleat_load_acquire(&q->shm->driver[CLEAT_PCAP_TX_COMMITTED]);
	struct pcap_tx *tx;

	if (conf->n_fds != 1 || committed < CLEAT_PCAP_HEADER_BYTES || committed > INT64_MAX)
		return cleat_err(-EPROTO,
			"net_pcap port %u: %u descriptors and end of file %llu came with tx queue "
			"%u",
			conf->port, conf->n_fds, (unsigned long long)committed, conf->queue);
	tx = (struct pcap_tx *)calloc(1, sizeof(*tx));
	if (tx == NULL)
		return cleat_err(-ENOMEM, "no memory for a net_pcap queue");
	tx->dead = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, CLEAT_PCAP_SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	tx->stream = open_memstream(&tx->text, &tx->text_bytes);
	if (tx->stream != NULL) /* one thread owns the queue */
		(void)__fsetlocking(tx->stream, FSETLOCKING_BYCALLER);
	if (tx->dead != NULL && tx->stream != NULL)
		tx->dumper = pcap_dump_fopen(tx->dead, tx->stream);
	if (tx->dumper == NULL) {
		free_tx(tx);
		return cleat_err(-ENOMEM, "no memory to format a capture");
	}
	tx->fd = conf->fds[0];
	conf->fds[0] = -1;
	tx->committed = committed;
	q->data = tx;
	q->burst = tx_burst;
	return 0;
}

void cleat_pcap_txq_close(struct cleat_queue *q)
{
	struct pcap_tx *tx = (struct pcap_tx *)q->data;

	(void)close(tx->fd);
	free_tx(tx);
}
