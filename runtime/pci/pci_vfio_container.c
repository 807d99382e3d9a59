/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_vfio_container.c - the VFIO container, its groups, and the memory that devices reach. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runtime/log.h"
#include "runtime/pci/pci_dma.h"
#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_iova.h"
#include "runtime/pci/pci_sysfs.h"
#include "runtime/pci/pci_vfio.h"

#define MAP_TRIES 5

struct cleat_vfio_group {
	struct cleat_vfio_group *next;
	int number;
	int fd;
	unsigned devices; /* open */
	int asked;	  /* cleat_pci_iova_shift() opened it */
};

static int container_fd = -1;
static struct cleat_vfio_group *groups;

/* ---- memory ---- */

/* The kernel gives up on signals and on devices that are slow to flush; once more then. */
static int patient_ioctl(unsigned long request, void *arg)
{
	const struct timespec pause = { .tv_nsec = 1000 * 1000 };

	for (int i = 1;; i++) {
		if (ioctl(container_fd, request, arg) >= 0)
			return 0;
		if (i == MAP_TRIES || (errno != EINTR && errno != EAGAIN && errno != EBUSY))
			return -errno;
		nanosleep(&pause, NULL);
	}
}

static int map_failed(int code, const struct cleat_dma_run *run)
{
	struct rlimit limit = { 0 };

	switch (code) {
	case -ENOSPC:
		return cleat_err(code,
			"the kernel allows no more DMA mappings; raise the module parameter "
			"vfio_iommu_type1.dma_entry_limit, or use larger pages");
	case -ENOMEM:
		getrlimit(RLIMIT_MEMLOCK, &limit);
		return cleat_err(code,
			"memory that devices reach must be locked, and %llu KiB more are beyond the "
			"limit of locked memory, %llu KiB; raise it (ulimit -l, LimitMEMLOCK=)",
			(unsigned long long)(run->len_bytes >> 10),
			(unsigned long long)(limit.rlim_cur >> 10));
	default:
		return cleat_err(code, "the IOMMU did not take 0x%llx bytes at IOVA 0x%llx: %s",
			(unsigned long long)run->len_bytes, (unsigned long long)run->iova,
			strerror(-code));
	}
}

static int sink_map(const struct cleat_dma_run *run)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = run->va,
		.iova = run->iova,
		.size = run->len_bytes,
	};
	int ret = patient_ioctl(VFIO_IOMMU_MAP_DMA, &map);

	return ret < 0 ? map_failed(ret, run) : 0;
}

static int sink_unmap(const struct cleat_dma_run *run)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = run->iova,
		.size = run->len_bytes,
	};
	int ret = patient_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (ret == 0 && unmap.size != run->len_bytes)
		ret = -EIO;
	return ret == 0 ? 0
			: cleat_err(ret, "the IOMMU did not let go of 0x%llx bytes at 0x%llx: %s",
				  (unsigned long long)run->len_bytes, (unsigned long long)run->iova,
				  strerror(-ret));
}

static const struct cleat_dma_sink sink = { .map = sink_map, .unmap = sink_unmap };

/* ---- container ---- */

static int container_open(void)
{
	int fd, version;

	if (container_fd >= 0)
		return 0;
	fd = cleat_pci_file_open(O_RDWR, "%s/vfio/vfio", cleat_pci_dev());
	if (fd < 0)
		return cleat_err_prefix(fd, "VFIO (is the module vfio loaded?)");
	version = ioctl(fd, VFIO_GET_API_VERSION);
	if (version != VFIO_API_VERSION) {
		close(fd);
		return cleat_err(-ENOTSUP, "the kernel's VFIO has version %d, this needs %d",
			version, VFIO_API_VERSION);
	}
	container_fd = fd;
	return 0;
}

static void container_close_if_unused(void)
{
	if (groups != NULL)
		return;
	cleat_pci_dma_detach();
	cleat_pci_fd_close(&container_fd);
}

/* The first group is in: choose the IOMMU's interface, and hand it the memory. */
static int container_arm(void)
{
	int type = ioctl(container_fd, VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) > 0
			   ? VFIO_TYPE1v2_IOMMU
			   : VFIO_TYPE1_IOMMU;

	if (ioctl(container_fd, VFIO_SET_IOMMU, type) < 0)
		return cleat_err(-errno,
			"VFIO: no use of the IOMMU: %s (are vfio_iommu_type1 and interrupt "
			"remapping there?)",
			strerror(errno));
	return cleat_pci_dma_attach(&sink);
}

/* ---- groups ---- */

