/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_dma.h - the ranges of memory that devices may reach, and the IOMMU container they go to.
 *
 * cleat_pci_dma_map() (pci_access.h) keeps a list. A container that comes into being gets all of
 * it; after that each change goes to it at once. When it goes, its mappings go with it and the list
 * stays for the next one.
 *
 * Primary only, one thread. Killed anywhere: the kernel drops the container with its descriptor.
 */
#ifndef CLEAT_RUNTIME_PCI_DMA_H
#define CLEAT_RUNTIME_PCI_DMA_H

#include <stdint.h>

#include "runtime/pci/pci_access.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Contiguous for the process and for the device. */
struct cleat_dma_run {
	uint64_t va;
	uint64_t iova;
	uint64_t len_bytes;
};

/* What takes mappings: the VFIO container, or a test. */
struct cleat_dma_sink {
	int (*map)(const struct cleat_dma_run *run);
	int (*unmap)(const struct cleat_dma_run *run);
};

/** Give it all that is in the list, and every change from now on. Borrows @p sink until detach.
 * @return 0; what its map() said: then nothing is mapped and it is not attached */
int cleat_pci_dma_attach(const struct cleat_dma_sink *sink);
/** It is gone, with all its mappings: nothing is called. Harmless when there is none. */
void cleat_pci_dma_detach(void);

/**
 * Merge pages that follow each other into runs.
 *
 * @param page_iova  one address per page
 * @param out        receives the runs; NULL: only count
 * @return           how many runs
 */
uint64_t cleat_dma_merge(uint64_t va, const uint64_t *page_iova, uint64_t pages,
	uint64_t page_bytes, struct cleat_dma_run *out);

#ifdef __cplusplus
}
#endif

#endif
