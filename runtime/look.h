/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * look.h - looking for something for a moment instead of sleeping until it comes; and when not to.
 *
 * To be woken costs more than a short answer takes, so looking is faster, if there is a processor
 * to do it on. Whether there is shows by itself: a look that was in vain, and even more one that
 * was interrupted because others want the processor, is not tried again for a while.
 *
 *   cleat_look_begin(&look, LONGEST_NS);
 *   while (cleat_look_on(&look))
 *           try
 */
#ifndef CLEAT_RUNTIME_LOOK_H
#define CLEAT_RUNTIME_LOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "runtime/clock.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_LOOK_INTERRUPTED_NS UINT64_C(200000) /* between two tries */
#define CLEAT_LOOK_VAIN_PAUSE_NS  UINT64_C(1000000)
#define CLEAT_LOOK_BUSY_PAUSE_NS  UINT64_C(10000000)

/* One thread at a time. All zero: no processors, so it never looks. */
struct cleat_look {
	long processors;
	uint64_t until_ns;
	uint64_t last_ns;
	uint64_t resume_ns; /* not before */
};

static inline void cleat_look_init(struct cleat_look *l)
{
	l->processors = sysconf(_SC_NPROCESSORS_ONLN);
	l->until_ns = l->last_ns = l->resume_ns = 0;
}

/** @return whether it makes sense now: not with one processor, nor soon after a look in vain */
static inline bool cleat_look_begin(struct cleat_look *l, uint64_t longest_ns)
{
	uint64_t now_ns = cleat_now_ns();

	if (l->processors <= 1 || now_ns < l->resume_ns)
		return false;
	l->last_ns = now_ns;
	l->until_ns = now_ns + longest_ns;
	return true;
}

/** Before each try. @return whether to try once more */
static inline bool cleat_look_on(struct cleat_look *l)
{
	uint64_t now_ns = cleat_now_ns();

	if (now_ns - l->last_ns > CLEAT_LOOK_INTERRUPTED_NS) {
		l->resume_ns = now_ns + CLEAT_LOOK_BUSY_PAUSE_NS;
		return false;
	}
	if (now_ns >= l->until_ns) {
		l->resume_ns = now_ns + CLEAT_LOOK_VAIN_PAUSE_NS;
		return false;
	}
	l->last_ns = now_ns;
	return true;
}

#ifdef __cplusplus
}
#endif

#endif
