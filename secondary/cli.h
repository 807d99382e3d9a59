/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cli.h - what the worker programs have in common: options, signals, attach, counts, exit codes.
 */
#ifndef CLEAT_SECONDARY_CLI_H
#define CLEAT_SECONDARY_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/log.h"
#include "secondary/attach.h"
#include "secondary/pipeline.h"

/* Exit codes of the workers; CLEAT_CLI_EXIT_DOC tells them. */
enum cleat_cli_exit {
	CLEAT_CLI_OK = 0,
	CLEAT_CLI_FAILED = 1,
	CLEAT_CLI_USAGE = 2,
	CLEAT_CLI_NO_PRIMARY = 3,
	CLEAT_CLI_BUSY = 4,
};
#define CLEAT_CLI_EXIT_DOC                                                                          \
	"Exit codes: 0 ended in order (a limit, a signal, or the primary ended); 1 runtime error; " \
	"2 wrong usage; 3 cannot attach (no primary, refused, other version); "                     \
	"4 a queue, ring or processor is held by another process.\n"

/* A program's own count, for the report. */
struct cleat_cli_count {
	const char *name;
	uint64_t value;
};

struct cleat_cli {
	/* options */
	const char *instance;
	char name[CLEAT_NAME_LEN];
	struct cleat_port_wish port; /* pool, queues, … */
	unsigned burst;
	uint64_t packets;
	double seconds;
	uint64_t idle_ms;
	uint64_t retry;
	unsigned nap_us;
	int lcore; /* -1: none */
	bool json;
	bool interrupt;
	enum cleat_log_level log_level;
	/* after cleat_cli_attach() */
	struct cleat_attach_times times;
	/* before cleat_cli_report() */
	const char *own_title; /* of the program's own counts; NULL: there are none */
	const struct cleat_cli_count *own;
	unsigned n_own;
};

/* As a child of the program's own argp: `{ &cleat_cli_argp, 0, "Common options", 10 }`. Its input
 * is a struct cleat_cli. */
extern const struct argp cleat_cli_argp;

/** Was anything asked of ports themselves? */
bool cleat_cli_wishes(const struct cleat_cli *cli);

/* Set by SIGINT and SIGTERM. */
extern volatile sig_atomic_t cleat_cli_stop;

/** Defaults; a name from the program's and the pid; log lines to stderr; signal handlers. */
void cleat_cli_init(struct cleat_cli *cli, const char *program);

/** Print "program: <cleat_error()>" to stderr. @return the exit code for negative errno @p status,
 * or @p otherwise if it is none of the special ones */
enum cleat_cli_exit cleat_cli_fail(int status, enum cleat_cli_exit otherwise);

/** One sentence of wrong usage to stderr. @return CLEAT_CLI_USAGE */
enum cleat_cli_exit cleat_cli_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Attach and take the processor asked for. @return CLEAT_CLI_OK or what to exit with; attached
 * only in the first case */
enum cleat_cli_exit cleat_cli_attach(struct cleat_cli *cli);

/** Detach, at the end. @return @p code, or FAILED with a sentence if the output was not written */
enum cleat_cli_exit cleat_cli_detach(enum cleat_cli_exit code);

/** Open what the flows take packets from and hand them to: ports are prepared first, all of them;
 * each flow can hand on before it can take. @return as cleat_endpoint_open() */
int cleat_cli_open(struct cleat_flow *flows, unsigned n, const struct cleat_endpoint_options *how);

/** A pipeline with the limits that were asked for. The flows are open. @return 0; -ENOTSUP when
 * --interrupt was asked for and a flow cannot wake us */
int cleat_cli_pipeline(const struct cleat_cli *cli, struct cleat_pipeline *p,
	struct cleat_flow *flows, unsigned n);

/** Give back what the flows hold. If the primary does not answer, the rest is left to detaching:
 * one that is stopped delays us by one timeout, not by one for each queue. */
void cleat_cli_close(struct cleat_flow *flows, unsigned n);

/** Print what was received, sent and dropped, and why it ended; as JSON if asked for. */
void cleat_cli_report(const struct cleat_cli *cli, const struct cleat_pipeline *p,
	enum cleat_pipeline_end end, uint64_t elapsed_ns);

/** Numbers of options. @return 0, or -EINVAL with a sentence naming the option */
int cleat_cli_number(
	const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *out);

#endif
