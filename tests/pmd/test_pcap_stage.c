/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap: a tx queue's stage: what others may do to it, and the thread that looks after it. */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pmd/cap_help.h"

#define BOTH	     "net_pcap0,rx_pcap=%s,tx_pcap=%s"
#define ENDLESS	     BOTH ",infinite_rx=1"
#define FULL	     32 /* packets that are collected; fewer are written at once */
#define STAGE	     (512 * 1024)
#define HEAD	     24 /* of a file */
#define WORD_END     0
#define WORD_WRITTEN 1

/* The queue's thread writes them. */
static uint64_t word(const struct cleat_queue_shm *shm, unsigned which)
{
	return cleat_load_acquire(&shm->driver[which]); /* partner: pcap_stage.c */
}

static void wait_written(const struct cleat_queue_shm *shm, uint64_t written)
{
	for (int i = 0; i < 100000 && word(shm, WORD_WRITTEN) != written; i++)
		(void)usleep(100);
	ck_assert_uint_eq(word(shm, WORD_WRITTEN), written);
}

/* ---- what a dead owner says ---- */

START_TEST(torn_record_is_cut_off)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	FILE *file;

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	(void)cap_forward(port, FULL);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_TX, 0), 0);
	file = fopen(out, "a");
	ck_assert_int_gt(fputs("half a record", file), 0);
	(void)fclose(file);
	ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(cap_compare(CAP_SOURCE, out), CAP_PACKETS);
}
END_TEST

/* It makes the file neither grow nor vanish, and the next owner finds sense. */
START_TEST(nonsense_is_put_right)
{
	static const struct {
		unsigned word;
		uint64_t value;
	} lies[] = { { WORD_END, 1ULL << 60 }, { WORD_END, 0 }, { WORD_END, UINT64_MAX },
		{ WORD_WRITTEN, 0 }, { WORD_WRITTEN, 1ULL << 60 }, { WORD_WRITTEN, UINT64_MAX } };
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	uint64_t size;

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	(void)cap_forward(port, FULL);
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	size = (uint64_t)cap_size(out);
	for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		shm->driver[lies[i].word] = lies[i].value;
		ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), -EPROTO);
		ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
		ck_assert_int_eq(cap_compare(CAP_SOURCE, out), CAP_PACKETS);
		ck_assert_uint_eq(word(shm, WORD_END), size);
		ck_assert_uint_eq(word(shm, WORD_WRITTEN), size);
	}
	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
}
END_TEST

/* Any worker may write the words of another's queue: its owner does not read them. */
START_TEST(words_that_others_write_do_not_matter)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	struct cleat_mbuf *mbufs[FULL];
	off_t end;

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	cap_limit_files(8 * STAGE); /* for the disk's sake, should it be written without bound */
	cap_forward_one(port, mbufs, FULL);
	end = (off_t)word(shm, WORD_END);
	if (_i != 1)
		cleat_store_relaxed(&shm->driver[WORD_END], 1ULL << 60);
	if (_i != 0)
		cleat_store_relaxed(&shm->driver[WORD_WRITTEN], UINT64_MAX / 3);
	(void)usleep(200000);
	cap_wait_size(out, end);
	ck_assert_uint_eq(cap_count(out), FULL);

	cap_forward_one(port, mbufs, 1);
	ck_assert_uint_eq(cap_count(out), FULL + 1);
	ck_assert_uint_eq(word(shm, WORD_END), cap_size(out));
	wait_written(shm, (uint64_t)cap_size(out)); /* at once, if the thread does not look */

	cap_forward_one(port, mbufs, FULL);
	cleat_store_relaxed(&shm->driver[WORD_END], 1ULL << 60);
	cleat_store_relaxed(&shm->driver[WORD_WRITTEN], 1ULL << 60);
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	ck_assert_uint_eq(cap_follows_source(out, 0), FULL + 1 + FULL);
	ck_assert_uint_eq(word(shm, WORD_END), cap_size(out));
}
END_TEST

/* ---- who cuts the file short ---- */

