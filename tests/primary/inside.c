/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/primary/inside.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "primary/boot.h"
#include "primary/ports.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/pci/pci_access.h"
#include "tests/support/spawn.h"

struct cleat_primary inside;

void inside_up(void)
{
	static struct cleat_options options;
	static char words[][16] = { "cleat-primary", "--instance", "", "--no-pci", "--no-huge",
		"-m", "32" };
	char instance[CLEAT_NAME_LEN];
	char *argv[] = { words[0], words[1], instance, words[3], words[4], words[5], words[6],
		NULL };

	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	ck_assert_int_eq(cleat_options_parse(&options, 7, argv), CLEAT_EXIT_OK);
	options.instance = strdup(instance);
	(void)signal(SIGPIPE, SIG_IGN);
	inside.options = &options;
	inside.rundir.lock_fd = inside.listen_fd = -1;
	inside.loop = ev_default_loop(EVFLAG_AUTO);
	ck_assert_msg(cleat_boot_up(&inside) == CLEAT_EXIT_OK, "%s", cleat_error());
}

void inside_down(void)
{
	cleat_boot_down(&inside);
	free((char *)(uintptr_t)inside.options->instance);
}

void inside_turn(void)
{
	for (int i = 0; i < 20; i++)
		ev_run(inside.loop, EVRUN_NOWAIT);
}

/* ---- clients ---- */

void inside_send(int sock, Cleat__Envelope *env)
{
	ck_assert_msg(cleat_message_send(sock, env, NULL, 0) == 0, "%s", cleat_error());
}

int inside_next(int sock, struct cleat_message *m)
{
	int rc = cleat_message_recv(sock, m);

	ck_assert_msg(rc == 1 || rc == -EAGAIN, "%d: %s", rc, cleat_error());
	return rc == 1;
}

static void send_hello(int sock, const char *name, bool no_procs)
{
	static char version[] = CLEAT_VERSION;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Hello hello = CLEAT__HELLO__INIT;

	hello.proto_major = CLEAT_PROTO_MAJOR;
	hello.proto_minor = CLEAT_PROTO_MINOR;
	hello.abi = CLEAT_ABI;
	hello.name = (char *)(uintptr_t)name;
	hello.role = CLEAT__ROLE__ROLE_SECONDARY;
	hello.version = version;
	hello.tid = (uint32_t)gettid();
	hello.no_procs = no_procs;
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	inside_send(sock, &env);
}

static void send_ready(int sock)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Ready ready = CLEAT__READY__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_READY;
	env.ready = &ready;
	inside_send(sock, &env);
}

static int attach(const char *name, uint16_t *slot, bool no_procs)
{
	int sock = cleat_socket_connect(inside.rundir.socket, 1000);
	struct cleat_message m;
	int last = 0;

	ck_assert_msg(sock >= 0, "%s", cleat_error());
	*slot = CLEAT_SLOT_NONE;
	send_hello(sock, name, no_procs);
	inside_turn();
	while (!last && inside_next(sock, &m)) {
		if (m.env->body_case == CLEAT__ENVELOPE__BODY_WELCOME)
			*slot = (uint16_t)m.env->welcome->slot;
		last = m.env->body_case == CLEAT__ENVELOPE__BODY_MAP && m.env->map->last;
		cleat_message_clear(&m);
	}
	ck_assert_uint_ne(*slot, CLEAT_SLOT_NONE);
	ck_assert(last);
	send_ready(sock);
	inside_turn();
	(void)inside_events(sock, CLEAT__EVENT_KIND__EVENT_NONE, 0);
	return sock;
}

int inside_attach(const char *name, uint16_t *slot)
{
	return attach(name, slot, false);
}

int inside_attach_no_procs(const char *name, uint16_t *slot)
{
	return attach(name, slot, true);
}

unsigned inside_events(int sock, Cleat__EventKind kind, uint32_t subject)
{
	struct cleat_message m;
	unsigned n = 0, idle = 0;

	while (idle < 3) {
		inside_turn();
		idle++;
		while (inside_next(sock, &m)) {
			idle = 0;
			n += m.env->body_case == CLEAT__ENVELOPE__BODY_EVENT &&
			     m.env->event->kind == kind && m.env->event->subject == subject;
			cleat_message_clear(&m);
		}
	}
	return n;
}

