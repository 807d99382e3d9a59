/* SPDX-License-Identifier: BSD-3-Clause */
/* bind_find.c - devices by address or by the name of their interface. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/pci/pci_sysfs.h"
#include "tools/bind.h"

#define CLASS_NETWORK 0x02U

static int is_address(const struct dirent *entry)
{
	char address[CLEAT_NAME_LEN];

	return cleat_pci_address(entry->d_name, address) && strcmp(address, entry->d_name) == 0;
}

int bind_each(int (*visit)(const char *address, void *arg), void *arg)
{
	char path[CLEAT_PCI_PATH_LEN];
	struct dirent **entries;
	int n, code = cleat_pci_sysfs_path(path, "", "");

	if (code < 0)
		return code;
	n = scandir(path, &entries, is_address, alphasort);
	if (n < 0)
		return cleat_err(-errno, "%s: %s", path, strerror(errno));
	for (int i = 0; i < n; i++) {
		code = code == 0 ? visit(entries[i]->d_name, arg) : code;
		free(entries[i]);
	}
	free(entries);
	return code;
}

int bind_is_network(const struct bind_device *d)
{
	return d->pci.class_code >> 16 == CLASS_NETWORK;
}

/* The interfaces in one folder; one that is not there holds none. */
static void add_nets(struct bind_device *d, const char *folder)
{
	char path[CLEAT_PCI_PATH_LEN];
	struct dirent *entry;
	DIR *dir;

	if (cleat_pci_sysfs_path(path, d->pci.device.name, folder) < 0)
		return;
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL && d->n_nets < BIND_MAX_NETS) {
		struct bind_net *net = &d->nets[d->n_nets];
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.' || len >= sizeof(net->name))
			continue;
		memcpy(net->name, entry->d_name, len + 1);
		if (snprintf(net->path, sizeof(net->path), "%s/%s", folder, entry->d_name) <
			(int)sizeof(net->path))
			d->n_nets++;
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* A virtio device's interface hangs below the virtio bus. */
static void add_virtio_nets(struct bind_device *d)
{
	char path[CLEAT_PCI_PATH_LEN], folder[48];
	struct dirent *entry;
	DIR *dir;

	if (cleat_pci_sysfs_path(path, d->pci.device.name, "") < 0)
		return;
	dir = opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, "virtio", 6) == 0 &&
			snprintf(folder, sizeof(folder), "%.32s/net", entry->d_name) > 0)
			add_nets(d, folder);
	if (dir != NULL)
		(void)closedir(dir);
}

int bind_read(const char *address, struct bind_device *d)
{
	int code = cleat_pci_read(address, &d->pci);

	d->n_nets = 0;
	if (code < 0)
		return code;
	add_nets(d, "net");
	add_virtio_nets(d);
	return 0;
}

struct wanted {
	const char *name;
	struct bind_device *d;
};

/* @return 1 if the device has the interface */
static int has_net(const char *address, void *arg)
{
	struct wanted *w = arg;

	if (bind_read(address, w->d) < 0)
		return 0; /* a broken device: not the one, unless it is asked for by address */
	for (unsigned i = 0; i < w->d->n_nets; i++)
		if (strcmp(w->d->nets[i].name, w->name) == 0)
			return 1;
	return 0;
}

int bind_find(const char *text, struct bind_device *d)
{
	struct wanted w = { text, d };
	char address[CLEAT_NAME_LEN];
	int code;

	if (cleat_pci_address(text, address))
		return bind_read(address, d);
	code = bind_each(has_net, &w);
	if (code != 0)
		return code < 0 ? code : 0;
	return cleat_err(-ENODEV,
		"'%.60s' is neither a PCI address (0000:01:00.0) nor the interface of a PCI device; "
		"see cleat bind list",
		text);
}
