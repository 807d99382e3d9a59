/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table is read under liburcu's "bp" flavour: readers need no registration and announce no
 * quiescent state, so a thread that sleeps or leaves the library's pipelines holds nobody up, and
 * with sys_membarrier(2) a reader pays two stores and no fence.
 */
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define _LGPL_SOURCE /* readers inline; this licence may (urcu.h) */
#endif /* else out of line: its per-thread struct lies at an address that ubsan objects to */
#include "runtime/port.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <urcu-bp.h>

/* Tell the thread sanitizer, which cannot see into the library, what a grace period orders. */
#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#define READ_END()  __tsan_release(&table)
#define GRACE_END() __tsan_acquire(&table)
#else
#define READ_END()
#define GRACE_END()
#endif

static int burst_unclaimed(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	(void)q;
	(void)mbufs;
	(void)n;
	return -EPERM;
}

static int burst_gone(struct cleat_queue *q, struct cleat_mbuf **mbufs, unsigned n)
{
	(void)q;
	(void)mbufs;
	(void)n;
	return -ENODEV;
}

static struct cleat_queue unclaimed = { .burst = burst_unclaimed };
static struct cleat_queue gone = { .burst = burst_gone };

/* No entry is ever NULL. */
static struct cleat_queue *table[CLEAT_MAX_PORTS][2][CLEAT_MAX_QUEUES] = {
	[0 ... CLEAT_MAX_PORTS - 1] = { [0 ... 1] = { [0 ... CLEAT_MAX_QUEUES - 1] = &unclaimed } },
};
static pthread_mutex_t change = PTHREAD_MUTEX_INITIALIZER; /* writers of the table */
static uint32_t removals[CLEAT_MAX_PORTS];		   /* written under `change` */

int cleat_queue_burst(
	uint16_t port, enum cleat_dir dir, uint16_t queue, struct cleat_mbuf **mbufs, unsigned n)
{
	struct cleat_queue *q;
	int ret;

	if (cleat_unlikely(port >= CLEAT_MAX_PORTS || queue >= CLEAT_MAX_QUEUES))
		return -ENODEV;
	if (cleat_unlikely(n > CLEAT_MAX_BURST))
		n = CLEAT_MAX_BURST;
	rcu_read_lock();
	q = cleat_load_acquire(&table[port][dir][queue]); /* partners: install(), replace() */
	ret = q->burst(q, mbufs, n);
	READ_END();
	rcu_read_unlock();
	return ret;
}

/* ---- sleeping ---- */

enum wish { WISH_FD, WISH_ARM, WISH_DISARM };

static int wish_of(struct cleat_queue *q, enum wish wish)
{
	if (q == &unclaimed)
		return -EPERM;
	if (q == &gone)
		return -ENODEV;
	if (q->event_fd < 0 || q->ops->rx_arm == NULL)
		return -ENOTSUP;
	if (wish == WISH_FD)
		return q->event_fd;
	if (wish == WISH_ARM)
		return q->ops->rx_arm(q);
	q->ops->rx_disarm(q);
	return 0;
}

static int wish_for(uint16_t port, uint16_t queue, enum wish wish)
{
	int ret;

	if (port >= CLEAT_MAX_PORTS || queue >= CLEAT_MAX_QUEUES)
		return cleat_err(-ENODEV, "there is no port %u queue %u", port, queue);
	rcu_read_lock();
	ret = wish_of(cleat_load_acquire(&table[port][CLEAT_RX][queue]), wish);
	READ_END();
	rcu_read_unlock();
	if (ret == -ENOTSUP)
		return cleat_err(
			ret, "port %u rx queue %u cannot wake anybody: poll it", port, queue);
	return ret < 0 ? cleat_err(ret, "port %u rx queue %u: %s", port, queue,
				 ret == -EPERM ? "not claimed by this process" : "the port is gone")
		       : ret;
}

int cleat_rx_event_fd(uint16_t port, uint16_t queue)
{
	return wish_for(port, queue, WISH_FD);
}

int cleat_rx_arm(uint16_t port, uint16_t queue)
{
	return wish_for(port, queue, WISH_ARM);
}

int cleat_rx_disarm(uint16_t port, uint16_t queue)
{
	return wish_for(port, queue, WISH_DISARM);
}

/* ---- changing the table ---- */

static void close_fds(struct cleat_queue_conf *conf)
{
	for (unsigned i = 0; i < CLEAT_MAX_QUEUE_FDS; i++) {
		if (i < conf->n_fds && conf->fds[i] >= 0)
			(void)close(conf->fds[i]);
		conf->fds[i] = -1;
	}
}

static int is_claimed(const struct cleat_queue *q)
{
	return q != &unclaimed && q != &gone;
}

