/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * options.h - what the user asked the primary for on the command line.
 */
#ifndef CLEAT_PRIMARY_OPTIONS_H
#define CLEAT_PRIMARY_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/limits.h"
#include "runtime/log.h"

#define CLEAT_OPTIONS_MAX_LIST 128

#define CLEAT_OPTION_IOVA_AUTO 2U

/* Exit codes of cleat-primary; --help tells them. */
enum cleat_exit {
	CLEAT_EXIT_OK = 0,
	CLEAT_EXIT_FAILED = 1,
	CLEAT_EXIT_USAGE = 2,
	CLEAT_EXIT_RUNNING = 3,
	CLEAT_EXIT_MEMORY = 4,
};

/* Texts given by the user, in their order; they point into argv. */
struct cleat_option_list {
	const char *items[CLEAT_OPTIONS_MAX_LIST];
	size_t count;
};

struct cleat_options {
	const char *instance;
	struct cleat_option_list vdevs;
	struct cleat_option_list allow;
	struct cleat_option_list block;
	struct cleat_option_list allow_users;
	struct cleat_option_list allow_groups;
	bool no_pci;
	const char *sysfs_root;
	bool no_huge;
	uint64_t memory_bytes;
	uint64_t huge_bytes; /* 0: whatever the system has free, the larger first */
	uint32_t iova_mode;  /* enum cleat_iova_mode, or CLEAT_OPTION_IOVA_AUTO */
	uint64_t window_base;
	uint64_t window_len;
	uint64_t socket_mem[CLEAT_MAX_NODES]; /* bytes on each node */
	unsigned n_socket_mem;		      /* 0: not given */
	int numa_node;			      /* -1: any */
	uint32_t mbuf_count; /* of the pool "default"; 0: as many as a part of the memory holds */
	uint32_t mbuf_bytes; /* room for data in each, headroom not counted */
	uint32_t mbuf_cache;
	enum cleat_log_level log_level;
};

/**
 * Read the command line.
 *
 * @return  CLEAT_EXIT_OK, or CLEAT_EXIT_USAGE after one sentence on stderr that names the option;
 *          --help and --version print and end the process with CLEAT_EXIT_OK.
 */
enum cleat_exit cleat_options_parse(struct cleat_options *options, int argc, char **argv);

#endif
