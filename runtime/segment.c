/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <numa.h>
#include <numaif.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/window.h"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define MAX_PREFAULT_THREADS 16
#define PREFAULT_PIECE	     (64ULL << 20)
#define NODE_SAMPLES	     1024 /* pages asked for their node */

/* ---- is there enough? ---- */

static uint64_t available_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib = UINT64_MAX >> 10;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
			break;
	if (file)
		(void)fclose(file);
	return kib << 10;
}

static int too_few_hugepages(const struct cleat_segment *seg, const struct cleat_hugepages *pages)
{
	char page[24], len[24];
	uint64_t need = seg->len_bytes / seg->page_bytes;
	uint64_t missing = need > pages->available ? need - pages->available : need;

	return cleat_err(-ENOMEM,
		"%s asked as %" PRIu64 " hugepages of %s, but only %" PRIu64 " of %" PRIu64
		" are free; ask for less (-m), run with --no-huge, or "
		"`echo %" PRIu64 " > /sys/kernel/mm/hugepages/hugepages-%" PRIu64
		"kB/nr_hugepages`",
		cleat_size_text(seg->len_bytes, len), need, cleat_size_text(seg->page_bytes, page),
		pages->available, pages->total, pages->total + missing, seg->page_bytes >> 10);
}

static int check_room(const struct cleat_segment *seg)
{
	struct cleat_hugepages pages;
	uint64_t available;
	int rc;

	if (seg->page_bytes == CLEAT_PAGE_4K) {
		available = available_bytes();
		if (seg->len_bytes <= available)
			return 0;
		return cleat_err(-ENOMEM,
			"%" PRIu64 " MiB of memory asked, but the machine has only %" PRIu64
			" MiB available; ask for less (-m)",
			seg->len_bytes >> 20, available >> 20);
	}
	rc = cleat_hugepages_read(seg->page_bytes, CLEAT_NODE_ANY, &pages);
	if (rc < 0)
		return rc;
	return pages.available * seg->page_bytes < seg->len_bytes ? too_few_hugepages(seg, &pages)
								  : 0;
}

static int check_node(uint16_t node)
{
	if (node == CLEAT_NODE_ANY)
		return 0;
	if (numa_available() < 0)
		return node == 0 ? 0
				 : cleat_err(-ENOENT,
					   "NUMA node %u asked, but this machine has "
					   "one node only: 0",
					   node);
	if (node > numa_max_node() || !numa_bitmask_isbitset(numa_all_nodes_ptr, node))
		return cleat_err(-ENOENT,
			"NUMA node %u asked, but it has no memory this process may use; nodes go up to %d",
			node, numa_max_node());
	return 0;
}

/* ---- the descriptor pair ---- */

static int open_memfd(struct cleat_segment *seg, const char *name)
{
	unsigned flags = MFD_CLOEXEC;
	char path[64];

	if (seg->page_bytes != CLEAT_PAGE_4K)
		flags |= MFD_HUGETLB | (unsigned)__builtin_ctzll(seg->page_bytes) << MFD_HUGE_SHIFT;
	seg->fd = memfd_create(name, flags);
	if (seg->fd < 0)
		return cleat_err(-errno, "memfd_create(%s) failed: %s", name, strerror(errno));
	if (fchmod(seg->fd, 0600) < 0 || ftruncate(seg->fd, (off_t)seg->len_bytes) < 0)
		return cleat_err(-errno, "cannot size segment %s to %" PRIu64 " MiB: %s%s", name,
			seg->len_bytes >> 20, strerror(errno),
			errno == EFBIG ? " (is `ulimit -f` unlimited?)" : "");
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", seg->fd);
	seg->fd_ro = open(path, O_RDONLY | O_CLOEXEC);
	if (seg->fd_ro < 0)
		return cleat_err(-errno, "cannot reopen segment %s read-only by %s: %s", name, path,
			strerror(errno));
	return 0;
}

/* ---- prefault ---- */

struct prefault {
	char *start;
	uint64_t len_bytes, page_bytes, piece_bytes;
	int fd;
	uint64_t next;	/* first byte nobody took; atomic */
	uint64_t done;	/* bytes present; atomic */
	uint64_t error; /* first errno; atomic */
};

/* Kernels before 5.14 do not know MADV_POPULATE_WRITE: allocate by descriptor, so that exhaustion
 * is an error and not a SIGBUS; then touch. */
