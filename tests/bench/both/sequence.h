/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sequence.h - what one producer puts into a ring: values that repeat after SEQUENCE_LEN, made
 * before the clock starts, so that the loops cost as little as they can. SEQUENCE_LEN is a prime:
 * what is lost, doubled or late by laps of a ring shows.
 */
#ifndef CLEAT_TESTS_BENCH_SEQUENCE_H
#define CLEAT_TESTS_BENCH_SEQUENCE_H

#include "tests/bench/side.h"

#define SEQUENCE_LEN 1021U

struct sequence {
	side_value values[SEQUENCE_LEN + BENCH_MAX_BURST]; /* the start once more, for a burst */
	unsigned at;
};

cleat_inline void sequence_start(struct sequence *s)
{
	for (unsigned i = 0; i < SEQUENCE_LEN + BENCH_MAX_BURST; i++)
		s->values[i] = side_value_of(1U + i % SEQUENCE_LEN);
	s->at = 0;
}

/** The next values, BENCH_MAX_BURST of them. */
cleat_inline const side_value *sequence_next(const struct sequence *s)
{
	return s->values + s->at;
}

/** The next @p n of them are done. */
cleat_inline void sequence_skip(struct sequence *s, unsigned n)
{
	s->at += n;
	if (cleat_unlikely(s->at >= SEQUENCE_LEN))
		s->at -= SEQUENCE_LEN;
}

/** Are these the next @p n? */
cleat_inline bool sequence_is_next(const struct sequence *s, const side_value *values, unsigned n)
{
	const side_value *next = sequence_next(s);
	uint64_t wrong = 0;

	if (n >= 4) {
		for (unsigned i = 0; i < n; i++)
			wrong |= (uintptr_t)values[i] ^ (uintptr_t)next[i];
		return wrong == 0;
	}
	for (unsigned i = 0; i < n; i++) /* without what vectors need first */
		if (values[i] != next[i])
			return false;
	return true;
}

#endif
