/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/hugepages.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/error.h"

#define SYSFS_ALL "/sys/kernel/mm/hugepages"

static int descending(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? 1 : left > right ? -1 : 0;
}

int cleat_hugepages_sizes(uint64_t sizes[CLEAT_MAX_PAGE_SIZES])
{
	DIR *dir = opendir(SYSFS_ALL);
	struct dirent *entry;
	int count = 0;

	if (dir == NULL)
		return 0;
	while (count < CLEAT_MAX_PAGE_SIZES && (entry = readdir(dir)) != NULL) {
		uint64_t kib;

		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kib) == 1)
			sizes[count++] = kib << 10;
	}
	(void)closedir(dir);
	qsort(sizes, (size_t)count, sizeof(sizes[0]), descending);
	return count;
}

static int read_count(uint64_t page_bytes, uint16_t node, const char *what, uint64_t *out)
{
	char path[160];
	FILE *file;
	int n;

	if (node == CLEAT_NODE_ANY)
		(void)snprintf(path, sizeof(path), SYSFS_ALL "/hugepages-%" PRIu64 "kB/%s",
			page_bytes >> 10, what);
	else
		(void)snprintf(path, sizeof(path),
			"/sys/devices/system/node/node%u/hugepages/hugepages-%" PRIu64 "kB/%s",
			node, page_bytes >> 10, what);
	file = fopen(path, "re");
	if (file == NULL)
		return -ENOENT;
	n = fscanf(file, "%" SCNu64, out);
	(void)fclose(file);
	return n == 1 ? 0 : -ENOENT;
}

int cleat_hugepages_read(uint64_t page_bytes, uint16_t node, struct cleat_hugepages *out)
{
	uint64_t overcommit = 0, surplus = 0;
	char size[24];

	*out = (struct cleat_hugepages){ .page_bytes = page_bytes };
	if (read_count(page_bytes, node, "nr_hugepages", &out->total) < 0 ||
		read_count(page_bytes, node, "free_hugepages", &out->free) < 0)
		return cleat_err(-ENOENT, "the kernel has no hugepages of %s%s",
			cleat_size_text(page_bytes, size),
			node == CLEAT_NODE_ANY ? "" : " on that node");
	/* Both exist for the whole machine only. */
	(void)read_count(page_bytes, node, "resv_hugepages", &out->reserved);
	(void)read_count(page_bytes, node, "nr_overcommit_hugepages", &overcommit);
	(void)read_count(page_bytes, node, "surplus_hugepages", &surplus);
	out->available = out->free > out->reserved ? out->free - out->reserved : 0;
	if (node == CLEAT_NODE_ANY && overcommit > surplus)
		out->available += overcommit - surplus;
	return 0;
}

uint64_t cleat_hugepages_choose(uint64_t len_bytes, uint16_t node)
{
	uint64_t sizes[CLEAT_MAX_PAGE_SIZES];
	int count = cleat_hugepages_sizes(sizes);

	for (int i = 0; i < count; i++) {
		struct cleat_hugepages pages;
		uint64_t need = (len_bytes + sizes[i] - 1) / sizes[i];

		/* Half a large page wasted is too much: a smaller size serves better. */
		if (need * sizes[i] - len_bytes > len_bytes / 2 && i + 1 < count)
			continue;
		if (cleat_hugepages_read(sizes[i], node, &pages) == 0 && pages.available >= need)
			return sizes[i];
	}
	return 0;
}

const char *cleat_size_text(uint64_t bytes, char text[24])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	unsigned unit = 0;

	while (bytes && bytes % 1024 == 0 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	(void)snprintf(text, 24, "%" PRIu64 " %s", bytes, units[unit]);
	return text;
}
