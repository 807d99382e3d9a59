/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bind.h - `cleat bind`: which kernel driver has which network controller, and how to change that.
 *
 *   found → checked → changed → verified
 *
 * Everything goes through sysfs below cleat_pci_sysfs(). Nothing is changed before all devices of a
 * command have been checked. All functions return 0 or negative errno with a sentence.
 */
#ifndef CLEAT_TOOLS_BIND_H
#define CLEAT_TOOLS_BIND_H

#include <net/if.h>

#include "runtime/pci/pci.h"
#include "tools/command.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BIND_MAX_NETS	 8
#define BIND_MAX_DEVICES 64 /* of one command */
#define BIND_TEXT_LEN	 256
#define BIND_STATE_DIR	 "/run/cleat/.bind" /* no instance's name begins with a dot */
#define BIND_ANY	 "*"

/* A network interface of a device. */
struct bind_net {
	char name[IFNAMSIZ];
	char path[64]; /* below the device's folder: "net/eth0", "virtio2/net/eth0" */
};

struct bind_device {
	struct cleat_pci_device pci; /* pci.device.name is the address */
	struct bind_net nets[BIND_MAX_NETS];
	unsigned n_nets;
};

/* Who uses a device. */
struct bind_use {
	char why[BIND_TEXT_LEN]; /* "eth0 is up and has the address 192.0.2.2" */
	char brief[64];		 /* "192.0.2.2" */
};

struct bind_options {
	int force;
	const char *state_dir;
};

/* ---- bind_find.c ---- */

/** Read a device and find its interfaces. @return -ENODEV, -EPROTO as cleat_pci_read() */
int bind_read(const char *address, struct bind_device *d);
/** The device that the user means by an address or an interface's name. -ENODEV: none */
int bind_find(const char *text, struct bind_device *d);
/** Every PCI device's address in order, until @p visit returns non-zero. @return what it returned
 * last, or what opening the folder said */
int bind_each(int (*visit)(const char *address, void *arg), void *arg);
int bind_is_network(const struct bind_device *d);

/* ---- bind_use.c ---- */

/**
 * Who uses the device? An interface that is up and has an address, the default route or something
 * on top; one that belongs to a bridge or bond; or a process that has the device open.
 *
 * @param use  receives who
 * @return     1 or 0; -EPROTO if sysfs makes no sense
 */
int bind_in_use(const struct bind_device *d, struct bind_use *use);
/** Does this kernel driver make no network interfaces (vfio-pci, uio_pci_generic, …)? */
int bind_is_userspace(const char *driver);
/** Is it bound to a driver that is none of those? */
int bind_has_kernel_driver(const struct bind_device *d);

/* ---- bind_check.c ---- */

/** Does the kernel have this driver, loaded? @return -ENOENT with what to do */
int bind_check_driver(const char *driver);
/** May it be taken from its present driver? @return -EPERM (no network controller), -EBUSY */
int bind_check_take(const struct bind_device *d, const struct bind_options *o);
/**
 * Will vfio-pci be able to use it? Its IOMMU group must be there and hold nothing that another
 * driver uses.
 *
 * @param with, n  devices that the same command binds
 * @return         -ENOTSUP: no IOMMU; -EBUSY: the sentence lists the others of the group
 */
int bind_check_vfio(const struct bind_device *d, const struct bind_device *with, unsigned n,
	const struct bind_options *o);

/* ---- bind_state.c ---- */

/** Remember the present driver; what was remembered of a kernel driver stays. */
int bind_remember(const struct bind_device *d, const struct bind_options *o);
/** What was remembered: a driver, "" for none, or BIND_ANY for whichever the kernel chooses.
 * @return -ENOENT if nothing was */
int bind_remembered(const char *address, const struct bind_options *o, char out[CLEAT_NAME_LEN]);
int bind_forget(const char *address, const struct bind_options *o);
/** Every address that has something remembered. @return as bind_each() */
int bind_each_remembered(
	const struct bind_options *o, int (*visit)(const char *address, void *arg), void *arg);

/* ---- bind_act.c ---- */

/* Each reads d->pci.kernel_driver back after it, so that it tells what is the case. */

/** @return 0; 1: it was so already; the kernel's error, and the device is back where it was if that
 * can be */
int bind_to(struct bind_device *d, const char *driver, const struct bind_options *o);
int bind_off(struct bind_device *d, const struct bind_options *o);
/** Back to the driver remembered, or if none was, to the one that the kernel prefers. */
int bind_restore(struct bind_device *d, const struct bind_options *o);

/* ---- bind_list.c ---- */

/** @return an exit code, of cleat_tool_show(); negative errno with a sentence */
int bind_list(const struct cleat_tool *tool);

#ifdef __cplusplus
}
#endif

#endif
