/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bind_act.c - change the driver of a device, and look whether it changed.
 *
 * With driver_override (kernel 3.16 and later) the device names the one driver that may have it, so
 * that no other device of its kind is touched. Without, the driver is told the device's ids for as
 * long as it takes.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-pci (bind, unbind, new_id, remove_id,
 * driver_override), sysfs-bus (drivers_probe).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/pci/pci_sysfs.h"
#include "tools/bind.h"

#define WAIT_MS 1000 /* for a driver that probes in the background */
#define STEP_MS 5

#define NO_OVERRIDE "\n"

/* Write @p text to a file of sysfs that @p fmt names, below the root. */
static int put(const char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static int put(const char *text, const char *fmt, ...)
{
	char below[256], path[CLEAT_PCI_PATH_LEN];
	va_list args;
	int fd, len, code = 0;

	va_start(args, fmt);
	(void)vsnprintf(below, sizeof(below), fmt, args);
	va_end(args);
	len = snprintf(path, sizeof(path), "%s/bus/pci/%s", cleat_pci_sysfs(), below);
	if (len >= (int)sizeof(path))
		return cleat_err(-ENAMETOOLONG, "--sysfs-root is too long");
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return cleat_err(-errno, "%s: %s", path, strerror(errno));
	if (write(fd, text, strlen(text)) < 0)
		code = -errno;
	(void)close(fd);
	return code == 0 ? 0
			 : cleat_err(code, "the kernel refuses '%.*s' in %s: %s",
				   (int)strcspn(text, "\n"), text, path, strerror(-code));
}

static int has_override(const struct bind_device *d)
{
	char path[CLEAT_PCI_PATH_LEN];

	return cleat_pci_sysfs_path(path, d->pci.device.name, "driver_override") == 0 &&
	       access(path, F_OK) == 0;
}

/* ---- what is the case ---- */

static int is_with(const struct bind_device *d, const char *driver)
{
	if (strcmp(driver, BIND_ANY) == 0)
		return d->pci.kernel_driver[0] != '\0';
	return strcmp(d->pci.kernel_driver, driver) == 0;
}

/* Read the link until it is @p driver ("" for none), for a while. @return 1; 0: it is not; -EPROTO,
 * -ENODEV */
static int comes_to(struct bind_device *d, const char *driver)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	for (int ms = 0;; ms += STEP_MS) {
		int code = cleat_pci_reread(&d->pci);

		if (code < 0)
			return code;
		if (is_with(d, driver) || ms >= WAIT_MS)
			return is_with(d, driver);
		(void)nanosleep(&step, NULL);
	}
}

static int not_bound(const struct bind_device *d, const char *driver)
{
	const char *address = d->pci.device.name;

	if (strcmp(driver, BIND_ANY) == 0)
		return cleat_err(-EIO,
			"no driver that the kernel has loaded takes %s; load it (modprobe) and try again",
			address);
	return cleat_err(-EIO, "%s did not come to driver %s; the kernel's log may say why (dmesg)",
		address, driver);
}

/* ---- steps ---- */

static int detach(struct bind_device *d)
{
	const char *address = d->pci.device.name;
	int code;

	if (d->pci.kernel_driver[0] == '\0')
		return 0;
	code = put(address, "devices/%s/driver/unbind", address);
	code = code < 0 ? code : comes_to(d, "");
	if (code == 0)
		return cleat_err(-EIO, "%s is still bound to %s", address, d->pci.kernel_driver);
	return code < 0 ? code : 0;
}

/* Ask one driver, which says why if it does not take the device. */
static int ask(struct bind_device *d, const char *driver)
{
	const char *address = d->pci.device.name;
	int code = detach(d);

	code = code < 0 ? code : put(address, "drivers/%s/bind", driver);
	code = code < 0 ? code : comes_to(d, driver);
	if (code == 0)
		return not_bound(d, driver);
	return code < 0 ? code : 0;
}

/* Let the kernel look for a driver; if that does not make it @p driver, ask that one. */
static int probe(struct bind_device *d, const char *driver)
{
	int put_code = put(d->pci.device.name, "drivers_probe");
	int code = comes_to(d, driver);

	if (code != 0)
		return code < 0 ? code : 0;
	if (strcmp(driver, BIND_ANY) == 0)
		return put_code < 0 ? put_code : not_bound(d, driver);
	return ask(d, driver);
}

