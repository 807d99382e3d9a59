/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/options.h"

#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "proto/version.h"
#include "runtime/error.h"
#include "runtime/registry.h"

#define MIB ((uint64_t)1 << 20)
#define GIB ((uint64_t)1 << 30)

enum key {
	KEY_INSTANCE = 0x100,
	KEY_VDEV,
	KEY_NO_PCI,
	KEY_SYSFS_ROOT,
	KEY_NO_HUGE,
	KEY_HUGE_SIZE,
	KEY_IOVA_MODE,
	KEY_BASE,
	KEY_WINDOW,
	KEY_NODE,
	KEY_SOCKET_MEM,
	KEY_MBUFS,
	KEY_MBUF_SIZE,
	KEY_MBUF_CACHE,
	KEY_ALLOW_USER,
	KEY_ALLOW_GROUP,
	KEY_LOG_LEVEL,
};

static const struct argp_option OPTIONS[] = {
	{ NULL, 0, NULL, 0, "Which primary", 1 },
	{ "instance", KEY_INSTANCE, "NAME", 0,
		"Name of this primary (default: default). Several run side by side under different names; "
		"workers and the tool give the same --instance",
		0 },

	{ NULL, 0, NULL, 0, "Devices", 2 },
	{ "vdev", KEY_VDEV, "DEVICE[,K=V...]", 0,
		"Make a virtual device, a driver and a number; repeat for more. Each becomes a port, "
		"numbered from 0 in this order. "
		"Examples: net_null0   net_pcap0,rx_pcap=in.pcap,tx_pcap=out.pcap   net_ring0",
		0 },
	{ "allow", 'a', "DEVICE[,K=V...]", 0,
		"Use only the devices so listed; repeat for more. A PCI device is given by its address, "
		"0000:01:00.0 or 01:00.0; if it cannot be used, the primary does not start. K=V: queues=N "
		"(82576, virtio), legacy=1 (virtio), vlan=N (virtual function; repeat for more)",
		0 },
	{ "block", 'b', "DEVICE", 0, "Leave this device alone; repeat for more", 0 },
	{ "no-pci", KEY_NO_PCI, NULL, 0,
		"Do not look at the PCI bus (else: every network controller that is bound to vfio-pci, "
		"uio_pci_generic or igb_uio is used; see cleat bind)",
		0 },
	{ "sysfs-root", KEY_SYSFS_ROOT, "DIR", 0,
		"Where sysfs is (default /sys). Devices of a recorded tree are only looked at", 0 },

	{ NULL, 0, NULL, 0, "Memory", 3 },
	{ "memory", 'm', "MIB", 0, "Memory for rings, pools and zones, in MiB (default 256)", 0 },
	{ "no-huge", KEY_NO_HUGE, NULL, 0, "Use ordinary 4 KiB pages: slower, needs no set-up", 0 },
	{ "huge-size", KEY_HUGE_SIZE, "2M|1G", 0,
		"Size of hugepages (default: the larger one of which enough are free)", 0 },
	{ "numa-node", KEY_NODE, "N", 0,
		"Take memory from this node (default: the nodes where the devices are)", 0 },
	{ "socket-mem", KEY_SOCKET_MEM, "MIB,...", 0,
		"Memory on each node, instead of --memory: 256,512 is 256 MiB on node 0 and 512 on node 1",
		0 },
	{ "iova-mode", KEY_IOVA_MODE, "auto|va|pa", 0,
		"Addresses that devices use: virtual (an IOMMU, or no device) or physical (needs root); "
		"auto (default): physical if a device that may be used is bound to a UIO driver",
		0 },
	{ "base-virtaddr", KEY_BASE, "ADDRESS", 0,
		"Where the window lies in every process (default 0x200000000000); a multiple of 1 GiB",
		0 },
	{ "window-size", KEY_WINDOW, "GIB", 0,
		"Length of the window, in GiB (default and most: 128)", 0 },
	{ "mbufs", KEY_MBUFS, "N", 0,
		"Packet buffers in the pool named default (default: as many as half the memory holds)",
		0 },
	{ "mbuf-size", KEY_MBUF_SIZE, "BYTES", 0,
		"Room for packet data in each, the headroom of 128 not counted (default 2048)", 0 },
	{ "mbuf-cache", KEY_MBUF_CACHE, "N", 0, "Buffers that a thread keeps at hand (default 256)",
		0 },

	{ NULL, 0, NULL, 0, "Who may attach (besides this user, root and the group cleat)", 4 },
	{ "allow-user", KEY_ALLOW_USER, "USER", 0, "Name or number; repeat for more", 0 },
	{ "allow-group", KEY_ALLOW_GROUP, "GROUP", 0, "Name or number; repeat for more", 0 },

	{ NULL, 0, NULL, 0, "Other", 5 },
	{ "log-level", KEY_LOG_LEVEL, "LEVEL", 0,
		"error, warning, notice (default), info or debug; lines go to stderr", 0 },
	{ 0 },
};

