/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap: what was sent is in the file, whole, whoever dies and however full the disk is. */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pmd/cap_help.h"

#define BOTH	     "net_pcap0,rx_pcap=%s,tx_pcap=%s"
#define ENDLESS	     BOTH ",infinite_rx=1"
#define FULL	     32 /* packets that are collected; fewer are written at once */
#define STAGE	     (512 * 1024)
#define HEAD	     24	   /* of a file */
#define MANY	     20000 /* packets: more than ten stages */
#define WORD_END     0
#define WORD_WRITTEN 1

/* ---- captures ---- */

static struct {
	u_char bytes[2048];
	uint32_t len;
} source[CAP_PACKETS];

static void load_source(void)
{
	pcap_t *pcap = cap_open(CAP_SOURCE);
	struct pcap_pkthdr *header;
	const u_char *data;

	for (unsigned i = 0; i < CAP_PACKETS; i++) {
		ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), 1);
		ck_assert_uint_le(header->caplen, sizeof(source[i].bytes));
		memcpy(source[i].bytes, data, header->caplen);
		source[i].len = header->caplen;
	}
	pcap_close(pcap);
}

/* Loops over packets assert only what went wrong: Check notes each assertion in a file. */

/* The source over and over, with gaps of up to @p gap packets? Whole to the last byte? @return how
 * many packets */
static unsigned follows_source(const char *path, unsigned gap)
{
	pcap_t *pcap = cap_open(path);
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned count = 0, at = 0;
	int ret;

	while ((ret = pcap_next_ex(pcap, &header, &data)) == 1) {
		unsigned skipped = 0;

		while (source[at].len != header->caplen ||
			memcmp(source[at].bytes, data, header->caplen) != 0) {
			at = (at + 1) % CAP_PACKETS;
			if (skipped++ >= gap)
				ck_abort_msg("packet %u is not one of the source", count);
		}
		at = (at + 1) % CAP_PACKETS;
		count++;
	}
	ck_assert_int_eq(ret, PCAP_ERROR_BREAK);
	pcap_close(pcap);
	return count;
}

/* However busy the machine is. */
static void wait_until_it_grows(const char *path, off_t from)
{
	for (int i = 0; i < 100000 && cap_size(path) <= from; i++)
		(void)usleep(100);
	ck_assert_int_gt(cap_size(path), from);
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void forward_one(int port, struct cleat_mbuf **mbufs, unsigned n)
{
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, mbufs, n), n);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, n), n);
}

/* ---- an owner that dies ---- */

/* In a child with slot 1: forward @p bursts bursts, or for ever, then die. *sent counts what it was
 * told that is sent. */
static pid_t fork_owner(int port, int bursts, unsigned burst, uint64_t *sent)
{
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	mbuf_world_be(1);
	if (cap_claim(port, cap_pool) < 0)
		_exit(1);
	for (int i = 0; i < bursts || bursts == 0; i++) {
		int got = cleat_rx_burst((uint16_t)port, 0, mbufs, burst);

		for (int done = 0, ret; done < got; done += ret) {
			ret = cleat_tx_burst(
				(uint16_t)port, 0, mbufs + done, (unsigned)(got - done));
			if (ret < 0)
				_exit(2);
			*sent += (unsigned)ret; /* the parent looks when we are dead */
		}
	}
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static uint64_t *shared_word(void)
{
	uint64_t *word = (uint64_t *)mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(word, MAP_FAILED);
	return word;
}

static const unsigned bursts[] = { 1, 16, FULL, 200 };

START_TEST(next_owner_goes_on)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));

	cap_reap(fork_owner(port, 2, bursts[_i], shared_word()), port);
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	ck_assert_uint_eq(cap_forward(port, bursts[_i]), CAP_PACKETS - 2 * bursts[_i]);
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(cap_compare(CAP_SOURCE, out), CAP_PACKETS);
	ck_assert_uint_eq(mbuf_world_audit(cap_pool).in_pool, 1024);
}
END_TEST

/* Its packets were in the stage alone; the file is whole before the primary comes, too. */
START_TEST(the_primary_writes_what_a_dead_owner_collected)
{
	unsigned collected = 0;

	for (int i = 0; i < 20; i++) {
		const char *out = cap_at("out.pcap");
		int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
		pid_t pid = fork_owner(port, 10, FULL, shared_word());
		siginfo_t info;

		ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		collected += cap_count(out) < 10 * FULL;
		cap_reap(pid, port);
		ck_assert_uint_eq(cap_count(out), 10 * FULL);
		ck_assert_uint_eq(follows_source(out, 0), 10 * FULL);
		ck_assert_int_eq(pmd_unplug(port), 0);
	}
	ck_assert_uint_gt(collected, 0);
}
END_TEST