static int attach_by_override(struct bind_device *d, const char *driver)
{
	int code = put(driver, "devices/%s/driver_override", d->pci.device.name);

	code = code < 0 ? code : detach(d);
	return code < 0 ? code : probe(d, driver);
}

/* While the driver knows the ids, it would take any other device of this kind that is unbound. */
static int attach_by_id(struct bind_device *d, const char *driver)
{
	char ids[16];
	int code = detach(d), told, after;

	(void)snprintf(ids, sizeof(ids), "%04x %04x", d->pci.vendor, d->pci.device_id);
	told = code = code < 0 ? code : put(ids, "drivers/%s/new_id", driver);
	if (code < 0 && code != -EEXIST)
		return code;
	code = comes_to(d, driver); /* it has looked around by itself */
	if (code == 0)
		code = ask(d, driver);
	/* what it knew before, by itself or from somebody else, it goes on knowing */
	after = told == -EEXIST ? 0 : put(ids, "drivers/%s/remove_id", driver);
	return code < 0 ? code : after;
}

static int attach(struct bind_device *d, const char *driver)
{
	return has_override(d) ? attach_by_override(d, driver) : attach_by_id(d, driver);
}

/* To a driver that knows the device by itself. */
static int attach_plainly(struct bind_device *d, const char *driver)
{
	int code = 0;

	if (has_override(d))
		code = put(NO_OVERRIDE, "devices/%s/driver_override", d->pci.device.name);
	if (code == 0 && !is_with(d, driver))
		code = detach(d);
	if (code == 0 && !is_with(d, driver))
		code = probe(d, driver);
	return code;
}

/* A failure leaves the device as it was, if that can be, and says how it is. */
static int undo(struct bind_device *d, const char *before, const struct bind_options *o, int code)
{
	char why[CLEAT_ERROR_LEN];

	(void)snprintf(why, sizeof(why), "%s", cleat_error());
	if (before[0] != '\0' && bind_is_userspace(before))
		(void)attach(d, before);
	else if (before[0] != '\0')
		(void)attach_plainly(d, before);
	else if (has_override(d))
		(void)put(NO_OVERRIDE, "devices/%s/driver_override", d->pci.device.name);
	(void)cleat_pci_reread(&d->pci);
	if (bind_has_kernel_driver(d))
		(void)bind_forget(d->pci.device.name, o);
	return cleat_err(code, "%.300s; now %s is %s%s", why, d->pci.device.name,
		d->pci.kernel_driver[0] != '\0' ? "bound to " : "bound to no driver",
		d->pci.kernel_driver);
}

/* ---- what the commands do ---- */

int bind_to(struct bind_device *d, const char *driver, const struct bind_options *o)
{
	char before[CLEAT_NAME_LEN], old[CLEAT_NAME_LEN];
	int code;

	if (is_with(d, driver))
		return 1;
	if (bind_remembered(d->pci.device.name, o, old) == 0 && strcmp(old, driver) == 0)
		return bind_restore(d, o);
	memcpy(before, d->pci.kernel_driver, sizeof(before));
	code = bind_remember(d, o);
	if (code < 0)
		return code;
	code = attach(d, driver);
	return code < 0 ? undo(d, before, o, code) : 0;
}

int bind_off(struct bind_device *d, const struct bind_options *o)
{
	int code;

	if (is_with(d, ""))
		return 1;
	code = bind_remember(d, o);
	if (code == 0 && has_override(d))
		code = put(NO_OVERRIDE, "devices/%s/driver_override", d->pci.device.name);
	return code < 0 ? code : detach(d);
}

int bind_restore(struct bind_device *d, const struct bind_options *o)
{
	char want[CLEAT_NAME_LEN] = BIND_ANY;
	int any, was_so, code = bind_remembered(d->pci.device.name, o, want);

	if (code < 0 && code != -ENOENT)
		return code;
	code = 0;
	any = strcmp(want, BIND_ANY) == 0;
	was_so = any ? bind_has_kernel_driver(d) : is_with(d, want);
	if (any && was_so) /* nothing of ours */
		return bind_forget(d->pci.device.name, o) < 0 ? -EIO : 1;
	if (!any && want[0] != '\0')
		code = bind_check_driver(want);
	if (code == 0 && any)
		code = detach(d);
	code = code < 0 ? code : attach_plainly(d, want);
	code = code < 0 ? code : bind_forget(d->pci.device.name, o);
	return code < 0 ? code : was_so;
}
