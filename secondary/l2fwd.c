/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cleat-l2fwd - the classic sample: what comes in at a port goes out at its partner, with new MACs.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/pci/pci.h"
#include "secondary/cli.h"
#include "secondary/ports.h"
#include "secondary/rewrite.h"
#include "secondary/tx_first.h"

#define NAME_BYTES 64	/* of one port in -p */
#define LINK_MS	   9000 /* --tx-first waits for links */

struct options {
	struct cleat_cli cli;
	const char *ports;
	double stats_seconds;
	bool keep_macs;
	bool one_way;
	uint64_t tx_first; /* packets per direction */
};

enum key { KEY_KEEP = 0x100, KEY_ONE_WAY, KEY_TX_FIRST };

static const struct argp_option OPTIONS[] = {
	{ NULL, 0, NULL, 0, "What to do", 1 },
	{ "ports", 'p', "PORTS", 0,
		"Ports by number or device name: 0,1,2,3 joins 0 with 1 and 2 with 3 (an odd last one with "
		"itself); 0:2,1:3 joins 0 with 2 and 1 with 3. Default: all ports",
		0 },
	{ "stats", 'T', "SECONDS", 0, "Print statistics that often (default: not at all)", 0 },
	{ "no-mac-updating", KEY_KEEP, NULL, 0, "Leave the MAC addresses as they are", 0 },
	{ "one-way", KEY_ONE_WAY, NULL, 0, "From the first of each pair to the second only", 0 },
	{ "tx-first", KEY_TX_FIRST, "N", 0,
		"Begin by sending N packets of 60 bytes in each direction, 1 to 512, once all "
		"ports have a link. Where the wire leads back to our ports they go round",
		0 },
	{ NULL, 0, NULL, 0, "How, and for how long", 2 },
	{ 0 },
};

static const char DOC[] =
	"Forward packets between pairs of ports. The source address becomes the sending port's, the "
	"destination 02:00:00:00:00:<port>. A direction that a device does not have (a capture that can "
	"only be read) is left out."
	"\vExample: cleat-l2fwd -p 0:1 -T 1\n"
	"\n"
	"Queue 0 of each port is used. Needs no privilege.\n"
	"\n" CLEAT_CLI_EXIT_DOC;

