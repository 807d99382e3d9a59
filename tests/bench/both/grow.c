/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grow - have the primary take more memory from the machine, --bytes MiB at a time, --count times;
 * the time of the last --makers of them is the result.
 */
#include "tests/bench/side.h"

int main(int argc, char **argv)
{
	struct bench_result result = { 0 };
	struct bench_args a;

	bench_args_parse(&a, argc, argv);
	side_attach(&a);
	for (unsigned i = 0; i < a.count; i++) {
		uint64_t start_ns = bench_now_ns();

		side_grow(i, (uint64_t)a.bytes << 20);
		if (i + a.makers >= a.count) {
			result.elements++;
			result.ns += bench_now_ns() - start_ns;
		}
	}
	side_detach();
	return bench_print(&result);
}
