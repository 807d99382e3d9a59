/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/pmd/cap_help.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct cleat_mempool *cap_pool;
char cap_dir[64];

void cap_up(void)
{
	pmd_world_up();
	cap_pool = mbuf_world_pool("p", 1024, 2048, 64);
	strcpy(cap_dir, "/tmp/test_pcap.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(cap_dir));
}

void cap_down(void)
{
	char command[128];

	pmd_world_down();
	(void)snprintf(command, sizeof(command), "rm -rf %s", cap_dir);
	ck_assert_int_eq(system(command), 0);
}

const char *cap_at(const char *name)
{
	static char paths[4][128];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, 128, "%s/%s", cap_dir, name);
	return path;
}

const char *cap_spec(const char *fmt, const char *a, const char *b)
{
	static char text[512];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(text, sizeof(text), fmt, a, b);
#pragma GCC diagnostic pop
	return text;
}

pcap_t *cap_open(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);

	ck_assert_msg(pcap != NULL, "%s", why);
	return pcap;
}

int cap_compare(const char *path_a, const char *path_b)
{
	pcap_t *a = cap_open(path_a), *b = cap_open(path_b);
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

unsigned cap_count(const char *path)
{
	pcap_t *pcap = cap_open(path);
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

static struct {
	u_char bytes[2048];
	uint32_t len;
} source[CAP_PACKETS];

static void load_source(void)
{
	static int loaded;
	struct pcap_pkthdr *header;
	const u_char *data;
	pcap_t *pcap;

	if (loaded)
		return;
	loaded = 1;
	pcap = cap_open(CAP_SOURCE);
	for (unsigned i = 0; i < CAP_PACKETS; i++) {
		ck_assert_int_eq(pcap_next_ex(pcap, &header, &data), 1);
		ck_assert_uint_le(header->caplen, sizeof(source[i].bytes));
		memcpy(source[i].bytes, data, header->caplen);
		source[i].len = header->caplen;
	}
	pcap_close(pcap);
}

/* Loops over packets assert only what went wrong: Check notes each assertion in a file. */

unsigned cap_follows_source(const char *path, unsigned gap)
{
	pcap_t *pcap = cap_open(path);
	struct pcap_pkthdr *header;
	const u_char *data;
	unsigned count = 0, at = 0;
	int ret;

	load_source();
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

off_t cap_size(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

unsigned cap_forward(int port, unsigned burst)
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

void cap_wait_size(const char *path, off_t size)
{
	for (int i = 0; i < 100000 && cap_size(path) < size; i++)
		(void)usleep(100);
	ck_assert_int_ge(cap_size(path), size);
}

void cap_limit_files(uint64_t bytes)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

void cap_forward_one(int port, struct cleat_mbuf **mbufs, unsigned n)
{
	ck_assert_int_eq(cleat_rx_burst((uint16_t)port, 0, mbufs, n), n);
	ck_assert_int_eq(cleat_tx_burst((uint16_t)port, 0, mbufs, n), n);
}

int cap_claim(int port, struct cleat_mempool *mp)
{
	int ret = pmd_claim(port, CLEAT_RX, 0, mp);

	return ret < 0 ? ret : pmd_claim(port, CLEAT_TX, 0, NULL);
}

void cap_reap(pid_t pid, int port)
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