/* Every other time not before it writes, else on the way to it. */
START_TEST(killed_anywhere)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(ENDLESS, CAP_SOURCE, out));
	uint64_t *sent = shared_word();
	unsigned count = 0;

	for (int i = 0; i < 30; i++) {
		off_t size = cap_size(out);
		pid_t pid = fork_owner(port, 0, bursts[_i], sent);

		if (i % 2 == 1)
			wait_until_it_grows(out, size);
		(void)usleep(1000 + (unsigned)(i * 377) % 4000);
		(void)kill(pid, SIGKILL);
		cap_reap(pid, port);
		/* It may have died after a burst counted and before it was told so. */
		count = cap_count(out);
		ck_assert_uint_ge(count, *sent);
		ck_assert_uint_le(count, *sent + bursts[_i]);
		*sent = count;
	}
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_eq(follows_source(out, CAP_PACKETS), count);
	ck_assert_uint_eq(mbuf_world_audit(cap_pool).in_pool, 1024);
}
END_TEST

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
		ck_assert_uint_eq(shm->driver[WORD_END], size);
		ck_assert_uint_eq(shm->driver[WORD_WRITTEN], size);
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

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	limit_files(8 * STAGE); /* for the disk's sake, should it be written without bound */
	forward_one(port, mbufs, FULL);
	if (_i != 1)
		shm->driver[WORD_END] = 1ULL << 60;
	if (_i != 0)
		shm->driver[WORD_WRITTEN] = UINT64_MAX / 3;
	(void)usleep(200000);
	ck_assert_uint_eq(cap_count(out), FULL);

	forward_one(port, mbufs, 1);
	ck_assert_uint_eq(cap_count(out), FULL + 1);
	ck_assert_uint_eq(shm->driver[WORD_END], cap_size(out));
	ck_assert_uint_eq(shm->driver[WORD_WRITTEN], cap_size(out));

	forward_one(port, mbufs, FULL);
	shm->driver[WORD_END] = shm->driver[WORD_WRITTEN] = 1ULL << 60;
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	ck_assert_uint_eq(follows_source(out, 0), FULL + 1 + FULL);
	ck_assert_uint_eq(shm->driver[WORD_END], cap_size(out));
}
END_TEST

/* ---- a living owner ---- */

/* The stage is gone through several times, in bursts that do not divide it. */
START_TEST(grows_over_many_stages)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(ENDLESS, CAP_SOURCE, out));
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	unsigned sent = 0;

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	while (sent < MANY) {
		int got = cleat_rx_burst((uint16_t)port, 0, mbufs, 61);

		for (int done = 0; done < got;) /* the queue's thread may be reading all of it */
			done += cleat_tx_burst(
				(uint16_t)port, 0, mbufs + done, (unsigned)(got - done));
		sent += (unsigned)got;
	}
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	ck_assert_int_gt(cap_size(out), 10 * STAGE);
	ck_assert_uint_eq(follows_source(out, 0), sent);
}
END_TEST

START_TEST(a_small_burst_is_in_the_file_at_once)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_mbuf *mbufs[FULL];

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	for (unsigned n = 1; n < 8; n++) {
		ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, mbufs, n), n);
		ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, n), n);
		ck_assert_uint_eq(cap_count(out), n * (n + 1) / 2);
	}
}
END_TEST

/* Nobody calls, nobody closes. */
START_TEST(a_full_burst_is_in_the_file_soon)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_mbuf *mbufs[FULL];

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, mbufs, FULL), FULL);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, FULL), FULL);
	wait_until_it_grows(out, HEAD);
	ck_assert_uint_eq(cap_count(out), FULL);
}
END_TEST

START_TEST(space_is_given_back)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct stat st;

	cap_reap(fork_owner(port, 5, FULL, shared_word()), port);
	ck_assert_int_eq(stat(out, &st), 0);
	ck_assert_int_lt(st.st_blocks * 512, st.st_size + 65536);
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	(void)cap_forward(port, FULL);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(stat(out, &st), 0);
	ck_assert_int_lt(st.st_blocks * 512, st.st_size + 65536);
}
END_TEST

/* ---- no space ---- */

/* Forward until the file takes no more. @return how many are still ours */
static unsigned fill(int port, unsigned burst, struct cleat_mbuf **mbufs, unsigned *sent)
{
	for (;;) {
		int got = cleat_rx_burst((uint16_t)port, 0, mbufs, burst);
		int done = cleat_tx_burst((uint16_t)port, 0, mbufs, (unsigned)got);

		*sent += (unsigned)done;
		if (done == got)
			continue;
		ck_assert_int_ge(done, 0);
		memmove(mbufs, mbufs + done, (size_t)(got - done) * sizeof(*mbufs));
		return (unsigned)(got - done);
	}
}

