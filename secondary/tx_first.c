/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/tx_first.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/shared.h"
#include "secondary/generate.h"

#define LOOK_MS 10

static bool has_link(const struct cleat_endpoint *ep)
{
	return ep->kind != CLEAT_ENDPOINT_PORT ||
	       cleat_load_relaxed(&cleat_registry->ports[ep->port].link_up) != 0;
}

/* @return an end without a link, or NULL */
static const struct cleat_endpoint *without_link(const struct cleat_flow *flows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (!has_link(&flows[i].rx))
			return &flows[i].rx;
		if (!has_link(&flows[i].tx))
			return &flows[i].tx;
	}
	return NULL;
}

static int wait_for_links(const struct cleat_flow *flows, unsigned n, unsigned link_ms,
	const volatile sig_atomic_t *stop)
{
	static const struct timespec PAUSE = { .tv_nsec = LOOK_MS * 1000000L };
	uint64_t end_ns = cleat_now_ns() + link_ms * 1000000ULL;
	const struct cleat_endpoint *down;

	while ((down = without_link(flows, n)) != NULL && (stop == NULL || *stop == 0)) {
		if (cleat_now_ns() >= end_ns)
			return cleat_err(-ENETDOWN,
				"port %s has no link, so nothing that is sent comes back: see to "
				"its cable, or to who is at the other end",
				down->name);
		(void)nanosleep(&PAUSE, NULL);
	}
	return 0;
}

/* A device has buffers for what comes from the first burst on. This one takes nothing. */
static int get_ready(struct cleat_flow *flow)
{
	int got = cleat_endpoint_rx(&flow->rx, flow->mbufs, 0);

	return got < 0 ? cleat_err(
				 got, "receiving from %s failed: %s", flow->rx.name, strerror(-got))
		       : 0;
}

static int make(struct cleat_flow *flow, unsigned packets, const char *pool)
{
	struct cleat_generator generator;
	int err = cleat_generator_open(&generator, &flow->tx, pool, CLEAT_GENERATE_MIN);

	if (err < 0)
		return err;
	flow->first = 0;
	flow->n = (unsigned)cleat_generate(flow->mbufs, packets, &generator);
	if (flow->n == 0)
		return cleat_err(-ENOMEM, "pool %s has not %u buffers left to begin with",
			generator.pool->name, packets);
	return 0;
}

int cleat_tx_first(struct cleat_flow *flows, unsigned n, unsigned packets, unsigned link_ms,
	const char *pool, const volatile sig_atomic_t *stop)
{
	int err = wait_for_links(flows, n, link_ms, stop);

	for (unsigned i = 0; err == 0 && i < n; i++)
		err = get_ready(&flows[i]);
	for (unsigned i = 0; err == 0 && i < n && (stop == NULL || *stop == 0); i++)
		err = make(&flows[i], packets, pool);
	return err;
}