static const char DOC[] =
	"Own the machine's packet memory and devices, and let worker programs attach."
	"\vTry it without any set-up, in three terminals:\n"
	"\n"
	"  cleat-primary --no-huge --vdev net_null0 --vdev net_null1\n"
	"  cleat-l2fwd --seconds 5\n"
	"  cleat ps; cleat stats; cleat audit\n"
	"\n"
	"Hugepages (as root): echo 256 > /proc/sys/vm/nr_hugepages\n"
	"\n"
	"The primary stays in the foreground and tells systemd when it is ready (Type=notify). "
	"SIGTERM and SIGINT end it in order; it leaves no file, socket or hugepage behind. "
	"A worker may be killed at any moment: what it held is taken back.\n"
	"\n"
	"Files: /run/cleat/INSTANCE when root, else $XDG_RUNTIME_DIR/cleat/INSTANCE or "
	"/tmp/cleat-UID/INSTANCE; in it primary.sock and primary.lock.\n"
	"\n"
	"Exit codes: 0 ended in order; 1 runtime error; 2 wrong usage, a device's arguments included; "
	"3 a primary of that instance is running; 4 the memory cannot be had.\n";

static int wrong(const char *option, const char *text, const char *wants)
{
	return cleat_err(-EINVAL, "--%s %s: give %s", option, text, wants);
}

static int parse_number(
	const char *option, const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || *out < least ||
		*out > most)
		return cleat_err(-EINVAL, "--%s %s: give a number from %" PRIu64 " to %" PRIu64,
			option, text, least, most);
	return 0;
}

static int parse_u32(
	const char *option, const char *text, uint32_t least, uint32_t most, uint32_t *out)
{
	uint64_t value;
	int status = parse_number(option, text, least, most, &value);

	if (status == 0)
		*out = (uint32_t)value;
	return status;
}

static int parse_node(const char *text, int *node)
{
	uint64_t value;
	int status = parse_number("numa-node", text, 0, CLEAT_MAX_NODES - 1, &value);

	if (status == 0)
		*node = (int)value;
	return status;
}

static int parse_gib(const char *text, uint64_t *out)
{
	int status = parse_number("window-size", text, 2, CLEAT_WINDOW_LEN_MAX / GIB, out);

	*out *= GIB;
	return status;
}

static int parse_base(const char *text, uint64_t *out)
{
	const uint64_t most = (1ULL << 47) - CLEAT_WINDOW_LEN_MAX;

	if (parse_number("base-virtaddr", text, GIB, most, out) != 0 ||
		*out % CLEAT_WINDOW_ALIGN != 0)
		return cleat_err(-EINVAL,
			"--base-virtaddr %s: give a multiple of 1 GiB (0x40000000), at most 0x%" PRIx64,
			text, most);
	return 0;
}