static int populate_old(struct prefault *p, uint64_t off, uint64_t len)
{
	if (fallocate(p->fd, 0, (off_t)off, (off_t)len) < 0)
		return errno;
	for (uint64_t at = off; at < off + len; at += p->page_bytes)
		(void)*(volatile char *)(p->start + at);
	return 0;
}

static int populate(struct prefault *p, uint64_t off, uint64_t len)
{
	int tries = 0;

	while (madvise(p->start + off, len, MADV_POPULATE_WRITE) < 0) {
		if (errno == EINVAL)
			return populate_old(p, off, len);
		/* EAGAIN is rare; EINTR comes with signals and what is present stays. */
		if (errno != EINTR && (errno != EAGAIN || ++tries > 100))
			return errno;
	}
	return 0;
}

/* Take one piece and bring it in. @return 0 when none is left or somebody failed */
static int prefault_one(struct prefault *p)
{
	uint64_t off = __atomic_fetch_add(&p->next, p->piece_bytes, __ATOMIC_RELAXED);
	uint64_t len;
	int error;

	if (off >= p->len_bytes || cleat_load_relaxed(&p->error))
		return 0;
	len = p->len_bytes - off < p->piece_bytes ? p->len_bytes - off : p->piece_bytes;
	error = populate(p, off, len);
	if (error) {
		cleat_store_relaxed(&p->error, (uint64_t)error);
		return 0;
	}
	(void)__atomic_fetch_add(&p->done, len, __ATOMIC_RELAXED);
	return 1;
}

static void *prefault_thread(void *arg)
{
	while (prefault_one((struct prefault *)arg))
		;
	return NULL;
}

static unsigned thread_count(const struct cleat_segment_options *opt, const struct prefault *p)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned threads = opt->threads ? opt->threads : cpus > 0 ? (unsigned)cpus : 1;
	uint64_t pieces = (p->len_bytes + p->piece_bytes - 1) / p->piece_bytes;

	if (threads > MAX_PREFAULT_THREADS)
		threads = MAX_PREFAULT_THREADS;
	return threads > pieces ? (unsigned)pieces : threads;
}

static int prefault(const struct cleat_segment *seg, const struct cleat_segment_options *opt)
{
	struct prefault p = {
		.start = (char *)cleat_window_base + seg->off,
		.len_bytes = seg->len_bytes,
		.page_bytes = seg->page_bytes,
		.piece_bytes = seg->page_bytes > PREFAULT_PIECE ? seg->page_bytes : PREFAULT_PIECE,
		.fd = seg->fd,
	};
	pthread_t helpers[MAX_PREFAULT_THREADS];
	unsigned started = 0, threads = thread_count(opt, &p);
	uint64_t start_ms = cleat_now_ms();

	/* A helper that cannot start is done without: this thread takes part and would do it all.
	 */
	while (started + 1 < threads &&
		pthread_create(&helpers[started], NULL, prefault_thread, &p) == 0)
		started++;
	while (prefault_one(&p))
		if (opt->progress)
			opt->progress(cleat_load_relaxed(&p.done), p.len_bytes,
				cleat_now_ms() - start_ms, opt->progress_arg);
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(helpers[i], NULL);
	if (p.error == 0 && opt->progress)
		opt->progress(
			p.len_bytes, p.len_bytes, cleat_now_ms() - start_ms, opt->progress_arg);
	return -(int)p.error;
}

static int prefault_failed(const struct cleat_segment *seg, int rc)
{
	struct cleat_hugepages pages;
	char len[24];

	if (seg->page_bytes != CLEAT_PAGE_4K &&
		cleat_hugepages_read(seg->page_bytes, CLEAT_NODE_ANY, &pages) == 0)
		return cleat_err(-ENOMEM,
			"hugepages ran out while a segment of %s was filled (%s): another program or a "
			"cpuset/cgroup limit took them; %" PRIu64 " of %" PRIu64
			" are free now; reserve more or ask for less (-m)",
			cleat_size_text(seg->len_bytes, len), strerror(-rc), pages.available,
			pages.total);
	return cleat_err(-ENOMEM,
		"memory ran out while a segment of %s was filled (%s); ask for less (-m)",
		cleat_size_text(seg->len_bytes, len), strerror(-rc));
}

/* ---- where did it land? ---- */

/* Preferred, not bound: memory of another node serves better than none, and node_got tells. */
static void ask_node(const struct cleat_segment *seg)
{
	if (seg->node_asked == CLEAT_NODE_ANY || numa_available() < 0)
		return;
	numa_set_bind_policy(0);
	numa_tonode_memory((char *)cleat_window_base + seg->off, seg->len_bytes, seg->node_asked);
}

