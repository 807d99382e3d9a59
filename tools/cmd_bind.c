/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * cmd_bind.c - the command `cleat bind`: options, what is to be done, and what came of it. It needs
 * no primary, and it is the only command that changes something.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/bind.h"
#include "tools/table.h"

static const char DOC[] =
	"See which kernel driver has which network controller, and give controllers to Cleat and back."
	"\n\n"
	"  cleat bind list                        what is there (--json: some more)\n"
	"  cleat bind bind vfio-pci 0000:01:00.0  give it to a driver\n"
	"  cleat bind vfio-pci eth1               the same, by its interface's name\n"
	"  cleat bind unbind 01:00.0              take it from its driver\n"
	"  cleat bind restore 01:00.0             give it back to the driver it had\n"
	"  cleat bind restore                     give back all that were taken\n"
	"\v"
	"Cleat drives a controller by one of three kernel drivers. Load it with modprobe first.\n"
	"\n"
	"  vfio-pci         first choice: an IOMMU (intel_iommu=on) confines the device\n"
	"  uio_pci_generic  without an IOMMU; cleat-primary then uses physical addresses\n"
	"  igb_uio          as well, also for virtual functions (package dpdk-kmods-dkms)\n"
	"\n"
	"A controller bound so has no interface any more: ip and ethtool do not see it. Refused, with "
	"the reason: an interface in use (up with an address, the default route, below a VLAN, in a "
	"bridge or bond); a device that a process has open or mapped; one whose virtual functions would go; what is no network controller; a group of "
	"the IOMMU that holds other devices in use. --force does it all the same. All devices are "
	"checked before the first is changed, and each is looked at afterwards: what is printed is so. "
	"A device that cannot be bound goes back where it was.\n"
	"\n"
	"Files: /run/cleat/.bind/ADDRESS holds the driver that a device had before; it is gone after a "
	"reboot, and so are all bindings.\n"
	"\n"
	"Exit codes: 0 done, or it was so already; 1 the kernel did not do it, or not for all; 2 wrong "
	"usage, or no such device; 4 refused, nothing was changed.\n";

enum key { KEY_JSON = 0x100, KEY_FORCE, KEY_RESTORE, KEY_SYSFS, KEY_STATE };

static const struct argp_option OPTIONS[] = {
	{ "json", KEY_JSON, NULL, 0, "For programs: JSON", 0 },
	{ "force", KEY_FORCE, NULL, 0, "Do what would be refused; connections may break", 0 },
	{ "restore", KEY_RESTORE, NULL, 0, "The same as the word restore", 0 },
	{ "sysfs-root", KEY_SYSFS, "DIR", 0, "Where sysfs is (default /sys); for tests", 0 },
	{ "state-dir", KEY_STATE, "DIR", 0,
		"Where former drivers are remembered (default " BIND_STATE_DIR ")", 0 },
	{ 0 },
};

enum verb { LIST, BIND, UNBIND, RESTORE };

struct job {
	struct cleat_tool tool;
	struct bind_options options;
	int restore;
	const char *words[BIND_MAX_DEVICES + 2];
	unsigned n_words;
	enum verb verb;
	const char *driver;
	struct bind_device devices[BIND_MAX_DEVICES];
	unsigned n_devices;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct job *job = state->input;