/* It begins anew, whether its owner lives or not. */
START_TEST(a_capture_without_header_gets_one)
{
	static const off_t sizes[] = { 0, 10, HEAD - 1 };
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	struct cleat_mbuf *mbufs[FULL];

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		cap_forward_one(port, mbufs, 1);
		ck_assert_int_eq(truncate(out, sizes[i]), 0);
		ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
		ck_assert_uint_eq(cap_count(out), 0);
		ck_assert_uint_eq(word(shm, WORD_END), HEAD);
		ck_assert_uint_eq(word(shm, WORD_WRITTEN), HEAD);
		ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
		cap_forward_one(port, mbufs, FULL);
		ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
		ck_assert_uint_eq(cap_follows_source(out, CAP_PACKETS), FULL);
		ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	}
}
END_TEST

/* As when a new port has made the file its own: what the queue's thread or the one that closes
 * finds left is not for it. */
START_TEST(nothing_late_goes_behind_a_cut)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	struct cleat_mbuf *mbufs[FULL];
	struct cleat_port_stats stats;

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	cap_forward_one(port, mbufs, 1);
	ck_assert_int_eq(truncate(out, HEAD), 0);
	cap_forward_one(port, mbufs, FULL);
	if (_i == 0) /* its thread */
		wait_written(shm, word(shm, WORD_END));
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(cap_size(out), HEAD);
	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	ck_assert_uint_eq(stats.tx_errors, 1);

	ck_assert_int_eq(pmd_claim(port, CLEAT_TX, 0, NULL), 0);
	cap_forward_one(port, mbufs, 1);
	ck_assert_uint_eq(cap_count(out), 1);
}
END_TEST

/* ---- the queue's thread ---- */

/* Nobody calls, nobody closes. */
START_TEST(a_full_burst_is_in_the_file_soon)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	const struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	struct cleat_mbuf *mbufs[FULL];

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	cap_forward_one(port, mbufs, FULL);
	cap_wait_size(out, (off_t)word(shm, WORD_END));
	ck_assert_uint_eq(cap_count(out), FULL);
}
END_TEST

/* Nor does the owner write, which has filled more than half. */
START_TEST(half_a_stage_is_in_the_file_soon)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(ENDLESS, CAP_SOURCE, out));
	const struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	struct cleat_mbuf *mbufs[FULL];

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	do
		cap_forward_one(port, mbufs, FULL);
	while (word(shm, WORD_END) - word(shm, WORD_WRITTEN) <= STAGE / 2);
	cap_wait_size(out, (off_t)word(shm, WORD_END));
	ck_assert_uint_gt(cap_follows_source(out, 0), STAGE / 2048);
}
END_TEST

/* The newest thread but this one. */
static pid_t other_thread(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	pid_t other = -1;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)atoi(entry->d_name);

		if (tid != getpid() && tid > other)
			other = tid;
	}
	(void)closedir(dir);
	ck_assert_int_gt(other, 0);
	return other;
}

/* Not where and how the owner runs. */
START_TEST(the_thread_leaves_the_owners_processor)
{
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, cap_at("out.pcap")));
	const struct sched_param first = { .sched_priority = 1 };
	cpu_set_t all, one, its;
	pid_t thread;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(one), &one), 0);
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	thread = other_thread();
	ck_assert_int_eq(sched_getscheduler(thread), SCHED_OTHER);
	ck_assert_int_eq(sched_getaffinity(thread, sizeof(its), &its), 0);
	ck_assert_int_ge(CPU_COUNT(&its), CPU_COUNT(&all));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/pcap_stage");
	TCase *tc = tcase_create("pcap_stage");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, cap_up, cap_down);
	tcase_add_test(tc, torn_record_is_cut_off);
	tcase_add_test(tc, nonsense_is_put_right);
	tcase_add_loop_test(tc, words_that_others_write_do_not_matter, 0, 3);
	tcase_add_test(tc, a_capture_without_header_gets_one);
	tcase_add_loop_test(tc, nothing_late_goes_behind_a_cut, 0, 2);
	tcase_add_test(tc, a_full_burst_is_in_the_file_soon);
	tcase_add_test(tc, half_a_stage_is_in_the_file_soon);
	tcase_add_test(tc, the_thread_leaves_the_owners_processor);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
