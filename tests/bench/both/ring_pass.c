/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ring_pass - values over one ring between processes. --role=producer | consumer
 *
 * One producer and one consumer: the values are a sequence, and each is compared. Else each
 * producer's values rise, a consumer checks that no value is older than the one before it, and all
 * add up what they passed.
 */
#include <string.h>

#include "tests/bench/both/sequence.h"

#define SEQ_BITS 26U
#define SEQ_MASK ((1U << SEQ_BITS) - 1)
#define WHO_MASK 7U

/* From number @p seq of producer @p who on; never 0. @return their sum */
cleat_inline uint64_t number(side_value *values, unsigned n, unsigned who, uint64_t seq)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++) {
		uint32_t v = (who + 1) << SEQ_BITS | ((uint32_t)(seq + i) & SEQ_MASK);

		values[i] = side_value_of(v);
		sum += v;
	}
	return sum;
}

cleat_inline void put_all(struct side_ring *r, enum bench_mode mode, const side_value *values,
	unsigned n, struct bench_idle *idle)
{
	for (unsigned done = 0; done < n;) {
		unsigned now = side_put(r, mode, values + done, n - done);

		done += now;
		if (now == 0)
			bench_idle(idle);
		else
			bench_busy(idle);
	}
}

cleat_inline void produce(struct side_ring *r, enum bench_mode mode, bool alone,
	const struct bench_args *a, struct bench_meet *meet, struct bench_result *result)
{
	struct bench_idle idle = { .yield = a->yield != 0 };
	side_value made[BENCH_MAX_BURST];
	struct sequence sequence;
	unsigned n = a->burst, polls = 0;
	uint64_t total = 0, sum = 0;

	sequence_start(&sequence);
	for (;;) {
		if (cleat_unlikely(++polls % BENCH_POLLS == 0) &&
			bench_reached(&meet->measured, a->consumers))
			break;
		if (!alone)
			sum += number(made, n, a->id, total);
		put_all(r, mode, alone ? sequence_next(&sequence) : made, n, &idle);
		if (alone)
			sequence_skip(&sequence, n);
		total += n;
	}
	result->total = total;
	result->sum = sum;
	bench_add(&meet->stopped);
}

cleat_inline uint64_t check_many(
	const side_value *values, unsigned n, uint32_t last[WHO_MASK + 1], uint64_t *sum)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < n; i++) {
		uint64_t v = (uint64_t)(uintptr_t)values[i];
		uint32_t seq = (uint32_t)v & SEQ_MASK;
		uint32_t *mine = &last[v >> SEQ_BITS & WHO_MASK];

		wrong |= ((seq - *mine - 1) & SEQ_MASK) >> (SEQ_BITS - 1);
		*mine = seq;
		*sum += v;
	}
	return wrong != 0;
}

cleat_inline void consume(struct side_ring *r, enum bench_mode mode, bool alone,
	const struct bench_args *a, struct bench_meet *meet, struct bench_result *result)
{
	struct bench_idle idle = { .yield = a->yield != 0 };
	side_value values[BENCH_MAX_BURST];
	uint32_t last[WHO_MASK + 1];
	struct sequence sequence;
	struct bench_watch watch;
	uint64_t got = 0, sum = 0;

	sequence_start(&sequence);
	memset(last, 0xff, sizeof(last));
	bench_watch_start(&watch, a, result);
	for (;;) {
		bool last_look = bench_watch_makers(&watch, got, meet, a->producers);
		unsigned n = side_get(r, mode, values, a->burst);

		if (n == 0) {
			if (last_look)
				break;
			bench_idle(&idle);
			continue;
		}
		bench_busy(&idle);
		result->bad += alone ? !sequence_is_next(&sequence, values, n)
				     : check_many(values, n, last, &sum);
		if (alone)
			sequence_skip(&sequence, n);
		got += n;
	}
	result->total = got;
	result->sum = sum;
}

typedef void part(struct side_ring *r, enum bench_mode mode, bool alone, const struct bench_args *a,
	struct bench_meet *meet, struct bench_result *result);

/* One loop for each mode, so that the mode is a constant in it. */
#define LOOPS(name, body)                                                                         \
	static void name(struct side_ring *r, enum bench_mode mode, bool alone,                   \
		const struct bench_args *a, struct bench_meet *meet, struct bench_result *result) \
	{                                                                                         \
		switch (mode) {                                                                   \
		case BENCH_SPSC:                                                                  \
			body(r, BENCH_SPSC, true, a, meet, result);                               \
			break;                                                                    \
		case BENCH_MPMC:                                                                  \
			if (alone)                                                                \
				body(r, BENCH_MPMC, true, a, meet, result);                       \
			else                                                                      \
				body(r, BENCH_MPMC, false, a, meet, result);                      \
			break;                                                                    \
		case BENCH_RTS:                                                                   \
			body(r, BENCH_RTS, alone, a, meet, result);                               \
			break;                                                                    \
		default:                                                                          \
			body(r, BENCH_HTS, alone, a, meet, result);                               \
		}                                                                                 \
	}
LOOPS(produce_all, produce)
LOOPS(consume_all, consume)

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	struct bench_meet *meet;
	static struct side_ring ring;
	struct bench_args a;
	bool producer, alone;
	part *run;

	bench_args_parse(&a, argc, argv);
	producer = strcmp(a.role, "producer") == 0;
	alone = a.producers == 1 && a.consumers == 1;
	run = producer ? produce_all : consume_all;
	meet = bench_meet_open(&a);
	side_attach(&a);
	bench_pin(&a);
	side_ring_open(&ring, a.in, a.mode, producer, !producer);
	bench_meet_wait(meet, &a);
	run(&ring, a.mode, alone, &a, meet, &result);
	side_detach();
	return bench_print(&result);
}