static int take_stats(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	if (end == text || *end != '\0' || !(*out == 0 || (*out >= 0.001 && *out <= 86400)))
		return cleat_err(-EINVAL, "-T %s: give seconds from 0.001, or 0 for none", text);
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	int err = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->cli;
		return 0;
	case 'p':
		o->ports = arg;
		return 0;
	case 'T':
		err = take_stats(arg, &o->stats_seconds);
		break;
	case KEY_KEEP:
		o->keep_macs = true;
		return 0;
	case KEY_ONE_WAY:
		o->one_way = true;
		return 0;
	case KEY_TX_FIRST:
		err = cleat_cli_number("tx-first", arg, 1, CLEAT_MAX_BURST, &o->tx_first);
		break;
	case ARGP_KEY_ARG:
		err = cleat_err(-EINVAL, "%s: not an option (see --help)", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	if (err < 0)
		exit(cleat_cli_usage("%s", cleat_error()));
	return 0;
}

/* ---- which ports ---- */

struct plan {
	const struct options *options;
	struct cleat_flow *flows; /* [CLEAT_MAX_PORTS] */
	unsigned n;
	uint64_t used; /* ports that receive already */
};

static int add_direction(struct plan *plan, int from, int to)
{
	struct cleat_port_shm row[2];
	struct cleat_flow *flow = &plan->flows[plan->n];
	char text[16];

	(void)snprintf(text, sizeof(text), "%d", from);
	if (cleat_port_find(text, &row[0]) < 0)
		return -ENODEV;
	(void)snprintf(text, sizeof(text), "%d", to);
	if (cleat_port_find(text, &row[1]) < 0)
		return -ENODEV;
	if (row[0].max_rx_queues == 0 || row[1].max_tx_queues == 0)
		return 0;
	if (plan->used >> from & 1)
		return cleat_err(-EINVAL, "-p names port %d twice", from);
	plan->used |= 1ULL << from;
	flow->rx = (struct cleat_endpoint){ .kind = CLEAT_ENDPOINT_PORT, .dir = CLEAT_RX };
	flow->tx = (struct cleat_endpoint){ .kind = CLEAT_ENDPOINT_PORT, .dir = CLEAT_TX };
	(void)snprintf(flow->rx.name, sizeof(flow->rx.name), "%d", from);
	(void)snprintf(flow->tx.name, sizeof(flow->tx.name), "%d", to);
	plan->n++;
	return 0;
}

static int add_pair(struct plan *plan, int a, int b)
{
	unsigned before = plan->n;
	int err = add_direction(plan, a, b);

	if (err == 0 && a != b && !plan->options->one_way)
		err = add_direction(plan, b, a);
	if (err == 0 && plan->n == before)
		return cleat_err(
			-EINVAL, "ports %d and %d: neither can receive for the other", a, b);
	return err;
}

/* The name at the start of a list, up to a comma or colon, or a PCI address, which has colons.
 * @return how long it is there; 0: there is none */
static size_t take_port(const char *text, char name[NAME_BYTES])
{
	size_t first = strcspn(text, ",:");

	for (size_t len = first; len < NAME_BYTES; len += 1 + strcspn(text + len + 1, ",:")) {
		char address[CLEAT_NAME_LEN];

		(void)snprintf(name, NAME_BYTES, "%.*s", (int)len, text);
		if (cleat_pci_address(name, address)) {
			(void)snprintf(name, NAME_BYTES, "%s", address);
			return len;
		}
		if (text[len] != ':')
			break;
	}
	(void)snprintf(name, NAME_BYTES, "%.*s", (int)first, text);
	return first < NAME_BYTES ? first : 0;
}

/* The next port in a list. @return its id or negative errno */
static int next_port(const char **text)
{
	struct cleat_port_shm row;
	char name[NAME_BYTES];
	size_t len = take_port(*text, name);

	if (len == 0)
		return cleat_err(-EINVAL, "-p is wrong at '%s': it looks like 0,1 or 0:1", *text);
	*text += len;
	return cleat_port_find(name, &row);
}

/* "a:b", "a,b" or a last "a" at *text. */
static int plan_pair(struct plan *plan, const char **text)
{
	int a = next_port(text);
	int b = a;

	if (a >= 0 && **text != '\0') {
		(*text)++;
		b = next_port(text);
	}
	if (a < 0 || b < 0)
		return a < 0 ? a : b;
	if (**text == ':')
		return cleat_err(-EINVAL, "-p is wrong at '%s': pairs are a:b", *text);
	if (**text == ',' && *++*text == '\0')
		return cleat_err(-EINVAL, "-p is wrong: it ends with a comma");
	return add_pair(plan, a, b);
}

static int plan_list(struct plan *plan, const char *text)
{
	int err;

	do
		err = plan_pair(plan, &text);
	while (err == 0 && *text != '\0');
	return err;
}

static int plan_all(struct plan *plan)
{
	struct cleat_port_shm row;
	int waiting = -1;
	int err = 0;

	for (int port = 0; err == 0 && port < CLEAT_MAX_PORTS; port++) {
		char text[16];

		(void)snprintf(text, sizeof(text), "%d", port);
		if (cleat_port_find(text, &row) < 0)
			continue;
		if (waiting < 0) {
			waiting = port;
			continue;
		}
		err = add_pair(plan, waiting, port);
		waiting = -1;
	}
	if (err == 0 && waiting >= 0)
		err = add_pair(plan, waiting, waiting);
	if (err == 0 && plan->n == 0)
		err = cleat_err(-ENODEV,
			"the primary has no ports: start it with --vdev net_null0, for instance");
	return err;
}

/* ---- run ---- */

static void rewrite(struct cleat_mbuf **mbufs, unsigned n, void *arg)
{
	cleat_rewrite_macs(mbufs, n, (const struct cleat_endpoint *)arg);
}

static int open_flows(const struct options *o, struct plan *plan)
{
	const struct cleat_endpoint_options how = { .port = o->cli.port };

	for (unsigned i = 0; i < plan->n; i++) {
		plan->flows[i].work = o->keep_macs ? NULL : rewrite;
		plan->flows[i].arg = &plan->flows[i].tx;
	}
	return cleat_cli_open(plan->flows, plan->n, &how);
}

static void print_stats(const struct cleat_pipeline *p, void *arg)
{
	(void)arg;
	printf("  from    to         received             sent          dropped\n");
	for (unsigned i = 0; i < p->n_flows; i++) {
		const struct cleat_flow *f = &p->flows[i];

		printf("%6s %5s %16" PRIu64 " %16" PRIu64 " %16" PRIu64 "\n", f->rx.name,
			f->tx.name, f->counts.rx_packets, f->counts.tx_packets, f->counts.dropped);
	}
	(void)fflush(stdout);
}

static enum cleat_cli_exit forward(const struct options *o, struct plan *plan)
{
	struct cleat_pipeline pipeline;
	enum cleat_pipeline_end end;
	uint64_t start_ns, took_ns;
	int err = cleat_cli_pipeline(&o->cli, &pipeline, plan->flows, plan->n);

	if (err == 0 && o->tx_first != 0)
		err = cleat_tx_first(plan->flows, plan->n, (unsigned)o->tx_first, LINK_MS,
			o->cli.port.pool, &cleat_cli_stop);
	if (err < 0)
		return cleat_cli_fail(err, CLEAT_CLI_FAILED);
	start_ns = cleat_now_ns();
	if (o->stats_seconds > 0 && !o->cli.json) {
		pipeline.tick = print_stats;
		pipeline.tick_ms = (uint64_t)(o->stats_seconds * 1000);
	}
	end = cleat_pipeline_run(&pipeline);
	took_ns = cleat_now_ns() - start_ns;
	if (end == CLEAT_END_ERROR)
		(void)cleat_cli_fail(-EIO, CLEAT_CLI_FAILED);
	cleat_cli_close(plan->flows, plan->n);
	if (!o->cli.json)
		print_stats(&pipeline, NULL);
	cleat_cli_report(&o->cli, &pipeline, end, took_ns);
	return end == CLEAT_END_ERROR ? CLEAT_CLI_FAILED : CLEAT_CLI_OK;
}

static enum cleat_cli_exit run(const struct options *o)
{
	static struct cleat_flow flows[CLEAT_MAX_PORTS];
	struct plan plan = { .options = o, .flows = flows };
	int err = o->ports != NULL ? plan_list(&plan, o->ports) : plan_all(&plan);

	if (err < 0)
		return cleat_cli_fail(err, err == -EINVAL ? CLEAT_CLI_USAGE : CLEAT_CLI_FAILED);
	err = open_flows(o, &plan);
	return err < 0 ? cleat_cli_fail(err, CLEAT_CLI_FAILED) : forward(o, &plan);
}

int main(int argc, char **argv)
{
	static const struct argp_child CHILDREN[] = { { &cleat_cli_argp, 0, NULL, 2 }, { 0 } };
	static const struct argp ARGP = { OPTIONS, parse_option, NULL, DOC, CHILDREN, NULL, NULL };
	struct options o = { .ports = NULL };
	enum cleat_cli_exit code;

	cleat_cli_init(&o.cli, "cleat-l2fwd");
	if (argp_parse(&ARGP, argc, argv, 0, NULL, &o) != 0)
		return CLEAT_CLI_USAGE;
	code = cleat_cli_attach(&o.cli);
	if (code != CLEAT_CLI_OK)
		return code;
	code = run(&o);
	return cleat_cli_detach(code);
}
