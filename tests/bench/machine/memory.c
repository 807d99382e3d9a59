/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * memory - how many bytes a second come from memory or go there. --parties threads, each with
 * BYTES of its own, far more than the caches hold, on processors --core and --id.
 *
 * --role=read | write | copy   a copied byte counts once
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/bench/bench.h"

#define BYTES	    (256UL << 20)
#define MAX_PARTIES 2U

static struct bench_args a;
static pthread_barrier_t together;
static struct worker {
	pthread_t thread;
	unsigned core;
	uint64_t sum, ns;
} workers[MAX_PARTIES];

static uint64_t sum_of(const uint64_t *words, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += words[i];
	return sum;
}

static void once(uint64_t *words, struct worker *w, unsigned round)
{
	if (a.role[0] == 'r')
		w->sum += sum_of(words, BYTES / 8);
	else if (a.role[0] == 'w')
		memset(words, (int)round, BYTES);
	else
		memcpy(words, words + BYTES / 16, BYTES / 2);
	__asm__ volatile("" ::: "memory");
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct bench_args mine = a;
	uint64_t start_ns;
	void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		bench_fail("no %lu MiB: %s", BYTES >> 20, strerror(errno));
	(void)madvise(at, BYTES, MADV_HUGEPAGE);
	mine.core = w->core;
	bench_pin(&mine);
	memset(at, 1, BYTES);
	(void)pthread_barrier_wait(&together);
	start_ns = bench_now_ns();
	for (unsigned i = 0; i < a.count; i++)
		once(at, w, i);
	w->ns = bench_now_ns() - start_ns;
	return NULL;
}

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	uint64_t each;

	bench_args_parse(&a, argc, argv);
	if (strcmp(a.role, "read") != 0 && strcmp(a.role, "write") != 0 &&
		strcmp(a.role, "copy") != 0)
		bench_fail("--role=%s: give read, write or copy", a.role);
	if (a.parties == 0 || a.parties > MAX_PARTIES || a.count == 0)
		bench_fail("give --parties=1 or 2 and --count");
	(void)pthread_barrier_init(&together, NULL, a.parties);
	for (unsigned i = 0; i < a.parties; i++) {
		workers[i].core = i == 0 ? a.core : a.id;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			bench_fail("no thread");
	}
	each = (a.role[0] == 'c' ? BYTES / 2 : BYTES) * a.count;
	for (unsigned i = 0; i < a.parties; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		result.elements += each;
		result.sum += workers[i].sum;
		result.ns = workers[i].ns > result.ns ? workers[i].ns : result.ns;
	}
	return bench_print(&result);
}
