/* SPDX-License-Identifier: BSD-3-Clause */
/* bind_check.c - what is refused, and why. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/pci/pci_sysfs.h"
#include "tools/bind.h"

int bind_check_driver(const char *driver)
{
	char path[CLEAT_PCI_PATH_LEN];
	struct stat st;

	if (driver[0] == '\0' || driver[0] == '.' || strchr(driver, '/') != NULL ||
		strlen(driver) >= CLEAT_NAME_LEN)
		return cleat_err(-EINVAL, "'%.60s' is not the name of a driver", driver);
	if (snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", cleat_pci_sysfs(), driver) >=
		(int)sizeof(path))
		return cleat_err(-ENAMETOOLONG, "--sysfs-root is too long");
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return cleat_err(-ENOENT, "the kernel has no driver %s loaded; try: modprobe %s", driver,
		strcmp(driver, "vfio-pci") == 0 ? "-a vfio-pci vfio_iommu_type1" : driver);
}

/* An interface that was moved to another network namespace cannot be seen from here. */
static int check_hidden_net(const struct bind_device *d)
{
	if (d->n_nets > 0 || !bind_has_kernel_driver(d))
		return 0;
	return cleat_err(-EBUSY,
		"%s belongs to the driver %s, but no interface of it is seen here; it may be in use in "
		"another network namespace; --force takes it all the same",
		d->pci.device.name, d->pci.kernel_driver);
}

/* The kernel's driver takes its virtual functions along when it goes. */
static int check_functions(const struct bind_device *d)
{
	if (d->pci.numvfs == 0 || !bind_has_kernel_driver(d))
		return 0;
	return cleat_err(-EBUSY,
		"%s has %u virtual functions, which go when its driver %s goes; --force takes it all "
		"the same",
		d->pci.device.name, d->pci.numvfs, d->pci.kernel_driver);
}

/* What is mapped by VFIO does not say of which device it is. But the kernel opens no group twice,
 * and counts mappings. Not for those who only look: for a moment this keeps others from opening it.
 */
static int check_group_open(const struct bind_device *d)
{
	char path[64];
	int fd, busy;

	if (d->pci.iommu_group == CLEAT_PCI_NO_GROUP ||
		strcmp(d->pci.kernel_driver, "vfio-pci") != 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/dev/vfio/%d", d->pci.iommu_group);
	fd = open(path, O_RDWR | O_CLOEXEC);
	busy = fd < 0 && errno == EBUSY;
	if (fd >= 0)
		(void)close(fd);
	if (!busy)
		return 0;
	return cleat_err(-EBUSY,
		"%s is in use: a process has registers of IOMMU group %d mapped, perhaps a worker whose "
		"primary is dead; the kernel would wait for it; --force takes it all the same",
		d->pci.device.name, d->pci.iommu_group);
}

int bind_check_take(const struct bind_device *d, const struct bind_options *o)
{
	const char *address = d->pci.device.name;
	struct bind_use use;
	int code;

	if (o->force)
		return 0;
	if (!bind_is_network(d))
		return cleat_err(-EPERM,
			"%s is no network controller: its class is 0x%06x; --force takes it all the same",
			address, d->pci.class_code);
	code = bind_in_use(d, &use);
	if (code < 0)
		return cleat_err_prefix(code, "%s", address);
	if (code > 0)
		return cleat_err(-EBUSY, "%s is in use: %s; --force takes it all the same", address,
			use.why);
	code = check_group_open(d);
	code = code < 0 ? code : check_functions(d);
	return code < 0 ? code : check_hidden_net(d);
}

/* ---- IOMMU groups ---- */

/* Drivers beside which vfio lets a group be used: they do no DMA for others. */
static int is_harmless(const char *driver)
{
	return driver[0] == '\0' || strncmp(driver, "vfio", 4) == 0 ||
	       strcmp(driver, "pci-stub") == 0 || strcmp(driver, "pcieport") == 0;
}

struct group {
	const struct bind_device *of;
	const struct bind_device *with;
	unsigned n;
	char others[BIND_TEXT_LEN];
};

static int is_with(const struct group *g, const char *address)
{
	for (unsigned i = 0; i < g->n; i++)
		if (strcmp(g->with[i].pci.device.name, address) == 0)
			return 1;
	return strcmp(g->of->pci.device.name, address) == 0;
}

static int add_other(const char *address, void *arg)
{
	struct group *g = arg;
	struct bind_device other;
	size_t len = strlen(g->others);

	if (is_with(g, address) || bind_read(address, &other) < 0 ||
		other.pci.iommu_group != g->of->pci.iommu_group ||
		is_harmless(other.pci.kernel_driver))
		return 0;
	(void)snprintf(g->others + len, sizeof(g->others) - len, "%s%s (%s)", len > 0 ? ", " : "",
		address, other.pci.kernel_driver);
	return 0;
}

static int noiommu_is_on(void)
{
	char path[CLEAT_PCI_PATH_LEN];
	FILE *f;
	int on;

	if (snprintf(path, sizeof(path), "%s/module/vfio/parameters/enable_unsafe_noiommu_mode",
		    cleat_pci_sysfs()) >= (int)sizeof(path))
		return 0;
	f = fopen(path, "re");
	on = f != NULL && fgetc(f) == 'Y';
	if (f != NULL)
		(void)fclose(f);
	return on;
}

int bind_check_vfio(const struct bind_device *d, const struct bind_device *with, unsigned n,
	const struct bind_options *o)
{
	struct group g = { .of = d, .with = with, .n = n };
	int code;

	if (o->force)
		return 0;
	if (d->pci.iommu_group == CLEAT_PCI_NO_GROUP && noiommu_is_on())
		return 0;
	if (d->pci.iommu_group == CLEAT_PCI_NO_GROUP)
		return cleat_err(-ENOTSUP,
			"%s has no IOMMU, which vfio-pci needs; switch it on in the firmware and on the "
			"kernel's command line (intel_iommu=on), or bind to uio_pci_generic or igb_uio",
			d->pci.device.name);
	code = bind_each(add_other, &g);
	if (code < 0 || g.others[0] == '\0')
		return code;
	return cleat_err(-EBUSY,
		"%s shares IOMMU group %d with %s; the group is given to user space as a whole, so bind "
		"or unbind those as well, or use another slot; --force binds it all the same",
		d->pci.device.name, d->pci.iommu_group, g.others);
}
