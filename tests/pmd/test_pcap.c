/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap: what is in the capture comes out, once, whole, also across a SIGKILL. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/pmd/pmd_help.h"

#define CAPTURE CLEAT_TEST_DATA_DIR "/capture.pcap"

static struct cleat_mempool *pool;
static char dir[64];

static void setup(void)
{
	pmd_world_up();
	pool = mbuf_world_pool("p", 1024, 2048, 64);
	strcpy(dir, "/tmp/test_pcap.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
	char command[128];

	pmd_world_down();
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* A path in the test's own folder; one of four, in turn. */
static const char *at(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, 128, "%s/%s", dir, name);
	return path;
}

static const char *spec(const char *fmt, const char *a, const char *b)
{
	static char text[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(text, sizeof(text), fmt, a, b);
#pragma GCC diagnostic pop
	return text;
}

/* The first @p bytes of a file under another name. */
static const char *cut_copy(const char *from, size_t bytes, const char *name)
{
	static char data[1 << 20];
	const char *to = at(name);
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t len = fread(data, 1, sizeof(data), in);

	ck_assert_uint_eq(
		fwrite(data, 1, len < bytes ? len : bytes, out), len < bytes ? len : bytes);
	(void)fclose(in);
	(void)fclose(out);
	return to;
}

static pcap_t *open_capture(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);

	ck_assert_msg(pcap != NULL, "%s", why);
	return pcap;
}

/* Same packets in both files? @return how many; -1 when they differ */
static int compare(const char *path_a, const char *path_b)
{
	pcap_t *a = open_capture(path_a), *b = open_capture(path_b);
	struct pcap_pkthdr *ha, *hb;
	const u_char *da, *db;
	int count = 0;

	for (;; count++) {
		int ra = pcap_next_ex(a, &ha, &da), rb = pcap_next_ex(b, &hb, &db);

		if (ra != rb || ra == PCAP_ERROR)
			count = -1;
		if (ra != 1 || rb != 1)
			break;
		if (ha->caplen != hb->caplen || memcmp(da, db, ha->caplen) != 0 ||
			ha->ts.tv_sec != hb->ts.tv_sec || ha->ts.tv_usec != hb->ts.tv_usec) {
			count = -1;
			break;
		}
	}
	pcap_close(a);
	pcap_close(b);
	return count;
}

/* From rx queue 0 to tx queue 0 until nothing comes. */
static unsigned forward(int port, unsigned burst)
{
	struct cleat_mbuf *mbufs[CLEAT_MAX_BURST];
	unsigned total = 0;
	int got;

	while ((got = cleat_rx_burst((uint16_t)port, 0, mbufs, burst)) > 0) {
		for (int i = 0; i < got; i++)
			ck_assert_int_eq(cleat_mbuf_check(mbufs[i]), 0);
		ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, (unsigned)got), got);
		total += (unsigned)got;
	}
	ck_assert_int_eq(got, 0);
	return total;
}

static int claim_both(int port, struct cleat_mempool *mp)
{
	int ret = pmd_claim(port, CLEAT_RX, 0, mp);

	return ret < 0 ? ret : pmd_claim(port, CLEAT_TX, 0, NULL);
}

static void copies(const char *in, struct cleat_mempool *mp)
{
	const char *out = at("out.pcap");
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", in, out));

	ck_assert_msg(port >= 0, "%s", cleat_error());
	ck_assert_int_eq(claim_both(port, mp), 0);
	ck_assert_uint_eq(forward(port, 32), 450);
	ck_assert_int_eq(compare(in, out), 450);
	ck_assert_uint_eq(mbuf_world_audit(mp).in_pool, mp->count);
}

START_TEST(reads_pcap)
{
	copies(CAPTURE, pool);
}
END_TEST

START_TEST(reads_pcapng)
{
	copies(CLEAT_TEST_DATA_DIR "/capture.pcapng", pool);
}
END_TEST

START_TEST(reads_nanoseconds)
{
	copies(CLEAT_TEST_DATA_DIR "/capture.nsec.pcap", pool);
}
END_TEST

START_TEST(long_frames_become_chains)
{
	copies(CAPTURE, mbuf_world_pool("small", 1024, 128, 0));
}
END_TEST

START_TEST(short_of_mbufs_loses_nothing)
{
	copies(CAPTURE, mbuf_world_pool("few", 7, 1600, 0));
}
END_TEST

