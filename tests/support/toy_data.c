/* SPDX-License-Identifier: BSD-3-Clause */
/* toy.h: the data side, and the device that signals. */
#include <check.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "runtime/mempool.h"
#include "tests/support/toy.h"

enum word { ARRIVED, TAKEN, ARMED }; /* of cleat_queue_shm.driver; TOY_LOOKS follows */

static int rx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	uint64_t *words = q->shm->driver;
	uint64_t there = __atomic_load_n(&words[ARRIVED], __ATOMIC_SEQ_CST) - words[TAKEN];

	cleat_count(&words[TOY_LOOKS], 1);
	if (there < n)
		n = (unsigned)there;
	if (n == 0 || cleat_mbuf_alloc_bulk(q->pool, mbufs, n) < 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		memset(cleat_mbuf_append(mbufs[i], TOY_BYTES), 0, TOY_BYTES);
	__atomic_store_n(&words[TAKEN], words[TAKEN] + n, __ATOMIC_SEQ_CST);
	cleat_count(&q->shm->packets, n);
	return (int)n;
}

static int tx_burst(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	cleat_mbuf_free_bulk(mbufs, n);
	cleat_count(&q->shm->packets, n);
	return (int)n;
}

static int rxq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	q->burst = rx_burst;
	if (conf->n_fds > 0) {
		q->event_fd = conf->fds[0];
		conf->fds[0] = -1;
	}
	return 0;
}

static int txq_open(struct cleat_queue *q, struct cleat_queue_conf *conf)
{
	(void)conf;
	q->burst = tx_burst;
	return 0;
}

static int rx_arm(struct cleat_queue *q)
{
	uint64_t *words = q->shm->driver;

	__atomic_store_n(&words[ARMED], 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&words[ARRIVED], __ATOMIC_SEQ_CST) == words[TAKEN])
		return 0;
	__atomic_store_n(&words[ARMED], 0, __ATOMIC_SEQ_CST);
	return 1;
}

static void rx_disarm(struct cleat_queue *q)
{
	uint64_t count;

	__atomic_store_n(&q->shm->driver[ARMED], 0, __ATOMIC_SEQ_CST);
	while (read(q->event_fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

void toy_packet(struct cleat_queue_shm *q, int event_fd)
{
	static const uint64_t ONE = 1;

	__atomic_fetch_add(&q->driver[ARRIVED], 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&q->driver[ARMED], 0, __ATOMIC_SEQ_CST) == 1)
		ck_assert_int_eq(write(event_fd, &ONE, sizeof(ONE)), sizeof(ONE));
}

void toy_data_register(void)
{
	static const char *const TOLD[TOY_TOLD] = { "told_promiscuous", "told_allmulti", "told_mtu",
		"told_offloads", "told_filters" };
	static struct cleat_data_ops ops = { .name = TOY_DRIVER,
		.rxq_open = rxq_open,
		.txq_open = txq_open,
		.rx_arm = rx_arm,
		.rx_disarm = rx_disarm,
		.hw_stats = TOLD,
		.n_hw_stats = TOY_TOLD };

	if (cleat_data_find(TOY_DRIVER) == NULL)
		cleat_data_register(&ops);
}