static int parse_mib(const char *text, uint64_t *out)
{
	int status = parse_number("memory", text, 1, CLEAT_WINDOW_LEN_MAX / MIB, out);

	*out *= MIB;
	return status;
}

static int parse_socket_mem(const char *text, struct cleat_options *o)
{
	char number[24];
	int status = 0;

	o->n_socket_mem = 0;
	for (const char *at = text; at != NULL && status == 0;) {
		int len = (int)strcspn(at, ",");

		if (o->n_socket_mem == CLEAT_MAX_NODES)
			return cleat_err(-EINVAL, "--socket-mem %s: at most %d nodes", text,
				CLEAT_MAX_NODES);
		(void)snprintf(number, sizeof(number), "%.*s", len, at);
		status = parse_number("socket-mem", number, 0, CLEAT_WINDOW_LEN_MAX / MIB,
			&o->socket_mem[o->n_socket_mem]);
		o->socket_mem[o->n_socket_mem++] *= MIB;
		at = at[len] == ',' ? at + len + 1 : NULL;
	}
	return status;
}

static int parse_huge(const char *text, uint64_t *out)
{
	if (strcasecmp(text, "2M") == 0 || strcasecmp(text, "2MB") == 0)
		*out = 2 * MIB;
	else if (strcasecmp(text, "1G") == 0 || strcasecmp(text, "1GB") == 0)
		*out = GIB;
	else
		return wrong("huge-size", text, "2M or 1G");
	return 0;
}

static int parse_iova(const char *text, uint32_t *out)
{
	if (strcasecmp(text, "auto") == 0)
		*out = CLEAT_OPTION_IOVA_AUTO;
	else if (strcasecmp(text, "va") == 0)
		*out = CLEAT_IOVA_VA;
	else if (strcasecmp(text, "pa") == 0)
		*out = CLEAT_IOVA_PA;
	else
		return wrong("iova-mode", text, "auto, va or pa");
	return 0;
}

static int parse_instance(const char *text, const char **out)
{
	int status = cleat_name_check("instance", text);

	if (status == 0 && text[0] == '.')
		status = wrong("instance", text, "a name that does not start with a dot");
	*out = text;
	return status;
}

static int parse_level(const char *text, enum cleat_log_level *out)
{
	if (cleat_log_level_parse(text, out) != 0)
		return wrong("log-level", text, "error, warning, notice, info or debug");
	return 0;
}

static int append(const char *option, struct cleat_option_list *list, const char *text)
{
	if (text[0] == '\0')
		return cleat_err(-EINVAL, "--%s: the value is empty", option);
	if (list->count == CLEAT_OPTIONS_MAX_LIST)
		return cleat_err(
			-E2BIG, "--%s: more than %d of them", option, CLEAT_OPTIONS_MAX_LIST);
	list->items[list->count++] = text;
	return 0;
}

