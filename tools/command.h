/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * command.h - what a command of the tool is given and gives back.
 */
#ifndef CLEAT_TOOLS_COMMAND_H
#define CLEAT_TOOLS_COMMAND_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Exit codes, as the help and the manual page say. */
enum cleat_exit {
	CLEAT_EXIT_OK = 0,
	CLEAT_EXIT_FAILED = 1, /* audit: does not add up, or some are lost */
	CLEAT_EXIT_USAGE = 2,
	CLEAT_EXIT_NO_PRIMARY = 3,
	CLEAT_EXIT_REFUSED = 4, /* the primary's policy, or another version */
};

struct cleat_tool {
	const char *instance;
	int json;
	int watch;		   /* stats: go on */
	int all;		   /* stats: every counter by name */
	unsigned interval_ms;	   /* between two looks */
	uint64_t rounds;	   /* looks; 0: until interrupted */
	unsigned audit_timeout_ms; /* 0: as long as usual */
};

struct cleat_table;

/** Print the one table of a command, in the form asked for. Frees it. @return CLEAT_EXIT_OK, or
 * CLEAT_EXIT_FAILED if the output could not be written */
int cleat_tool_show(const struct cleat_tool *tool, struct cleat_table *t, const char *empty);

/** The time since @p start_ns (CLOCK_REALTIME) as "3 h 12 m". @return @p text */
const char *cleat_age_text(uint64_t start_ns, char text[24]);

/* A cell naming the holder of something, "-" for nobody. */
void cleat_table_who(struct cleat_table *t, uint16_t slot);
/* A cell with a NUMA node, "-" for none. */
void cleat_table_node(struct cleat_table *t, uint16_t node);

/* The commands. Each works on an attached observer and returns an exit code. */
int cleat_cmd_ps(const struct cleat_tool *tool);
int cleat_cmd_zones(const struct cleat_tool *tool);
int cleat_cmd_map(const struct cleat_tool *tool);
int cleat_cmd_devices(const struct cleat_tool *tool);
int cleat_cmd_ports(const struct cleat_tool *tool);
int cleat_cmd_queues(const struct cleat_tool *tool);
int cleat_cmd_rings(const struct cleat_tool *tool);
int cleat_cmd_pools(const struct cleat_tool *tool);
int cleat_cmd_lcores(const struct cleat_tool *tool);
int cleat_cmd_offloads(const struct cleat_tool *tool);
int cleat_cmd_counters(const struct cleat_tool *tool); /* stats --all */
int cleat_cmd_stats(const struct cleat_tool *tool);
int cleat_cmd_audit(const struct cleat_tool *tool);

/** Needs no primary. argv[0] is the command's own name and is replaced; the rest is not parsed yet.
 */
int cleat_cmd_bind(const struct cleat_tool *tool, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
