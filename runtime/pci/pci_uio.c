/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_uio.c - what both UIO drivers share. */
#include "runtime/pci/pci_uio.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/arch.h"
#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_sysfs.h"

static struct cleat_uio *of(const struct cleat_pci_device *dev)
{
	return (struct cleat_uio *)dev->access_data;
}

/* ---- where it is ---- */

/* First entry "<prefix>N" of a folder of the device. @return N, -1 if there is none */
static int numbered_entry(const char *address, const char *folder, const char *prefix)
{
	char path[CLEAT_PCI_PATH_LEN];
	size_t len = strlen(prefix);
	struct dirent *e;
	int number = -1;
	DIR *dir;

	if (cleat_pci_sysfs_path(path, address, folder) < 0)
		return -1;
	dir = opendir(path);
	while (dir != NULL && number < 0 && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, prefix, len) == 0 && isdigit((unsigned char)e->d_name[len]))
			number = atoi(e->d_name + len);
	if (dir != NULL)
		closedir(dir);
	return number;
}

int cleat_uio_find(const char *address, char *dir, size_t len)
{
	int number = numbered_entry(address, "uio", "uio");

	if (number >= 0) {
		snprintf(dir, len, "uio/uio%d", number);
		return number;
	}
	number = numbered_entry(address, "", "uio:uio"); /* as kernels before 2.6.32 have it */
	if (number >= 0) {
		snprintf(dir, len, "uio:uio%d", number);
		return number;
	}
	return cleat_err(-ENOENT, "the kernel shows no /dev/uioN for it");
}

static int map_number(
	const char *address, const char *dir, unsigned map, const char *what, uint64_t *out)
{
	char file[64];

	snprintf(file, sizeof(file), "%s/maps/map%u/%s", dir, map, what);
	return cleat_pci_sysfs_number(address, file, UINT64_MAX, out);
}

int cleat_uio_map_read(
	const char *address, const char *dir, unsigned map, struct cleat_uio_map *out)
{
	char file[64];
	int ret = map_number(address, dir, map, "addr", &out->addr);

	if (ret < 0)
		return ret;
	ret = map_number(address, dir, map, "size", &out->size);
	if (ret == 0)
		ret = map_number(address, dir, map, "offset", &out->offset);
	if (ret < 0)
		return ret == -ENOENT ? -EPROTO : ret;
	snprintf(file, sizeof(file), "%s/maps/map%u/name", dir, map);
	if (cleat_pci_sysfs_text(address, file, out->name, sizeof(out->name)) < 0)
		out->name[0] = '\0'; /* kernels before 2.6.35 have none */
	return 0;
}

/* ---- open and close ---- */

#define LOCK_CONFIG	 0U
#define LOCK_NODE	 1U
#define LOCK_RESOURCE(n) (2U << (n))

/* What of a device workers have mapped, too, they may have yet when it comes back: they have been
 * asked to unmap it. @param file  LOCK_… */
static int lock(struct cleat_pci_device *dev, int fd, uint32_t file)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		dev->had_locked |= file;
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return cleat_err(
			-errno, "cannot lock a file of %s (%s)", dev->device.name, strerror(errno));
	if (dev->had_locked & file)
		return 0;
	return cleat_err(-EBUSY, "another process drives it: another primary, or a worker whose "
				 "primary is dead; end that first");
}

/* @return the descriptor, or negative errno and it is closed */
static int locked(struct cleat_pci_device *dev, int fd, uint32_t file)
{
	int ret = fd < 0 ? fd : lock(dev, fd, file);

	if (ret < 0)
		cleat_pci_fd_close(&fd);
	return ret < 0 ? ret : fd;
}

/* The node last: the kernel takes bus mastering from a device whenever one who had its node open
 * closes it, whoever else has. */
