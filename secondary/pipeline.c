/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/pipeline.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "ipc/socket.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/shared.h"
#include "secondary/attach.h"
#include "secondary/sleep.h"

/* A loop looks at the clock about this seldom, after as many rounds as that takes, as a look can
 * lead out of a virtual machine and wait there. */
#define CLOCK_NS     10000000U
#define CLOCK_ROUNDS 8192U /* at most: rounds may suddenly take longer */
/* Empty rounds, one right after the other, before a loop naps, yields or arms its queues. */
#define IDLE_BEFORE_REST 1024
#define LONGEST_SLEEP_MS 100 /* until stop and the primary are looked at again */

/* ---- one flow ---- */

static uint64_t bytes_of(struct cleat_mbuf *const *mbufs, unsigned n)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += mbufs[i]->pkt_len;
	return bytes;
}

static void drop_pending(struct cleat_flow *flow)
{
	flow->counts.dropped += flow->n;
	cleat_mbuf_free_bulk(flow->mbufs + flow->first, flow->n);
	flow->n = 0;
}

/* Offer what is pending. @return 0, or negative errno of the endpoint */
static int hand_on(struct cleat_flow *flow, uint64_t max_tries)
{
	struct cleat_mbuf **mbufs = flow->mbufs + flow->first;
	bool counted = flow->tx.kind != CLEAT_ENDPOINT_NONE;
	/* before: others may free those that are taken; what is not taken stays ours */
	uint64_t bytes = counted ? bytes_of(mbufs, flow->n) : 0;
	int done = cleat_endpoint_tx(&flow->tx, mbufs, flow->n);

	if (done < 0)
		return cleat_err(done, "sending to %s failed: %s", flow->tx.name, strerror(-done));
	if (counted) {
		flow->counts.tx_packets += (unsigned)done;
		flow->counts.tx_bytes += bytes - bytes_of(mbufs + done, flow->n - (unsigned)done);
	}
	flow->first += (unsigned)done;
	flow->n -= (unsigned)done;
	flow->tries++;
	if (flow->n > 0 && max_tries != 0 && flow->tries >= max_tries)
		drop_pending(flow);
	return 0;
}

static int take(struct cleat_flow *flow, unsigned n)
{
	int got = flow->source != NULL ? flow->source(flow->mbufs, n, flow->arg)
				       : cleat_endpoint_rx(&flow->rx, flow->mbufs, n);

	if (got < 0)
		return cleat_err(
			got, "receiving from %s failed: %s", flow->rx.name, strerror(-got));
	flow->first = 0;
	flow->n = (unsigned)got;
	flow->tries = 0;
	if (got > 0 && flow->source == NULL) {
		flow->counts.rx_packets += (unsigned)got;
		flow->counts.rx_bytes += bytes_of(flow->mbufs, (unsigned)got);
	}
	if (got > 0 && flow->work != NULL)
		flow->work(flow->mbufs, (unsigned)got, flow->arg);
	if (got > 0 && flow->filter != NULL) {
		flow->n = flow->filter(flow->mbufs, (unsigned)got, flow->arg);
		flow->counts.dropped += (unsigned)got - flow->n;
	}
	return got;
}

/* Nothing came. What lies sent in the port may be all that the pool has, and then nothing comes any
 * more: offering none gives it back. A source may need it now. */
static bool is_to_take_back(struct cleat_flow *flow)
{
	return flow->source != NULL || ++flow->empty % IDLE_BEFORE_REST == 0;
}

/* One round. @return packets taken, -EAGAIN when only old ones were offered, or an error */
static int round_of(struct cleat_flow *flow, unsigned n, uint64_t max_tries)
{
	int got = -EAGAIN;
	int err = 0;

	if (flow->n == 0) {
		got = n > 0 ? take(flow, n) : 0;
		if (got < 0 || (flow->n == 0 && !is_to_take_back(flow)))
			return got;
	}
	err = hand_on(flow, max_tries);
	return err < 0 ? err : got;
}

/* ---- the loop ---- */

struct clock {
	uint64_t start_ns;
	uint64_t now_ns;
	uint64_t active_ns; /* the first look after a packet was taken */
	uint64_t tick_ns;   /* when the next tick is due */
	uint32_t every;	    /* rounds from one look to the next */
	uint32_t rounds;    /* since the last look */
	bool moved;	    /* and whether packets were taken in them */
};

