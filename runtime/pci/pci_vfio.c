/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_vfio.c - a device bound to vfio-pci: regions, configuration space, reset. */
#include "runtime/pci/pci_vfio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/pci/pci_config.h"
#include "runtime/pci/pci_file.h"
#include "runtime/pci/pci_methods.h"

static struct cleat_vfio *of(const struct cleat_pci_device *dev)
{
	return (struct cleat_vfio *)dev->access_data;
}

/* What the kernel says about a region, with its capabilities; to be freed. */
static int region_info(int fd, uint32_t index, struct vfio_region_info **out)
{
	uint32_t size = sizeof(**out);

	for (;;) {
		struct vfio_region_info *info = (struct vfio_region_info *)calloc(1, size);

		if (info == NULL)
			return cleat_err(-ENOMEM, "no memory to ask for a region");
		info->argsz = size;
		info->index = index;
		if (ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, info) < 0) {
			int code = -errno;

			free(info);
			return cleat_err(code, "VFIO region %u: %s", index, strerror(-code));
		}
		if (info->argsz <= size) {
			*out = info;
			return 0;
		}
		size = info->argsz;
		free(info);
	}
}

static int config_open(struct cleat_vfio *v)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info *config;
	int ret;

	if (ioctl(v->fd, VFIO_DEVICE_GET_INFO, &info) < 0)
		return cleat_err(-errno, "VFIO_DEVICE_GET_INFO: %s", strerror(errno));
	v->can_reset = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
	ret = region_info(v->fd, VFIO_PCI_CONFIG_REGION_INDEX, &config);
	if (ret < 0)
		return ret;
	v->config_off = config->offset;
	free(config);
	return 0;
}

static int device_open(struct cleat_pci_device *dev, struct cleat_vfio *v)
{
	int ret = cleat_vfio_group_get(dev, &v->group);

	if (ret < 0)
		return ret;
	v->fd = ioctl(cleat_vfio_group_fd(v->group), VFIO_GROUP_GET_DEVICE_FD, dev->device.name);
	if (v->fd < 0)
		return cleat_err(-errno, "VFIO does not hand the device out: %s", strerror(errno));
	ret = config_open(v);
	if (ret == 0)
		ret = cleat_vfio_request_open(v);
	return ret < 0 ? ret : cleat_pci_command_on(dev);
}

static void device_close(struct cleat_vfio *v)
{
	cleat_pci_fd_close(&v->fd);
	cleat_pci_fd_close(&v->req_fd);
	if (v->group != NULL)
		cleat_vfio_group_put(v->group);
	free(v);
}

static int vfio_open(struct cleat_pci_device *dev)
{
	struct cleat_vfio *v = (struct cleat_vfio *)calloc(1, sizeof(*v));
	int ret;

	if (v == NULL)
		return cleat_err(-ENOMEM, "no memory for a device");
	v->fd = v->req_fd = v->irq_fd = -1;
	v->irq_index = CLEAT_VFIO_NO_IRQ;
	dev->access_data = v;
	ret = device_open(dev, v);
	if (ret < 0) {
		device_close(v);
		dev->access_data = NULL;
	}
	return ret;
}

static void vfio_close(struct cleat_pci_device *dev)
{
	cleat_vfio_irq_close(dev);
	cleat_pci_command(dev, 0, CLEAT_PCI_COMMAND_MASTER); /* or it is gone, and silent anyway */
	device_close(of(dev));
}

static int vfio_config_read(struct cleat_pci_device *dev, uint32_t off, void *buf, uint32_t len)
{
	return cleat_pci_pread(of(dev)->fd, buf, len, of(dev)->config_off + off);
}

static int vfio_config_write(
	struct cleat_pci_device *dev, uint32_t off, const void *buf, uint32_t len)
{
	return cleat_pci_pwrite(of(dev)->fd, buf, len, of(dev)->config_off + off);
}

/* The kernel lists what may be mapped. */
static unsigned sparse_pieces(const struct vfio_region_info_cap_sparse_mmap *cap,
	struct cleat_pci_piece *out, unsigned max)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < cap->nr_areas; i++, n++)
		if (n < max)
			out[n] = (struct cleat_pci_piece){ .off = cap->areas[i].offset,
				.len_bytes = cap->areas[i].size };
	return n;
}

