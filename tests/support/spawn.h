/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * spawn.h - tests that start Cleat's programs: start, wait, kill, look at what they printed.
 *
 * Every child dies with the test (PR_SET_PDEATHSIG). Standard output and error go to memory files,
 * so no child ever blocks on a test that does not read.
 */
#ifndef CLEAT_TESTS_SUPPORT_SPAWN_H
#define CLEAT_TESTS_SUPPORT_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SPAWN_SKIP     77 /* exit code of a skipped test */
#define SPAWN_TEXT_LEN 65536
#define SPAWN_MAX_ARGS 48

struct child {
	pid_t pid; /* 0: none, or waited for */
	int out_fd;
	int err_fd;
	int status; /* exit code, or 128 + signal; valid once waited for */
	char what[32];
};

/** Start bin/<program> (directory: $CLEAT_BIN_DIR, else where the build put it) with arguments up
 * to NULL. Ends the test if it cannot. */
void child_start(struct child *c, const char *program, ...) __attribute__((sentinel));
/** The same, as user nobody with no groups and no capabilities; the caller is root. */
void child_start_as_nobody(struct child *c, const char *program, ...) __attribute__((sentinel));

/** A child without a program: it runs @p fn and ends with what that returns. */
void child_fork(struct child *c, const char *what, int (*fn)(void *arg), void *arg);

/**
 * The exit code of a program some of whose checks become another user and so were left out if this
 * user may not: then skipped, with the reason, unless something else failed.
 */
int code_where_root_is_needed(int code);

/** Wait for the end. @return exit code, 128 + signal, or -ETIMEDOUT (it still runs) */
int child_wait(struct child *c, int timeout_ms);
bool child_is_running(struct child *c);
/** Send a signal now. */
void child_signal(struct child *c, int signal);
/** Kill and wait. Harmless when it has ended. Frees what the struct holds. */
void child_end(struct child *c);
/** SIGKILL after @p us microseconds, and wait. */
void child_kill_after(struct child *c, unsigned us);

/** What it has printed so far. Static buffer, one for each of both. */
const char *child_out(struct child *c);
const char *child_err(struct child *c);

/** Wait until a worker started with --log-level info says that it is running. Ends the test, with
 * what it said, if it does not come to that. */
void child_wait_running(struct child *c);

/** Start, wait, take the status. Output by child_out() until child_end(). */
int child_run(struct child *c, const char *program, ...) __attribute__((sentinel));

/** Poll until @p condition says true. @return whether it did within @p timeout_ms */
bool wait_for(bool (*condition)(void *arg), void *arg, int timeout_ms);
void sleep_us(unsigned us);
uint64_t now_us(void);

/** Open descriptors of this process; for leak checks. */
int fd_count(void);

/** The instance's name of this test process: unique. */
const char *test_instance(void);
/** Directory for this test's files; made, and removed at exit of the process that made it. */
const char *test_dir(void);
/** test_dir()/name, in a static ring of 8 buffers. */
const char *test_path(const char *name);

/** Start cleat-primary for test_instance() on ordinary pages, @p mib MiB, no PCI, with further
 * arguments up to NULL, and wait until it listens. Ends the test, with its log, if it does not. */
void primary_start(struct child *c, unsigned mib, ...) __attribute__((sentinel));
/** The waiting alone, for one that was started otherwise. */
void primary_wait(struct child *c);
/** For child_fork(): be a primary with the arguments @p argv, up to NULL, until SIGTERM. @p
 * prepare, if not NULL, is called before its first step. @return the exit code */
struct cleat_primary;
int primary_inside(char *argv[], void (*prepare)(struct cleat_primary *p));
/** SIGTERM; ends the test if it does not end with 0 or leaves something behind. */
void primary_stop(struct child *c);

/** Be a secondary of test_instance(); ends the test if it cannot. cleat_detach() ends it. */
void attach_as(const char *name);

/* `cleat audit --json`: sums over all pools. */
struct audit_result {
	int status; /* exit code */
	int64_t size, in_pool, in_processes, in_rings, in_queues, lost;
};
/** Look once. */
void audit_now(struct audit_result *out);
/** Look until nothing is lost and @p in_processes_too: nothing in processes. @return whether it
 * came to that within @p timeout_ms; else the text of the last audit is on stderr */
bool audit_settles(struct audit_result *out, bool in_processes_too, int timeout_ms);

/** Exit with SPAWN_SKIP and the reason if the programs are not built. */
void need_programs(void);

#endif
