/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/reaper.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "primary/bars.h"
#include "primary/memory.h"
#include "primary/pools.h"
#include "primary/ports.h"
#include "primary/procs.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/row.h"
#include "runtime/sweep.h"

#define STEP_S	     0.001
#define RETRY_S	     1.0
#define SLOW_WARN_NS 5000000000ULL

struct cleat_reap {
	struct cleat_primary *p;
	struct cleat_reap *next;
	struct cleat_sweep *sweep;
	ev_timer timer;
	uint64_t start_ns;
	uint16_t slot;
	bool told_slow;
};

static void write_times(const struct cleat_reap *reap, uint64_t took_ns)
{
	struct cleat_registry_header_shm *h = &cleat_registry->header;

	cleat_store_relaxed(&h->reaped_mbufs, h->reaped_mbufs + cleat_sweep_count(reap->sweep));
	cleat_store_relaxed(&h->last_reap_ns, took_ns);
	cleat_store_release(&h->reaped_procs, h->reaped_procs + 1);
}

static void forget(struct cleat_reap *reap)
{
	struct cleat_reap **at = &reap->p->reaps;

	while (*at != reap)
		at = &(*at)->next;
	*at = reap->next;
	ev_timer_stop(reap->p->loop, &reap->timer);
	cleat_sweep_free(reap->sweep);
	free(reap);
}

static void finish(struct cleat_reap *reap)
{
	struct cleat_primary *p = reap->p;
	uint64_t took_ns = cleat_now_ns() - reap->start_ns;
	int zones = cleat_zone_free_owned(p->heap, reap->slot);

	cleat_rings_settle(p, reap->slot);
	cleat_pools_orphan(p, reap->slot);
	cleat_log(CLEAT_LOG_INFO, "%s: %" PRIu64 " mbufs and %d zones taken back in %" PRIu64 " us",
		cleat_registry->procs[reap->slot].name, cleat_sweep_count(reap->sweep), zones,
		took_ns / 1000);
	write_times(reap, took_ns);
	cleat_proc_free(p, reap->slot);
	forget(reap);
}

static void warn_if_slow(struct cleat_reap *reap)
{
	if (reap->told_slow || cleat_now_ns() - reap->start_ns < SLOW_WARN_NS)
		return;
	reap->told_slow = true;
	cleat_log(CLEAT_LOG_WARNING,
		"%s: still taking back its last mbufs: a stopped process is in the middle of an "
		"operation; it goes on when that one does, or dies",
		cleat_registry->procs[reap->slot].name);
}

static void on_step(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct cleat_reap *reap = timer->data;
	int rc;

	(void)events;
	if (reap->sweep == NULL)
		reap->sweep = cleat_sweep_new(reap->slot);
	rc = reap->sweep == NULL ? -ENOMEM : cleat_sweep_step(reap->sweep);
	if (rc == 1) {
		finish(reap);
		return;
	}
	if (rc < 0) {
		cleat_log(CLEAT_LOG_ERROR, "reaper, slot %u: %s; trying again", reap->slot,
			cleat_error());
		cleat_sweep_free(reap->sweep);
		reap->sweep = NULL;
	}
	warn_if_slow(reap);
	timer->repeat = rc < 0 ? RETRY_S : STEP_S;
	ev_timer_again(loop, timer);
}

void cleat_reaper_start(struct cleat_primary *p, uint16_t slot)
{
	struct cleat_reap *reap = calloc(1, sizeof(*reap));
	uint64_t start_ns = cleat_now_ns();

	cleat_proc_set_dying(p, slot);
	cleat_rings_release(p, slot);
	cleat_ports_release(p, slot);
	cleat_bars_release(p, slot);
	cleat_proc_lcores_release(slot);
	cleat_memory_mapped(p, slot);
	cleat_server_event(
		p, CLEAT__EVENT_KIND__EVENT_PROC_DIED, slot, cleat_registry->procs[slot].name);
	if (reap == NULL) {
		cleat_log(CLEAT_LOG_ERROR, "out of memory: slot %u stays taken", slot);
		return;
	}
	reap->p = p;
	reap->slot = slot;
	reap->start_ns = start_ns;
	reap->next = p->reaps;
	p->reaps = reap;
	ev_timer_init(&reap->timer, on_step, 0., STEP_S);
	reap->timer.data = reap;
	ev_timer_start(p->loop, &reap->timer);
}

void cleat_reaper_stop(struct cleat_primary *p)
{
	while (p->reaps != NULL)
		forget(p->reaps);
}