	switch (key) {
	case KEY_JSON:
		job->tool.json = 1;
		return 0;
	case KEY_FORCE:
		job->options.force = 1;
		return 0;
	case KEY_RESTORE:
		job->restore = 1;
		return 0;
	case KEY_SYSFS:
		cleat_pci_sysfs_set(arg);
		return 0;
	case KEY_STATE:
		job->options.state_dir = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (job->n_words == sizeof(job->words) / sizeof(job->words[0]))
			argp_error(state, "more than %d devices", BIND_MAX_DEVICES);
		job->words[job->n_words++] = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static int fail(int code)
{
	fprintf(stderr, "cleat: %s\n", cleat_error());
	return code;
}

/* ---- which devices ---- */

/* @return an exit code */
static int add_device(const char *text, void *arg)
{
	struct job *job = arg;
	struct bind_device *d = &job->devices[job->n_devices];
	int code;

	if (job->n_devices == BIND_MAX_DEVICES)
		return fail((cleat_err(-E2BIG, "more than %d devices", BIND_MAX_DEVICES),
			CLEAT_EXIT_USAGE));
	code = bind_find(text, d);
	if (code < 0)
		return fail(code == -ENODEV ? CLEAT_EXIT_USAGE : CLEAT_EXIT_FAILED);
	for (unsigned i = 0; i < job->n_devices; i++)
		if (strcmp(job->devices[i].pci.device.name, d->pci.device.name) == 0)
			return 0; /* named twice */
	job->n_devices++;
	return 0;
}

/* One that left since is forgotten; it would come back as the kernel likes. */
static int add_remembered(const char *address, void *arg)
{
	struct job *job = arg;
	struct bind_device gone;

	if (bind_read(address, &gone) != -ENODEV)
		return add_device(address, arg);
	return bind_forget(address, &job->options) < 0 ? fail(CLEAT_EXIT_FAILED) : 0;
}

/* ---- what is to be done ---- */

static int usage(const char *what)
{
	fprintf(stderr, "cleat: bind: %s; see cleat bind --help\n", what);
	return CLEAT_EXIT_USAGE;
}

/* Words after the verb: a driver where one is wanted, then devices. @return an exit code */
static int take_words(struct job *job, unsigned at)
{
	int code = 0;

	if (job->verb == BIND) {
		if (at == job->n_words)
			return usage("name a driver and devices, as in bind vfio-pci 0000:01:00.0");
		job->driver = job->words[at++];
	}
	if (job->verb == LIST)
		return at == job->n_words ? 0 : usage("list takes no devices");
	if (at == job->n_words && job->verb != RESTORE)
		return usage("name at least one device, as in 0000:01:00.0 or eth1");
	if (at == job->n_words) {
		code = bind_each_remembered(&job->options, add_remembered, job);
		return code < 0 ? fail(CLEAT_EXIT_FAILED) : code;
	}
	while (code == 0 && at < job->n_words)
		code = add_device(job->words[at++], job);
	return code;
}

static int understand(struct job *job)
{
	static const char *const VERBS[] = { "list", "bind", "unbind", "restore" };

	if (job->restore) {
		job->verb = RESTORE;
		return take_words(job, job->n_words > 0 && strcmp(job->words[0], "restore") == 0);
	}
	if (job->n_words == 0)
		return usage("say what to do, for instance: cleat bind list");
	for (unsigned v = 0; v < sizeof(VERBS) / sizeof(VERBS[0]); v++)
		if (strcmp(job->words[0], VERBS[v]) == 0) {
			job->verb = (enum verb)v;
			return take_words(job, 1);
		}
	job->verb = BIND; /* a driver, then */
	return take_words(job, 0);
}

/* ---- checks ---- */

/* Would the command leave the device as it is? */
static int is_so(const struct job *job, const struct bind_device *d)
{
	const char *now = d->pci.kernel_driver;
	char want[CLEAT_NAME_LEN];

	if (job->verb == BIND)
		return strcmp(now, job->driver) == 0;
	if (job->verb == UNBIND)
		return now[0] == '\0';
	if (bind_remembered(d->pci.device.name, &job->options, want) == 0 &&
		strcmp(want, BIND_ANY) != 0)
		return strcmp(now, want) == 0;
	return bind_has_kernel_driver(d);
}

static int check(const struct job *job)
{
	int code = job->verb == BIND ? bind_check_driver(job->driver) : 0;

	if (code == 0 && geteuid() != 0)
		code = cleat_err(-EPERM, "changing drivers needs root");
	for (unsigned i = 0; code == 0 && i < job->n_devices; i++) {
		const struct bind_device *d = &job->devices[i];

		if (is_so(job, d))
			continue;
		code = bind_check_take(d, &job->options);
		if (code == 0 && job->verb == BIND && strcmp(job->driver, "vfio-pci") == 0)
			code = bind_check_vfio(d, job->devices, job->n_devices, &job->options);
	}
	if (code == 0)
		return CLEAT_EXIT_OK;
	if (code == -EINVAL)
		return fail(CLEAT_EXIT_USAGE);
	return fail(code == -EPROTO ? CLEAT_EXIT_FAILED : CLEAT_EXIT_REFUSED);
}

/* ---- changes ---- */

static const struct cleat_column COLUMNS[] = {
	{ "ADDRESS", "address", 0 },
	{ "BEFORE", "before", 0 },
	{ "DRIVER", "driver", 0 },
	{ "RESULT", "result", 0 },
	{ NULL, NULL, 0 },
};

static void driver_cell(struct cleat_table *t, const char *driver)
{
	if (driver[0] != '\0')
		cleat_table_text(t, driver);
	else
		cleat_table_none(t);
}

static int change_one(const struct job *job, struct bind_device *d, struct cleat_table *t)
{
	char before[CLEAT_NAME_LEN];
	int code;

	memcpy(before, d->pci.kernel_driver, sizeof(before));
	if (job->verb == BIND)
		code = bind_to(d, job->driver, &job->options);
	else if (job->verb == UNBIND)
		code = bind_off(d, &job->options);
	else
		code = bind_restore(d, &job->options);
	if (code < 0)
		(void)fail(code);
	cleat_table_text(t, d->pci.device.name);
	driver_cell(t, before);
	driver_cell(t, d->pci.kernel_driver);
	cleat_table_text(t, code < 0 ? "failed" : code > 0 ? "as it was" : "done");
	return code;
}

static int change(struct job *job)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);
	int failures = 0;

	for (unsigned i = 0; i < job->n_devices; i++)
		failures += change_one(job, &job->devices[i], t) < 0;
	if (cleat_tool_show(&job->tool, t, "nothing to give back") != CLEAT_EXIT_OK)
		return CLEAT_EXIT_FAILED;
	return failures > 0 ? CLEAT_EXIT_FAILED : CLEAT_EXIT_OK;
}

int cleat_cmd_bind(const struct cleat_tool *tool, int argc, char **argv)
{
	static const struct argp argp = { OPTIONS, parse,
		"list\nbind DRIVER DEVICE...\nunbind DEVICE...\nrestore [DEVICE...]", DOC, NULL,
		NULL, NULL };
	static struct job job; /* large */
	static char name[] = "cleat bind";
	int code;

	job = (struct job){ .tool = *tool, .options = { .state_dir = BIND_STATE_DIR } };
	argv[0] = name;
	(void)argp_parse(&argp, argc, argv, 0, NULL, &job);
	code = understand(&job);
	if (code != 0)
		return code;
	if (job.verb == LIST) {
		code = bind_list(&job.tool);
		return code < 0 ? fail(CLEAT_EXIT_FAILED) : code;
	}
	code = check(&job);
	return code != 0 ? code : change(&job);
}
