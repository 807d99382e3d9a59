/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cleat-rxtx - one flow: from a queue or ring to a queue or ring. What workers are chained of.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "secondary/cli.h"
#include "secondary/echo.h"
#include "secondary/generate.h"
#include "secondary/pools.h"
#include "secondary/rewrite.h"

enum mode { MODE_IO, MODE_MAC, MODE_RXONLY, MODE_TXONLY, MODE_ECHO };

struct options {
	struct cleat_cli cli;
	enum mode mode;
	const char *rx;
	const char *tx;
	uint32_t ring_slots;
	enum cleat_ring_mode ring_mode;
	uint16_t size;
	bool attach_only;
	struct cleat_echo echo;
};

enum key {
	KEY_MODE = 0x100,
	KEY_RX,
	KEY_TX,
	KEY_RING_SIZE,
	KEY_RING_MODE,
	KEY_SIZE,
	KEY_ATTACH,
	KEY_IP,
	KEY_IP6
};

static const struct argp_option OPTIONS[] = {
	{ NULL, 0, NULL, 0, "What to do", 1 },
	{ "mode", KEY_MODE, "MODE", 0,
		"io: hand on as they are (default); mac: rewrite the MAC addresses for the sending port; "
		"rxonly: receive and free; txonly: make UDP packets and send them to 02:00:00:00:00:02 (a "
		"port that is promiscuous receives them); echo: answer ARP and neighbour solicitations, "
		"pings, and UDP to port 7, for the addresses of --ip and --ip6",
		0 },
	{ "rx", KEY_RX, "FROM", 0, "port:P:Q (P a number or a device's name) or ring:NAME", 0 },
	{ "tx", KEY_TX, "TO", 0, "port:P:Q or ring:NAME; a ring that is missing is made", 0 },
	{ "ring-size", KEY_RING_SIZE, "N", 0,
		"Slots of a ring that we make, a power of two (default 1024)", 0 },
	{ "ring-mode", KEY_RING_MODE, "spsc|mpmc", 0,
		"Mode of a ring that we make (default mpmc: any number of workers at each end)",
		0 },
	{ "size", KEY_SIZE, "BYTES", 0, "Length of packets made by txonly (default 60)", 0 },
	{ "ip", KEY_IP, "ADDRESS", 0, "echo: IPv4 address to answer for", 0 },
	{ "ip6", KEY_IP6, "ADDRESS", 0, "echo: IPv6 address to answer for", 0 },
	{ "attach-only", KEY_ATTACH, NULL, 0, "Attach, say how long each phase took, detach", 0 },
	{ NULL, 0, NULL, 0, "How, and for how long", 2 },
	{ 0 },
};

static const char DOC[] =
	"Move packets from one place to another."
	"\vTwo workers that share the work, over a ring:\n"
	"\n"
	"  cleat-rxtx --rx port:0:0 --tx ring:a\n"
	"  cleat-rxtx --rx ring:a --tx port:1:0 --mode mac\n"
	"\n"
	"A host that answers pings on one port:\n"
	"\n"
	"  cleat-rxtx --rx port:0:0 --tx port:0:0 --mode echo --ip 10.0.0.2 --interrupt\n"
	"\n"
	"Needs no privilege: only that the primary's policy lets this user attach.\n"
	"\n" CLEAT_CLI_EXIT_DOC;

static int take_mode(const char *text, enum mode *out)
{
	static const char *const NAMES[] = { "io", "mac", "rxonly", "txonly", "echo" };

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		if (strcmp(text, NAMES[i]) == 0) {
			*out = (enum mode)i;
			return 0;
		}
	}
	return cleat_err(-EINVAL, "--mode %s: give io, mac, rxonly, txonly or echo", text);
}

static int take_ring_mode(const char *text, enum cleat_ring_mode *out)
{
	if (strcmp(text, "spsc") == 0)
		*out = CLEAT_RING_SPSC;
	else if (strcmp(text, "mpmc") == 0)
		*out = CLEAT_RING_MPMC;
	else
		return cleat_err(-EINVAL, "--ring-mode %s: give spsc or mpmc", text);
	return 0;
}

static int take_ring_size(const char *text, uint32_t *out)
{
	uint64_t value;
	int err = cleat_cli_number("ring-size", text, 2, CLEAT_MAX_RING, &value);

	if (err == 0 && !cleat_is_pow2(value))
		err = cleat_err(-EINVAL, "--ring-size %s: give a power of two", text);
	if (err == 0)
		*out = (uint32_t)value;
	return err;
}

