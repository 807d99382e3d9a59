/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_monitor.c - see pci_monitor.h. */
#include "runtime/pci/pci_monitor.h"

#include <errno.h>
#include <libudev.h>
#include <string.h>

#define SUBSYSTEM    "pci"
#define BUFFER_BYTES (1 << 20) /* a switch full of devices at once */

static struct udev *udev;
static struct udev_monitor *monitor;

enum cleat_pci_change cleat_pci_change_of(
	const char *action, const char *subsystem, const char *name, char address[CLEAT_NAME_LEN])
{
	static const struct {
		const char *action;
		enum cleat_pci_change change;
	} ACTIONS[] = {
		{ "add", CLEAT_PCI_ADDED },
		{ "remove", CLEAT_PCI_REMOVED },
		{ "bind", CLEAT_PCI_BOUND },
		{ "unbind", CLEAT_PCI_UNBOUND },
	};

	if (action == NULL || subsystem == NULL || name == NULL ||
		strcmp(subsystem, SUBSYSTEM) != 0 || !cleat_pci_address(name, address))
		return CLEAT_PCI_NO_CHANGE;
	for (size_t i = 0; i < sizeof(ACTIONS) / sizeof(ACTIONS[0]); i++)
		if (strcmp(action, ACTIONS[i].action) == 0)
			return ACTIONS[i].change;
	return CLEAT_PCI_NO_CHANGE;
}

/* @param code negative errno; 0: the library does not say why */
static int failed(const char *what, int code)
{
	code = code < 0 ? code : -EIO;
	cleat_pci_monitor_stop();
	return cleat_err(code, "cannot listen for PCI devices that come and go: %s: %s", what,
		strerror(-code));
}

int cleat_pci_monitor_start(void)
{
	int code;

	if (monitor != NULL)
		return cleat_err(-EBUSY, "the PCI monitor is started already");
	udev = udev_new();
	if (udev == NULL)
		return failed("udev_new", -errno);
	monitor = udev_monitor_new_from_netlink(udev, "kernel");
	if (monitor == NULL)
		return failed("netlink", -errno);
	code = udev_monitor_filter_add_match_subsystem_devtype(monitor, SUBSYSTEM, NULL);
	if (code < 0)
		return failed("filter", code);
	/* A smaller buffer does, too: what is lost is told. */
	(void)udev_monitor_set_receive_buffer_size(monitor, BUFFER_BYTES);
	code = udev_monitor_enable_receiving(monitor);
	if (code < 0)
		return failed("bind", code);
	return udev_monitor_get_fd(monitor);
}

static void tell(struct udev_device *device, cleat_pci_change_fn fn, void *arg)
{
	char address[CLEAT_NAME_LEN];
	enum cleat_pci_change change = cleat_pci_change_of(udev_device_get_action(device),
		udev_device_get_subsystem(device), udev_device_get_sysname(device), address);

	if (change != CLEAT_PCI_NO_CHANGE)
		fn(arg, change, address);
}

int cleat_pci_monitor_read(cleat_pci_change_fn fn, void *arg)
{
	int lost = 0;

	while (monitor != NULL) { /* fn may stop it */
		struct udev_device *device;

		errno = 0;
		device = udev_monitor_receive_device(monitor);
		if (device != NULL) {
			tell(device, fn, arg);
			(void)udev_device_unref(device);
			continue;
		}
		if (errno == 0 || errno == EAGAIN)
			break;
		if (errno == ENOBUFS)
			lost = 1;
		else if (errno != EINTR)
			return cleat_err(-errno, "the PCI monitor: %s", strerror(errno));
	}
	return lost;
}

void cleat_pci_monitor_stop(void)
{
	monitor = udev_monitor_unref(monitor);
	udev = udev_unref(udev);
}