static bool pending(const struct cleat_pipeline *p)
{
	for (unsigned i = 0; i < p->n_flows; i++)
		if (p->flows[i].n > 0)
			return true;
	return false;
}

static bool stopped(const struct cleat_pipeline *p)
{
	return p->stop != NULL && *p->stop != 0;
}

static unsigned allowance(const struct cleat_pipeline *p)
{
	uint64_t left = p->max_packets - p->taken;

	return p->max_packets != 0 && left < p->burst ? (unsigned)left : p->burst;
}

static void set_every(struct clock *clock, uint64_t took_ns)
{
	uint64_t every = clock->rounds * (uint64_t)CLOCK_NS / (took_ns + 1);

	clock->every = every < 1 ? 1 : every > CLOCK_ROUNDS ? CLOCK_ROUNDS : (uint32_t)every;
}

static void read_clock(struct cleat_pipeline *p, struct clock *clock)
{
	uint64_t before_ns = clock->now_ns;

	clock->now_ns = cleat_now_ns();
	set_every(clock, clock->now_ns - before_ns);
	if (clock->moved)
		clock->active_ns = clock->now_ns;
	clock->rounds = 0;
	clock->moved = false;
	if (p->tick == NULL || clock->now_ns < clock->tick_ns)
		return;
	clock->tick_ns = clock->now_ns + p->tick_ms * 1000000ULL;
	p->tick(p, p->tick_arg);
}

/* @return whether to end, and why */
static bool at_end(
	const struct cleat_pipeline *p, const struct clock *clock, enum cleat_pipeline_end *why)
{
	double elapsed = (double)(clock->now_ns - clock->start_ns) / 1e9;

	if (stopped(p))
		*why = CLEAT_END_STOPPED;
	else if (cleat_attach_state() == CLEAT_SHUTDOWN)
		*why = CLEAT_END_SHUTDOWN;
	else if (p->max_packets != 0 && p->taken >= p->max_packets && !pending(p))
		*why = CLEAT_END_PACKETS;
	else if (p->max_seconds > 0 && elapsed >= p->max_seconds)
		*why = CLEAT_END_SECONDS;
	else if (p->idle_ms != 0 && clock->now_ns - clock->active_ns >= p->idle_ms * 1000000ULL &&
		 !pending(p))
		*why = CLEAT_END_IDLE;
	else
		return false;
	return true;
}

/* @return 0: others go on; else the error, and all of them are gone */
static int retire(struct cleat_pipeline *p, struct cleat_flow *flow, int err)
{
	cleat_log(CLEAT_LOG_WARNING, "%s", cleat_error());
	flow->gone = true;
	drop_pending(flow);
	for (unsigned i = 0; i < p->n_flows; i++)
		if (!p->flows[i].gone)
			return 0;
	return err;
}

/* All flows once. @return packets taken or offered, or negative errno */
static int all_flows(struct cleat_pipeline *p, bool *moved)
{
	*moved = false;
	for (unsigned i = 0; i < p->n_flows; i++) {
		unsigned had = p->flows[i].n;
		int got = p->flows[i].gone ? 0 : round_of(&p->flows[i], allowance(p), p->max_tries);

		if (got == -ENODEV)
			got = retire(p, &p->flows[i], got);
		if (got < 0 && got != -EAGAIN)
			return got;
		if (got > 0)
			p->taken += (unsigned)got;
		if (got > 0 || p->flows[i].n != had)
			*moved = true;
	}
	return 0;
}

static void nap(const struct cleat_pipeline *p)
{
	struct timespec t = { .tv_nsec = (long)p->nap_us * 1000L };

	if (p->nap_us == 0)
		(void)sched_yield();
	else
		(void)nanosleep(&t, NULL);
}

static uint64_t until(uint64_t due_ns, uint64_t now_ns)
{
	return due_ns > now_ns ? due_ns - now_ns : 0;
}