/* All of it, or all but the pages of the MSI-X table where the kernel keeps those (before 4.16). */
static int whole_pieces(struct cleat_pci_device *dev, unsigned bar,
	const struct vfio_region_info *info, struct cleat_pci_piece *out)
{
	struct cleat_pci_msix msix;
	int mappable = (info->flags & VFIO_REGION_INFO_FLAG_CAPS) != 0 &&
		       cleat_vfio_cap(info, info->argsz, info->cap_offset,
			       VFIO_REGION_INFO_CAP_MSIX_MAPPABLE) != NULL;
	int ret = mappable ? 0 : cleat_pci_msix_table(dev, &msix);

	if (ret < 0)
		return ret;
	if (ret > 0 && msix.bar == bar)
		return (int)cleat_pci_around_hole(
			info->size, msix.off, msix.len_bytes, (uint64_t)sysconf(_SC_PAGESIZE), out);
	out[0] = (struct cleat_pci_piece){ .off = 0, .len_bytes = info->size };
	return 1;
}

static int list_pieces(struct cleat_pci_device *dev, unsigned bar,
	const struct vfio_region_info *info, struct cleat_pci_piece *out, unsigned max)
{
	const struct vfio_info_cap_header *sparse = NULL;
	struct cleat_pci_piece two[2];
	int n;

	if ((info->flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
		return cleat_err(-ENOTSUP, "BAR %u of %s cannot be mapped", bar, dev->device.name);
	if (info->flags & VFIO_REGION_INFO_FLAG_CAPS)
		sparse = cleat_vfio_cap(
			info, info->argsz, info->cap_offset, VFIO_REGION_INFO_CAP_SPARSE_MMAP);
	if (sparse != NULL)
		return (int)sparse_pieces(
			(const struct vfio_region_info_cap_sparse_mmap *)sparse, out, max);
	n = whole_pieces(dev, bar, info, two);
	for (int i = 0; i < n && (unsigned)i < max; i++)
		out[i] = two[i];
	return n;
}

static int vfio_pieces(
	struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_piece *out, unsigned max)
{
	struct vfio_region_info *info;
	int n;

	if (bar >= CLEAT_PCI_BARS || dev->bars[bar].kind != CLEAT_BAR_MEMORY)
		return cleat_err(-ENOENT, "%s has no memory BAR %u", dev->device.name, bar);
	n = region_info(of(dev)->fd, bar, &info);
	if (n < 0)
		return n;
	n = list_pieces(dev, bar, info, out, max);
	if (n > (int)max)
		n = cleat_err(-E2BIG, "BAR %u of %s lies in %d pieces, which is more than %u", bar,
			dev->device.name, n, max);
	for (int i = 0; i < n; i++) {
		out[i].fd = of(dev)->fd;
		out[i].fd_off = info->offset + out[i].off;
	}
	free(info);
	return n;
}

static int vfio_ioport(struct cleat_pci_device *dev, unsigned bar, struct cleat_pci_ioport *out)
{
	struct vfio_region_info *info;
	int ret;

	if (bar >= CLEAT_PCI_BARS || dev->bars[bar].kind != CLEAT_BAR_IO)
		return cleat_err(-ENOENT, "%s has no I/O BAR %u", dev->device.name, bar);
	ret = region_info(of(dev)->fd, bar, &info);
	if (ret < 0)
		return ret;
	*out = (struct cleat_pci_ioport){ .fd = of(dev)->fd,
		.base = (uint32_t)dev->bars[bar].phys,
		.fd_off = info->offset,
		.len = (uint32_t)info->size };
	free(info);
	return 0;
}

static int vfio_reset(struct cleat_pci_device *dev)
{
	if (!of(dev)->can_reset)
		return cleat_err(-ENOTSUP, "%s cannot be reset by itself", dev->device.name);
	if (ioctl(of(dev)->fd, VFIO_DEVICE_RESET) < 0)
		return cleat_err(-errno, "reset of %s: %s", dev->device.name, strerror(errno));
	return cleat_pci_command_on(dev);
}

static int vfio_unplug_fd(struct cleat_pci_device *dev)
{
	return of(dev)->req_fd;
}

const struct cleat_pci_access cleat_pci_vfio = {
	.driver = "vfio-pci",
	.iova_modes = CLEAT_PCI_IOVA_VA | CLEAT_PCI_IOVA_PA,
	.open = vfio_open,
	.close = vfio_close,
	.pieces = vfio_pieces,
	.ioport = vfio_ioport,
	.config_read = vfio_config_read,
	.config_write = vfio_config_write,
	.irq_open = cleat_vfio_irq_open,
	.irq_ack = cleat_vfio_irq_ack,
	.irq_close = cleat_vfio_irq_close,
	.reset = vfio_reset,
	.unplug_fd = vfio_unplug_fd,
};