static int open_files(struct cleat_pci_device *dev, struct cleat_uio *u,
	int (*before_node)(struct cleat_pci_device *dev))
{
	int ret;

	u->number = cleat_uio_find(dev->device.name, u->dir, sizeof(u->dir));
	if (u->number < 0)
		return u->number;
	u->config_fd = locked(dev,
		cleat_pci_file_open(O_RDWR, "%s/bus/pci/devices/%s/config", cleat_pci_sysfs(),
			dev->device.name),
		LOCK_CONFIG);
	if (u->config_fd < 0)
		return u->config_fd;
	ret = before_node == NULL ? 0 : before_node(dev);
	if (ret < 0)
		return ret;
	u->fd = locked(dev,
		cleat_pci_file_open(O_RDWR | O_NONBLOCK, "%s/uio%d", cleat_pci_dev(), u->number),
		LOCK_NODE);
	return u->fd < 0 ? u->fd : 0;
}

static void close_files(struct cleat_uio *u)
{
	for (unsigned i = 0; i < CLEAT_PCI_BARS; i++)
		cleat_pci_fd_close(&u->resource_fds[i]);
	cleat_pci_fd_close(&u->config_fd);
	cleat_pci_fd_close(&u->fd);
	free(u);
}

/* UIO knows no IOMMU. Where one translates for the device, physical addresses lead nowhere. */
static int check_iommu(const struct cleat_pci_device *dev)
{
	char type[32];
	int fd;
	ssize_t n;

	if (dev->iommu_group == CLEAT_PCI_NO_GROUP)
		return 0;
	fd = cleat_pci_file_open(
		O_RDONLY, "%s/kernel/iommu_groups/%d/type", cleat_pci_sysfs(), dev->iommu_group);
	if (fd < 0)
		return 0; /* kernels before 4.19 do not tell */
	n = read(fd, type, sizeof(type) - 1);
	(void)close(fd);
	if (n <= 0)
		return 0;
	type[n] = '\0';
	if (strncmp(type, "DMA", 3) != 0) /* "identity" is as good as none */
		return 0;
	return cleat_err(-ENOTSUP,
		"an IOMMU translates the addresses of %s, which %s cannot tell of our memory; bind it "
		"to vfio-pci, or boot with iommu=pt",
		dev->device.name, dev->kernel_driver);
}

int cleat_uio_open(struct cleat_pci_device *dev, int (*before_node)(struct cleat_pci_device *dev))
{
	struct cleat_uio *u;
	int ret = check_iommu(dev);

	if (ret < 0)
		return ret;
	u = (struct cleat_uio *)calloc(1, sizeof(*u));
	if (u == NULL)
		return cleat_err(-ENOMEM, "no memory for a device");
	u->fd = u->config_fd = -1;
	for (unsigned i = 0; i < CLEAT_PCI_BARS; i++)
		u->resource_fds[i] = -1;
	dev->access_data = u;
	ret = open_files(dev, u, before_node);
	if (ret == 0)
		ret = cleat_pci_command_on(dev);
	if (ret < 0) {
		close_files(u);
		dev->access_data = NULL;
	}
	return ret;
}

int cleat_uio_is_taken(struct cleat_pci_device *dev)
{
	char driver[CLEAT_NAME_LEN];

	return cleat_pci_sysfs_link(dev->device.name, "driver", driver) == 0 &&
	       strcmp(driver, dev->access->driver) != 0;
}

void cleat_uio_close(struct cleat_pci_device *dev)
{
	/* or it is gone, and silent anyway, or not ours */
	(void)cleat_pci_command(dev, 0, CLEAT_PCI_COMMAND_MASTER);
	close_files(of(dev));
}

int cleat_uio_config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len)
{
	return cleat_pci_pread(of(dev)->config_fd, buf, len, off);
}

int cleat_uio_config_write(
	struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len)
{
	return cleat_pci_pwrite(of(dev)->config_fd, buf, len, off);
}

/* ---- BARs ---- */

int cleat_uio_resource(struct cleat_pci_device *dev, unsigned bar)
{
	int *fd = &of(dev)->resource_fds[bar];

	if (*fd < 0) {
		int ret = locked(dev,
			cleat_pci_file_open(O_RDWR, "%s/bus/pci/devices/%s/resource%u",
				cleat_pci_sysfs(), dev->device.name, bar),
			LOCK_RESOURCE(bar));

		if (ret < 0)
			return ret;
		*fd = ret;
	}
	return *fd;
}

