/* SPDX-License-Identifier: BSD-3-Clause */
/* What a primary cannot start with: one sentence, an exit code, nothing left. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "tests/primary/bad.h"

#define USAGE	2
#define RUNNING 3
#define MEMORY	4

#define CAPTURE CLEAT_TEST_DATA_DIR "/capture.pcap"

#define PAGES 8 /* hugepages of 2 MiB that a primary of this test takes */
static bool hugepages;

static void nothing_is_left(void)
{
	struct cleat_rundir rd;

	ck_assert_int_eq(cleat_rundir_paths(&rd, test_instance()), 0);
	ck_assert_msg(access(rd.dir, F_OK) != 0, "%s is left", rd.dir);
}

static void refused(int status, const char *option, const char *value, const char *part)
{
	struct child c;
	int got = child_run(&c, "cleat-primary", "--instance", test_instance(), "--no-pci",
		"--no-huge", "-m", "16", option, value, NULL);

	ck_assert_msg(got == status, "%s %s: exit code %d: %s", option, value, got, child_err(&c));
	bad_expect_sentence(&c, part);
	child_end(&c);
	nothing_is_left();
}

/* ---- captures ---- */

/* The first @p len bytes of a capture, or that much noise. */
static const char *file_of(const char *name, const char *from, size_t len)
{
	static unsigned char data[1 << 16];
	const char *path = test_path(name);
	int in = from != NULL ? open(from, O_RDONLY) : -1, out = creat(path, 0644);

	ck_assert_int_ge(out, 0);
	for (size_t i = 0; i < len; i++)
		data[i] = (unsigned char)(i * 2654435761U >> 7);
	if (in >= 0)
		ck_assert_int_eq((int)read(in, data, len), (int)len);
	ck_assert_int_eq((int)write(out, data, len), (int)len);
	(void)close(out);
	if (in >= 0)
		(void)close(in);
	return path;
}

static const char *rx(const char *path)
{
	static char args[4][256];
	static unsigned next;

	(void)snprintf(args[next % 4], sizeof(args[0]), "net_pcap0,rx_pcap=%s", path);
	return args[next++ % 4];
}

START_TEST(captures_that_cannot_be_read)
{
	refused(USAGE, "--vdev", rx(file_of("empty.pcap", NULL, 0)), "empty.pcap is empty");
	refused(USAGE, "--vdev", rx(file_of("noise.pcap", NULL, 5000)),
		"noise.pcap cannot be read as pcap or pcapng");
	refused(USAGE, "--vdev", rx(file_of("head.pcap", CAPTURE, 20)), "truncated");
	refused(USAGE, "--vdev", rx(file_of("one.pcap", CAPTURE, 30)), "has no whole packet");
	refused(USAGE, "--vdev",
		rx(file_of("head.pcapng", CLEAT_TEST_DATA_DIR "/capture.pcapng", 40)), "truncated");
	refused(USAGE, "--vdev", rx("/no/such/file"), "/no/such/file: No such file");
	refused(USAGE, "--vdev", rx("/tmp"), "/tmp is not a regular file");
	refused(USAGE, "--vdev", rx("/dev/zero"), "/dev/zero is not a regular file");
	refused(USAGE, "--vdev", "net_pcap0,tx_pcap=/no/such/out.pcap", "/no/such/out.pcap");
}
END_TEST

/* Whatever the length of a path, the reason is told. */
START_TEST(captures_with_long_paths)
{
	char args[4096];

	(void)snprintf(args, sizeof(args), "net_pcap0,rx_pcap=/%03000d", 0);
	refused(USAGE, "--vdev", args, "000: File name too long");
	(void)snprintf(args, sizeof(args), "net_nosuch0,key=%03000d", 0);
	refused(USAGE, "--vdev", args, "no driver for virtual device 'net_nosuch0'");
}
END_TEST