int inside_reply(int sock, uint32_t id, const char **detail)
{
	static char text[CLEAT_ERROR_LEN];
	struct cleat_message m;
	int status = 1;

	for (unsigned i = 0; i < 50 && status == 1; i++) {
		inside_turn();
		while (status == 1 && inside_next(sock, &m)) {
			if (m.env->body_case == CLEAT__ENVELOPE__BODY_REPLY && m.env->id == id) {
				status = m.env->reply->status;
				(void)snprintf(text, sizeof(text), "%s", m.env->reply->detail);
			}
			cleat_message_clear(&m);
		}
	}
	ck_assert_msg(status <= 0, "no reply");
	*detail = text;
	return status;
}

void inside_mapped(int sock, uint32_t segment, int status)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Mapped mapped = CLEAT__MAPPED__INIT;

	mapped.segment = segment;
	mapped.status = status;
	env.body_case = CLEAT__ENVELOPE__BODY_MAPPED;
	env.mapped = &mapped;
	inside_send(sock, &env);
}

void inside_fill(uint16_t slot)
{
	struct cleat_conn *c = inside.procs[slot];

	ck_assert_ptr_nonnull(c);
	for (int i = 0; i < 100000; i++)
		if (cleat_conn_event(c, CLEAT__EVENT_KIND__EVENT_LINK, 63, "up") == -ENOBUFS)
			return;
	ck_abort_msg("it takes all");
}

/* ---- a port ---- */

static struct inside_port *port_of(struct cleat_port_ctrl *ctrl)
{
	return (struct inside_port *)ctrl; /* its first member */
}

static int rx_setup(struct cleat_port_ctrl *ctrl, unsigned queue, unsigned descriptors,
	const struct cleat_pool_row_shm *pool)
{
	(void)queue;
	(void)descriptors;
	(void)pool;
	return port_of(ctrl)->setup_fails ? cleat_err(-EIO, "this queue cannot be set up") : 0;
}

static int queue_reset(struct cleat_port_ctrl *ctrl, enum cleat_dir dir, unsigned queue)
{
	(void)dir;
	(void)queue;
	return port_of(ctrl)->reset_fails ? cleat_err(-EIO, "this queue does not stop") : 0;
}

uint32_t inside_port_new(struct inside_port *port, const char *name)
{
	static const struct cleat_port_ops ops = { .rx_queue_setup = rx_setup,
		.queue_reset = queue_reset };
	int id;

	port->ctrl = (struct cleat_port_ctrl){ .name = name,
		.driver = "net_inside",
		.ops = &ops,
		.max_mtu = 1500,
		.max_rx_queues = 1,
		.max_tx_queues = 1,
		.numa_node = -1 };
	id = inside.services.port_add(inside.services.ctx, &port->ctrl);
	ck_assert_msg(id >= 0, "%s", cleat_error());
	return (uint32_t)id;
}

uint32_t inside_port_add(struct inside_port *port, const char *name)
{
	uint32_t id = inside_port_new(port, name);

	ck_assert_msg(cleat_port_default(&inside, id) == 0, "%s", cleat_error());
	return id;
}

/* ---- a PCI device ---- */

static int pieces(
	struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_piece *out, unsigned max)
{
	static int fd = -1;

	(void)dev;
	ck_assert_uint_eq(bar, 0);
	ck_assert_uint_ge(max, 2);
	if (fd < 0)
		fd = memfd_create("bar", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, 16384), 0);
	out[0] = (struct cleat_pci_piece){ .off = 0, .len_bytes = 4096, .fd_off = 0, .fd = fd };
	out[1] = (struct cleat_pci_piece){
		.off = 8192, .len_bytes = 8192, .fd_off = 8192, .fd = fd
	};
	return 2;
}

struct cleat_device *inside_pci_device(const char *address)
{
	static const struct cleat_pci_access access = { .driver = "inside", .pieces = pieces };
	struct cleat_device *device = cleat_bus_add(cleat_bus_find("pci"), address, "", -1);
	struct cleat_pci_device *pci;

	ck_assert_msg(device != NULL, "%s", cleat_error());
	pci = cleat_pci_of(device);
	pci->access = &access;
	pci->iommu_group = CLEAT_PCI_NO_GROUP;
	pci->bars[0] = (struct cleat_pci_bar){
		.phys = 0xe0000000, .len_bytes = 16384, .kind = CLEAT_BAR_MEMORY
	};
	return device;
}

int inside_run(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tc = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, inside_up, inside_down);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tc, tests[i]);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
