/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pci_iova.h - finds a place for the window among the addresses that an IOMMU lets devices use.
 */
#ifndef CLEAT_RUNTIME_PCI_IOVA_H
#define CLEAT_RUNTIME_PCI_IOVA_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Usable addresses, both ends included. */
struct cleat_iova_range {
	uint64_t start, last;
};

/**
 * What to subtract from the window's addresses to get IOVAs inside one range.
 *
 * 0 if a range holds the window as it is. Otherwise the lowest place above address 0 that keeps an
 * address's offset within 1 GiB (else 2 MiB, else 4 KiB), so that the IOMMU may use large pages.
 *
 * @param ranges  in any order, not overlapping
 * @return        0; -ENOTSUP if no range is large enough
 */
int cleat_iova_place(const struct cleat_iova_range *ranges, unsigned n, uint64_t first,
	uint64_t last, uint64_t *shift);

#ifdef __cplusplus
}
#endif

#endif
