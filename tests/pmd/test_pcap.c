/* SPDX-License-Identifier: BSD-3-Clause */
/* net_pcap: what is in the capture comes out, once, whole. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/pmd/cap_help.h"

/* The first @p bytes of a file under another name. */
static const char *cut_copy(const char *from, size_t bytes, const char *name)
{
	static char data[1 << 20];
	const char *to = cap_at(name);
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t len = fread(data, 1, sizeof(data), in);

	ck_assert_uint_eq(
		fwrite(data, 1, len < bytes ? len : bytes, out), len < bytes ? len : bytes);
	(void)fclose(in);
	(void)fclose(out);
	return to;
}

static void copies(const char *in, struct cleat_mempool *mp)
{
	const char *out = cap_at("out.pcap");
	int port = pmd_plug(cap_spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", in, out));

	ck_assert_msg(port >= 0, "%s", cleat_error());
	ck_assert_int_eq(cap_claim(port, mp), 0);
	ck_assert_uint_eq(cap_forward(port, 32), CAP_PACKETS);
	ck_assert_int_eq(cap_compare(in, out), CAP_PACKETS);
	ck_assert_uint_eq(mbuf_world_audit(mp).in_pool, mp->count);
}

START_TEST(reads_pcap)
{
	copies(CAP_SOURCE, cap_pool);
}
END_TEST

START_TEST(reads_pcapng)
{
	copies(CLEAT_TEST_DATA_DIR "/capture.pcapng", cap_pool);
}
END_TEST

START_TEST(reads_nanoseconds)
{
	copies(CLEAT_TEST_DATA_DIR "/capture.nsec.pcap", cap_pool);
}
END_TEST

START_TEST(long_frames_become_chains)
{
	copies(CAP_SOURCE, mbuf_world_pool("small", 1024, 128, 0));
}
END_TEST

START_TEST(short_of_mbufs_loses_nothing)
{
	copies(CAP_SOURCE, mbuf_world_pool("few", 7, 1600, 0));
}
END_TEST

START_TEST(a_truncated_capture_gives_what_is_whole)
{
	const char *in = cut_copy(CAP_SOURCE, 100000, "cut.pcap");
	int port = pmd_plug(cap_spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", in, cap_at("out.pcap")));
	struct cleat_port_stats stats;
	unsigned got;

	ck_assert_int_eq(cap_claim(port, cap_pool), 0);
	got = cap_forward(port, 32);
	ck_assert_uint_gt(got, 100);
	ck_assert_uint_lt(got, CAP_PACKETS);
	ck_assert_int_eq(cleat_port_stats((uint16_t)port, &stats), 0);
	ck_assert_uint_eq(stats.rx_errors, 1);
	ck_assert_uint_eq(stats.rx_packets, got);
}
END_TEST

START_TEST(infinite)
{
	struct cleat_mbuf *mbufs[32];
	int port = pmd_plug(cap_spec("net_pcap0,rx_pcap=%s,infinite_rx=1%s", CAP_SOURCE, ""));
	uint64_t passes, packets = 0;

	ck_assert_int_eq(pmd_claim(port, CLEAT_RX, 0, cap_pool), 0);
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
	int port = pmd_plug(cap_spec("net_pcap0,rx_pcap=%s,rx_pcap=%s", CAP_SOURCE,
		CLEAT_TEST_DATA_DIR "/capture.pcapng"));
	struct cleat_mbuf *mbufs[32];

	ck_assert_int_eq(pmd_port(port)->max_rx_queues, 2);
	ck_assert_int_eq(pmd_port(port)->max_tx_queues, 0);
	for (unsigned q = 0; q < 2; q++) {
		ck_assert_int_eq(pmd_claim(port, CLEAT_RX, q, cap_pool), 0);
		ck_assert_int_eq(cleat_rx_burst((uint16_t)port, (uint16_t)q, mbufs, 32), 32);
		cleat_mbuf_free_bulk(mbufs, 32);
	}
}
END_TEST

START_TEST(granted_descriptors)
{
	int port = pmd_plug(
		cap_spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", CAP_SOURCE, cap_at("out.pcap")));
	struct cleat_port_ctrl *ctrl = pmd_port(port);
	struct cleat_queue_grant grant;

	ck_assert_int_eq(ctrl->ops->queue_open(ctrl, CLEAT_RX, 0, &grant), 0);
	ck_assert_uint_eq(grant.n_fds, 1);
	ck_assert_int_eq(fcntl(grant.fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
	ck_assert_int_eq(write(grant.fds[0], "x", 1), -1);
	(void)close(grant.fds[0]);

	ck_assert_int_eq(ctrl->ops->queue_open(ctrl, CLEAT_TX, 0, &grant), 0);
	ck_assert_uint_eq(grant.n_fds, 2);
	ck_assert_int_eq(fcntl(grant.fds[0], F_GETFL) & O_ACCMODE, O_WRONLY);
	ck_assert_int_eq(ftruncate(grant.fds[1], 0), -1); /* nobody shall meet SIGBUS */
	(void)close(grant.fds[0]);
	(void)close(grant.fds[1]);
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
	const char *garbage = cap_at("garbage.pcap");
	FILE *file = fopen(garbage, "w");

	(void)fputs(GARBAGE, file);
	(void)fclose(file);
	refused(cap_spec("net_pcap0,rx_pcap=%s%s", garbage, ""), "cannot be read as pcap");
	refused(cap_spec("net_pcap0,rx_pcap=%s%s", cut_copy(CAP_SOURCE, 0, "e.pcap"), ""),
		"is empty");
	refused(cap_spec("net_pcap0,rx_pcap=%s%s", cut_copy(CAP_SOURCE, 10, "h.pcap"), ""),
		"truncated");
	refused(cap_spec("net_pcap0,rx_pcap=%s%s", cut_copy(CAP_SOURCE, 50, "r.pcap"), ""),
		"truncated");
	refused(cap_spec("net_pcap0,rx_pcap=%s,infinite_rx=1%s", cut_copy(CAP_SOURCE, 24, "n.pcap"),
			""),
		"holds no packets");
	refused(cap_spec("net_pcap0,rx_pcap=%s%s", cap_dir, ""), "not a regular file");
	refused("net_pcap0,rx_pcap=/nowhere/x.pcap", "/nowhere/x.pcap: No such file");
	refused("net_pcap0,tx_pcap=/nowhere/x.pcap", "/nowhere/x.pcap: No such file");
	refused("net_pcap0", "needs rx_pcap=");
	refused("net_pcap0,infinite_rx=1", "without rx_pcap");
	refused("net_pcap0,rx_file=x", "'rx_file'");
}
END_TEST

START_TEST(an_input_is_never_overwritten)
{
	const char *file = cut_copy(CAP_SOURCE, SIZE_MAX, "both.pcap");

	refused(cap_spec("net_pcap0,rx_pcap=%s,tx_pcap=%s", file, file), "another queue");
	ck_assert_int_eq(cap_compare(CAP_SOURCE, file), CAP_PACKETS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pmd/pcap");
	TCase *tc = tcase_create("pcap");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, cap_up, cap_down);
	tcase_add_test(tc, reads_pcap);
	tcase_add_test(tc, reads_pcapng);
	tcase_add_test(tc, reads_nanoseconds);
	tcase_add_test(tc, long_frames_become_chains);
	tcase_add_test(tc, short_of_mbufs_loses_nothing);
	tcase_add_test(tc, a_truncated_capture_gives_what_is_whole);
	tcase_add_test(tc, infinite);
	tcase_add_test(tc, two_queues);
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
