/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS  1000000ULL
#define PATIENCE_S 60ULL

void bench_fail(const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	(void)vfprintf(stderr, fmt, list);
	va_end(list);
	(void)fputc('\n', stderr);
	exit(1);
}

/* ---- options ---- */

static const struct {
	const char *name;
	size_t at;
	bool number;
} KEYS[] = {
	{ "instance", offsetof(struct bench_args, instance), false },
	{ "name", offsetof(struct bench_args, name), false },
	{ "role", offsetof(struct bench_args, role), false },
	{ "meet", offsetof(struct bench_args, meet), false },
	{ "in", offsetof(struct bench_args, in), false },
	{ "out", offsetof(struct bench_args, out), false },
	{ "mode", offsetof(struct bench_args, ring_mode), false },
	{ "extra", offsetof(struct bench_args, extra), false },
	{ "hugetlbfs", offsetof(struct bench_args, hugetlbfs), false },
	{ "core", offsetof(struct bench_args, core), true },
	{ "id", offsetof(struct bench_args, id), true },
	{ "parties", offsetof(struct bench_args, parties), true },
	{ "producers", offsetof(struct bench_args, producers), true },
	{ "consumers", offsetof(struct bench_args, consumers), true },
	{ "makers", offsetof(struct bench_args, makers), true },
	{ "burst", offsetof(struct bench_args, burst), true },
	{ "bytes", offsetof(struct bench_args, bytes), true },
	{ "count", offsetof(struct bench_args, count), true },
	{ "warm-ms", offsetof(struct bench_args, warm_ms), true },
	{ "ms", offsetof(struct bench_args, ms), true },
	{ "yield", offsetof(struct bench_args, yield), true },
};

static void set(struct bench_args *a, size_t key, const char *value)
{
	char *at = (char *)a + KEYS[key].at;
	unsigned long number;
	char *end;

	if (!KEYS[key].number) {
		memcpy(at, &value, sizeof(value));
		return;
	}
	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || number > UINT32_MAX)
		bench_fail("--%s=%s: give a number", KEYS[key].name, value);
	*(unsigned *)(void *)at = (unsigned)number;
}

static void take(struct bench_args *a, const char *text)
{
	size_t len = strcspn(text, "=");

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		if (strlen(KEYS[i].name) + 2 == len && strncmp(text, "--", 2) == 0 &&
			strncmp(text + 2, KEYS[i].name, len - 2) == 0 && text[len] == '=') {
			set(a, i, text + len + 1);
			return;
		}
	}
	bench_fail("%s: not an option; cleat-bench runs this program", text);
}

static enum bench_mode mode_of(const char *text)
{
	static const char *const NAMES[] = { "spsc", "mpmc", "rts", "hts" };

	for (unsigned i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		if (strcmp(text, NAMES[i]) == 0)
			return (enum bench_mode)i;
	bench_fail("--mode=%s: give spsc, mpmc, rts or hts", text);
}

void bench_args_parse(struct bench_args *a, int argc, char **argv)
{
	*a = (struct bench_args){ .instance = "bench",
		.name = "bench",
		.role = "",
		.in = "",
		.out = "",
		.ring_mode = "spsc",
		.extra = "",
		.hugetlbfs = "",
		.parties = 1,
		.producers = 1,
		.consumers = 1,
		.makers = 1,
		.burst = 32,
		.bytes = 60,
		.warm_ms = 50,
		.ms = 200 };
	for (int i = 1; i < argc; i++)
		take(a, argv[i]);
	a->mode = mode_of(a->ring_mode);
	if (a->burst == 0 || a->burst > BENCH_MAX_BURST)
		bench_fail("--burst=%u: give 1 to %d", a->burst, BENCH_MAX_BURST);
	/* no process outlives the driver */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void bench_pin(const struct bench_args *a)
{
	cpu_set_t set_;

	CPU_ZERO(&set_);
	CPU_SET(a->core, &set_);
	if (sched_setaffinity(0, sizeof(set_), &set_) < 0)
		bench_fail("cannot run on processor %u: %s", a->core, strerror(errno));
}

/* ---- meeting ---- */

struct bench_meet *bench_meet_open(const struct bench_args *a)
{
	static struct bench_meet alone;
	void *page;
	int fd;

	if (a->meet == NULL)
		return &alone;
	fd = open(a->meet, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		bench_fail("%s: %s", a->meet, strerror(errno));
	page = mmap(NULL, sizeof(struct bench_meet), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		bench_fail("%s: %s", a->meet, strerror(errno));
	(void)close(fd);
	return (struct bench_meet *)page;
}

void bench_meet_wait(struct bench_meet *meet, const struct bench_args *a)
{
	uint64_t end_ns = bench_now_ns() + PATIENCE_S * 1000 * NS_PER_MS;

	bench_add(&meet->ready);
	while (!bench_reached(&meet->ready, a->parties)) {
		if (bench_now_ns() > end_ns)
			bench_fail("%s: the others did not come", a->name);
		(void)sched_yield();
	}
}

void bench_yield(void)
{
	(void)sched_yield();
}

/* ---- time ---- */

static uint64_t read_ns(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

uint64_t bench_now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t bench_cpu_ns(void)
{
	return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

void bench_watch_start(
	struct bench_watch *w, const struct bench_args *a, struct bench_result *result)
{
	memset(w, 0, sizeof(*w));
	w->clock = a->parties == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
	w->start_ns = read_ns(w->clock);
	w->len_ns = a->warm_ms * NS_PER_MS;
	w->measure_ns = a->ms * NS_PER_MS;
	w->result = result;
}

void bench_watch_look(struct bench_watch *w, uint64_t done)
{
	uint64_t now_ns = read_ns(w->clock);

	if (now_ns - w->start_ns < w->len_ns || done == w->start_done)
		return;
	w->result->elements = done - w->start_done;
	w->result->ns = now_ns - w->start_ns;
	w->start_ns = now_ns;
	w->start_done = done;
	w->len_ns = w->measure_ns;
	w->phase++;
}

/* ---- result ---- */

int bench_print(const struct bench_result *r)
{
	printf("{\"elements\": %" PRIu64 ", \"ns\": %" PRIu64 ", \"total\": %" PRIu64
	       ", \"sum\": %" PRIu64 ", \"bad\": %" PRIu64 "}\n",
		r->elements, r->ns, r->total, r->sum, r->bad);
	return fflush(stdout) == 0 ? 0 : 1;
}
