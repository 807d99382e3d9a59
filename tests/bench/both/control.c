/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * control - what is not done for each packet.
 *
 * --role=attach    become a secondary, once
 * --role=zone      reserve a zone of --bytes and free it, --count times
 * --role=request   ask the primary the shortest question, --count times
 * --role=find      look zones up by name, --count times, among --makers that --role=zones made
 * --role=zones     reserve --makers zones, say so, wait for a signal
 * --role=idle      attach, say so, wait for a signal
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/side.h"

#define NAME_BYTES 16

static char (*names_of(unsigned n))[NAME_BYTES]
{
	char(*names)[NAME_BYTES] = calloc(n, NAME_BYTES);

	if (names == NULL)
		bench_fail("no memory for %u names", n);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(names[i], NAME_BYTES, "z%u", i);
	return names;
}

/* Before there are other threads, which would die of it. */
static void block_signal(sigset_t *ends)
{
	(void)sigemptyset(ends);
	(void)sigaddset(ends, SIGTERM);
	(void)sigprocmask(SIG_BLOCK, ends, NULL);
}

static void wait_for_signal(void)
{
	sigset_t ends;
	int which;

	block_signal(&ends);
	(void)puts("ready");
	(void)fflush(stdout);
	(void)sigwait(&ends, &which);
}

static void zones(const struct bench_args *a)
{
	char(*names)[NAME_BYTES] = names_of(a->makers);
	side_zone *made = calloc(a->makers, sizeof(side_zone));

	if (made == NULL)
		bench_fail("no memory for %u zones", a->makers);
	for (unsigned i = 0; i < a->makers; i++)
		made[i] = side_zone_reserve(names[i], 64);
	wait_for_signal();
	for (unsigned i = 0; i < a->makers; i++)
		side_zone_free(made[i]);
	free(made);
	free(names);
}

static void zone_loop(const struct bench_args *a)
{
	for (unsigned i = 0; i < a->count; i++)
		side_zone_free(side_zone_reserve("bench", a->bytes));
}

static void request_loop(const struct bench_args *a)
{
	for (unsigned i = 0; i < a->count; i++)
		side_request();
}

static uint64_t find_loop(const struct bench_args *a)
{
	char(*names)[NAME_BYTES] = names_of(a->makers);
	uint64_t start_ns = bench_cpu_ns();
	uint32_t which = 1;

	for (unsigned i = 0; i < a->count; i++) {
		which = which * 1664525U + 1013904223U;
		if (!side_zone_find(names[(which >> 8) % a->makers]))
			bench_fail("a zone is not found");
	}
	start_ns = bench_cpu_ns() - start_ns;
	free(names);
	return start_ns;
}

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	uint64_t start_ns;
	struct bench_args a;
	sigset_t ends;

	bench_args_parse(&a, argc, argv);
	if (strcmp(a.role, "zones") == 0 || strcmp(a.role, "idle") == 0)
		block_signal(&ends);
	result.elements = a.count != 0 ? a.count : 1;
	start_ns = bench_now_ns();
	side_attach(&a);
	result.ns = bench_now_ns() - start_ns;
	bench_pin(&a);
	start_ns = bench_now_ns();
	if (strcmp(a.role, "zone") == 0)
		zone_loop(&a);
	else if (strcmp(a.role, "request") == 0)
		request_loop(&a);
	else if (strcmp(a.role, "find") == 0)
		start_ns = bench_now_ns() - find_loop(&a);
	else if (strcmp(a.role, "zones") == 0)
		zones(&a);
	else if (strcmp(a.role, "idle") == 0)
		wait_for_signal();
	else if (strcmp(a.role, "attach") != 0)
		bench_fail("--role=%s: there is none", a.role);
	if (strcmp(a.role, "attach") != 0)
		result.ns = bench_now_ns() - start_ns;
	side_detach();
	return bench_print(&result);
}
