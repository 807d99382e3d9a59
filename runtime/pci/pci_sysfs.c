/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_sysfs.c - see pci_sysfs.h. */
#include "runtime/pci/pci_sysfs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/pci/pci.h"

static const char *sysfs_root = "/sys";

void cleat_pci_sysfs_set(const char *root)
{
	sysfs_root = root;
}

const char *cleat_pci_sysfs(void)
{
	return sysfs_root;
}

int cleat_pci_sysfs_path(char out[CLEAT_PCI_PATH_LEN], const char *address, const char *file)
{
	int len = snprintf(out, CLEAT_PCI_PATH_LEN, "%s/bus/pci/devices%s%s%s%s", sysfs_root,
		address[0] != '\0' ? "/" : "", address, file[0] != '\0' ? "/" : "", file);

	if (len < 0 || len >= CLEAT_PCI_PATH_LEN)
		return cleat_err(-ENAMETOOLONG,
			"the path of PCI device %.40s below %.100s is too long", address,
			sysfs_root);
	return 0;
}

static int failed(const char *path, int code)
{
	return cleat_err(code, "%s: %s", path, strerror(-code));
}

/* Up to @p len bytes, so that a longer file is seen to be one. */
static int read_whole(const char *path, char *out, size_t len)
{
	/* What is no file of sysfs (a FIFO) does not hold us up. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t got = 0;
	ssize_t n;
	int code;

	if (fd < 0)
		return failed(path, -errno);
	do {
		n = read(fd, out + got, len - got);
		if (n > 0)
			got += (size_t)n;
	} while ((n > 0 && got < len) || (n < 0 && errno == EINTR));
	code = n < 0 ? failed(path, -errno) : (int)got;
	(void)close(fd);
	return code;
}

static int is_text(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isprint((unsigned char)text[i]) && !isspace((unsigned char)text[i]))
			return 0;
	return 1;
}

int cleat_pci_sysfs_text(const char *address, const char *file, char *out, size_t len)
{
	char path[CLEAT_PCI_PATH_LEN];
	int code = cleat_pci_sysfs_path(path, address, file);

	code = code < 0 ? code : read_whole(path, out, len);
	if (code < 0)
		return code;
	if (!is_text(out, (size_t)code))
		return cleat_err(-EPROTO, "%s holds bytes that are no text", path);
	if (code > 0 && out[code - 1] == '\n')
		code--;
	if ((size_t)code >= len)
		return cleat_err(-EPROTO, "%s is longer than %zu characters", path, len - 1);
	out[code] = '\0';
	return code;
}

int cleat_pci_sysfs_number(const char *address, const char *file, uint64_t most, uint64_t *out)
{
	char text[32], path[CLEAT_PCI_PATH_LEN];
	char *end;
	int code = cleat_pci_sysfs_text(address, file, text, sizeof(text));

	code = code < 0 ? code : cleat_pci_sysfs_path(path, address, file);
	if (code < 0)
		return code;
	errno = 0;
	*out = strtoull(text, &end, 0);
	if (!isdigit((unsigned char)text[0]) || *end != '\0' || errno != 0 || *out > most)
		return cleat_err(-EPROTO, "%s says '%s', which is no number from 0 to %#llx", path,
			text, (unsigned long long)most);
	return 0;
}

int cleat_pci_sysfs_link(const char *address, const char *file, char out[CLEAT_NAME_LEN])
{
	char path[CLEAT_PCI_PATH_LEN], target[CLEAT_PCI_PATH_LEN];
	const char *name;
	ssize_t len;
	int code = cleat_pci_sysfs_path(path, address, file);

	if (code < 0)
		return code;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0 && errno == EINVAL)
		return cleat_err(-EPROTO, "%s is no link", path);
	if (len < 0)
		return failed(path, -errno);
	target[len] = '\0';
	name = strrchr(target, '/');
	name = name != NULL ? name + 1 : target;
	if (name[0] == '\0' || strlen(name) >= CLEAT_NAME_LEN || !is_text(name, strlen(name)))
		return cleat_err(-EPROTO, "%s links to %.200s, which names nothing", path, target);
	memcpy(out, name, strlen(name) + 1);
	return 0;
}
