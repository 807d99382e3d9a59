/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grow - ask the primary for more memory, --bytes MiB at a time, --count times; the time of the
 * last
 * --makers of them is the result.
 */
#include "tests/bench/side_cleat.h"

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	struct bench_args a;

	bench_args_parse(&a, argc, argv);
	side_attach(&a);
	for (unsigned i = 0; i < a.count; i++) {
		uint64_t start_ns = bench_now_ns();

		if (cleat_ctl_memory_grow((uint64_t)a.bytes << 20, CLEAT_NODE_ANY) < 0)
			bench_fail("after %u times %u MiB: %s", i, a.bytes, cleat_error());
		if (i + a.makers >= a.count) {
			result.elements++;
			result.ns += bench_now_ns() - start_ns;
		}
	}
	side_detach();
	return bench_print(&result);
}