/* "0000:00:03.1 (e1000e), …": devices of the group that a kernel driver holds. */
static void holders(int number, char *out, size_t len)
{
	char path[CLEAT_PCI_PATH_LEN], driver[CLEAT_NAME_LEN];
	size_t used = 0;
	struct dirent *e;
	DIR *dir;

	snprintf(
		path, sizeof(path), "%s/kernel/iommu_groups/%d/devices", cleat_pci_sysfs(), number);
	snprintf(out, len, "a device unknown");
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		/* those that VFIO itself does not mind */
		if (cleat_pci_sysfs_link(e->d_name, "driver", driver) < 0 ||
			strcmp(driver, "vfio-pci") == 0 || strcmp(driver, "pcieport") == 0 ||
			strcmp(driver, "pci-stub") == 0)
			continue;
		if (used < len)
			used += (size_t)snprintf(out + used, len - used, "%s%s (%s)",
				used > 0 ? ", " : "", e->d_name, driver);
	}
	if (dir != NULL)
		closedir(dir);
}

static int group_viable(int fd, int number)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char who[256];

	if (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return cleat_err(-errno, "IOMMU group %d: %s", number, strerror(errno));
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	holders(number, who, sizeof(who));
	return cleat_err(-EBUSY,
		"IOMMU group %d is used by kernel drivers, too: %s; all its devices go to user space "
		"or none: bind these to vfio-pci, or unbind them",
		number, who);
}

/* Could there be a group for it? */
static int group_check(const struct cleat_pci_device *dev)
{
	int n = dev->iommu_group;

	if (n == CLEAT_PCI_NO_GROUP)
		return cleat_err(-ENOTSUP,
			"no IOMMU is in charge of it; switch the IOMMU on (intel_iommu=on), or bind "
			"it to uio_pci_generic or igb_uio and use --iova-mode pa");
	if (cleat_pci_file_exists("%s/vfio/noiommu-%d", cleat_pci_dev(), n))
		return cleat_err(-ENOTSUP,
			"VFIO offers it without an IOMMU (noiommu-%d), where it protects nothing; bind "
			"it to uio_pci_generic or igb_uio and use --iova-mode pa",
			n);
	return 0;
}

static int group_file(int number)
{
	int fd = cleat_pci_file_open(O_RDWR, "%s/vfio/%d", cleat_pci_dev(), number);

	if (fd == -EACCES)
		return cleat_err(fd,
			"IOMMU group %d: no permission for %s/vfio/%d; be root, or have root give you "
			"that file (chown)",
			number, cleat_pci_dev(), number);
	if (fd != -EBUSY)
		return fd;
	return cleat_err(fd,
		"IOMMU group %d is open in another process (a virtual machine, DPDK, a worker that "
		"still has a BAR of it mapped)",
		number);
}

/* Into the container with it; the first one brings the IOMMU along. */
static int group_attach(int fd, int number)
{
	int ret = group_viable(fd, number);

	if (ret < 0)
		return ret;
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container_fd) < 0)
		return cleat_err(-errno,
			"IOMMU group %d does not go with the others: %s (its addresses differ, or "
			"there is no interrupt remapping)",
			number, strerror(errno));
	ret = groups == NULL ? container_arm() : 0;
	if (ret < 0)
		ioctl(fd, VFIO_GROUP_UNSET_CONTAINER);
	return ret;
}

static struct cleat_vfio_group *group_find(int number)
{
	struct cleat_vfio_group *g = groups;

	while (g != NULL && g->number != number)
		g = g->next;
	return g;
}

static int group_open(struct cleat_vfio_group *g)
{
	int ret = container_open();

	if (ret == 0)
		ret = g->fd = group_file(g->number);
	if (ret >= 0)
		ret = group_attach(g->fd, g->number);
	if (ret < 0) {
		cleat_pci_fd_close(&g->fd);
		container_close_if_unused();
		return ret;
	}
	g->next = groups;
	groups = g;
	return 0;
}

/* The group, opened if it is not, held by nobody yet. */
static int group_need(struct cleat_pci_device *dev, struct cleat_vfio_group **out)
{
	struct cleat_vfio_group *g = group_find(dev->iommu_group);
	int ret;

	*out = g;
	if (g != NULL)
		return 0;
	ret = group_check(dev);
	if (ret < 0)
		return ret;
	g = (struct cleat_vfio_group *)calloc(1, sizeof(*g));
	if (g == NULL)
		return cleat_err(-ENOMEM, "no memory for an IOMMU group");
	g->number = dev->iommu_group;
	g->fd = -1;
	ret = group_open(g);
	if (ret < 0) {
		free(g);
		return ret;
	}
	*out = g;
	return 0;
}

