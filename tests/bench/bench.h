/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bench.h - what the measured programs of both sides have in common: options, meeting, clock,
 * result.
 *
 * A run is a few processes at once. They meet in one shared page:
 *
 *   all        attach, open, then bench_meet(): nobody starts before everybody is there
 *   measurer   does the work for some time unmeasured, then measured; adds itself to `measured`
 *   maker      goes on until all measurers are done, then adds itself to `stopped`
 *   others     go on until what they read from is empty and its makers have stopped
 *
 * Each prints one line of JSON. The driver adds up: everything made was taken, once, unharmed.
 */
#ifndef CLEAT_TESTS_BENCH_BENCH_H
#define CLEAT_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "runtime/arch.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BENCH_MAX_BURST 64
#define BENCH_POLLS	512 /* a loop looks at the clock and at others this rarely */
#define BENCH_YIELD	64  /* rounds in vain before others are let run, with --yield=1 */

enum bench_mode {
	BENCH_SPSC,
	BENCH_MPMC,
	BENCH_RTS, /* the peer's relaxed and head/tail modes */
	BENCH_HTS,
};

struct bench_args {
	const char *instance; /* which primary */
	const char *name;     /* of this process */
	const char *role;     /* what to be in a program of several */
	const char *meet;     /* file of the shared page */
	const char *in;	      /* ring to read from */
	const char *out;      /* ring to write to */
	const char *ring_mode;
	const char *extra;     /* for the side */
	const char *hugetlbfs; /* directory for the peer's primary */
	unsigned core;	       /* to run on */
	unsigned id;	       /* of this process among those of the run */
	unsigned parties;      /* that meet */
	unsigned producers;    /* on a ring */
	unsigned consumers;    /* on a ring */
	unsigned makers;       /* that stop before us */
	unsigned burst;
	unsigned bytes;
	unsigned count;
	unsigned warm_ms;
	unsigned ms;
	unsigned yield; /* 1: there are more processes than processors */
	enum bench_mode mode;
};

struct bench_meet {
	uint32_t ready cleat_aligned(CLEAT_FALSE_SHARING);
	uint32_t measured cleat_aligned(CLEAT_FALSE_SHARING);
	uint32_t stopped cleat_aligned(CLEAT_FALSE_SHARING);
};

/* What a process did. */
struct bench_result {
	uint64_t elements; /* in the measured time */
	uint64_t ns;
	uint64_t total; /* ever: made or taken */
	uint64_t sum;	/* of their values */
	uint64_t bad;	/* not what was expected */
};

/** Options --key=value; ends the program with a sentence if one is wrong. */
void bench_args_parse(struct bench_args *a, int argc, char **argv);

/** Run on a->core from now on. */
void bench_pin(const struct bench_args *a);

/** Map the shared page. */
struct bench_meet *bench_meet_open(const struct bench_args *a);

/** Wait until all parties are here, a minute at most. */
void bench_meet_wait(struct bench_meet *meet, const struct bench_args *a);

/** Print the line. @return the program's exit code */
int bench_print(const struct bench_result *r);

/** A sentence to stderr, and the end. */
void bench_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/** Nanoseconds of a clock that only goes on. */
uint64_t bench_now_ns(void);

/** Nanoseconds that this thread has had a processor. */
uint64_t bench_cpu_ns(void);

/* ---- in the loops; the same for both sides ---- */

/* Nothing to do: for how many rounds now? */
struct bench_idle {
	unsigned rounds;
	bool yield;
};

void bench_yield(void);

cleat_inline void bench_idle(struct bench_idle *idle)
{
	cleat_pause();
	if (idle->yield && ++idle->rounds >= BENCH_YIELD)
		bench_yield();
}

cleat_inline void bench_busy(struct bench_idle *idle)
{
	idle->rounds = 0;
}

/* A measurer's time: first unmeasured, then measured. It is the processor's time where a process
 * works alone, so that others on the machine do not count; else the clock on the wall. Each phase
 * lasts until something was done in it. */
struct bench_watch {
	clockid_t clock;
	uint64_t start_ns; /* of what runs now */
	uint64_t len_ns;   /* of it */
	uint64_t measure_ns;
	uint64_t start_done;
	unsigned polls;
	int phase; /* 0: unmeasured, 1: measured, 2: over */
	bool told; /* the makers, of that */
	struct bench_result *result;
};

void bench_watch_start(
	struct bench_watch *w, const struct bench_args *a, struct bench_result *result);
/** Look at the clock. */
void bench_watch_look(struct bench_watch *w, uint64_t done);

/** Once per round. @param done  how much was done so far. @return whether the time is over; says so
 * once in BENCH_POLLS rounds, so that the others cost little */
cleat_inline bool bench_watch(struct bench_watch *w, uint64_t done)
{
	if (cleat_likely(++w->polls % BENCH_POLLS != 0))
		return false;
	if (w->phase < 2)
		bench_watch_look(w, done);
	return w->phase == 2;
}

/** Have @p n reached that count? Sees what they did before. */
cleat_inline bool bench_reached(uint32_t *count, unsigned n)
{
	return cleat_load_acquire(count) >= n;
}

cleat_inline void bench_add(uint32_t *count)
{
	(void)__atomic_add_fetch(count, 1, __ATOMIC_ACQ_REL);
}

/** As bench_watch(), of one whose @p makers stop when it tells them. @return whether they have:
 * what is not there now will not come; says so as seldom */
cleat_inline bool bench_watch_makers(
	struct bench_watch *w, uint64_t done, struct bench_meet *meet, unsigned makers)
{
	if (cleat_likely(!bench_watch(w, done)))
		return false;
	if (!w->told)
		bench_add(&meet->measured);
	w->told = true;
	return bench_reached(&meet->stopped, makers);
}

#ifdef __cplusplus
}
#endif

#endif