/* Known by its end only: the whole packets come, the rest is an error that is counted. */
START_TEST(capture_cut_in_a_packet)
{
	struct child primary, worker, tool;

	primary_start(&primary, 16, "--vdev", rx(file_of("cut.pcap", CAPTURE, 20000)), NULL);
	ck_assert_int_eq(child_run(&worker, "cleat-rxtx", "--instance", test_instance(), "--mode",
				 "rxonly", "--rx", "port:0:0", "--until-idle", "100", NULL),
		0);
	child_end(&worker);
	ck_assert_int_eq(
		child_run(&tool, "cleat", "stats", "--json", "--instance", test_instance(), NULL),
		0);
	ck_assert_msg(strstr(child_out(&tool), "\"rx_errors\":1") != NULL ||
			      strstr(child_out(&tool), "\"rx_errors\": 1") != NULL,
		"no error counted: %s", child_out(&tool));
	child_end(&tool);
	primary_stop(&primary);
}
END_TEST

/* While the primary runs: the asker is refused, the primary goes on. */
START_TEST(devices_that_cannot_be_attached)
{
	static const struct {
		const char *args, *part;
	} CASES[] = {
		{ "net_pcap7,rx_pcap=/no/such/file", "No such file" },
		{ "net_pcap7,rx_pcap=/dev/null", "not a regular file" },
		{ "net_pcap7", "needs rx_pcap=FILE" },
		{ "net_pcap7,rx_pcap=" CAPTURE ",infinite_rx=2", "neither 0 nor 1" },
		{ "net_nosuch0", "no driver" },
		{ "net_null7,bogus=1", "'bogus' is unknown" },
		{ "net_null7,size=huge", "not a number" },
		{ "net_null0", "net_null0" }, /* it is there */
		{ "", "device" },
		{ ",,,", "device" },
	};
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__DeviceAttach m = CLEAT__DEVICE_ATTACH__INIT;
	Cleat__DeviceDetach d = CLEAT__DEVICE_DETACH__INIT;
	struct child primary;
	const char *detail;
	char args[256];
	int sock;

	bad_primary(&primary);
	sock = bad_attach("plugger", CLEAT__ROLE__ROLE_SECONDARY);
	env.body_case = CLEAT__ENVELOPE__BODY_DEVICE_ATTACH;
	env.device_attach = &m;
	m.args = args;
	for (unsigned i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		(void)snprintf(args, sizeof(args), "%s", CASES[i].args);
		ck_assert_msg(bad_request(sock, &env, &detail) < 0, "%s was taken", args);
		ck_assert_msg(strstr(detail, CASES[i].part) != NULL, "\"%s\": %s", args, detail);
	}
	(void)snprintf(args, sizeof(args), "%s", rx(file_of("noise.pcap", NULL, 5000)));
	ck_assert_int_lt(bad_request(sock, &env, &detail), 0);
	ck_assert_ptr_nonnull(strstr(detail, "cannot be read as pcap"));
	env.body_case = CLEAT__ENVELOPE__BODY_DEVICE_DETACH;
	env.device_detach = &d;
	(void)snprintf(args, sizeof(args), "net_null9");
	d.name = args;
	ck_assert_int_lt(bad_request(sock, &env, &detail), 0);
	ck_assert_ptr_nonnull(strstr(detail, "no device net_null9"));
	(void)close(sock);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- device arguments ---- */

START_TEST(device_arguments_that_make_no_sense)
{
	refused(USAGE, "--vdev", "net_nosuch0", "no driver for virtual device 'net_nosuch0'");
	refused(USAGE, "--vdev", "net_nullx", "no driver for virtual device 'net_nullx'");
	refused(USAGE, "--vdev", "net_pcap0", "net_pcap0 needs rx_pcap=FILE or tx_pcap=FILE");
	refused(USAGE, "--vdev", "net_null0,bogus=1", "argument 'bogus' is unknown; there are:");
	refused(USAGE, "--vdev", "net_null0,size=many", "size=many is not a number");
	refused(USAGE, "--vdev", "net_null0,size=99999", "size=99999 is not from");
	refused(USAGE, "--vdev", "net_null0,size", "size");
	refused(USAGE, "--vdev", "net_null0,=3", "'=3' has no key");
	refused(USAGE, "--vdev", "net_null0,,", "an empty argument");
	refused(USAGE, "--vdev", ",size=64", "do not start with a device name");
	refused(USAGE, "--vdev", "", "the value is empty");
	refused(USAGE, "--vdev=net_null0", "--vdev=net_null0", "asked for twice");
	refused(USAGE, "--vdev", "net_null0000000000000000000000000", "longer than 31");
	refused(USAGE, "--allow", "what-is-this", "not the name of a device of any bus");
	refused(USAGE, "--block", "what-is-this", "not the name of a device of any bus");
}
END_TEST

/* Two devices, of one primary or of two: what one writes, no other reads or writes. */
START_TEST(captures_that_another_device_writes)
{
	char one[256], two[256], reads[256], shares[256];
	struct child primary;
	char data[200];

	(void)snprintf(one, sizeof(one), "--vdev=net_pcap0,tx_pcap=%s", test_path("out.pcap"));
	(void)snprintf(two, sizeof(two), "--vdev=net_pcap1,tx_pcap=%s", test_path("out.pcap"));
	(void)snprintf(reads, sizeof(reads), "--vdev=net_pcap1,rx_pcap=%s", test_path("out.pcap"));
	refused(USAGE, one, two, "in use by another device");
	refused(USAGE, one, reads, "in use by another device");
	(void)snprintf(data, sizeof(data), "%s/capture.pcap", CLEAT_TEST_DATA_DIR);
	(void)snprintf(one, sizeof(one), "--vdev=net_pcap0,rx_pcap=%s", data);
	(void)snprintf(shares, sizeof(shares), "net_pcap1,rx_pcap=%s", data);
	primary_start(&primary, 32, one, "--vdev", shares, NULL);
	primary_stop(&primary);
}
END_TEST

START_TEST(options_that_make_no_sense)
{
	refused(USAGE, "--memory", "lots", "--memory lots: give a number from 1");
	refused(USAGE, "--memory", "0", "give a number from 1");
	refused(USAGE, "--memory", "-5", "give a number from 1");
	refused(USAGE, "--huge-size", "3M", "give 2M or 1G");
	refused(USAGE, "--base-virtaddr", "0x40001000", "a multiple of 1 GiB");
	refused(USAGE, "--iova-mode", "xy", "va or pa");
	refused(USAGE, "--mbufs", "0", "--mbufs 0: give a number");
	refused(USAGE, "--allow-user", "no-such-user", "there is no such user");
	refused(USAGE, "--allow-group", "no-such-group", "there is no such group");
	refused(USAGE, "--log-level", "loud", "give error, warning");
	refused(USAGE, "--instance", "a/b", "not allowed");
	refused(USAGE, "--instance", "..", "does not start with a dot");
	refused(USAGE, "--instance", "a-name-of-thirty-two-characters!", "longer than 31");
	refused(USAGE, "--no-pci", "nonsense", "nonsense: not an option");
	refused(USAGE, "--no-pci", "-a01:00.0", "bus pci is not looked at (--no-pci)");
}
END_TEST

/* ---- memory ---- */

START_TEST(too_little_memory_for_the_pool)
{
	struct child c, primary;
	struct audit_result audit;

	ck_assert_int_eq(child_run(&c, "cleat-primary", "--instance", test_instance(), "--no-pci",
				 "--no-huge", "-m", "1", "--mbufs", "4096", NULL),
		MEMORY);
	bad_expect_sentence(&c, "give the primary more memory (-m)");
	child_end(&c);
	nothing_is_left();
	primary_start(&primary, 1, "--vdev", "net_null0", NULL); /* little, but enough to run */
	audit_now(&audit);
	ck_assert_int_eq(audit.status, 0);
	ck_assert_int_gt(audit.size, 0);
	primary_stop(&primary);
}
END_TEST

START_TEST(more_memory_than_the_machine_has)
{
	refused(MEMORY, "-m", "120000", "ask for less (-m)");
}
END_TEST

static long free_hugepages(void)
{
	FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");
	long n = -1;

	if (file != NULL && fscanf(file, "%ld", &n) != 1)
		n = -1;
	if (file != NULL)
		(void)fclose(file);
	return n;
}

/* The kernel's signal for it must not be the end: what is made is taken away again. */
START_TEST(more_memory_than_files_may_have)
{
	struct rlimit before, small;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
	small = (struct rlimit){ 65536, before.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	refused(MEMORY, "-m", "16", "ulimit -f");
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
}
END_TEST

START_TEST(more_hugepages_than_there_are)
{
	struct child c;

	ck_assert_int_eq(child_run(&c, "cleat-primary", "--instance", test_instance(), "--no-pci",
				 "--huge-size", "2M", "-m", "120000", NULL),
		MEMORY);
	bad_expect_sentence(&c, "asked as 60000 hugepages of 2 MiB, but only ");
	bad_expect_sentence(&c, " are free; ask for less (-m), run with --no-huge, or `echo ");
	child_end(&c);
	nothing_is_left();
}
END_TEST

/* ---- start and end ---- */

START_TEST(second_primary_is_refused)
{
	struct child primary, second;
	char pid[32];

	bad_primary(&primary);
	(void)snprintf(pid, sizeof(pid), "%d", (int)primary.pid);
	ck_assert_int_eq(child_run(&second, "cleat-primary", "--instance", test_instance(),
				 "--no-pci", "--no-huge", "-m", "16", NULL),
		RUNNING);
	bad_expect_sentence(&second, pid);
	child_end(&second);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

static bool holds_a_socket(const char *name)
{
	char line[512];
	bool found = false;
	FILE *file = fopen("/proc/net/unix", "re");

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		found = found || strstr(line, name) != NULL;
	if (file != NULL)
		(void)fclose(file);
	return found;
}

static bool came_back(void *arg)
{
	return free_hugepages() >= *(const long *)arg;
}

/* With clients that are attached, half attached, and silent. */
static void end_in_order(int signal, const char *pages, const char *size)
{
	long before = free_hugepages();
	struct child primary;
	int socks[3];

	bad_primary_with(&primary, pages, size);
	ck_assert(holds_a_socket(test_instance()));
	socks[0] = bad_attach("whole", CLEAT__ROLE__ROLE_SECONDARY);
	bad_ping(socks[0]);
	socks[1] = bad_connect();
	ck_assert_int_eq(bad_handshake(socks[1], "half", CLEAT__ROLE__ROLE_SECONDARY), 0);
	socks[2] = bad_connect();
	child_signal(&primary, signal);
	ck_assert_int_eq(child_wait(&primary, 5000), 0);
	child_end(&primary);
	nothing_is_left();
	ck_assert(!holds_a_socket(test_instance()));
	for (unsigned i = 0; i < 3; i++)
		(void)close(socks[i]);
	if (strcmp(pages, "--huge-size") == 0)
		ck_assert_msg(wait_for(came_back, &before, 3000), "%ld free hugepages, %ld before",
			free_hugepages(), before);
}

START_TEST(signals_end_it_and_nothing_is_left)
{
	end_in_order(SIGTERM, "--no-huge", "--no-pci");
	end_in_order(SIGINT, "--no-huge", "--no-pci");
	if (hugepages) /* else main() says so */
		end_in_order(SIGTERM, "--huge-size", "2M");
}
END_TEST

/* What one that was killed left is in nobody's way. */
START_TEST(after_sigkill_the_next_one_starts)
{
	struct child primary;

	bad_primary(&primary);
	child_end(&primary);
	bad_primary(&primary);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { captures_that_cannot_be_read, captures_with_long_paths,
		more_memory_than_files_may_have, captures_that_another_device_writes,
		capture_cut_in_a_packet, devices_that_cannot_be_attached,
		device_arguments_that_make_no_sense, options_that_make_no_sense,
		too_little_memory_for_the_pool, more_memory_than_the_machine_has,
		more_hugepages_than_there_are, second_primary_is_refused,
		signals_end_it_and_nothing_is_left, after_sigkill_the_next_one_starts };
	int code;

	hugepages = free_hugepages() >= PAGES;
	code = bad_run("primary/start", TESTS, sizeof(TESTS) / sizeof(TESTS[0]), 60);
	if (code != 0 || hugepages)
		return code;
	printf("SKIP: all passed but the end of a primary on hugepages, which takes %d free of 2 MiB\n",
		PAGES);
	return SPAWN_SKIP;
}