static void group_close(struct cleat_vfio_group *group)
{
	struct cleat_vfio_group **at = &groups;

	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	/* Refused while a worker still has a BAR mapped; then closing leaves it to the last one. */
	if (ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER) < 0)
		cleat_log(CLEAT_LOG_INFO,
			"IOMMU group %d stays with a worker until that unmaps it or ends (%s)",
			group->number, strerror(errno));
	cleat_pci_fd_close(&group->fd);
	free(group);
	container_close_if_unused();
}

int cleat_vfio_group_get(struct cleat_pci_device *dev, struct cleat_vfio_group **out)
{
	int ret = group_need(dev, out);

	if (ret == 0)
		(*out)->devices++;
	return ret;
}

void cleat_vfio_group_put(struct cleat_vfio_group *group)
{
	if (--group->devices == 0)
		group_close(group);
}

int cleat_vfio_group_fd(const struct cleat_vfio_group *group)
{
	return group->fd;
}

void cleat_vfio_asked_forget(const struct cleat_pci_device *dev)
{
	struct cleat_vfio_group *g = group_find(dev->iommu_group);

	if (g != NULL && g->asked && g->devices == 0)
		group_close(g);
}

/* ---- addresses ---- */

const struct vfio_info_cap_header *cleat_vfio_cap(
	const void *info, uint32_t bytes, uint32_t first, uint16_t id)
{
	const struct vfio_info_cap_header *cap;

	/* Offsets grow along a chain, so it ends. */
	for (uint32_t at = first, last = 0; at > last && at + sizeof(*cap) <= bytes;) {
		cap = (const struct vfio_info_cap_header *)((const char *)info + at);
		if (cap->id == id)
			return cap;
		last = at;
		at = cap->next;
	}
	return NULL;
}

static int iommu_info(struct vfio_iommu_type1_info **out)
{
	uint32_t size = sizeof(**out);

	for (;;) {
		struct vfio_iommu_type1_info *info =
			(struct vfio_iommu_type1_info *)calloc(1, size);

		if (info == NULL)
			return cleat_err(-ENOMEM, "no memory to ask the IOMMU");
		info->argsz = size;
		if (ioctl(container_fd, VFIO_IOMMU_GET_INFO, info) < 0) {
			int code = -errno;

			free(info);
			return cleat_err(code, "VFIO_IOMMU_GET_INFO: %s", strerror(-code));
		}
		if (info->argsz <= size) {
			*out = info;
			return 0;
		}
		size = info->argsz;
		free(info);
	}
}

static int place(uint64_t first, uint64_t last, uint64_t *shift)
{
	/* Kernels before 5.4 do not tell; every VT-d has 39 bits, less the interrupts' addresses.
	 */
	static const struct cleat_iova_range common[] = { { 0, 0xfedfffff },
		{ 0xfef00000, (1ULL << 39) - 1 } };
	const struct vfio_iommu_type1_info_cap_iova_range *cap = NULL;
	struct vfio_iommu_type1_info *info = NULL;
	int ret = iommu_info(&info);

	if (ret < 0)
		return ret;
	static_assert(sizeof(struct cleat_iova_range) == sizeof(struct vfio_iova_range), "same");
	if (info->flags & VFIO_IOMMU_INFO_CAPS)
		cap = (const struct vfio_iommu_type1_info_cap_iova_range *)cleat_vfio_cap(
			info, info->argsz, info->cap_offset, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ret = cap != NULL ? cleat_iova_place((const struct cleat_iova_range *)cap->iova_ranges,
				    cap->nr_iovas, first, last, shift)
			  : cleat_iova_place(common, 2, first, last, shift);
	free(info);
	return ret;
}

int cleat_pci_iova_shift(
	struct cleat_pci_device *dev, uint64_t first, uint64_t last, uint64_t *shift)
{
	struct cleat_vfio_group *group;
	int ret = cleat_pci_reread(dev);

	if (ret == 0 && strcmp(dev->kernel_driver, "vfio-pci") != 0)
		ret = cleat_err(-ENOTSUP, "it is bound to %s; only vfio-pci has an IOMMU",
			dev->kernel_driver[0] != '\0' ? dev->kernel_driver : "no driver");
	if (ret == 0)
		ret = group_need(dev, &group);
	if (ret == 0) {
		group->asked = 1;
		ret = place(first, last, shift);
	}
	if (ret < 0) {
		cleat_vfio_asked_forget(dev);
		return cleat_err_prefix(ret, "%s", dev->device.name);
	}
	return 0;
}
