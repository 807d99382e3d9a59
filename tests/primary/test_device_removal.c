/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices that are taken away, want to go and cannot, or do not come to rest. The device is made
 * up, its driver and the primary are in this program. */
#include <check.h>
#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "primary/devices.h"
#include "primary/port_life.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/pci/pci_config.h"
#include "secondary/attach.h"
#include "secondary/devices.h"
#include "tests/runtime/pci/pci_fake.h"
#include "tests/runtime/pci/pci_tree.h"
#include "tests/support/spawn.h"

#define NIC "0000:01:00.0"

/* What the driver in the primary and the test tell each other. */
struct told {
	unsigned probes, removals;
	int stuck;	  /* removals fail */
	int deaf;	  /* so does what is written to its configuration space */
	int kept;	  /* bus mastering went off while the port's memory was there */
	uint16_t command; /* the command register as the driver found it */
};
static volatile struct told *told;
static int unplug_event; /* the kernel asks for the device back */
static struct child primary;

/* ---- in the primary ---- */

static struct cleat_port_ctrl port;

static int unplug_fd(struct cleat_pci_device *dev)
{
	(void)dev;
	return unplug_event;
}

static bool has_zone(uint32_t port_id)
{
	char name[CLEAT_NAME_LEN];

	(void)snprintf(name, sizeof(name), CLEAT_PORT_ZONE, port_id);
	for (uint32_t i = 0; i < CLEAT_MAX_ZONES; i++)
		if (cleat_registry->zones[i].len_bytes != 0 &&
			strcmp(cleat_registry->zones[i].name, name) == 0)
			return true;
	return false;
}

static const struct cleat_pci_access *real_access;

static int config_write(struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len)
{
	uint16_t command;

	memcpy(&command, buf, sizeof(command));
	if (off == CLEAT_PCI_COMMAND && !(command & CLEAT_PCI_COMMAND_MASTER))
		told->kept = has_zone(port.port);
	if (told->deaf)
		return cleat_err(-EIO, "device %s does not listen", dev->device.name);
	return real_access->config_write(dev, off, buf, len);
}

/* The device is reached by UIO, and the kernel can ask for it as for one of VFIO. */
static int stuck_probe(struct cleat_device *device, const struct cleat_services *services)
{
	static const struct cleat_port_ops ops = { 0 };
	static struct cleat_pci_access access;
	struct cleat_pci_device *pci = cleat_pci_of(device);
	int rc;

	real_access = pci->access;
	access = *real_access;
	access.unplug_fd = unplug_fd;
	access.config_write = config_write;
	pci->access = &access;
	port = (struct cleat_port_ctrl){ .name = device->name,
		.driver = "net_null",
		.ops = &ops,
		.max_rx_queues = 1,
		.max_tx_queues = 1,
		.numa_node = -1,
		.device = device };
	(void)cleat_pci_config_read(pci, CLEAT_PCI_COMMAND, (void *)(uintptr_t)&told->command, 2);
	rc = cleat_pci_master_on(pci);
	rc = rc < 0 ? rc : services->port_add(services->ctx, &port);
	told->probes++;
	return rc < 0 ? rc : 0;
}

static int stuck_remove(struct cleat_device *device, const struct cleat_services *services)
{
	told->removals++;
	port.hw_stats[0]++; /* as a driver may; it lies in the window */
	if (told->stuck)
		return cleat_err(-EIO, "device %s does not stop", device->name);
	return services->port_remove(services->ctx, &port);
}

static const struct cleat_pci_id IDS[] = { CLEAT_PCI_ID(0x8086, 0x10d3, 0), { 0 } };
static struct cleat_driver driver = { .name = "net_aaa_stuck", /* before the one for real ones */
	.bus = "pci",
	.ids = IDS,
	.probe = stuck_probe,
	.remove = stuck_remove };

/* Of the kernel come no events for this device: signals stand for those, and for time that passes.
 */
static void on_event(struct ev_loop *loop, ev_signal *watcher, int events)
{
	(void)loop;
	(void)events;
	if (watcher->signum == SIGUSR1)
		(void)cleat_devices_probe_new(watcher->data);
	else
		cleat_devices_retry(watcher->data);
}

