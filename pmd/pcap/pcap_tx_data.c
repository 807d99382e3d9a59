/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap, data side, tx: packets become records in the stage, and those the file. */
#include "pmd/pcap/pcap_data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pmd/pcap/pcap_stage.h"
#include "runtime/mbuf_cksum.h"

/* A caller that has so many at once will come again at once; after fewer the file is up to date. */
#define FULL_BURST 32

/* What stands before a packet, in this machine's byte order as the file's header says.
 * Source: draft-ietf-opsawg-pcap, section 5. */
struct record {
	uint32_t seconds;
	uint32_t nanoseconds;
	uint32_t captured_bytes;
	uint32_t packet_bytes;
};
static_assert(sizeof(struct record) == CLEAT_PCAP_RECORD_BYTES, "as in the file");

#define LARGEST_RECORD (CLEAT_PCAP_RECORD_BYTES + CLEAT_PCAP_SNAPLEN + CLEAT_PCAP_TAG_BYTES)
static_assert(CLEAT_PCAP_STAGE_BYTES >= LARGEST_RECORD, "each record fits into the stage");

struct pcap_tx {
	struct cleat_pcap_stage stage;
	uint64_t now_ns; /* read once per burst */
};

/* What has been made and does not count yet. */
struct tally {
	uint64_t end; /* of the file, with it */
	uint64_t bytes;
	unsigned packets, taken;
};

static uint64_t time_of(const struct cleat_mbuf *m, struct pcap_tx *tx)
{
	struct timespec ts;

	if (m->ol_flags & CLEAT_MBUF_TIMESTAMP)
		return m->timestamp_ns;
	if (tx->now_ns == 0) {
		(void)clock_gettime(CLOCK_REALTIME, &ts);
		tx->now_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	}
	return tx->now_ns;
}

/* The packet at @p to in one piece, as a device would have sent it. @return its length; -EINVAL if
 * it cannot be: too long, its segments do not add up, or its flags do not fit it */
static int64_t put_packet(uint8_t *to, const struct cleat_mbuf *m)
{
	uint32_t len = m->pkt_len;
	const void *data;

	if (len > CLEAT_PCAP_SNAPLEN)
		return -EINVAL;
	data = cleat_mbuf_read(m, 0, len, to);
	if (data == NULL)
		return -EINVAL;
	if (data != to)
		memcpy(to, data, len);
	if ((m->ol_flags & CLEAT_MBUF_TX_MASK) && cleat_frame_cksum_prepare(to, &len, m) < 0)
		return -EINVAL;
	return len > CLEAT_PCAP_SNAPLEN ? -EINVAL : (int64_t)len;
}

/* One more record at t->end, if the packet can be one. There is room for the largest. */
static void put_record(struct pcap_tx *tx, const struct cleat_mbuf *m, struct tally *t)
{
	uint8_t *to = cleat_pcap_stage_at(&tx->stage, t->end);
	int64_t len = put_packet(to + CLEAT_PCAP_RECORD_BYTES, m);
	uint64_t ns;
	struct record head;

	t->taken++;
	if (len < 0)
		return;
	ns = time_of(m, tx);
	head.seconds = (uint32_t)(ns / 1000000000ULL);
	head.nanoseconds = (uint32_t)(ns % 1000000000ULL);
	head.captured_bytes = head.packet_bytes = (uint32_t)len;
	memcpy(to, &head, sizeof(head));
	t->end += sizeof(head) + (uint64_t)len;
	t->bytes += (uint64_t)len;
	t->packets++;
}

/* As many as there is room for, made and committed. @return 0; -EIO, then none */
static int send_some(
	struct cleat_queue *q, struct pcap_tx *tx, struct cleat_mbuf **mbufs, unsigned n)
{
	struct tally t = { .end = tx->stage.end };
	uint64_t limit = t.end + cleat_pcap_stage_room(&tx->stage);

	while (t.taken < n && limit - t.end >= LARGEST_RECORD)
		put_record(tx, mbufs[t.taken], &t);
	if (cleat_pcap_stage_commit(&tx->stage, t.end) < 0)
		return -EIO;
	cleat_count(&q->shm->packets, t.packets);
	cleat_count(&q->shm->bytes, t.bytes);
	if (t.packets < t.taken) {
		cleat_count(&q->shm->errors, t.taken - t.packets);
		cleat_count(&q->shm->missed, t.taken - t.packets);
	}
	return (int)t.taken;
}

/* What is not taken stays the caller's: the disk is full. */
static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	struct pcap_tx *tx = (struct pcap_tx *)q->data;
	unsigned done = 0;
	int ret = 0;

	/* no mbufs are held back; what is collected is for the queue's thread to write */
	if (n == 0)
		return 0;
	tx->now_ns = 0;
	while (done < n && ret >= 0) {
		if (cleat_pcap_stage_room(&tx->stage) < LARGEST_RECORD)
			ret = cleat_pcap_stage_write(&tx->stage);
		if (ret == 0)
			ret = send_some(q, tx, mbufs + done, n - done);
		if (ret <= 0)
			break; /* the queue's thread reads the stage: full */
		done += (unsigned)ret;
		ret = 0;
	}
	if (n < FULL_BURST && ret >= 0)
		ret = cleat_pcap_stage_write(&tx->stage);
	if (ret < 0 || cleat_pcap_stage_dropped(&tx->stage))
		cleat_count(&q->shm->errors, 1);
	cleat_mbuf_free_bulk(mbufs, done);
	return (int)done;
}

int cleat_pcap_txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	struct pcap_tx *tx;
	int ret;

	if (conf->n_fds != 2)
		return cleat_err(-EPROTO, "net_pcap port %u: %u descriptors came with tx queue %u",
			conf->port, conf->n_fds, conf->queue);
	tx = (struct pcap_tx *)calloc(1, sizeof(*tx));
	if (tx == NULL)
		return cleat_err(-ENOMEM, "no memory for a net_pcap queue");
	ret = cleat_pcap_stage_open(&tx->stage, q->shm, conf->fds[0], conf->fds[1]);
	conf->fds[0] = conf->fds[1] = -1;
	if (ret < 0) {
		free(tx);
		return cleat_err_prefix(
			ret, "net_pcap port %u tx queue %u", conf->port, conf->queue);
	}
	q->data = tx;
	q->burst = tx_burst;
	return 0;
}

void cleat_pcap_txq_close(struct cleat_queue *q)
{
	struct pcap_tx *tx = (struct pcap_tx *)q->data;

	if (cleat_pcap_stage_close(&tx->stage) < 0)
		cleat_count(&q->shm->errors, 1);
	free(tx);
}