static void send_rest(int port, struct cleat_mbuf **mbufs, unsigned n, unsigned *sent)
{
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, n), n);
	*sent += n;
}

/* With a limit nothing is reserved: each burst is written before it counts. */
START_TEST(a_file_that_may_not_grow)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	struct cleat_port_stats stats;
	unsigned sent = 0, left;

	(void)signal(SIGXFSZ, SIG_IGN);
	limit_files(100000);
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	left = fill(port, bursts[_i], mbufs, &sent);
	ck_assert_int_gt(cap_size(out), 100000 - 1600 * (int)bursts[_i]);
	ck_assert_uint_eq(cap_count(out), sent); /* no half record */
	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	ck_assert_uint_eq(stats.tx_packets, sent);
	ck_assert_uint_eq(stats.tx_errors, 1);

	limit_files(RLIM_INFINITY);
	send_rest(port, mbufs, left, &sent);
	(void)cap_forward(port, bursts[_i]);
	ck_assert_int_eq(pmd_release(port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(cap_compare(CAP_SOURCE, out), CAP_PACKETS);
	ck_assert_uint_eq(mbuf_world_audit(cap_pool).in_pool, 1024);
}
END_TEST

/* The primary could not write what a dead owner left: the next owner does. */
START_TEST(what_could_not_be_settled_is_not_lost)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
	pid_t pid = fork_owner(port, 10, FULL, shared_word());
	siginfo_t info;

	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	if (cap_size(out) == HEAD) { /* on a very slow machine its thread has written */
		limit_files(20000);
		ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), -EFBIG);
		ck_assert_msg(strstr(cleat_error(), "cannot be written"), "%s", cleat_error());
		ck_assert_int_eq(cap_size(out), HEAD); /* no half record */
		limit_files(RLIM_INFINITY);
	}
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	(void)cap_forward(port, FULL);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_RX, 0), 0);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_TX, 0), 0);
	cap_reap(pid, port);
	ck_assert_int_eq(cap_compare(CAP_SOURCE, out), CAP_PACKETS);
}
END_TEST

/* A file system of its own, a few stages large. @return 0; -1: this user may not */
static int small_disk(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("none", cap_dir, "tmpfs", 0, "size=2500k");
}

/* What was reported as sent is in the file, and nothing else, also when the owner dies then. */
START_TEST(a_disk_that_is_full)
{
	const char *out = cap_at("out.pcap");
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	unsigned sent = 0, left;
	int port;

	if (small_disk() < 0)
		return;
	port = pmd_plug(cap_spec(ENDLESS, CAP_SOURCE, out));
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	left = fill(port, bursts[_i], mbufs, &sent);
	ck_assert_int_gt(cap_size(out), 2400 * 1024 - 1600 * (int)bursts[_i]);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, left), 0);
	ck_assert_uint_eq(follows_source(out, 0), sent);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
	ck_assert_uint_eq(follows_source(out, 0), sent);
	cleat_mbuf_free_bulk(mbufs, left);
	ck_assert_int_eq(pmd_unplug(port), 0);
	ck_assert_int_eq(umount2(cap_dir, MNT_DETACH), 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	const int n = (int)(sizeof(bursts) / sizeof(bursts[0]));

	tcase_set_timeout(tc, 60);
	tcase_add_unchecked_fixture(tc, load_source, NULL);
	tcase_add_checked_fixture(tc, cap_up, cap_down);
	tcase_add_loop_test(tc, next_owner_goes_on, 0, n);
	tcase_add_test(tc, the_primary_writes_what_a_dead_owner_collected);
	tcase_add_loop_test(tc, killed_anywhere, 0, n);
	tcase_add_test(tc, torn_record_is_cut_off);
	tcase_add_test(tc, nonsense_is_put_right);
	tcase_add_loop_test(tc, words_that_others_write_do_not_matter, 0, 3);
	tcase_add_test(tc, grows_over_many_stages);
	tcase_add_test(tc, a_small_burst_is_in_the_file_at_once);
	tcase_add_test(tc, a_full_burst_is_in_the_file_soon);
	tcase_add_test(tc, space_is_given_back);
	tcase_add_loop_test(tc, a_file_that_may_not_grow, 0, n);
	tcase_add_test(tc, what_could_not_be_settled_is_not_lost);
	tcase_add_loop_test(tc, a_disk_that_is_full, 0, n);
}

int main(void)
{
	Suite *suite = suite_create("pmd/pcap_tx");
	TCase *tc = tcase_create("pcap_tx");
	SRunner *runner;
	int failed;

	add_tests(tc);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
