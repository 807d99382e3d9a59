/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_iova.c - places the window among the usable addresses of an IOMMU. */
#include "runtime/pci/pci_iova.h"

#include <errno.h>

#include "runtime/error.h"

/* First address in the range that equals @p first modulo @p align, and is not in the first @p align
 * bytes of all: IOVA 0 looks like "none" to too many. @return 1 if the window fits there */
static int place_in(const struct cleat_iova_range *r, uint64_t first, uint64_t len_less_1,
	uint64_t align, uint64_t *at)
{
	uint64_t low = r->start < align ? align : r->start;
	uint64_t up = (first - low) & (align - 1);

	if (low > r->last || up > r->last - low)
		return 0;
	*at = low + up;
	return r->last - *at >= len_less_1;
}

int cleat_iova_place(const struct cleat_iova_range *ranges, unsigned n, uint64_t first,
	uint64_t last, uint64_t *shift)
{
	static const uint64_t aligns[] = { 1ULL << 30, 1ULL << 21, 1ULL << 12 };
	uint64_t at, best = UINT64_MAX, widest = 0;

	for (unsigned i = 0; i < n; i++)
		if (first >= ranges[i].start && last <= ranges[i].last) {
			*shift = 0;
			return 0;
		}
	for (unsigned a = 0; a < sizeof(aligns) / sizeof(aligns[0]) && best == UINT64_MAX; a++)
		for (unsigned i = 0; i < n; i++)
			if (place_in(&ranges[i], first, last - first, aligns[a], &at) && at < best)
				best = at;
	if (best != UINT64_MAX) {
		*shift = first - best;
		return 0;
	}
	for (unsigned i = 0; i < n; i++)
		if (ranges[i].last - ranges[i].start > widest)
			widest = ranges[i].last - ranges[i].start;
	return cleat_err(-ENOTSUP,
		"the IOMMU has room for %llu MiB in one piece and the window takes %llu MiB; start "
		"with a smaller --window-size",
		(unsigned long long)(widest >> 20),
		(unsigned long long)(((last - first) >> 20) + 1));
}