static void prepare(struct cleat_primary *p)
{
	static ev_signal watchers[2];

	for (int i = 0; i < 2; i++) {
		ev_signal_init(&watchers[i], on_event, i == 0 ? SIGUSR1 : SIGUSR2);
		watchers[i].data = p;
		ev_signal_start(p->loop, &watchers[i]);
	}
	cleat_driver_register(&driver);
}

static int run(void *arg)
{
	char instance[CLEAT_NAME_LEN], root[256];
	char *argv[] = { "cleat-primary", "--instance", instance, "--sysfs-root", root, "--no-huge",
		"-m", "32", "--log-level", "info", NULL };

	(void)snprintf(instance, sizeof(instance), "%s", (const char *)arg);
	(void)snprintf(root, sizeof(root), "%s", cleat_pci_sysfs());
	return primary_inside(argv, prepare);
}

/* ---- the test ---- */

static FILE *command_register(void)
{
	char path[512];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/bus/pci/devices/" NIC "/config", cleat_pci_sysfs());
	file = fopen(path, "r+e");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, CLEAT_PCI_COMMAND, SEEK_SET), 0);
	return file;
}

static bool is_master(void)
{
	FILE *file = command_register();
	uint16_t command = 0;

	ck_assert_uint_eq(fread(&command, sizeof(command), 1, file), 1);
	(void)fclose(file);
	return (command & CLEAT_PCI_COMMAND_MASTER) != 0;
}

static void be_master(void)
{
	static const uint16_t COMMAND = CLEAT_PCI_COMMAND_MASTER;
	FILE *file = command_register();

	ck_assert_uint_eq(fwrite(&COMMAND, sizeof(COMMAND), 1, file), 1);
	ck_assert_int_eq(fclose(file), 0);
}

static void start(void)
{
	static char instance[CLEAT_NAME_LEN];

	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne((void *)told, MAP_FAILED);
	unplug_event = eventfd(0, EFD_NONBLOCK);
	ck_assert_int_ge(unplug_event, 0);
	tree_new();
	fake_uio(NIC, "uio_pci_generic");
	be_master();
	child_fork(&primary, "primary", run, instance);
	primary_wait(&primary);
	ck_assert_uint_eq(told->probes, 1);
}

/* Nothing may crash, whatever happened. */
static void end(void)
{
	child_end(&primary);
	(void)close(unplug_event);
	(void)munmap((void *)(uintptr_t)told, sizeof(*told));
}

static unsigned said(const char *what)
{
	const char *at = child_err(&primary);
	unsigned n = 0;

	for (; (at = strstr(at, what)) != NULL; at++)
		n++;
	return n;
}

static void ask_back(void)
{
	static const uint64_t ONE = 1;

	ck_assert_int_eq(write(unplug_event, &ONE, sizeof(ONE)), sizeof(ONE));
}

static bool was_removed(void *arg)
{
	return told->removals == *(const unsigned *)arg;
}

/* Until the driver was asked so often to let go; and no more often. */
static void removals(unsigned n)
{
	ck_assert_msg(wait_for(was_removed, &n, 5000), "%u removals: %s", told->removals,
		child_err(&primary));
	sleep_us(100000);
	ck_assert_uint_eq(told->removals, n);
}

static bool is_said(void *arg)
{
	return said(arg) > 0;
}

static void end_in_order(void)
{
	child_signal(&primary, SIGTERM);
	ck_assert_msg(child_wait(&primary, 5000) == 0, "it ended with %d: %s", primary.status,
		child_err(&primary));
}

/* Whoever had it before may have been killed, and the memory that it receives into is others' now:
 * it does no DMA before its driver has reset it. */
START_TEST(no_dma_before_its_driver)
{
	ck_assert_uint_eq(told->command & CLEAT_PCI_COMMAND_MASTER, 0);
	ck_assert(is_master());
	end_in_order();
}
END_TEST

START_TEST(does_not_stop_at_the_end)
{
	ck_assert(is_master());
	told->stuck = 1;
	end_in_order();
	ck_assert_uint_eq(told->removals, 1);
	ck_assert(!is_master());
	ck_assert_uint_eq(said("device " NIC " does not come to rest; it is kept from memory"), 1);
	ck_assert_uint_eq(said("device " NIC " does not stop"), 1);
}
END_TEST

