/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lines - how long a cache line takes from one processor to another. No library, two threads.
 *
 * --role=one    a counter goes to and fro: the time of one way
 * --role=many   each in turn writes LINES lines that the other wrote last: the time of one of them,
 *               with as many on their way as the processor manages
 * --core=A --id=B   the two processors; --ms   how long
 */
#include <pthread.h>
#include <string.h>

#include "tests/bench/bench.h"

#define LINES 256U
#define TURNS 1000U /* between two looks at the clock */

struct line {
	uint64_t value cleat_aligned(CLEAT_CACHE_LINE);
};

static struct line lines[LINES] cleat_aligned(4096);
static struct line turn cleat_aligned(CLEAT_FALSE_SHARING); /* odd: the other's */
static struct line over cleat_aligned(CLEAT_FALSE_SHARING);
static struct bench_args a;
static bool many;

/* Lines are not taken in order: no prefetcher shall guess. 77 is odd, so each is met once. */
static uint64_t write_lines(uint64_t value)
{
	uint64_t start_ns = bench_now_ns();

	for (uint32_t i = 0; i < LINES; i++)
		cleat_store_relaxed(&lines[i * 77 % LINES].value, value);
	cleat_fence_seq_cst(); /* they are written, not on their way */
	return bench_now_ns() - start_ns;
}

/* @return 0 if the other ended meanwhile */
static int wait_for(uint64_t value)
{
	while (cleat_load_acquire(&turn.value) != value)
		if (cleat_load_relaxed(&over.value) != 0)
			return 0;
	return 1;
}

static void *other(void *arg)
{
	uint64_t value = 1;

	(void)arg;
	a.core = a.id;
	bench_pin(&a);
	for (; wait_for(value); value += 2) {
		if (many)
			(void)write_lines(value);
		cleat_store_release(&turn.value, value + 1);
	}
	return NULL;
}

/* @return nanoseconds that went into lines */
static uint64_t turns(uint64_t value)
{
	uint64_t spent_ns = 0;

	for (unsigned i = 0; i < TURNS; i++, value += 2) {
		if (many)
			spent_ns += write_lines(value);
		cleat_store_release(&turn.value, value + 1);
		(void)wait_for(value + 2);
	}
	return spent_ns;
}

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	pthread_t thread;
	uint64_t rounds = 0, start_ns, spent_ns = 0;

	bench_args_parse(&a, argc, argv);
	many = strcmp(a.role, "many") == 0;
	if (!many && strcmp(a.role, "one") != 0)
		bench_fail("--role=%s: give one or many", a.role);
	bench_pin(&a);
	if (pthread_create(&thread, NULL, other, NULL) != 0)
		bench_fail("no second thread");
	(void)turns(0); /* until the other runs, too */
	start_ns = bench_now_ns();
	do {
		rounds++;
		spent_ns += turns(2 * rounds * TURNS);
	} while (bench_now_ns() - start_ns < a.ms * 1000000ULL);
	result.ns = many ? spent_ns : bench_now_ns() - start_ns;
	result.elements = rounds * TURNS * (many ? LINES : 2);
	cleat_store_relaxed(&over.value, 1);
	(void)pthread_join(thread, NULL);
	return bench_print(&result);
}