int cleat_uio_ioport_file(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_ioport *out)
{
	int fd = cleat_uio_resource(dev, bar);

	out->fd = fd < 0 ? -1 : fd;
	return fd == -ENOENT || fd >= 0 ? 0 : fd;
}

/* Kernels with IO_STRICT_DEVMEM refuse it when a driver has claimed the BAR. */
static int can_be_mapped(int fd, uint64_t page)
{
	void *p = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return cleat_err(-errno, "%s", strerror(errno));
	munmap(p, page);
	return 0;
}

static int piece_by_resource(
	struct cleat_pci_device *dev, unsigned bar, uint64_t page, struct cleat_pci_piece *out)
{
	const struct cleat_pci_bar *b = &dev->bars[bar];
	int fd = cleat_uio_resource(dev, bar);
	int ret;

	if (fd < 0)
		return fd;
	ret = can_be_mapped(fd, page);
	if (ret < 0)
		return cleat_err_prefix(ret, "mapping resource%u", bar);
	if (b->phys & (page - 1))
		return cleat_err(-ENOTSUP, "BAR %u shares a page with another device", bar);
	*out = (struct cleat_pci_piece){ .len_bytes = cleat_align_up(b->len_bytes, page),
		.fd = fd };
	return 1;
}

/* An offset in /dev/uioN of n pages chooses map n. */
static int piece_by_map(
	struct cleat_pci_device *dev, unsigned bar, uint64_t page, struct cleat_pci_piece *out)
{
	const struct cleat_uio *u = of(dev);
	struct cleat_uio_map map;
	int ret = 0;

	for (unsigned i = 0; ret == 0; i++) {
		ret = cleat_uio_map_read(dev->device.name, u->dir, i, &map);
		if (ret < 0 || map.addr != dev->bars[bar].phys || map.offset != 0)
			continue;
		*out = (struct cleat_pci_piece){
			.len_bytes = cleat_align_up(map.size, page), .fd = u->fd, .fd_off = i * page
		};
		return 1;
	}
	return ret;
}

int cleat_uio_pieces(
	struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_piece *out, unsigned max)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char why[CLEAT_ERROR_LEN / 2];
	int ret;

	if (bar >= CLEAT_PCI_BARS || dev->bars[bar].kind != CLEAT_BAR_MEMORY)
		return cleat_err(-ENOENT, "%s has no memory BAR %u", dev->device.name, bar);
	if (max == 0)
		return cleat_err(-E2BIG, "BAR %u of %s is one piece", bar, dev->device.name);
	ret = piece_by_resource(dev, bar, page, out);
	if (ret > 0 || ret == -EBUSY)
		return ret;
	snprintf(why, sizeof(why), "%.200s", cleat_error());
	if (piece_by_map(dev, bar, page, out) == 1)
		return 1;
	return cleat_err(
		ret, "%s: %s; and no map of uio%d has it", dev->device.name, why, of(dev)->number);
}

/* ---- interrupts ---- */

int cleat_uio_event(struct cleat_pci_device *dev)
{
	uint32_t count;
	ssize_t n = read(of(dev)->fd, &count, sizeof(count));

	if (n == sizeof(count) || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return 0;
	return cleat_err(-EIO, "interrupt of %s: %s", dev->device.name,
		n < 0 ? strerror(errno) : "it is gone");
}

/* ---- reset ---- */

int cleat_uio_reset(struct cleat_pci_device *dev)
{
	const char *name = dev->device.name;
	int fd = cleat_pci_file_open(
		O_WRONLY, "%s/bus/pci/devices/%s/reset", cleat_pci_sysfs(), name);
	int ret;

	if (fd == -ENOENT)
		return cleat_err(-ENOTSUP, "%s cannot be reset by itself", name);
	if (fd < 0)
		return fd;
	ret = write(fd, "1", 1) == 1 ? 0
				     : cleat_err(errno == ENOTTY ? -ENOTSUP : -errno,
					       "reset of %s: %s", name, strerror(errno));
	close(fd);
	return ret < 0 ? ret : cleat_pci_command_on(dev);
}
