/* SPDX-License-Identifier: BSD-3-Clause */
/* bind_use.c - who uses a device: the kernel's network, or a process that has it open. */
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/pci/pci_access.h"
#include "runtime/pci/pci_sysfs.h"
#include "tools/bind.h"

int bind_is_userspace(const char *driver)
{
	static const char *const OTHERS[] = { "pci-stub", "pci-pf-stub", "pciback" };

	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		if (strcmp(driver, OTHERS[i]) == 0)
			return 1;
	return cleat_pci_access_find(driver) != NULL || strncmp(driver, "vfio", 4) == 0;
}

int bind_has_kernel_driver(const struct bind_device *d)
{
	return d->pci.kernel_driver[0] != '\0' && !bind_is_userspace(d->pci.kernel_driver);
}

/* ---- the kernel's network ---- */

/* An IPv4 address with a label of its own is listed under that: "eth0:1". */
static int is_of(const char *listed, const char *name)
{
	size_t len = strlen(name);

	return strncmp(listed, name, len) == 0 && (listed[len] == '\0' || listed[len] == ':');
}

/* The first address of an interface that somebody gave it: the kernel makes link-local ones. */
static int has_address(const char *name, char text[INET6_ADDRSTRLEN])
{
	struct ifaddrs *all, *a;
	int found = 0;

	if (getifaddrs(&all) < 0)
		return cleat_err(-errno, "the addresses of %s: %s", name, strerror(errno));
	for (a = all; a != NULL && !found; a = a->ifa_next) {
		const struct sockaddr_in6 *six = (const void *)a->ifa_addr;
		const struct sockaddr_in *four = (const void *)a->ifa_addr;

		if (a->ifa_addr == NULL || !is_of(a->ifa_name, name))
			continue;
		if (a->ifa_addr->sa_family == AF_INET)
			found = inet_ntop(AF_INET, &four->sin_addr, text, INET6_ADDRSTRLEN) != NULL;
		else if (a->ifa_addr->sa_family == AF_INET6 &&
			 !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
			found = inet_ntop(AF_INET6, &six->sin6_addr, text, INET6_ADDRSTRLEN) !=
				NULL;
	}
	freeifaddrs(all);
	return found;
}

/* Is there a default route by it? /proc/net/route: name, destination, …, mask in the 8th column;
 * /proc/net/ipv6_route: destination, prefix length, …, name in the last. */
static int has_default_route(const char *name)
{
	char line[512], dev[64], to[64], mask[64];
	FILE *f = fopen("/proc/net/route", "re");
	int found = 0;

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%63s %63s %*s %*s %*s %*s %*s %63s", dev, to, mask) == 3 &&
			strcmp(dev, name) == 0 && strcmp(to, "00000000") == 0 &&
			strcmp(mask, "00000000") == 0;
	if (f != NULL)
		(void)fclose(f);
	f = fopen("/proc/net/ipv6_route", "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%63s %63s %*s %*s %*s %*s %*s %*s %*s %63s", to, mask, dev) ==
				3 &&
			strcmp(dev, name) == 0 && strcmp(mask, "00") == 0;
	if (f != NULL)
		(void)fclose(f);
	return found;
}

/* What lies on an interface: a VLAN, a bridge, a macvlan. */
static int has_upper(const char *address, const struct bind_net *net, char upper[IFNAMSIZ])
{
	char path[CLEAT_PCI_PATH_LEN];
	struct dirent *entry;
	DIR *dir;
	int found = 0;

	if (cleat_pci_sysfs_path(path, address, net->path) < 0)
		return 0;
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		found = strncmp(entry->d_name, "upper_", 6) == 0;
		if (found)
			(void)snprintf(upper, IFNAMSIZ, "%.15s", entry->d_name + 6);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* @return 1 */
static int used(struct bind_use *use, const struct bind_net *net, const char *how, const char *what)
{
	(void)snprintf(use->why, sizeof(use->why), "%s %s%s", net->name, how, what);
	(void)snprintf(use->brief, sizeof(use->brief), "%s", what[0] != '\0' ? what : how);
	return 1;
}

static int net_in_use(const char *address, const struct bind_net *net, struct bind_use *use)
{
	char file[96], name[CLEAT_NAME_LEN], ip[INET6_ADDRSTRLEN];
	uint64_t flags;
	int code;

	(void)snprintf(file, sizeof(file), "%s/master", net->path);
	if (cleat_pci_sysfs_link(address, file, name) == 0)
		return used(use, net, "belongs to ", name);
	(void)snprintf(file, sizeof(file), "%s/flags", net->path);
	code = cleat_pci_sysfs_number(address, file, UINT32_MAX, &flags);
	if (code < 0)
		return code;
	if ((flags & IFF_UP) == 0)
		return 0;
	code = has_address(net->name, ip);
	if (code < 0)
		return code;
	if (code > 0)
		return used(use, net, "is up and has the address ", ip);
	if (has_default_route(net->name))
		return used(use, net, "is up and the default route", "");
	if (has_upper(address, net, name))
		return used(use, net, "is up and below ", name);
	return 0;
}

/* ---- processes ---- */

/* The only entry of a folder of a device that begins with @p prefix. */
static int entry_of(
	const char *address, const char *folder, const char *prefix, char out[CLEAT_NAME_LEN])
{
	char path[CLEAT_PCI_PATH_LEN];
	struct dirent *entry;
	DIR *dir;
	int found = 0;

	if (cleat_pci_sysfs_path(path, address, folder) < 0)
		return 0;
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		found = strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
			strlen(entry->d_name) < CLEAT_NAME_LEN;
		if (found)
			memcpy(out, entry->d_name, strlen(entry->d_name) + 1);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

#define MAX_NODES 4
struct nodes {
	char paths[MAX_NODES][64]; /* of device nodes */
	unsigned n;
};

static void nodes_of(const struct bind_device *d, struct nodes *nodes)
{
	char name[CLEAT_NAME_LEN];
	const char *address = d->pci.device.name;

	nodes->n = 0;
	if (entry_of(address, "uio", "uio", name))
		(void)snprintf(nodes->paths[nodes->n++], 64, "/dev/%s", name);
	if (strncmp(d->pci.kernel_driver, "vfio", 4) != 0)
		return;
	if (d->pci.iommu_group != CLEAT_PCI_NO_GROUP) {
		(void)snprintf(nodes->paths[nodes->n++], 64, "/dev/vfio/%d", d->pci.iommu_group);
		(void)snprintf(
			nodes->paths[nodes->n++], 64, "/dev/vfio/noiommu-%d", d->pci.iommu_group);
	}
	if (entry_of(address, "vfio-dev", "vfio", name))
		(void)snprintf(nodes->paths[nodes->n++], 64, "/dev/vfio/devices/%s", name);
}

/* Has this process one of the nodes open? One that we may not look at, or that ended: no. */
static int has_open(const char *pid, const struct nodes *nodes)
{
	char path[96], target[256];
	struct dirent *entry;
	DIR *dir;
	int found = 0;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	while (dir != NULL && !found && (entry = readdir(dir)) != NULL) {
		ssize_t len;

		(void)snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		for (unsigned i = 0; i < nodes->n; i++)
			found |= strcmp(target, nodes->paths[i]) == 0;
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* Has it registers mapped? A worker whose primary is dead has, and no node open. */
static int has_mapped(const char *pid, const struct bind_device *d)
{
	char path[64], part[64], line[512];
	int found = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	(void)snprintf(part, sizeof(part), "/%s/resource", d->pci.device.name);
	f = fopen(path, "re");
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = strstr(line, part) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static void name_of(const char *pid, char name[32])
{
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	f = fopen(path, "re");
	if (f == NULL || fgets(name, 32, f) == NULL)
		(void)snprintf(name, 32, "a process");
	name[strcspn(name, "\n")] = '\0';
	if (f != NULL)
		(void)fclose(f);
}

static int process_has(const struct bind_device *d, struct bind_use *use)
{
	struct nodes nodes;
	struct dirent *entry;
	char name[32];
	DIR *proc;
	int found = 0;

	nodes_of(d, &nodes);
	proc = nodes.n > 0 ? opendir("/proc") : NULL;
	while (proc != NULL && !found && (entry = readdir(proc)) != NULL) {
		found = isdigit((unsigned char)entry->d_name[0]) &&
			(has_open(entry->d_name, &nodes) || has_mapped(entry->d_name, d));
		if (!found)
			continue;
		name_of(entry->d_name, name);
		(void)snprintf(
			use->brief, sizeof(use->brief), "%s (pid %.20s)", name, entry->d_name);
		(void)snprintf(use->why, sizeof(use->why), "%s has it open", use->brief);
	}
	if (proc != NULL)
		(void)closedir(proc);
	return found;
}

int bind_in_use(const struct bind_device *d, struct bind_use *use)
{
	for (unsigned i = 0; i < d->n_nets; i++) {
		int code = net_in_use(d->pci.device.name, &d->nets[i], use);

		if (code != 0)
			return code;
	}
	return process_has(d, use);
}
