/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/window.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runtime/error.h"
#include "runtime/handle.h"
#include "runtime/limits.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

#define RESERVE_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

int cleat_window_occupant(uint64_t base, uint64_t len_bytes, char *text, size_t text_len)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	int found = 0;

	text[0] = '\0';
	if (maps == NULL)
		return -errno;
	while (!found && fgets(line, sizeof(line), maps)) {
		unsigned long long start, end;

		if (sscanf(line, "%llx-%llx", &start, &end) == 2 && start < base + len_bytes &&
			end > base) {
			line[strcspn(line, "\n")] = '\0';
			(void)snprintf(text, text_len, "%s", line);
			found = 1;
		}
	}
	(void)fclose(maps);
	return found;
}

static int conflict(uint64_t base, uint64_t len_bytes)
{
	char line[256];

	if (cleat_window_occupant(base, len_bytes, line, sizeof(line)) <= 0)
		(void)snprintf(line, sizeof(line), "an unknown mapping");
	return cleat_err(-EEXIST,
		"the window %#llx-%#llx is occupied in this process by \"%s\"; start the primary with "
		"another --base-virtaddr",
		(unsigned long long)base, (unsigned long long)(base + len_bytes), line);
}

/* An observer's window: more than needed, then the ends cut to alignment. */
static void *reserve_anywhere(uint64_t len_bytes)
{
	uint64_t more = len_bytes + CLEAT_WINDOW_ALIGN;
	char *got = mmap(NULL, more, PROT_NONE, RESERVE_FLAGS, -1, 0);
	char *start;

	if (got == MAP_FAILED)
		return got;
	start = (char *)cleat_align_up((uint64_t)(uintptr_t)got, CLEAT_WINDOW_ALIGN);
	if (start != got)
		(void)munmap(got, (size_t)(start - got));
	(void)munmap(start + len_bytes, (size_t)(got + more - (start + len_bytes)));
	return start;
}

int cleat_window_reserve(uint64_t base, uint64_t len_bytes)
{
	void *want = (void *)(uintptr_t)base;
	void *got;

	if (cleat_window_len)
		return cleat_err(-EALREADY, "this process has a window at %#llx already",
			(unsigned long long)cleat_window_base);
	if (base % CLEAT_WINDOW_ALIGN || len_bytes % CLEAT_WINDOW_ALIGN || len_bytes == 0 ||
		len_bytes > CLEAT_WINDOW_LEN_MAX || base + len_bytes < base)
		return cleat_err(-EINVAL,
			"window base %#llx and length %#llx must be multiples of 1 GiB, the length at most "
			"%llu GiB",
			(unsigned long long)base, (unsigned long long)len_bytes,
			CLEAT_WINDOW_LEN_MAX >> 30);
	got = base ? mmap(want, len_bytes, PROT_NONE, RESERVE_FLAGS | MAP_FIXED_NOREPLACE, -1, 0)
		   : reserve_anywhere(len_bytes);
	if (got == MAP_FAILED && errno == EEXIST)
		return conflict(base, len_bytes);
	if (got == MAP_FAILED)
		return cleat_err(-errno,
			"cannot reserve %llu GiB of addresses at %#llx: %s (is `ulimit -v` unlimited?)",
			(unsigned long long)(len_bytes >> 30), (unsigned long long)base,
			strerror(errno));
	if (base && got != want) { /* a kernel that does not know MAP_FIXED_NOREPLACE */
		(void)munmap(got, len_bytes);
		return conflict(base, len_bytes);
	}
	cleat_window_base = (uintptr_t)got;
	cleat_window_len = len_bytes;
	return 0;
}

void cleat_window_release(void)
{
	if (cleat_window_len)
		(void)munmap((void *)cleat_window_base, cleat_window_len);
	cleat_window_base = 0;
	cleat_window_len = 0;
}

static int check_range(uint64_t off, uint64_t len_bytes)
{
	if (len_bytes == 0 || off >= cleat_window_len || len_bytes > cleat_window_len - off)
		return cleat_err(-ERANGE,
			"offset %#llx, length %#llx is not inside the window of %#llx bytes",
			(unsigned long long)off, (unsigned long long)len_bytes,
			(unsigned long long)cleat_window_len);
	return 0;
}

int cleat_window_map(uint64_t off, uint64_t len_bytes, int fd, uint64_t fd_off, int writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	char *at = (char *)cleat_window_base + off;
	int rc = check_range(off, len_bytes);

	if (rc < 0)
		return rc;
	if (mmap(at, len_bytes, prot, MAP_SHARED | MAP_FIXED, fd, (off_t)fd_off) != MAP_FAILED)
		return 0;
	rc = -errno;
	/* The kernel may have taken the reservation away before it failed. */
	(void)mmap(at, len_bytes, PROT_NONE, RESERVE_FLAGS | MAP_FIXED, -1, 0);
	return cleat_err(rc, "cannot map %llu KiB %s at offset %#llx of the window: %s",
		(unsigned long long)(len_bytes >> 10), writable ? "for writing" : "read-only",
		(unsigned long long)off, strerror(-rc));
}

int cleat_window_unmap(uint64_t off, uint64_t len_bytes)
{
	int rc = check_range(off, len_bytes);

	if (rc < 0)
		return rc;
	if (mmap((char *)cleat_window_base + off, len_bytes, PROT_NONE, RESERVE_FLAGS | MAP_FIXED,
		    -1, 0) == MAP_FAILED)
		return cleat_err(-errno, "cannot unmap offset %#llx of the window: %s",
			(unsigned long long)off, strerror(errno));
	return 0;
}