START_TEST(a_truncated_capture_gives_what_is_whole)
{
	const char *in = cut_copy(CAPTURE, 100000, "cut.pcap");
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", in, at("out.pcap")));
	struct cleat_port_stats stats;
	unsigned got;

	ck_assert_int_eq(claim_both(port, pool), 0);
	got = forward(port, 32);
	ck_assert_uint_gt(got, 100);
	ck_assert_uint_lt(got, 450);
	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	ck_assert_uint_eq(stats.rx_errors, 1);
	ck_assert_uint_eq(stats.rx_packets, got);
}
END_TEST

START_TEST(infinite)
{
	struct cleat_mbuf *mbufs[32];
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,infinite_rx=1%s", CAPTURE, ""));
	uint64_t passes, packets = 0;

	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, pool), 0);
	while (packets < 2000) {
		ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, mbufs, 32), 32);
		cleat_mbuf_free_bulk(mbufs, 32);
		packets += 32;
	}
	ck_assert_int_eq(cleat_port_xstat((uint16_t)port, "rx_q0_passes", &passes), 0);
	ck_assert_uint_eq(passes, 4);
	ck_assert_int_eq(cleat_port_xstat((uint16_t)port, "rx_q0_nothing", &passes), -ENOENT);
}
END_TEST

START_TEST(two_queues)
{
	int port = pmd_plug(spec(
		"net_pcap0,rx_pcap=%s,rx_pcap=%s", CAPTURE, CLEAT_TEST_DATA_DIR "/capture.pcapng"));
	struct cleat_mbuf *mbufs[32];

	ck_assert_int_eq(pmd_port(port)->max_rx_queues, 2);
	ck_assert_int_eq(pmd_port(port)->max_tx_queues, 0);
	for (unsigned q = 0; q < 2; q++) {
		ck_assert_int_eq(pmd_claim(port, CLEAT_RX, q, pool), 0);
		ck_assert_int_eq(cleat_rx_burst((uint16_t)port, (uint16_t)q, mbufs, 32), 32);
		cleat_mbuf_free_bulk(mbufs, 32);
	}
}
END_TEST

/* In a child with slot 1: forward @p bursts bursts, or for ever, then die. */
static pid_t fork_owner(int port, int bursts)
{
	struct cleat_mbuf *mbufs[16];
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	mbuf_world_be(1);
	if (claim_both(port, pool) < 0)
		_exit(1);
	for (int i = 0; i < bursts || bursts == 0; i++) {
		int got = cleat_rx_burst((uint16_t)port, 0, mbufs, 16);

		if (got < 0 || cleat_tx_burst((uint16_t)port, 0, mbufs, (unsigned)got) != got)
			_exit(2);
	}
	(void)kill(getpid(), SIGKILL);
	return 0;
}

static void reap(pid_t pid, int port)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(pmd_reset(port, CLEAT_RX, 0), 0);
	ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
	cleat_registry->procs[1].state = CLEAT_PROC_DYING;
	(void)mbuf_world_sweep(1);
	cleat_registry->procs[1].state = CLEAT_PROC_READY;
}

START_TEST(next_owner_goes_on)
{
	const char *out = at("out.pcap");
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", CAPTURE, out));

	reap(fork_owner(port, 10), port);
	ck_assert_int_eq(claim_both(port, pool), 0);
	ck_assert_uint_eq(forward(port, 32), 450 - 160);
	ck_assert_int_eq(compare(CAPTURE, out), 450);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, 1024);
}
END_TEST

/* Packets in a capture that must be whole to its last byte. */
static unsigned count_whole(const char *path)
{
	pcap_t *pcap = open_capture(path);
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned count = 0;
	int ret;

	while ((ret = pcap_next_ex(pcap, &header, &data)) == 1)
		count++;
	ck_assert_int_eq(ret, PCAP_ERROR_BREAK);
	pcap_close(pcap);
	return count;
}

static off_t size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

/* However busy the machine is. */
static void wait_until_it_grows(const char *path, off_t from)
{
	for (int i = 0; i < 100000 && size_of(path) <= from; i++)
		(void)usleep(100);
	ck_assert_int_gt(size_of(path), from);
}

/* Every other time not before it writes, else on the way to it. */
START_TEST(killed_anywhere_leaves_no_torn_record)
{
	const char *out = at("out.pcap");
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s,infinite_rx=1", CAPTURE, out));
	unsigned before = 0;

	for (int i = 0; i < 30; i++) {
		off_t size = size_of(out);
		pid_t pid = fork_owner(port, 0);
		unsigned now;

		if (i % 2 == 1)
			wait_until_it_grows(out, size);
		(void)usleep(1000 + (unsigned)(i * 377) % 4000);
		(void)kill(pid, SIGKILL);
		reap(pid, port);
		now = count_whole(out);
		ck_assert_uint_ge(now, before);
		before = now;
	}
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_eq(mbuf_world_audit(pool).in_pool, 1024);
}
END_TEST

