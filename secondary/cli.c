/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/cli.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proto/version.h"
#include "runtime/error.h"
#include "runtime/port_offload.h"
#include "runtime/registry.h"
#include "runtime/std_fds.h"
#include "secondary/sleep.h"
#include "secondary/threads.h"

volatile sig_atomic_t cleat_cli_stop;

static const char *program = "cleat";

/* ---- options ---- */

enum key {
	KEY_INSTANCE = 0x200,
	KEY_NAME,
	KEY_POOL,
	KEY_BURST,
	KEY_PACKETS,
	KEY_SECONDS,
	KEY_IDLE,
	KEY_RETRY,
	KEY_NAP,
	KEY_INTERRUPT,
	KEY_QUEUES,
	KEY_MTU,
	KEY_OFFLOADS,
	KEY_PROMISCUOUS,
	KEY_LCORE,
	KEY_JSON,
	KEY_LOG_LEVEL,
};

static const struct argp_option OPTIONS[] = {
	{ "instance", KEY_INSTANCE, "NAME", 0, "Which primary to attach to (default: default)", 0 },
	{ "name", KEY_NAME, "NAME", 0,
		"Name of this worker, unique among those attached (default: program and pid)", 0 },
	{ "lcore", KEY_LCORE, "N", 0, "Claim this processor and run on it", 0 },
	{ "pool", KEY_POOL, "NAME", 0,
		"Mempool to receive into, or to make packets from (default: as the port is; at first, and "
		"for packets that are made, the one on its NUMA node)",
		0 },
	{ "queues", KEY_QUEUES, "N", 0,
		"Configure a port whose queues do not suffice with N each way (default: as many as we "
		"use)",
		0 },
	{ "mtu", KEY_MTU, "BYTES", 0, "Set the ports' MTU", 0 },
	{ "offloads", KEY_OFFLOADS, "LIST", 0,
		"Switch these of the ports' offloads on and the others off: none, or, with commas between "
		"them, of rx-checksum, rx-vlan-strip, rx-scatter, rx-rss, tx-checksum, tx-vlan-insert, "
		"tx-segments",
		0 },
	{ "promiscuous", KEY_PROMISCUOUS, NULL, 0,
		"Receive what is sent to other addresses, too, which a NIC drops otherwise; the port stays so",
		0 },
	{ "burst", KEY_BURST, "N", 0, "Packets in one go, 1 to 512 (default 32)", 0 },
	{ "packets", KEY_PACKETS, "N", 0, "End after N packets", 0 },
	{ "seconds", KEY_SECONDS, "S", 0, "End after S seconds (a fraction will do)", 0 },
	{ "until-idle", KEY_IDLE, "MS", 0, "End when nothing came for MS milliseconds", 0 },
	{ "retry", KEY_RETRY, "N", 0,
		"Offer packets to a full ring or queue N times, then drop them (default: until it takes them)",
		0 },
	{ "nap", KEY_NAP, "US", 0,
		"Sleep US microseconds when there is nothing to do (default 0: only let others run)",
		0 },
	{ "interrupt", KEY_INTERRUPT, NULL, 0,
		"When nothing comes, sleep until a device's interrupt instead of looking all the time",
		0 },
	{ "json", KEY_JSON, NULL, 0, "Print results as one JSON object", 0 },
	{ "log-level", KEY_LOG_LEVEL, "LEVEL", 0,
		"error, warning, notice (default), info or debug; lines go to stderr", 0 },
	{ 0 },
};

int cleat_cli_number(
	const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' || *out < least ||
		*out > most)
		return cleat_err(-EINVAL, "--%s %s: give a number from %" PRIu64 " to %" PRIu64,
			option, text, least, most);
	return 0;
}

static int number_u(
	const char *option, const char *text, unsigned least, unsigned most, unsigned *out)
{
	uint64_t value;
	int err = cleat_cli_number(option, text, least, most, &value);

	if (err == 0)
		*out = (unsigned)value;
	return err;
}