static int take_size(const char *text, uint16_t *out)
{
	uint64_t value;
	int err = cleat_cli_number("size", text, CLEAT_GENERATE_MIN, CLEAT_GENERATE_MAX, &value);

	if (err == 0)
		*out = (uint16_t)value;
	return err;
}

static int take(struct options *o, int key, const char *arg)
{
	switch (key) {
	case KEY_MODE:
		return take_mode(arg, &o->mode);
	case KEY_RX:
		o->rx = arg;
		return 0;
	case KEY_TX:
		o->tx = arg;
		return 0;
	case KEY_RING_SIZE:
		return take_ring_size(arg, &o->ring_slots);
	case KEY_RING_MODE:
		return take_ring_mode(arg, &o->ring_mode);
	case KEY_SIZE:
		return take_size(arg, &o->size);
	case KEY_ATTACH:
		o->attach_only = true;
		return 0;
	case KEY_IP:
		return cleat_echo_set_ip(&o->echo, arg);
	case KEY_IP6:
		return cleat_echo_set_ip6(&o->echo, arg);
	case ARGP_KEY_ARG:
		return cleat_err(-EINVAL, "%s: not an option (see --help)", arg);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;
	int err;

	if (key == ARGP_KEY_INIT)
		state->child_inputs[0] = &o->cli;
	err = take(o, key, arg);
	if (err == 0 || err == ARGP_ERR_UNKNOWN)
		return err;
	exit(cleat_cli_usage("%s", cleat_error()));
}

static bool is_port(const char *text)
{
	return text != NULL && strncmp(text, "port:", 5) == 0;
}

/* Do the options make sense together? */
static enum cleat_cli_exit check(const struct options *o)
{
	if (o->attach_only)
		return CLEAT_CLI_OK;
	if (o->mode == MODE_TXONLY ? o->rx != NULL : o->rx == NULL)
		return cleat_cli_usage(o->rx != NULL ? "--mode txonly takes no --rx"
						     : "--rx is missing: port:P:Q or ring:NAME");
	if (o->mode == MODE_RXONLY ? o->tx != NULL : o->tx == NULL)
		return cleat_cli_usage(o->tx != NULL ? "--mode rxonly takes no --tx"
						     : "--tx is missing: port:P:Q or ring:NAME");
	if (!is_port(o->rx) && !is_port(o->tx) && cleat_cli_wishes(&o->cli))
		return cleat_cli_usage("--mtu, --offloads and --promiscuous set a port, and "
				       "neither --rx nor --tx is one");
	if (o->cli.port.pool != NULL && o->mode != MODE_TXONLY && !is_port(o->rx))
		return cleat_cli_usage("--pool says where a port receives into, or what txonly "
				       "makes packets from: --rx is no port");
	if ((o->mode == MODE_MAC || o->mode == MODE_ECHO) && !is_port(o->tx))
		return cleat_cli_usage("--mode %s writes the sending port's address: --tx must be "
				       "a port",
			o->mode == MODE_MAC ? "mac" : "echo");
	if ((o->mode == MODE_ECHO) != (o->echo.has_ip || o->echo.has_ip6))
		return cleat_cli_usage(
			o->mode == MODE_ECHO
				? "--mode echo answers for addresses: give --ip or --ip6"
				: "--ip and --ip6 go with --mode echo");
	return CLEAT_CLI_OK;
}

static enum cleat_cli_exit parse_endpoints(const struct options *o, struct cleat_flow *flow)
{
	int err = 0;

	if (o->rx != NULL)
		err = cleat_endpoint_parse(o->rx, CLEAT_RX, &flow->rx);
	if (err == 0 && o->tx != NULL)
		err = cleat_endpoint_parse(o->tx, CLEAT_TX, &flow->tx);
	return err < 0 ? cleat_cli_fail(err, CLEAT_CLI_USAGE) : CLEAT_CLI_OK;
}

static void mac_work(struct cleat_mbuf **mbufs, unsigned n, void *arg)
{
	cleat_rewrite_macs(mbufs, n, (const struct cleat_endpoint *)arg);
}

static int open_echo(struct options *o, struct cleat_flow *flow)
{
	flow->filter = cleat_echo_work;
	flow->arg = &o->echo;
	return cleat_echo_open(&o->echo, &flow->rx, &flow->tx);
}

static int open_flow(struct options *o, struct cleat_flow *flow, struct cleat_generator *generator)
{
	const struct cleat_endpoint_options how = {
		.port = o->cli.port, .ring_slots = o->ring_slots, .ring_mode = o->ring_mode
	};
	int err = cleat_cli_open(flow, 1, &how);

	if (err == 0 && o->mode == MODE_MAC) {
		flow->work = mac_work;
		flow->arg = &flow->tx;
	}
	if (err == 0 && o->mode == MODE_ECHO)
		err = open_echo(o, flow);
	if (err == 0 && o->mode == MODE_TXONLY)
		err = cleat_generator_open(generator, &flow->tx, o->cli.port.pool, o->size);
	if (err == 0 && o->mode == MODE_TXONLY) {
		flow->source = cleat_generate;
		flow->arg = generator;
	}
	return err;
}

/* What became of the packets goes into the report. */
static void count_echo(struct options *o)
{
	static struct cleat_cli_count counts[CLEAT_ECHO_WHATS];

	for (unsigned i = 0; i < CLEAT_ECHO_WHATS; i++)
		counts[i] = (struct cleat_cli_count){ cleat_echo_name((enum cleat_echo_what)i),
			o->echo.counts[i] };
	o->cli.own_title = "echo";
	o->cli.own = counts;
	o->cli.n_own = CLEAT_ECHO_WHATS;
}

static enum cleat_cli_exit run(struct options *o, struct cleat_flow *flow)
{
	struct cleat_generator generator;
	struct cleat_pipeline pipeline;
	enum cleat_pipeline_end end;
	uint64_t start_ns, took_ns;
	int err = open_flow(o, flow, &generator);

	if (err == 0)
		err = cleat_cli_pipeline(&o->cli, &pipeline, flow, 1);
	if (err < 0)
		return cleat_cli_fail(err, CLEAT_CLI_FAILED);
	start_ns = cleat_now_ns();
	end = cleat_pipeline_run(&pipeline);
	took_ns = cleat_now_ns() - start_ns;
	if (end == CLEAT_END_ERROR)
		(void)cleat_cli_fail(-EIO, CLEAT_CLI_FAILED);
	if (o->mode == MODE_ECHO)
		count_echo(o);
	if (o->mode != MODE_ECHO || cleat_echo_close(&o->echo) != -ETIMEDOUT)
		cleat_cli_close(flow, 1);
	cleat_cli_report(&o->cli, &pipeline, end, took_ns);
	return end == CLEAT_END_ERROR ? CLEAT_CLI_FAILED : CLEAT_CLI_OK;
}

static void report_attach(const struct cleat_cli *cli)
{
	const struct cleat_attach_times *t = &cli->times;

	if (cli->json)
		printf("{\"attach_us\": %u, \"welcome_us\": %u, \"window_us\": %u, "
		       "\"segments_us\": %u, \"control_us\": %u}\n",
			t->total_us, t->welcome_us, t->window_us, t->segments_us, t->control_us);
	else
		printf("attached in %u us\n"
		       "  %6u us  connected, admitted by the primary\n"
		       "  %6u us  window reserved, registry mapped\n"
		       "  %6u us  memory mapped\n"
		       "  %6u us  ready, control thread started\n",
			t->total_us, t->welcome_us, t->window_us, t->segments_us, t->control_us);
}

int main(int argc, char **argv)
{
	static const struct argp_child CHILDREN[] = { { &cleat_cli_argp, 0, NULL, 2 }, { 0 } };
	static const struct argp ARGP = { OPTIONS, parse_option, NULL, DOC, CHILDREN, NULL, NULL };
	static struct cleat_flow flow;
	struct options o = { .mode = MODE_IO, .ring_mode = CLEAT_RING_MPMC, .size = 60 };
	enum cleat_cli_exit code;

	cleat_cli_init(&o.cli, "cleat-rxtx");
	if (argp_parse(&ARGP, argc, argv, 0, NULL, &o) != 0)
		return CLEAT_CLI_USAGE;
	code = check(&o);
	if (code == CLEAT_CLI_OK)
		code = parse_endpoints(&o, &flow);
	if (code == CLEAT_CLI_OK)
		code = cleat_cli_attach(&o.cli);
	if (code != CLEAT_CLI_OK)
		return code;
	if (o.attach_only)
		report_attach(&o.cli);
	else
		code = run(&o, &flow);
	return cleat_cli_detach(code);
}