START_TEST(torn_record_is_cut_off)
{
	const char *out = at("out.pcap");
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", CAPTURE, out));
	struct cleat_queue_shm *shm = cleat_port_ctrl_queue(pmd_port(port), CLEAT_TX, 0);
	struct stat st;
	FILE *file;

	ck_assert_int_eq(claim_both(port, pool), 0);
	(void)forward(port, 32);
	ck_assert_int_eq(cleat_queue_remove((uint16_t)port, CLEAT_TX, 0), 0);
	file = fopen(out, "a");
	ck_assert_int_gt(fputs("half a record", file), 0);
	(void)fclose(file);
	ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(compare(CAPTURE, out), 450);

	/* A dead owner's nonsense makes the file neither grow nor vanish. */
	shm->driver[0] = 1ULL << 60;
	ck_assert_int_eq(pmd_reset(port, CLEAT_TX, 0), 0);
	ck_assert_int_eq(compare(CAPTURE, out), 450);
	ck_assert_int_eq(stat(out, &st), 0);
	ck_assert_uint_eq(shm->driver[0], (uint64_t)st.st_size);
}
END_TEST

START_TEST(granted_descriptors)
{
	int port = pmd_plug(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", CAPTURE, at("out.pcap")));
	struct cleat_port_ctrl *ctrl = pmd_port(port);
	struct cleat_queue_grant grant;

	ck_assert_int_eq(ctrl->ops->queue_open(ctrl, CLEAT_RX, 0, &grant), 0);
	ck_assert_uint_eq(grant.n_fds, 1);
	ck_assert_int_eq(fcntl(grant.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(write(grant.fds[0], "x", 1), -1);
	(void)close(grant.fds[0]);
}
END_TEST

static void refused(const char *what, const char *says)
{
	ck_assert_int_lt(pmd_plug(what), 0);
	ck_assert_msg(strstr(cleat_error(), says) != NULL, "%s: %s", what, cleat_error());
}

START_TEST(bad_files)
{
	static const char GARBAGE[] = "this is no capture, whatever its name says; not at all\n";
	const char *garbage = at("garbage.pcap");
	FILE *file = fopen(garbage, "w");

	(void)fputs(GARBAGE, file);
	(void)fclose(file);
	refused(spec("net_pcap0,rx_pcap=%s%s", garbage, ""), "cannot be read as pcap");
	refused(spec("net_pcap0,rx_pcap=%s%s", cut_copy(CAPTURE, 0, "e.pcap"), ""), "is empty");
	refused(spec("net_pcap0,rx_pcap=%s%s", cut_copy(CAPTURE, 10, "h.pcap"), ""), "truncated");
	refused(spec("net_pcap0,rx_pcap=%s%s", cut_copy(CAPTURE, 50, "r.pcap"), ""), "truncated");
	refused(spec("net_pcap0,rx_pcap=%s,infinite_rx=1%s", cut_copy(CAPTURE, 24, "n.pcap"), ""),
		"holds no packets");
	refused(spec("net_pcap0,rx_pcap=%s%s", dir, ""), "not a regular file");
	refused("net_pcap0,rx_pcap=/nowhere/x.pcap", "/nowhere/x.pcap: No such file");
	refused("net_pcap0,tx_pcap=/nowhere/x.pcap", "/nowhere/x.pcap: No such file");
	refused("net_pcap0", "needs rx_pcap=");
	refused("net_pcap0,infinite_rx=1", "without rx_pcap");
	refused("net_pcap0,rx_file=x", "'rx_file'");
}
END_TEST

START_TEST(an_input_is_never_overwritten)
{
	const char *file = cut_copy(CAPTURE, SIZE_MAX, "both.pcap");

	refused(spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", file, file), "another queue");
	ck_assert_int_eq(compare(CAPTURE, file), 450);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/pcap");
	TCase *tc = tcase_create("pcap");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reads_pcap);
	tcase_add_test(tc, reads_pcapng);
	tcase_add_test(tc, reads_nanoseconds);
	tcase_add_test(tc, long_frames_become_chains);
	tcase_add_test(tc, short_of_mbufs_loses_nothing);
	tcase_add_test(tc, a_truncated_capture_gives_what_is_whole);
	tcase_add_test(tc, infinite);
	tcase_add_test(tc, two_queues);
	tcase_add_test(tc, next_owner_goes_on);
	tcase_add_test(tc, killed_anywhere_leaves_no_torn_record);
	tcase_add_test(tc, torn_record_is_cut_off);
	tcase_add_test(tc, granted_descriptors);
	tcase_add_test(tc, bad_files);
	tcase_add_test(tc, an_input_is_never_overwritten);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
