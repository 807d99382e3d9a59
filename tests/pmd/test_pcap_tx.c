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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pmd/pcap/pcap_state.h"
#include "tests/pmd/cap_help.h"

#define BOTH	"net_pcap0,rx_pcap=%s,tx_pcap=%s"
#define ENDLESS BOTH ",infinite_rx=1"
#define FULL	32 /* packets that are collected; fewer are written at once */
#define STAGE	(512 * 1024)
#define HEAD	24    /* of a file */
#define RECORD	16    /* before each packet */
#define MANY	20000 /* packets: more than ten stages */
#define ROUND	8000  /* packets: about 2 MB */

/* ---- an owner that dies ---- */

/* In a child with slot 1: forward @p bursts bursts, then die. *sent counts what it was
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
	for (int i = 0; i < bursts; i++) {
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

/* Its packets were in the stage alone. */
START_TEST(the_primary_writes_what_a_dead_owner_collected)
{
	unsigned collected = 0;

	for (int i = 0; i < 20; i++) {
		const char *out = cap_at("out.pcap");
		int port = pmd_plug(cap_spec(BOTH, CAP_SOURCE, out));
		pid_t pid = fork_owner(port, 10, FULL, shared_word());
		const struct cleat_queue_shm *shm =
			cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
		siginfo_t info;

		ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
		collected += (uint64_t)cap_size(out) < shm->driver[CLEAT_PCAP_TX_END];
		cap_reap(pid, port);
		ck_assert_uint_eq(cap_count(out), 10 * FULL);
		ck_assert_uint_eq(cap_follows_source(out, 0), 10 * FULL);
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
	unsigned count = 0, early = 0;

	for (int i = 0; i < 30; i++) {
		off_t size = cap_size(out);
		pid_t pid = fork_owner(port, ROUND / (int)bursts[_i], bursts[_i], sent);
		unsigned before = count;

		if (i % 2 == 1)
			cap_wait_size(out, size + 1);
		(void)usleep(1000 + (unsigned)(i * 377) % 4000);
		(void)kill(pid, SIGKILL);
		cap_reap(pid, port);
		/* It may have died after a burst counted and before it was told so. */
		count = cap_count(out);
		ck_assert_uint_ge(count, *sent);
		ck_assert_uint_le(count, *sent + bursts[_i]);
		*sent = count;
		early += count - before < ROUND;
	}
	ck_assert_uint_gt(early, 0);
	ck_assert_uint_gt(count, 0);
	ck_assert_uint_eq(cap_follows_source(out, CAP_PACKETS), count);
	ck_assert_uint_eq(mbuf_world_audit(cap_pool).in_pool, 1024);
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
	ck_assert_uint_eq(cap_follows_source(out, 0), sent);
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

static uint64_t errors(int port)
{
	struct cleat_port_stats stats;

	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	return stats.tx_errors;
}

/* Forward until the file takes no more. Fewer are taken also while the queue's thread reads a full
 * stage, but that is no error. @return how many are still ours */
static unsigned fill(int port, unsigned burst, struct cleat_mbuf **mbufs, unsigned *sent)
{
	for (;;) {
		int left = cleat_rx_burst((uint16_t)port, 0, mbufs, burst);

		while (left > 0) {
			int done = cleat_tx_burst((uint16_t)port, 0, mbufs, (unsigned)left);

			if (done < 0)
				ck_abort_msg("%d", done);
			*sent += (unsigned)done;
			left -= done;
			memmove(mbufs, mbufs + done, (size_t)left * sizeof(*mbufs));
			if (left > 0 && errors(port) > 0)
				return (unsigned)left;
		}
	}
}

/* What they take in a capture. */
static off_t records(struct cleat_mbuf *const *mbufs, unsigned n)
{
	off_t bytes = 0;

	for (unsigned i = 0; i < n; i++)
		bytes += RECORD + (off_t)mbufs[i]->pkt_len;
	return bytes;
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
	cap_limit_files(100000);
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	left = fill(port, bursts[_i], mbufs, &sent);
	ck_assert_int_le(cap_size(out), 100000);
	ck_assert_int_gt(cap_size(out) + records(mbufs, left), 100000);
	ck_assert_uint_eq(cap_count(out), sent); /* no half record */
	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	ck_assert_uint_eq(stats.tx_packets, sent);
	ck_assert_uint_eq(stats.tx_errors, 1);

	cap_limit_files(UINT64_MAX);
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
		cap_limit_files(20000);
		ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), -EFBIG);
		ck_assert_msg(strstr(cleat_error(), "cannot be written"), "%s", cleat_error());
		ck_assert_int_eq(cap_size(out), HEAD); /* no half record */
		cap_limit_files(UINT64_MAX);
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
static int small_disk(const char *path)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("none", path, "tmpfs", 0, "size=2500k");
}

static int may_mount(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(small_disk("/tmp") < 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* What was reported as sent is in the file, and nothing else, also when the owner dies then. */
START_TEST(a_disk_that_is_full)
{
	const char *out = cap_at("out.pcap");
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	unsigned sent = 0, left;
	int port;

	ck_assert_int_eq(small_disk(cap_dir), 0);
	port = pmd_plug(cap_spec(ENDLESS, CAP_SOURCE, out));
	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	left = fill(port, bursts[_i], mbufs, &sent);
	ck_assert_int_gt(cap_size(out) + records(mbufs, left), 2400 * 1024);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, left), 0);
	ck_assert_uint_eq(cap_follows_source(out, 0), sent);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
	ck_assert_uint_eq(cap_follows_source(out, 0), sent);
	cleat_mbuf_free_bulk(mbufs, left);
	ck_assert_int_eq(pmd_unplug(port), 0);
	ck_assert_int_eq(umount2(cap_dir, MNT_DETACH), 0);
}
END_TEST

static void add_tests(TCase *tc, int disk)
{
	const int n = (int)(sizeof(bursts) / sizeof(bursts[0]));

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, cap_up, cap_down);
	tcase_add_loop_test(tc, next_owner_goes_on, 0, n);
	tcase_add_test(tc, the_primary_writes_what_a_dead_owner_collected);
	tcase_add_loop_test(tc, killed_anywhere, 0, n);
	tcase_add_test(tc, grows_over_many_stages);
	tcase_add_test(tc, a_small_burst_is_in_the_file_at_once);
	tcase_add_test(tc, space_is_given_back);
	tcase_add_loop_test(tc, a_file_that_may_not_grow, 0, n);
	tcase_add_test(tc, what_could_not_be_settled_is_not_lost);
	if (disk)
		tcase_add_loop_test(tc, a_disk_that_is_full, 0, n);
}

int main(void)
{
	Suite *suite = suite_create("pmd/pcap_tx");
	TCase *tc = tcase_create("pcap_tx");
	SRunner *runner;
	int failed, disk = may_mount();

	add_tests(tc, disk);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (failed == 0 && !disk) {
		printf("SKIP: a full disk, as this user may not mount one; the rest passed\n");
		return 77;
	}
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