static int queue_open(struct cleat_queue_conf *conf, struct cleat_queue *q)
{
	int (*open_fn)(struct cleat_queue *, struct cleat_queue_conf *);

	q->event_fd = -1;
	q->ops = cleat_data_find(conf->driver);
	if (q->ops == NULL)
		return cleat_err(-ENOTSUP, "port %u: this program has no data side of driver '%s'",
			conf->port, conf->driver);
	q->shm = conf->shm;
	q->pool = conf->pool;
	q->port = conf->port;
	q->queue = conf->queue;
	q->dir = (uint16_t)conf->dir;
	q->owner_id = conf->owner_id;
	q->offloads = conf->offloads;
	open_fn = conf->dir == CLEAT_RX ? q->ops->rxq_open : q->ops->txq_open;
	return open_fn(q, conf);
}

static int install(struct cleat_queue_conf *conf)
{
	struct cleat_queue **entry;
	struct cleat_queue *q;
	int ret;

	if (conf->port >= CLEAT_MAX_PORTS || conf->queue >= CLEAT_MAX_QUEUES)
		return cleat_err(
			-EINVAL, "port %u queue %u: out of range", conf->port, conf->queue);
	if (conf->removals != cleat_load_relaxed(&removals[conf->port])) /* `change` orders it */
		return cleat_err(-ENODEV,
			"port %u: its device left while the queue was being claimed; if another "
			"one has its place, claim again",
			conf->port);
	if (conf->shm == NULL)
		return cleat_err(-EINVAL, "port %u queue %u: it has no state in the window",
			conf->port, conf->queue);
	entry = &table[conf->port][conf->dir][conf->queue];
	if (is_claimed(*entry))
		return cleat_err(-EBUSY, "port %u %s queue %u is in use in this process already",
			conf->port, conf->dir == CLEAT_RX ? "rx" : "tx", conf->queue);
	if (conf->dir == CLEAT_RX && conf->pool == NULL)
		return cleat_err(
			-EINVAL, "port %u rx queue %u has no pool", conf->port, conf->queue);
	q = (struct cleat_queue *)calloc(1, sizeof(*q));
	if (q == NULL)
		return cleat_err(-ENOMEM, "no memory for a queue");
	ret = queue_open(conf, q);
	if (ret < 0) {
		if (q->event_fd >= 0)
			(void)close(q->event_fd);
		free(q);
		return ret;
	}
	cleat_store_release(entry, q); /* partner: cleat_queue_burst() */
	return 0;
}

int cleat_queue_install(struct cleat_queue_conf *conf)
{
	int ret;

	(void)pthread_mutex_lock(&change);
	ret = install(conf);
	(void)pthread_mutex_unlock(&change);
	close_fds(conf);
	return ret;
}

/* Swap the entry and close what was there, when nobody is inside. Called under `change`. */
static int replace(struct cleat_queue **entry, struct cleat_queue *with)
{
	struct cleat_queue *old = __atomic_exchange_n(entry, with, __ATOMIC_ACQ_REL);

	if (!is_claimed(old))
		return -ENOENT;
	synchronize_rcu();
	GRACE_END();
	if (old->ops->close != NULL)
		old->ops->close(old);
	if (old->event_fd >= 0)
		(void)close(old->event_fd);
	free(old);
	return 0;
}

int cleat_queue_remove(uint16_t port, enum cleat_dir dir, uint16_t queue)
{
	int ret = -ENOENT;

	if (port < CLEAT_MAX_PORTS && queue < CLEAT_MAX_QUEUES) {
		(void)pthread_mutex_lock(&change);
		if (is_claimed(table[port][dir][queue]))
			ret = replace(&table[port][dir][queue], &unclaimed);
		(void)pthread_mutex_unlock(&change);
	}
	return ret < 0 ? cleat_err(ret, "port %u %s queue %u is not in use in this process", port,
				 dir == CLEAT_RX ? "rx" : "tx", queue)
		       : 0;
}

int cleat_queue_in_use(uint16_t port, enum cleat_dir dir, uint16_t queue)
{
	return port < CLEAT_MAX_PORTS && queue < CLEAT_MAX_QUEUES &&
	       is_claimed(cleat_load_relaxed(&table[port][dir][queue])); /* not looked into */
}

/* Under `change`. */
static void replace_port(uint16_t port, struct cleat_queue *with)
{
	for (unsigned dir = 0; dir < 2; dir++)
		for (unsigned queue = 0; queue < CLEAT_MAX_QUEUES; queue++)
			(void)replace(&table[port][dir][queue], with);
}

void cleat_port_gone(uint16_t port)
{
	if (port >= CLEAT_MAX_PORTS)
		return;
	(void)pthread_mutex_lock(&change);
	/* partner: cleat_port_removals() */
	cleat_store_release(&removals[port], removals[port] + 1);
	replace_port(port, &gone);
	(void)pthread_mutex_unlock(&change);
}

uint32_t cleat_port_removals(uint16_t port)
{
	/* partner: cleat_port_gone() */
	return port < CLEAT_MAX_PORTS ? cleat_load_acquire(&removals[port]) : 0;
}

void cleat_queue_remove_all(void)
{
	(void)pthread_mutex_lock(&change);
	for (uint16_t port = 0; port < CLEAT_MAX_PORTS; port++)
		replace_port(port, &unclaimed);
	(void)pthread_mutex_unlock(&change);
}