START_TEST(stops_at_the_end)
{
	end_in_order();
	ck_assert_uint_eq(told->removals, 1);
	ck_assert(!is_master());
	ck_assert_int_eq(told->kept, 1);
	ck_assert_uint_eq(said("come to rest"), 0);
}
END_TEST

/* It is asked once for each time that the kernel asks, and keeps listening. */
START_TEST(does_not_stop_when_asked_back)
{
	told->stuck = 1;
	for (unsigned i = 1; i < 4; i++) {
		ask_back();
		removals(i);
	}
	ck_assert(!is_master());
	ck_assert_uint_eq(said("kept from memory"), 1);
	told->stuck = 0;
	ask_back();
	removals(4);
	ck_assert(wait_for(is_said, "removed from driver net_aaa_stuck", 5000));
	end_in_order();
	ck_assert_uint_eq(told->removals, 4);
}
END_TEST

/* Its driver says that it is at rest, but it cannot be kept from memory: so the memory stays. */
START_TEST(keeps_its_memory_while_deaf)
{
	told->deaf = 1;
	ask_back();
	removals(1);
	ck_assert(is_master());
	ck_assert_uint_eq(said("removed from driver net_aaa_stuck"), 0);
	ck_assert_uint_ge(said("does not listen"), 1);
	told->deaf = told->kept = 0;
	ask_back();
	removals(2);
	ck_assert(wait_for(is_said, "removed from driver net_aaa_stuck", 5000));
	ck_assert_int_eq(told->kept, 1);
	ck_assert(!is_master());
	end_in_order();
}
END_TEST

START_TEST(is_tried_again)
{
	child_signal(&primary, SIGUSR2); /* nothing to do */
	removals(0);
	told->stuck = 1;
	ask_back();
	removals(1);
	child_signal(&primary, SIGUSR2);
	removals(2);
	told->stuck = 0;
	child_signal(&primary, SIGUSR2);
	removals(3);
	ck_assert(wait_for(is_said, "removed from driver net_aaa_stuck", 5000));
	child_signal(&primary, SIGUSR2);
	removals(3);
	end_in_order();
	ck_assert_uint_eq(told->removals, 3);
}
END_TEST

static void rebind(const char *to)
{
	char link[64];

	(void)snprintf(link, sizeof(link), "../../../bus/pci/drivers/%s", to);
	tree_set_link(NIC, "driver", link);
	child_signal(&primary, SIGUSR1);
	sleep_us(100000);
}

static bool was_probed(void *arg)
{
	return told->probes == *(const unsigned *)arg;
}

/* Given back or detached, it is nobody's until somebody wants it or it is bound anew. */
START_TEST(stays_away)
{
	unsigned want = 2;

	ask_back();
	removals(1);
	for (int i = 0; i < 3; i++) {
		child_signal(&primary, SIGUSR1);
		sleep_us(50000);
	}
	ck_assert_uint_eq(told->probes, 1);
	rebind("e1000e");
	ck_assert_uint_eq(told->probes, 1);
	rebind("uio_pci_generic");
	ck_assert_msg(wait_for(was_probed, &want, 5000), "%s", child_err(&primary));

	attach_as("chief");
	ck_assert_msg(cleat_ctl_device_detach(NIC) == 0, "%s", cleat_error());
	child_signal(&primary, SIGUSR1);
	sleep_us(50000);
	ck_assert_uint_eq(told->probes, 2);
	ck_assert_msg(cleat_ctl_device_attach(NIC) >= 0, "%s", cleat_error());
	ck_assert_uint_eq(told->probes, 3);
	cleat_detach();
	end_in_order();
	ck_assert_uint_eq(told->removals, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("primary/device_removal");
	TCase *tc = tcase_create("removal");
	SRunner *runner;
	int failed;

	if (geteuid() != 0) {
		printf("SKIP: a device of UIO needs physical addresses, which only root may know\n");
		return SPAWN_SKIP;
	}
	test_dir();
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, start, end);
	tcase_add_test(tc, no_dma_before_its_driver);
	tcase_add_test(tc, does_not_stop_at_the_end);
	tcase_add_test(tc, stops_at_the_end);
	tcase_add_test(tc, does_not_stop_when_asked_back);
	tcase_add_test(tc, keeps_its_memory_while_deaf);
	tcase_add_test(tc, is_tried_again);
	tcase_add_test(tc, stays_away);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
