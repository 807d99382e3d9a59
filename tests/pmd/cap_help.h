/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cap_help.h - for the tests of net_pcap: captures, and a port that reads one and writes another.
 */
#ifndef CLEAT_TESTS_PMD_CAP_HELP_H
#define CLEAT_TESTS_PMD_CAP_HELP_H

#include <pcap/pcap.h>
#include <sys/types.h>

#include "tests/pmd/pmd_help.h"

#define CAP_SOURCE  CLEAT_TEST_DATA_DIR "/capture.pcap"
#define CAP_PACKETS 450 /* in it */

extern struct cleat_mempool *cap_pool; /* 1024 mbufs of 2048 bytes */
extern char cap_dir[64];	       /* the test's own folder */

/* Fixture. */
void cap_up(void);
void cap_down(void);

/* A path in the test's folder; one of four, in turn. */
const char *cap_at(const char *name);
/* A device's text, with two paths. */
const char *cap_spec(const char *fmt, const char *a, const char *b);

pcap_t *cap_open(const char *path);
/* Same packets in both files? @return how many; -1 when they differ */
int cap_compare(const char *path_a, const char *path_b);
/* Packets in a capture that must be whole to its last byte. */
unsigned cap_count(const char *path);
/* The source over and over, with gaps of up to @p gap packets? Whole to its last byte? @return how
 * many packets */
unsigned cap_follows_source(const char *path, unsigned gap);
off_t cap_size(const char *path);
/* However busy the machine is. */
void cap_wait_size(const char *path, off_t size);
/* RLIMIT_FSIZE of this process; UINT64_MAX: none. */
void cap_limit_files(uint64_t bytes);

/* Both queues 0. */
int cap_claim(int port, struct cleat_mempool *mp);
/* From rx queue 0 to tx queue 0 until nothing comes. */
unsigned cap_forward(int port, unsigned burst);
/* So many, in one burst. */
void cap_forward_one(int port, struct cleat_mbuf **mbufs, unsigned n);
/* A child with slot 1 that had both queues died of SIGKILL: do what the primary does then. */
void cap_reap(pid_t pid, int port);

#endif
