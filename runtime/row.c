/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/row.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define READ_TRIES 1000
#define WAIT_TRIES 200 /* of a millisecond */

void cleat_row_write(void *row, const void *from, size_t len, size_t seq_off)
{
	uint64_t *to = (uint64_t *)row;
	uint32_t *seq = (uint32_t *)((char *)row + seq_off);
	uint32_t even = cleat_load_relaxed(seq) & ~1U;

	cleat_store_relaxed(seq, even + 1);
	cleat_fence_release(); /* partner: the acquire fence in try_read() */
	for (size_t i = 0; i < len / 8; i++) {
		uint64_t word;

		memcpy(&word, (const char *)from + i * 8, 8);
		if (i == seq_off / 8) { /* the word that holds seq keeps the odd number */
			uint32_t odd = even + 1;

			memcpy((char *)&word + seq_off % 8, &odd, 4);
		}
		cleat_store_relaxed(&to[i], word);
	}
	cleat_store_release(seq, even + 2); /* partner: the acquire load in try_read() */
}

static void copy_words(void *to, const void *row, size_t len)
{
	const uint64_t *from = (const uint64_t *)row;

	for (size_t i = 0; i < len / 8; i++) {
		uint64_t word = cleat_load_relaxed(&from[i]);

		memcpy((char *)to + i * 8, &word, 8);
	}
}

static int try_read(void *to, const void *row, size_t len, size_t seq_off)
{
	const uint32_t *seq = (const uint32_t *)((const char *)row + seq_off);

	for (int i = 0; i < READ_TRIES; i++) {
		uint32_t before = cleat_load_acquire(seq);

		if (before & 1) {
			cleat_pause();
			continue;
		}
		copy_words(to, row, len);
		cleat_fence_acquire();
		if (cleat_load_relaxed(seq) == before)
			return 0;
	}
	return -EAGAIN;
}

int cleat_row_read(void *to, const void *row, size_t len, size_t seq_off)
{
	static const struct timespec PAUSE = { .tv_nsec = 1000000 };
	int rc = try_read(to, row, len, seq_off);

	for (int i = 0; rc == -EAGAIN && i < WAIT_TRIES; i++) {
		(void)nanosleep(&PAUSE, NULL);
		rc = try_read(to, row, len, seq_off);
	}
	return rc;
}
