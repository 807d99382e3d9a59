/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_vfio.h - what the three files of the vfio-pci method share.
 *
 *   container (one per process) ── groups (one per IOMMU group in use) ── devices
 *
 *   pci_vfio_container.c  container and groups; the sink of pci_dma.h
 *   pci_vfio.c            the device: regions, configuration space, reset
 *   pci_vfio_irq.c        interrupts and the kernel's request to let go
 *
 * A group is held by each open device in it, and by cleat_pci_iova_shift(), which asks before the
 * first device is opened. When nobody holds it, it is closed; with the last group the container.
 *
 * Source: Documentation/driver-api/vfio.rst and include/uapi/linux/vfio.h of the kernel.
 */
#ifndef CLEAT_RUNTIME_PCI_VFIO_H
#define CLEAT_RUNTIME_PCI_VFIO_H

#include <linux/vfio.h>

#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_vfio_group;

/** Open the device's group, in a container with an IOMMU and all mappings. @return 0; -ENOTSUP
 * without an IOMMU; -EBUSY if somebody else uses the group; … */
int cleat_vfio_group_get(struct cleat_pci_device *dev, struct cleat_vfio_group **out);
void cleat_vfio_group_put(struct cleat_vfio_group *group);
int cleat_vfio_group_fd(const struct cleat_vfio_group *group);
/** Close the group if it was opened for a question only. */
void cleat_vfio_asked_forget(const struct cleat_pci_device *dev);

/**
 * Find a capability behind an info struct that the kernel filled.
 *
 * @param info   the struct; @p bytes long with all that follows
 * @param first  its cap_offset
 * @return       NULL if there is none, or the chain leaves the struct
 */
const struct vfio_info_cap_header *cleat_vfio_cap(
	const void *info, uint32_t bytes, uint32_t first, uint16_t id);

#define CLEAT_VFIO_NO_IRQ UINT32_MAX

/* cleat_pci_device.access_data */
struct cleat_vfio {
	int fd;
	struct cleat_vfio_group *group;
	uint64_t config_off; /* of configuration space in fd */
	int can_reset;
	int req_fd;	    /* -1: the kernel cannot ask */
	uint32_t irq_index; /* VFIO_PCI_…_IRQ_INDEX in use, or CLEAT_VFIO_NO_IRQ */
	int irq_fd;	    /* of vector 0; borrowed */
};

int cleat_vfio_irq_open(struct cleat_pci_device *dev, const int *fds, unsigned n, int *irq_fd);
int cleat_vfio_irq_ack(struct cleat_pci_device *dev);
void cleat_vfio_irq_close(struct cleat_pci_device *dev);
/** Have v->req_fd signalled when the kernel wants the device back. @return 0; negative errno */
int cleat_vfio_request_open(struct cleat_vfio *v);

#ifdef __cplusplus
}
#endif

#endif
