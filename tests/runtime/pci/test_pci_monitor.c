/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What kernel events say, and how they arrive: in a network namespace of its own the test hands
 * events to the kernel, which sends them to who listens there. No device is touched.
 */
#include <check.h>
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/pci/pci_monitor.h"
#include "tests/support/spawn.h"

static char heard[512];

static void hear(void *arg, enum cleat_pci_change change, const char *address)
{
	size_t len = strlen(heard);

	ck_assert_ptr_eq(arg, heard);
	(void)snprintf(heard + len, sizeof(heard) - len, "%d:%s ", change, address);
}

START_TEST(meaning)
{
	static const struct {
		const char *action, *subsystem, *name;
		enum cleat_pci_change change;
	} CASES[] = {
		{ "add", "pci", "0000:01:00.0", CLEAT_PCI_ADDED },
		{ "remove", "pci", "0000:01:00.0", CLEAT_PCI_REMOVED },
		{ "bind", "pci", "0000:01:00.0", CLEAT_PCI_BOUND },
		{ "unbind", "pci", "0000:01:00.0", CLEAT_PCI_UNBOUND },
		{ "change", "pci", "0000:01:00.0", CLEAT_PCI_NO_CHANGE },
		{ "", "pci", "0000:01:00.0", CLEAT_PCI_NO_CHANGE },
		{ NULL, "pci", "0000:01:00.0", CLEAT_PCI_NO_CHANGE },
		{ "add", "net", "0000:01:00.0", CLEAT_PCI_NO_CHANGE },
		{ "add", NULL, "0000:01:00.0", CLEAT_PCI_NO_CHANGE },
		{ "bind", "pci", "vfio-pci", CLEAT_PCI_NO_CHANGE }, /* a driver's own event */
		{ "add", "pci", NULL, CLEAT_PCI_NO_CHANGE },
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char address[CLEAT_NAME_LEN] = "";

		ck_assert_int_eq(cleat_pci_change_of(CASES[i].action, CASES[i].subsystem,
					 CASES[i].name, address),
			CASES[i].change);
		if (CASES[i].change != CLEAT_PCI_NO_CHANGE)
			ck_assert_str_eq(address, "0000:01:00.0");
	}
}
END_TEST

START_TEST(start_and_stop)
{
	int fds = fd_count();

	for (int i = 0; i < 3; i++) {
		ck_assert_int_ge(cleat_pci_monitor_start(), 0);
		ck_assert_int_eq(cleat_pci_monitor_start(), -EBUSY);
		ck_assert_int_eq(cleat_pci_monitor_read(hear, heard), 0);
		cleat_pci_monitor_stop();
		cleat_pci_monitor_stop();
		ck_assert_int_eq(cleat_pci_monitor_read(hear, heard), 0);
	}
	ck_assert_int_eq(fd_count(), fds);
}
END_TEST

/* Hand one event to the kernel: lines of the form KEY=VALUE, joined by '|'. */
static void inject(int fd, const char *lines)
{
	struct {
		struct nlmsghdr header;
		char text[512];
	} message = { 0 };
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	size_t len = strlen(lines) + 1;

	memcpy(message.text, lines, len);
	for (size_t i = 0; i < len; i++)
		if (message.text[i] == '|')
			message.text[i] = '\0';
	message.header.nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	message.header.nlmsg_type = NLMSG_MIN_TYPE;
	message.header.nlmsg_flags = NLM_F_REQUEST;
	ck_assert_int_eq(sendto(fd, &message, message.header.nlmsg_len, 0,
				 (struct sockaddr *)&kernel, sizeof(kernel)),
		(ssize_t)message.header.nlmsg_len);
}

/* The kernel adds the event's number. */
#define EVENT(action, subsystem, path) \
	action "@" path "|ACTION=" action "|DEVPATH=" path "|SUBSYSTEM=" subsystem

START_TEST(events)
{
	int fd, sender;
	struct pollfd pollfd = { .events = POLLIN };

	if (unshare(CLONE_NEWNET) < 0) {
		fprintf(stderr, "SKIP: no network namespace (root is needed)\n");
		return;
	}
	fd = cleat_pci_monitor_start();
	ck_assert_int_ge(fd, 0);
	sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	ck_assert_int_ge(sender, 0);
	inject(sender, EVENT("add", "pci", "/devices/pci0000:00/0000:00:1c.0/0000:7e:00.0"));
	inject(sender, EVENT("add", "net", "/devices/pci0000:00/0000:7e:00.0/net/none0"));
	inject(sender, EVENT("bind", "pci", "/devices/pci0000:00/0000:00:1c.0/0000:7e:00.0"));
	inject(sender, EVENT("remove", "pci", "/devices/pci0000:00/0000:7e:1f.7"));
	pollfd.fd = fd;
	ck_assert_int_eq(poll(&pollfd, 1, 2000), 1);
	ck_assert_int_eq(cleat_pci_monitor_read(hear, heard), 0);
	ck_assert_str_eq(heard, "1:0000:7e:00.0 3:0000:7e:00.0 2:0000:7e:1f.7 ");
	heard[0] = '\0';
	ck_assert_int_eq(cleat_pci_monitor_read(hear, heard), 0); /* does not wait */
	ck_assert_str_eq(heard, "");
	cleat_pci_monitor_stop();
	(void)close(sender);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/pci/pci_monitor");
	TCase *tc = tcase_create("monitor");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, meaning);
	tcase_add_test(tc, start_and_stop);
	tcase_add_test(tc, events);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return code_where_root_is_needed(failed);
}