/* Until the pipeline has something to do besides packets. */
static int longest_sleep_ms(const struct cleat_pipeline *p, const struct clock *clock)
{
	uint64_t ns = LONGEST_SLEEP_MS * 1000000ULL, due = ns;

	if (p->tick != NULL)
		due = until(clock->tick_ns, clock->now_ns);
	ns = due < ns ? due : ns;
	if (p->max_seconds > 0)
		due = until(clock->start_ns + (uint64_t)(p->max_seconds * 1e9), clock->now_ns);
	ns = due < ns ? due : ns;
	if (p->idle_ms != 0)
		due = until(clock->active_ns + p->idle_ms * 1000000ULL, clock->now_ns);
	ns = due < ns ? due : ns;
	return (int)((ns + 999999) / 1000000);
}

/*
 * Who naps or sleeps does so after each round until a packet comes. To yield is only to be fair to
 * others on this processor, and costs a system call: once in so many rounds.
 */
static bool is_to_rest(const struct cleat_pipeline *p, unsigned idle)
{
	bool ends_looking = p->nap_us != 0 || p->interrupt;

	return idle >= IDLE_BEFORE_REST && (ends_looking || idle % IDLE_BEFORE_REST == 0);
}

/* As is_to_take_back(), by who may sleep long, so each time. */
static void take_back_sent(struct cleat_pipeline *p)
{
	for (unsigned i = 0; i < p->n_flows; i++) {
		struct cleat_flow *flow = &p->flows[i];

		if (!flow->gone && flow->n == 0 && flow->tx.kind == CLEAT_ENDPOINT_PORT)
			(void)cleat_endpoint_tx(&flow->tx, flow->mbufs, 0); /* it may be gone */
	}
}

/* Nothing came for a while. @return 0 or negative errno */
static int rest(struct cleat_pipeline *p, const struct clock *clock)
{
	int rc;

	take_back_sent(p);
	if (!p->interrupt || pending(p)) {
		nap(p);
		return 0;
	}
	p->sleeps++;
	rc = cleat_sleep(p->flows, p->n_flows, longest_sleep_ms(p, clock));
	return rc < 0 ? rc : 0;
}

static void finish(struct cleat_pipeline *p)
{
	char why[CLEAT_ERROR_LEN];

	memcpy(why, cleat_error(), strlen(cleat_error()) + 1);
	for (unsigned i = 0; i < p->n_flows; i++) {
		if (p->flows[i].n > 0)
			(void)hand_on(&p->flows[i], 0);
		if (p->flows[i].n > 0)
			drop_pending(&p->flows[i]);
	}
	(void)cleat_err(-EIO, "%s", why);
}

enum cleat_pipeline_end cleat_pipeline_run(struct cleat_pipeline *p)
{
	enum cleat_pipeline_end why = CLEAT_END_ERROR;
	struct clock clock = { .start_ns = cleat_now_ns(), .every = 1 };
	unsigned idle = 0;
	bool moved, rests;

	clock.now_ns = clock.active_ns = clock.start_ns;
	clock.tick_ns = clock.start_ns + p->tick_ms * 1000000ULL;
	while (!at_end(p, &clock, &why)) {
		if (all_flows(p, &moved) < 0)
			break;
		cleat_store_relaxed(&cleat_self.line->loops, ++p->loops); /* heartbeat */
		idle = moved ? 0 : idle + 1;
		/* Where a sink takes nothing, leave the processor to whoever shares it: what is
		 * pending waits in any case. Not where only sources have nothing. */
		if (!moved && pending(p))
			cleat_pause();
		clock.moved |= moved;
		rests = is_to_rest(p, idle);
		if (rests && rest(p, &clock) < 0)
			break;
		if (++clock.rounds >= clock.every || rests)
			read_clock(p, &clock);
	}
	finish(p);
	return why;
}

void cleat_pipeline_counts(const struct cleat_pipeline *p, struct cleat_flow_counts *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < p->n_flows; i++) {
		const struct cleat_flow_counts *c = &p->flows[i].counts;

		out->rx_packets += c->rx_packets;
		out->rx_bytes += c->rx_bytes;
		out->tx_packets += c->tx_packets;
		out->tx_bytes += c->tx_bytes;
		out->dropped += c->dropped;
	}
}

const char *cleat_pipeline_end_name(enum cleat_pipeline_end end)
{
	static const char *const NAMES[] = { "packets", "seconds", "idle", "stopped", "shutdown",
		"error" };

	return NAMES[end];
}
