/* SPDX-License-Identifier: BSD-3-Clause */
/* The responder answers the requests of the capture as the kernel did that was asked then. */
#include <check.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

#include "runtime/mbuf_cksum.h"
#include "secondary/attach.h"
#include "secondary/ports.h"
#include "tests/secondary/echo_help.h"
#include "tests/support/spawn.h"

#define CAPTURE	   CLEAT_TEST_DATA_DIR "/capture.pcap"
#define MAX_FRAMES 512

struct frame {
	uint8_t data[1600];
	uint32_t len;
};
static struct frame frames[MAX_FRAMES];
static unsigned n_frames;

static void load(void)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(CAPTURE, why);
	struct pcap_pkthdr *header;
	const u_char *data;

	ck_assert_msg(pcap != NULL, "%s", why);
	n_frames = 0;
	while (pcap_next_ex(pcap, &header, &data) == 1) {
		ck_assert_uint_le(header->caplen, sizeof(frames[0].data));
		memcpy(frames[n_frames].data, data, header->caplen);
		frames[n_frames++].len = header->caplen;
	}
	pcap_close(pcap);
}

/* Without what a host is free to choose: identification, fragment flags, TTL, flow label; and
 * without UDP's checksum, which the kernel left to its device. */
static void normalise(struct frame *f)
{
	uint8_t *ip = f->data + 14;

	if (get16(f->data + 12) == 0x0800) {
		memset(ip + 4, 0, 5);
		memset(ip + 10, 0, 2);
		if (ip[9] == 17)
			memset(ip + 26, 0, 2);
	} else if (get16(f->data + 12) == 0x86dd) {
		memset(ip + 1, 0, 3);
		if (ip[6] == 17)
			memset(ip + 46, 0, 2);
	}
}

/* UDP requests as they would come over a wire. */
static void complete(struct frame *f)
{
	uint8_t *ip = f->data + 14;
	int four = get16(f->data + 12) == 0x0800;
	uint8_t *udp = ip + (four ? 20 : 40);
	uint16_t sum;

	if (!(four && ip[9] == 17) && !(get16(f->data + 12) == 0x86dd && ip[6] == 17))
		return;
	memset(udp + 6, 0, 2);
	sum = (uint16_t)~cleat_cksum_fold(cleat_cksum_add(
		cleat_cksum_pseudo(ip + (four ? 12 : 8), four ? 4 : 16, 17, get16(udp + 4)), udp,
		get16(udp + 4)));
	memcpy(udp + 6, &sum, 2);
}

static int kernel_said(unsigned after, const struct frame *answer)
{
	for (unsigned i = after + 1; i < n_frames; i++) {
		struct frame f = frames[i];

		normalise(&f);
		if (f.len == answer->len && memcmp(f.data, answer->data, f.len) == 0)
			return 1;
	}
	return 0;
}

static void answer_capture(uint32_t first, uint32_t piece)
{
	static struct frame request, answer;

	memset(echo.counts, 0, sizeof(echo.counts));
	for (unsigned i = 0; i < n_frames; i++) {
		enum cleat_echo_what what;

		request = frames[i];
		complete(&request);
		what = echo_ask(echo_packet(request.data, request.len, first, piece), answer.data,
			&answer.len);
		if (what >= CLEAT_ECHO_ANSWERS)
			continue;
		echo_check_sums(answer.data, what);
		normalise(&answer);
		ck_assert_msg(kernel_said(i, &answer), "frame %u: %s", i, cleat_echo_name(what));
	}
}

START_TEST(as_the_kernel_answered)
{
	static const uint32_t PIECES[][2] = { { 1600, 1600 }, { 128, 256 }, { 100, 700 },
		{ 14, 100 }, { 1, 61 }, { 33, 33 }, { 43, 1 << 11 } };

	load();
	ck_assert_uint_eq(n_frames, 450);
	for (unsigned i = 0; i < sizeof(PIECES) / sizeof(PIECES[0]); i++) {
		answer_capture(PIECES[i][0], PIECES[i][1]);
		ck_assert_uint_eq(echo.counts[CLEAT_ECHO_ARP], 1);
		ck_assert_uint_eq(echo.counts[CLEAT_ECHO_ICMP], 13);
		ck_assert_uint_eq(echo.counts[CLEAT_ECHO_ND], 1);
		ck_assert_uint_eq(echo.counts[CLEAT_ECHO_ICMP6], 6);
		ck_assert_uint_eq(echo.counts[CLEAT_ECHO_UDP], 52);
		ck_assert_uint_eq(echo.counts[CLEAT_ECHO_SHARED], 0);
	}
}
END_TEST

/* ---- the program ---- */

static int run(struct child *c, const char *a, const char *b, const char *d, const char *e)
{
	return child_run(c, "cleat-rxtx", "--instance", test_instance(), "--rx", "port:0:0", "--tx",
		"port:0:0", "--until-idle", "300", "--json", a, b, d, e, NULL);
}

static void refused(const char *part, const char *a, const char *b, const char *d, const char *e)
{
	struct child c;

	ck_assert_int_eq(run(&c, a, b, d, e), 2);
	ck_assert_msg(strstr(child_err(&c), part) != NULL, "%s", child_err(&c));
	child_end(&c);
}

START_TEST(the_worker)
{
	struct cleat_attach_options options = { .instance = test_instance(), .name = "setter" };
	struct child primary, c;
	char device[512];

	need_programs();
	(void)snprintf(device, sizeof(device), "net_pcap0,rx_pcap=%s,tx_pcap=%s", CAPTURE,
		test_path("answers.pcap"));
	primary_start(&primary, 32, "--vdev", device, NULL);
	ck_assert_int_eq(cleat_attach(&options, NULL), 0);
	ck_assert_int_eq(cleat_ctl_port_mac(0, ECHO_MAC), 0);
	cleat_detach();
	refused("--ip 10.0.0: give", "--mode", "echo", "--ip", "10.0.0");
	refused("--ip6 ::1: give", "--mode", "echo", "--ip6", "::1");
	refused("give --ip or --ip6", "--mode", "echo", "--burst", "8");
	refused("go with --mode echo", "--mode", "io", "--ip", "10.0.0.2");
	ck_assert_msg(child_run(&c, "cleat-rxtx", "--instance", test_instance(), "--rx", "port:0:0",
			      "--tx", "port:0:0", "--mode", "echo", "--ip", "10.0.0.2", "--ip6",
			      "fd00::2", "--until-idle", "300", "--json", NULL) == 0,
		"%s", child_err(&c));
	ck_assert_msg(
		strstr(child_out(&c), "\"arp\": 1, \"icmp\": 13") != NULL, "%s", child_out(&c));
	ck_assert_ptr_nonnull(strstr(child_out(&c), "\"nd\": 1, \"icmp6\": 6"));
	ck_assert_ptr_nonnull(strstr(child_out(&c), "\"received\": 450"));
	child_end(&c);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("echo_kernel");
	TCase *tc = tcase_create("echo_kernel"), *program = tcase_create("program");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, echo_up, echo_down);
	tcase_add_test(tc, as_the_kernel_answered);
	tcase_set_timeout(program, 60);
	tcase_add_test(program, the_worker);
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, program);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
