/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_dma.c - the list of mapped ranges, and its replay to a container. */
#include "runtime/pci/pci_dma.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/log.h"

struct range {
	struct range *next;
	uint64_t va;
	uint64_t len_bytes;
	uint64_t n_runs;
	struct cleat_dma_run runs[];
};

static struct range *ranges; /* in the order they came */
static const struct cleat_dma_sink *sink;

uint64_t cleat_dma_merge(uint64_t va, const uint64_t *page_iova, uint64_t pages,
	uint64_t page_bytes, struct cleat_dma_run *out)
{
	uint64_t n = 0;

	for (uint64_t first = 0, i = 1; i <= pages; i++) {
		if (i < pages && page_iova[i] == page_iova[i - 1] + page_bytes)
			continue;
		if (out != NULL)
			out[n] = (struct cleat_dma_run){ .va = va + first * page_bytes,
				.iova = page_iova[first],
				.len_bytes = (i - first) * page_bytes };
		n++;
		first = i;
	}
	return n;
}

static void unmap_runs(const struct range *r, uint64_t n)
{
	while (n-- > 0)
		if (sink->unmap(&r->runs[n]) < 0)
			cleat_log(CLEAT_LOG_WARNING, "%s", cleat_error());
}

/* All runs of a range, or none. */
static int map_range(const struct range *r)
{
	for (uint64_t i = 0; i < r->n_runs; i++) {
		int ret = sink->map(&r->runs[i]);

		if (ret < 0) {
			unmap_runs(r, i);
			return ret;
		}
	}
	return 0;
}

int cleat_pci_dma_attach(const struct cleat_dma_sink *new_sink)
{
	sink = new_sink;
	for (const struct range *r = ranges; r != NULL; r = r->next) {
		int ret = map_range(r);

		if (ret < 0) {
			for (const struct range *done = ranges; done != r; done = done->next)
				unmap_runs(done, done->n_runs);
			sink = NULL;
			return ret;
		}
	}
	return 0;
}

void cleat_pci_dma_detach(void)
{
	sink = NULL;
}

static struct range *make_range(uint64_t va, uint64_t len_bytes, uint64_t iova,
	const uint64_t *page_iova, uint64_t page_bytes)
{
	uint64_t n = page_iova == NULL ? 1
				       : cleat_dma_merge(va, page_iova, len_bytes / page_bytes,
						 page_bytes, NULL);
	struct range *r = (struct range *)malloc(sizeof(*r) + n * sizeof(r->runs[0]));

	if (r == NULL)
		return NULL;
	*r = (struct range){ .va = va, .len_bytes = len_bytes, .n_runs = n };
	if (page_iova == NULL)
		r->runs[0] = (struct cleat_dma_run){ va, iova, len_bytes };
	else
		cleat_dma_merge(va, page_iova, len_bytes / page_bytes, page_bytes, r->runs);
	return r;
}

static int check(uint64_t va, uint64_t len_bytes, const uint64_t *page_iova, uint64_t page_bytes)
{
	if (len_bytes == 0 || (page_iova != NULL && (page_bytes == 0 || len_bytes % page_bytes)))
		return cleat_err(-EINVAL, "0x%llx bytes are no pages of 0x%llx bytes",
			(unsigned long long)len_bytes, (unsigned long long)page_bytes);
	for (const struct range *r = ranges; r != NULL; r = r->next)
		if (va < r->va + r->len_bytes && r->va < va + len_bytes)
			return cleat_err(-EEXIST, "memory at 0x%llx is mapped for devices already",
				(unsigned long long)va);
	return 0;
}

int cleat_pci_dma_map(const void *va, uint64_t len_bytes, uint64_t iova, const uint64_t *page_iova,
	uint64_t page_bytes)
{
	int ret = check((uintptr_t)va, len_bytes, page_iova, page_bytes);
	struct range **at = &ranges;
	struct range *r;

	if (ret < 0)
		return ret;
	r = make_range((uintptr_t)va, len_bytes, iova, page_iova, page_bytes);
	if (r == NULL)
		return cleat_err(-ENOMEM, "no memory to note what devices may reach");
	ret = sink != NULL ? map_range(r) : 0;
	if (ret < 0) {
		free(r);
		return ret;
	}
	while (*at != NULL)
		at = &(*at)->next;
	*at = r;
	return 0;
}

void cleat_pci_dma_unmap(const void *va, uint64_t len_bytes)
{
	for (struct range **at = &ranges; *at != NULL; at = &(*at)->next) {
		struct range *r = *at;

		if (r->va != (uintptr_t)va || r->len_bytes != len_bytes)
			continue;
		if (sink != NULL)
			unmap_runs(r, r->n_runs);
		*at = r->next;
		free(r);
		return;
	}
}