static uint16_t node_of_pages(const struct cleat_segment *seg)
{
	uint64_t pages = seg->len_bytes / seg->page_bytes;
	uint64_t samples = pages < NODE_SAMPLES ? pages : NODE_SAMPLES;
	void *at[NODE_SAMPLES];
	int status[NODE_SAMPLES];

	if (numa_available() < 0 || numa_max_node() == 0)
		return 0;
	for (uint64_t i = 0; i < samples; i++) /* spread over the whole segment */
		at[i] = (char *)cleat_window_base + seg->off +
			(i * pages / samples) * seg->page_bytes;
	if (numa_move_pages(0, samples, at, NULL, status, 0) < 0)
		return CLEAT_NODE_ANY;
	for (uint64_t i = 0; i < samples; i++)
		if (status[i] < 0 || status[i] != status[0])
			return CLEAT_NODE_ANY;
	return (uint16_t)status[0];
}

/* ---- all together ---- */

static int check_options(const struct cleat_segment_options *opt)
{
	if (!cleat_is_pow2(opt->page_bytes) || opt->len_bytes == 0 || opt->off % opt->page_bytes)
		return cleat_err(-EINVAL,
			"segment %s: %" PRIu64 " bytes at offset %#" PRIx64
			" do not go with pages of %" PRIu64 " bytes",
			opt->name, opt->len_bytes, opt->off, opt->page_bytes);
	if (opt->len_bytes > CLEAT_WINDOW_LEN_MAX)
		return cleat_err(-ERANGE,
			"segment %s: %" PRIu64 " GiB are more than the window holds (%llu GiB)",
			opt->name, opt->len_bytes >> 30, CLEAT_WINDOW_LEN_MAX >> 30);
	return check_node(opt->node);
}

static int fill(struct cleat_segment *seg, const struct cleat_segment_options *opt)
{
	struct cleat_hugepages pages;
	int rc = open_memfd(seg, opt->name);

	if (rc < 0)
		return rc;
	rc = cleat_window_map(seg->off, seg->len_bytes, seg->fd, 0, 1);
	if (rc == -ENOMEM && seg->page_bytes != CLEAT_PAGE_4K &&
		cleat_hugepages_read(seg->page_bytes, CLEAT_NODE_ANY, &pages) == 0)
		return too_few_hugepages(seg, &pages);
	if (rc < 0)
		return rc;
	ask_node(seg);
	rc = prefault(seg, opt);
	if (rc < 0) {
		(void)cleat_window_unmap(seg->off, seg->len_bytes);
		return prefault_failed(seg, rc);
	}
	seg->node_got = node_of_pages(seg);
	return 0;
}

static void close_fds(struct cleat_segment *seg)
{
	if (seg->fd >= 0)
		(void)close(seg->fd);
	if (seg->fd_ro >= 0)
		(void)close(seg->fd_ro);
	seg->fd = -1;
	seg->fd_ro = -1;
}

int cleat_segment_create(struct cleat_segment *seg, const struct cleat_segment_options *opt)
{
	int rc = check_options(opt);

	if (rc < 0)
		return rc;
	*seg = (struct cleat_segment){
		.off = opt->off,
		.len_bytes = cleat_align_up(opt->len_bytes, opt->page_bytes),
		.page_bytes = opt->page_bytes,
		.fd = -1,
		.fd_ro = -1,
		.kind = opt->kind,
		.node_asked = opt->node,
		.node_got = CLEAT_NODE_ANY,
	};
	rc = check_room(seg);
	if (rc == 0)
		rc = fill(seg, opt);
	if (rc < 0)
		close_fds(seg);
	return rc;
}

void cleat_segment_destroy(struct cleat_segment *seg)
{
	if (seg->fd < 0)
		return;
	(void)cleat_window_unmap(seg->off, seg->len_bytes);
	close_fds(seg);
}

void cleat_segment_row(const struct cleat_segment *seg, struct cleat_segment_shm *row)
{
	*row = (struct cleat_segment_shm){
		.off = seg->off,
		.len_bytes = seg->len_bytes,
		.page_bytes = seg->page_bytes,
		.iova = CLEAT_IOVA_NONE,
		.iova_table_zone = UINT32_MAX,
		.kind = seg->kind,
		.node_asked = seg->node_asked,
		.node_got = seg->node_got,
	};
}