static int take_seconds(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end != '\0' || !(*out > 0) || *out > 1e9)
		return cleat_err(-EINVAL, "--seconds %s: give a number above 0", text);
	return 0;
}

static int take_name(const char *option, const char *text, const char **out)
{
	*out = text;
	return cleat_name_check(option, text);
}

static int take_lcore(const char *text, int *out)
{
	unsigned lcore;
	int err = number_u("lcore", text, 0, CLEAT_MAX_LCORES - 1, &lcore);

	if (err == 0)
		*out = (int)lcore;
	return err;
}

static int take_offloads(const char *text, struct cleat_port_wish *wish)
{
	int err = cleat_offload_parse(text, &wish->offloads);

	wish->has_offloads = 1;
	return err < 0 ? cleat_err_prefix(err, "--offloads") : 0;
}

/* What is asked of ports. */
static int take_port(struct cleat_port_wish *wish, int key, const char *arg)
{
	switch (key) {
	case KEY_POOL:
		return take_name("pool", arg, &wish->pool);
	case KEY_QUEUES:
		return number_u("queues", arg, 1, CLEAT_MAX_QUEUES, &wish->queues);
	case KEY_MTU:
		return number_u("mtu", arg, 68, UINT16_MAX, &wish->mtu);
	case KEY_OFFLOADS:
		return take_offloads(arg, wish);
	case KEY_PROMISCUOUS:
		wish->promiscuous = 1;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

bool cleat_cli_wishes(const struct cleat_cli *cli)
{
	return cli->port.mtu != 0 || cli->port.has_offloads || cli->port.promiscuous;
}

static int take(struct cleat_cli *cli, int key, const char *arg)
{
	const char *name;
	int err;

	switch (key) {
	case KEY_INSTANCE:
		return take_name("instance", arg, &cli->instance);
	case KEY_NAME:
		err = take_name("process", arg, &name);
		if (err == 0)
			(void)snprintf(cli->name, sizeof(cli->name), "%s", name);
		return err;
	case KEY_LCORE:
		return take_lcore(arg, &cli->lcore);
	case KEY_BURST:
		return number_u("burst", arg, 1, CLEAT_MAX_BURST, &cli->burst);
	case KEY_NAP:
		return number_u("nap", arg, 0, 999999, &cli->nap_us);
	case KEY_PACKETS:
		return cleat_cli_number("packets", arg, 1, UINT64_MAX, &cli->packets);
	case KEY_IDLE:
		return cleat_cli_number("until-idle", arg, 1, 86400000, &cli->idle_ms);
	case KEY_RETRY:
		return cleat_cli_number("retry", arg, 1, UINT64_MAX, &cli->retry);
	case KEY_SECONDS:
		return take_seconds(arg, &cli->seconds);
	case KEY_INTERRUPT:
		cli->interrupt = true;
		return 0;
	case KEY_JSON:
		cli->json = true;
		return 0;
	case KEY_LOG_LEVEL:
		if (cleat_log_level_parse(arg, &cli->log_level) == 0)
			return 0;
		return cleat_err(
			-EINVAL, "--log-level %s: give error, warning, notice, info or debug", arg);
	default:
		return take_port(&cli->port, key, arg);
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct cleat_cli *cli = state->input;
	int err;

	if (key == ARGP_KEY_END) {
		cleat_log_set_level(cli->log_level);
		if (cli->interrupt && cli->nap_us != 0)
			exit(cleat_cli_usage(
				"--nap or --interrupt: an idle worker does one of both"));
	}
	err = take(cli, key, arg);
	if (err == 0 || err == ARGP_ERR_UNKNOWN)
		return err;
	exit(cleat_cli_usage("%s", cleat_error()));
}

const struct argp cleat_cli_argp = { OPTIONS, parse_option, NULL, NULL, NULL, NULL, NULL };

/* ---- start ---- */

static void on_signal(int number)
{
	(void)number;
	cleat_cli_stop = 1;
}

static void print_version(FILE *out, struct argp_state *state)
{
	(void)state;
	fprintf(out, "%s %s (shared memory ABI %d, protocol %d.%d)\n", program, CLEAT_VERSION,
		CLEAT_ABI, CLEAT_PROTO_MAJOR, CLEAT_PROTO_MINOR);
}

void cleat_cli_init(struct cleat_cli *cli, const char *name)
{
	struct sigaction action = { .sa_handler = on_signal };

	cleat_std_fds_fill();
	program = name;
	*cli = (struct cleat_cli){
		.instance = "default",
		.port = { .queues = 1 },
		.burst = 32,
		.lcore = -1,
		.log_level = CLEAT_LOG_NOTICE,
	};
	(void)snprintf(cli->name, sizeof(cli->name), "%.20s-%d", name, (int)getpid());
	cleat_log_set(cleat_log_to_file, stderr);
	argp_program_version_hook = print_version;
	argp_err_exit_status = CLEAT_CLI_USAGE;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
	(void)sigaction(SIGXFSZ, &action, NULL); /* a capture may grow past `ulimit -f` */
}

enum cleat_cli_exit cleat_cli_fail(int status, enum cleat_cli_exit otherwise)
{
	fprintf(stderr, "%s: %s\n", program,
		cleat_error()[0] != '\0' ? cleat_error() : strerror(-status));
	return status == -EBUSY ? CLEAT_CLI_BUSY : otherwise;
}

enum cleat_cli_exit cleat_cli_usage(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\n");
	return CLEAT_CLI_USAGE;
}

/* What the primary tells everybody about ports; in the control thread. */
static void log_event(const Cleat__Event *event, void *arg)
{
	char text[CLEAT_NAME_LEN];

	(void)arg;
	cleat_message_text(text, sizeof(text), event->text);
	switch (event->kind) {
	case CLEAT__EVENT_KIND__EVENT_LINK:
		cleat_log(CLEAT_LOG_INFO, "port %u: link %s", event->subject, text);
		break;
	case CLEAT__EVENT_KIND__EVENT_PORT_ADDED:
		cleat_log(CLEAT_LOG_INFO, "port %u (%s) added", event->subject, text);
		break;
	case CLEAT__EVENT_KIND__EVENT_PORT_REMOVED:
		cleat_log(CLEAT_LOG_INFO, "port %u (%s) removed", event->subject, text);
		break;
	default:
		break;
	}
}

enum cleat_cli_exit cleat_cli_attach(struct cleat_cli *cli)
{
	struct cleat_attach_options options = {
		.instance = cli->instance, .name = cli->name, .event = log_event, .no_procs = 1
	};
	enum cleat_cli_exit code = CLEAT_CLI_OK;
	int err = cleat_attach(&options, &cli->times);

	if (err < 0) {
		(void)cleat_cli_fail(err, CLEAT_CLI_NO_PRIMARY);
		return CLEAT_CLI_NO_PRIMARY;
	}
	if (cli->lcore >= 0) {
		err = cleat_lcore_claim((unsigned)cli->lcore);
		if (err < 0)
			code = cleat_cli_fail(err, CLEAT_CLI_FAILED);
	}
	if (code != CLEAT_CLI_OK)
		cleat_detach();
	return code;
}

enum cleat_cli_exit cleat_cli_detach(enum cleat_cli_exit code)
{
	cleat_detach();
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fprintf(stderr, "%s: the output cannot be written; is the disk full?\n", program);
	return code == CLEAT_CLI_OK ? CLEAT_CLI_FAILED : code;
}

int cleat_cli_open(struct cleat_flow *flows, unsigned n, const struct cleat_endpoint_options *how)
{
	int err = 0;

	for (unsigned i = 0; err == 0 && i < 2 * n; i++)
		err = cleat_endpoint_prepare(i % 2 == 0 ? &flows[i / 2].tx : &flows[i / 2].rx, how);
	for (unsigned i = 0; err == 0 && i < 2 * n; i++)
		err = cleat_endpoint_open(i % 2 == 0 ? &flows[i / 2].tx : &flows[i / 2].rx, how);
	return err;
}

int cleat_cli_pipeline(
	const struct cleat_cli *cli, struct cleat_pipeline *p, struct cleat_flow *flows, unsigned n)
{
	*p = (struct cleat_pipeline){
		.flows = flows,
		.n_flows = n,
		.burst = cli->burst,
		.max_packets = cli->packets,
		.max_seconds = cli->seconds,
		.idle_ms = cli->idle_ms,
		.max_tries = cli->retry,
		.nap_us = cli->nap_us,
		.interrupt = cli->interrupt,
		.stop = &cleat_cli_stop,
	};
	if (cli->interrupt && cleat_sleep_check(flows, n) < 0)
		return cleat_err_prefix(-ENOTSUP, "--interrupt");
	cleat_log(CLEAT_LOG_INFO, "%s is running", cli->name);
	return 0;
}

/* ---- end ---- */

void cleat_cli_close(struct cleat_flow *flows, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (cleat_endpoint_close(&flows[i].rx) == -ETIMEDOUT ||
			cleat_endpoint_close(&flows[i].tx) == -ETIMEDOUT)
			break;
}

static void add(struct json_object *object, const char *key, uint64_t value)
{
	(void)json_object_object_add(object, key, json_object_new_uint64(value));
}

static struct json_object *own_json(const struct cleat_cli *cli)
{
	struct json_object *own = json_object_new_object();

	for (unsigned i = 0; i < cli->n_own; i++)
		add(own, cli->own[i].name, cli->own[i].value);
	return own;
}

/* "name: arp 1 icmp 5" */
static void report_own(const struct cleat_cli *cli)
{
	printf("%s:", cli->name);
	for (unsigned i = 0; i < cli->n_own; i++)
		printf(" %s %" PRIu64, cli->own[i].name, cli->own[i].value);
	printf("\n");
}

static void report_json(const struct cleat_cli *cli, const struct cleat_flow_counts *c,
	enum cleat_pipeline_end end, double seconds)
{
	struct json_object *object = json_object_new_object();
	char text[32];

	(void)json_object_object_add(object, "name", json_object_new_string(cli->name));
	add(object, "received", c->rx_packets);
	add(object, "received_bytes", c->rx_bytes);
	add(object, "sent", c->tx_packets);
	add(object, "sent_bytes", c->tx_bytes);
	add(object, "dropped", c->dropped);
	(void)snprintf(text, sizeof(text), "%.6f", seconds);
	(void)json_object_object_add(object, "seconds", json_object_new_double_s(seconds, text));
	(void)json_object_object_add(
		object, "ended_by", json_object_new_string(cleat_pipeline_end_name(end)));
	add(object, "attach_us", cli->times.total_us);
	if (cli->own_title != NULL)
		(void)json_object_object_add(object, cli->own_title, own_json(cli));
	printf("%s\n", json_object_to_json_string_ext(object, JSON_C_TO_STRING_SPACED));
	(void)json_object_put(object);
}

void cleat_cli_report(const struct cleat_cli *cli, const struct cleat_pipeline *p,
	enum cleat_pipeline_end end, uint64_t elapsed_ns)
{
	double seconds = (double)elapsed_ns / 1e9;
	struct cleat_flow_counts c;

	cleat_pipeline_counts(p, &c);
	if (cli->json)
		report_json(cli, &c, end, seconds);
	else
		printf("%s: received %" PRIu64 " sent %" PRIu64 " dropped %" PRIu64
		       " packets in %.2f s (ended by: %s)\n",
			cli->name, c.rx_packets, c.tx_packets, c.dropped, seconds,
			cleat_pipeline_end_name(end));
	if (!cli->json && cli->own_title != NULL)
		report_own(cli);
}