static int take(struct cleat_options *o, int key, const char *arg)
{
	switch (key) {
	case KEY_INSTANCE:
		return parse_instance(arg, &o->instance);
	case KEY_VDEV:
		return append("vdev", &o->vdevs, arg);
	case 'a':
		return append("allow", &o->allow, arg);
	case 'b':
		return append("block", &o->block, arg);
	case KEY_ALLOW_USER:
		return append("allow-user", &o->allow_users, arg);
	case KEY_ALLOW_GROUP:
		return append("allow-group", &o->allow_groups, arg);
	case KEY_NO_PCI:
		o->no_pci = true;
		return 0;
	case KEY_SYSFS_ROOT:
		o->sysfs_root = arg;
		return 0;
	case KEY_NO_HUGE:
		o->no_huge = true;
		return 0;
	case 'm':
		return parse_mib(arg, &o->memory_bytes);
	case KEY_HUGE_SIZE:
		return parse_huge(arg, &o->huge_bytes);
	case KEY_NODE:
		return parse_node(arg, &o->numa_node);
	case KEY_SOCKET_MEM:
		return parse_socket_mem(arg, o);
	case KEY_IOVA_MODE:
		return parse_iova(arg, &o->iova_mode);
	case KEY_BASE:
		return parse_base(arg, &o->window_base);
	case KEY_WINDOW:
		return parse_gib(arg, &o->window_len);
	case KEY_MBUFS:
		return parse_u32("mbufs", arg, 1, CLEAT_MAX_RING - 1, &o->mbuf_count);
	case KEY_MBUF_SIZE:
		return parse_u32("mbuf-size", arg, 64, 65535 - 128, &o->mbuf_bytes);
	case KEY_MBUF_CACHE:
		return parse_u32("mbuf-cache", arg, 0, CLEAT_MAX_CACHE, &o->mbuf_cache);
	case KEY_LOG_LEVEL:
		return parse_level(arg, &o->log_level);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct cleat_options *options = state->input;
	int status;

	if (key == ARGP_KEY_ARG)
		status = cleat_err(-EINVAL, "%s: not an option (devices are given by --vdev)", arg);
	else
		status = take(options, key, arg);
	if (status == ARGP_ERR_UNKNOWN || status == 0)
		return status;
	fprintf(stderr, "cleat-primary: %s\n", cleat_error());
	return EINVAL;
}

static uint64_t sum_of(const uint64_t *values, unsigned n)
{
	uint64_t sum = 0;

	while (n-- > 0)
		sum += values[n];
	return sum;
}

static int check_together(const struct cleat_options *o)
{
	if (o->no_huge && o->huge_bytes != 0)
		return cleat_err(-EINVAL, "--no-huge and --huge-size exclude each other");
	if (o->n_socket_mem > 0 && o->numa_node >= 0)
		return cleat_err(-EINVAL, "--socket-mem and --numa-node exclude each other");
	if (o->n_socket_mem > 0 && sum_of(o->socket_mem, o->n_socket_mem) == 0)
		return cleat_err(-EINVAL, "--socket-mem: some node must have memory");
	if (o->memory_bytes > o->window_len - GIB)
		return cleat_err(-EINVAL,
			"--memory %" PRIu64 ": the window holds %" PRIu64 " MiB at most",
			o->memory_bytes / MIB, (o->window_len - GIB) / MIB);
	return 0;
}

static void print_version(FILE *out, struct argp_state *state)
{
	(void)state;
	fprintf(out, "cleat-primary %s (shared memory ABI %d, protocol %d.%d)\n", CLEAT_VERSION,
		CLEAT_ABI, CLEAT_PROTO_MAJOR, CLEAT_PROTO_MINOR);
}

enum cleat_exit cleat_options_parse(struct cleat_options *options, int argc, char **argv)
{
	static const struct argp ARGP = { OPTIONS, parse_option, NULL, DOC, NULL, NULL, NULL };

	*options = (struct cleat_options){
		.instance = "default",
		.sysfs_root = "/sys",
		.memory_bytes = 256 * MIB,
		.window_base = CLEAT_WINDOW_BASE_DEFAULT,
		.window_len = CLEAT_WINDOW_LEN_DEFAULT,
		.numa_node = -1,
		.iova_mode = CLEAT_OPTION_IOVA_AUTO,
		.mbuf_bytes = 2048,
		.mbuf_cache = 256,
		.log_level = CLEAT_LOG_NOTICE,
	};
	argp_program_version_hook = print_version;
	argp_err_exit_status = CLEAT_EXIT_USAGE;
	if (argp_parse(&ARGP, argc, argv, 0, NULL, options) != 0)
		return CLEAT_EXIT_USAGE;
	if (check_together(options) != 0) {
		fprintf(stderr, "cleat-primary: %s\n", cleat_error());
		return CLEAT_EXIT_USAGE;
	}
	return CLEAT_EXIT_OK;
}
