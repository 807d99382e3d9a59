/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pipeline.h - take a burst, work on it, hand it on: the loop of a worker.
 *
 *   flow      next
 *   empty     takes a burst (rx), works on it, hands it on (tx): empty, or pending if tx took less
 *   pending   offers the rest to tx again, takes nothing new meanwhile: so a full ring holds its
 *             producer back, and nothing is dropped unless a limit of tries says so
 *
 *   gone      a port of it was removed (-ENODEV): the flows that are left go on
 *
 * Killed anywhere: what is pending belongs to this process, and the reaper returns it.
 */
#ifndef CLEAT_SECONDARY_PIPELINE_H
#define CLEAT_SECONDARY_PIPELINE_H

#include <signal.h>
#include <stdbool.h>

#include "secondary/endpoint.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_flow_counts {
	uint64_t rx_packets, rx_bytes;
	uint64_t tx_packets, tx_bytes; /* tx_packets 0 where packets are freed (rxonly) */
	uint64_t dropped;	       /* taken, but neither handed on nor asked to be freed */
};

/** Work on packets in place. Borrows them. */
typedef void (*cleat_work_fn)(struct cleat_mbuf **mbufs, unsigned n, void *arg);
/** Work on packets in place, and free some. @return how many are left, the first ones */
typedef unsigned (*cleat_filter_fn)(struct cleat_mbuf **mbufs, unsigned n, void *arg);
/** Make up to @p n packets instead of taking them from rx. @return how many, 0..n */
typedef int (*cleat_source_fn)(struct cleat_mbuf **mbufs, unsigned n, void *arg);

struct cleat_flow {
	/* set by the caller */
	struct cleat_endpoint rx, tx;
	cleat_source_fn source; /* or NULL */
	cleat_work_fn work;	/* or NULL */
	cleat_filter_fn filter; /* or NULL; what it frees counts as dropped */
	void *arg;
	/* the loop's */
	struct cleat_flow_counts counts;
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	unsigned first, n; /* pending: mbufs[first .. first + n - 1] */
	uint64_t tries;	   /* of the pending burst */
	uint32_t empty;	   /* rounds in which nothing came */
	bool gone; /* a port of it was removed: what was pending is dropped, nothing more comes */
};

enum cleat_pipeline_end {
	CLEAT_END_PACKETS = 0, /* as many as asked for */
	CLEAT_END_SECONDS,
	CLEAT_END_IDLE,
	CLEAT_END_STOPPED,  /* *stop was set */
	CLEAT_END_SHUTDOWN, /* the primary said that it ends */
	CLEAT_END_ERROR, /* an endpoint failed, or the ports of all flows are gone; cleat_error() */
};

struct cleat_pipeline {
	struct cleat_flow *flows;
	unsigned n_flows;
	unsigned burst;	      /* 1..CLEAT_MAX_BURST */
	uint64_t max_packets; /* taken, all flows together; 0: no limit */
	double max_seconds;   /* 0: no limit */
	uint64_t idle_ms;     /* end when nothing came for that long; 0: never */
	uint64_t max_tries;   /* offers of one burst before the rest is dropped; 0: no limit */
	unsigned nap_us;      /* sleep of an idle loop; 0: yields, once in many rounds */
	int interrupt;	      /* when idle, sleep until a packet comes (sleep.h) */
	const volatile sig_atomic_t *stop; /* or NULL */
	/** Called about every tick_ms in the loop; may be NULL. */
	void (*tick)(const struct cleat_pipeline *p, void *arg);
	void *tick_arg;
	uint64_t tick_ms;
	/* the loop's */
	uint64_t loops;
	uint64_t taken;
	uint64_t sleeps;
};

/**
 * Run until one of the conditions holds. Packets and idleness end it when nothing is pending; else
 * what is pending is offered once more, and dropped if refused.
 *
 * Call from a data-path thread only.
 */
enum cleat_pipeline_end cleat_pipeline_run(struct cleat_pipeline *p);

/** Sums over all flows. */
void cleat_pipeline_counts(const struct cleat_pipeline *p, struct cleat_flow_counts *out);

/** "packets", "seconds", "idle", … */
const char *cleat_pipeline_end_name(enum cleat_pipeline_end end);

#ifdef __cplusplus
}
#endif

#endif
