/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_file.c - files that stay open. */
#include "runtime/pci/pci_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/pci/pci.h"
#include "runtime/pci/pci_sysfs.h"

static const char *dev_root = "/dev";

void cleat_pci_dev_set(const char *root)
{
	dev_root = root;
}

const char *cleat_pci_dev(void)
{
	return dev_root;
}

static int make_path(char path[CLEAT_PCI_PATH_LEN], const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static int make_path(char path[CLEAT_PCI_PATH_LEN], const char *fmt, va_list args)
{
	int n = vsnprintf(path, CLEAT_PCI_PATH_LEN, fmt, args);

	if (n < 0 || n >= CLEAT_PCI_PATH_LEN)
		return cleat_err(-ENAMETOOLONG, "path %s… is too long", path);
	return 0;
}

int cleat_pci_is_recorded(void)
{
	const char *sysfs = cleat_pci_sysfs();
	struct statfs fs;

	return strcmp(sysfs, "/sys") != 0 && strcmp(dev_root, "/dev") == 0 &&
	       statfs(sysfs, &fs) == 0 && fs.f_type != SYSFS_MAGIC;
}

int cleat_pci_file_open(int flags, const char *fmt, ...)
{
	char path[CLEAT_PCI_PATH_LEN];
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = make_path(path, fmt, args);
	va_end(args);
	if (ret < 0)
		return ret;
	ret = open(path, flags | O_CLOEXEC);
	return ret >= 0 ? ret : cleat_err(-errno, "%s: %s", path, strerror(errno));
}

int cleat_pci_file_exists(const char *fmt, ...)
{
	char path[CLEAT_PCI_PATH_LEN];
	va_list args;
	int ret;

	va_start(args, fmt);
	ret = make_path(path, fmt, args);
	va_end(args);
	return ret == 0 && access(path, F_OK) == 0;
}

int cleat_pci_pread(int fd, void *buf, size_t len, uint64_t off)
{
	ssize_t n = pread(fd, buf, len, (off_t)off);

	if (n == (ssize_t)len)
		return 0;
	return cleat_err(-EIO, "read of %zu bytes at 0x%llx of the device: %s", len,
		(unsigned long long)off, n < 0 ? strerror(errno) : "there are not as many");
}

int cleat_pci_pwrite(int fd, const void *buf, size_t len, uint64_t off)
{
	ssize_t n = pwrite(fd, buf, len, (off_t)off);

	if (n == (ssize_t)len)
		return 0;
	return cleat_err(-EIO, "write of %zu bytes at 0x%llx of the device: %s", len,
		(unsigned long long)off, n < 0 ? strerror(errno) : "there are not as many");
}

void cleat_pci_fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
