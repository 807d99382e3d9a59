/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cleat - look at a running instance. Reads only: the registry and the memory are mapped read-only,
 * and nothing is asked of the data path. One command, bind, is about the machine instead.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/observer.h"
#include "proto/version.h"
#include "runtime/error.h"
#include "runtime/std_fds.h"
#include "tools/command.h"

struct command {
	const char *name;
	int (*run)(const struct cleat_tool *tool);
};

static const struct command COMMANDS[] = {
	{ "ps", cleat_cmd_ps },
	{ "zones", cleat_cmd_zones },
	{ "map", cleat_cmd_map },
	{ "devices", cleat_cmd_devices },
	{ "ports", cleat_cmd_ports },
	{ "queues", cleat_cmd_queues },
	{ "offloads", cleat_cmd_offloads },
	{ "rings", cleat_cmd_rings },
	{ "pools", cleat_cmd_pools },
	{ "lcores", cleat_cmd_lcores },
	{ "stats", cleat_cmd_stats },
	{ "audit", cleat_cmd_audit },
};

static const char DOC[] =
	"Look at a running instance of Cleat without disturbing it.\n"
	"\n"
	"  ps       the processes attached, and the primary\n"
	"  zones    named memory\n"
	"  map      a picture of the window: segments, zones, free space\n"
	"  devices  devices, their drivers, and where their registers (BARs) lie in which process\n"
	"  ports    ports: state, link, MAC, MTU\n"
	"  queues   queues of ports and who holds them\n"
	"  offloads what the ports' devices do for packets, if switched on\n"
	"  rings    rings and how full they are\n"
	"  pools    packet buffers at hand\n"
	"  lcores   processors and who claimed them\n"
	"  stats    packets and bytes of each port; --watch: per second; --all: by name\n"
	"  audit    where every packet buffer is; fails unless all are accounted for\n"
	"  bind     network controllers of this machine: list them, give them to Cleat and back;\n"
	"           needs no instance; has its own help: cleat bind --help\n"
	"\v"
	"Exit codes: 0 all is well (audit: it adds up, none lost); 1 it is not, or the command failed; "
	"2 wrong usage; 3 no primary runs for this instance; 4 the primary refused us.\n";

enum key {
	KEY_INSTANCE = 0x100,
	KEY_JSON,
	KEY_COUNT,
	KEY_TIMEOUT,
};

static const struct argp_option OPTIONS[] = {
	{ "instance", KEY_INSTANCE, "NAME", 0, "Which primary (default: default)", 0 },
	{ "json", KEY_JSON, NULL, 0, "For programs: JSON, sizes in bytes", 0 },
	{ "all", 'a', NULL, 0,
		"stats: every counter by its name, those of the device (hw_*) included", 0 },
	{ "watch", 'w', "SECONDS", OPTION_ARG_OPTIONAL,
		"stats: again and again (default: each second)", 0 },
	{ "count", KEY_COUNT, "N", 0, "stats --watch: end after N looks", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0,
		"audit: wait so long for threads that are inside an operation (default 10)", 0 },
	{ 0 },
};

struct arguments {
	struct cleat_tool tool;
	const struct command *command;
	char **bind; /* the words from "bind" on, which has options of its own */
	int n_bind;
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++)
		if (strcmp(COMMANDS[i].name, name) == 0)
			return &COMMANDS[i];
	return NULL;
}

/* Seconds, 0.1 to a day, as milliseconds. */
static unsigned parse_seconds(const struct argp_state *state, const char *option, const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (end == text || *end != '\0' || !(s >= 0.1 && s <= 86400))
		argp_error(state, "--%s %s: give seconds, 0.1 to 86400", option, text);
	return (unsigned)(s * 1000);
}

/* Is there a command, and do the options go with it? */
static void check_together(const struct argp_state *state, const struct arguments *a)
{
	int (*run)(const struct cleat_tool *tool) = a->command != NULL ? a->command->run : NULL;

	if (a->bind == NULL && run == NULL)
		argp_error(state, "say what to show, for instance: cleat ps");
	if (a->tool.watch && run != cleat_cmd_stats)
		argp_error(state, "--watch goes with stats");
	if (a->tool.all && (a->tool.watch || run != cleat_cmd_stats))
		argp_error(state, "--all goes with stats, without --watch");
	if (a->tool.rounds != 0 && !a->tool.watch)
		argp_error(state, "--count goes with stats --watch");
	if (a->tool.audit_timeout_ms != 0 && run != cleat_cmd_audit)
		argp_error(state, "--timeout goes with audit");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *end;

	switch (key) {
	case KEY_INSTANCE:
		a->tool.instance = arg;
		return 0;
	case KEY_JSON:
		a->tool.json = 1;
		return 0;
	case 'w':
		a->tool.watch = 1;
		if (arg != NULL)
			a->tool.interval_ms = parse_seconds(state, "watch", arg);
		return 0;
	case 'a':
		a->tool.all = 1;
		return 0;
	case KEY_COUNT:
		a->tool.rounds = strtoull(arg, &end, 10);
		if (end == arg || *end != '\0' || a->tool.rounds == 0 || *arg == '-')
			argp_error(state, "--count %s: give a number from 1", arg);
		return 0;
	case KEY_TIMEOUT:
		a->tool.audit_timeout_ms = parse_seconds(state, "timeout", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (a->command == NULL && strcmp(arg, "bind") == 0) {
			a->bind = &state->argv[state->next - 1];
			a->n_bind = state->argc - state->next + 1;
			state->next = state->argc;
			return 0;
		}
		if (a->command != NULL)
			argp_error(state, "one command at a time: %s or %s", a->command->name, arg);
		a->command = find_command(arg);
		if (a->command == NULL)
			argp_error(state, "no command is called %s; see --help", arg);
		return 0;
	case ARGP_KEY_END:
		check_together(state, a);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int attach_failed(int err)
{
	fprintf(stderr, "cleat: %s\n", cleat_error());
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
	case -ESTALE:
		return CLEAT_EXIT_NO_PRIMARY;
	case -EACCES:
	case -EPERM:
	case -EPROTO:
		return CLEAT_EXIT_REFUSED;
	case -EINVAL:
	case -ENAMETOOLONG:
		return CLEAT_EXIT_USAGE;
	default:
		return CLEAT_EXIT_FAILED;
	}
}

/* What was shown counts only if it came out. */
static int written(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("cleat: the output cannot be written; is the disk full?\n", stderr);
	return CLEAT_EXIT_FAILED;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { OPTIONS, parse, "COMMAND", DOC, NULL, NULL, NULL };
	struct arguments a = { .tool = { .interval_ms = 1000 } };
	int err;

	cleat_std_fds_fill();
	argp_program_version = "cleat " CLEAT_VERSION;
	argp_err_exit_status = CLEAT_EXIT_USAGE;
	(void)argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &a);
	if (a.bind != NULL)
		return written(cleat_cmd_bind(&a.tool, a.n_bind, a.bind));
	err = cleat_observer_attach(a.tool.instance);
	if (err != 0)
		return attach_failed(err);
	err = a.command->run(&a.tool);
	cleat_observer_detach();
	return written(err);
}
