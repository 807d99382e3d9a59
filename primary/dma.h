/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * dma.h - what devices call our memory, and that they reach it.
 *
 * By virtual addresses (an IOMMU, vfio-pci) or by physical ones (uio_pci_generic, igb_uio). With
 * --iova-mode auto it is physical as soon as one device that we may use needs that.
 */
#ifndef CLEAT_PRIMARY_DMA_H
#define CLEAT_PRIMARY_DMA_H

#include "primary/primary.h"

/** Is it a PCI device that we may use: a driver for it, reachable, not hidden by the lists? */
bool cleat_dma_usable(struct cleat_device *device);

/** Decide on p->iova_mode and p->iova_shift, after the scan and before there is memory. @return 0;
 * -EPERM if physical addresses are needed but hidden */
int cleat_dma_choose(struct cleat_primary *p);

/** Let devices reach a segment that has IOVAs (cleat_zone_prepare_segment()). @return 0; what
 * cleat_pci_dma_map() says */
int cleat_dma_map(const struct cleat_primary *p, const struct cleat_segment *seg);
void cleat_dma_unmap(const struct cleat_segment *seg);

#endif
