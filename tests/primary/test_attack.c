/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_attack.c - an admitted process aims at the primary with what it may write, and is killed.
 *
 * After each: the primary takes everything back, answers others without a long wait meanwhile, and
 * a worker that was there goes on with its queue.
 */
#include <check.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/mbuf_ref.h"
#include "runtime/mempool.h"
#include "runtime/registry.h"
#include "secondary/attach.h"
#include "secondary/request.h"
#include "secondary/rings.h"
#include "secondary/threads.h"
#include "tests/primary/bad.h"

#define LONGEST_WAIT_US 1500000

static struct child primary, worker;
static char instance[CLEAT_NAME_LEN]; /* test_instance() is another one in children */

static void start(unsigned mib)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", mib);
	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	bad_primary_telling(&primary, text);
	child_start(&worker, "cleat-rxtx", "--instance", test_instance(), "--name", "worker",
		"--mode", "rxonly", "--rx", "port:0:0", "--nap", "1000", "--log-level", "info",
		NULL);
	child_wait_running(&worker);
}

/* ---- the attacker ---- */

static void attach(const char *name)
{
	struct cleat_attach_options options = { .instance = instance, .name = name };

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (cleat_attach(&options, NULL) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		_exit(3);
	}
}

static void fill_with(const struct cleat_ring *r, cleat_handle handle)
{
	uint64_t tail = r->shm->tail;

	for (uint64_t pos = tail; pos < tail + r->size; pos++)
		cleat_ring_store(r, pos, handle);
	cleat_store_release(&r->shm->head, tail + r->size);
}

static void make_ring(struct cleat_ring *r, unsigned number, uint32_t slots)
{
	char name[CLEAT_NAME_LEN];

	(void)snprintf(name, sizeof(name), "attack%u", number);
	if (cleat_ctl_ring_create(name, slots, CLEAT_RING_MPMC, 0) < 0 ||
		cleat_ctl_ring_open(name, CLEAT_RING_PRODUCER, r) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		_exit(3);
	}
}

/* Whoever waits for the lines' threads to leave their operations, waits for ever. */
static void lines(void)
{
	for (unsigned t = 0; t < CLEAT_MAX_THREADS; t++) {
		struct cleat_thread_shm *line = &cleat_shared->threads[t];

		if (cleat_registry->threads[t].slot != 0 &&
			cleat_registry->threads[t].slot != cleat_self_slot)
			continue;
		line->busy |= 1;
		for (unsigned i = 0; i < sizeof(line->reserved) / 8; i++)
			line->reserved[i] = UINT64_MAX;
		line->intent = cleat_intent(cleat_registry->pools[0].ring,
			cleat_mempool_by_id(0)->ring.shm->head - 8, 16);
		line->ref = (uint64_t)cleat_mempool_by_id(0)->first << 32 | 7;
		line->ref_clone = UINT64_MAX;
		line->ref_done = UINT64_MAX;
	}
	cleat_store_release(&cleat_mempool_by_id(0)->ring.shm->head,
		cleat_mempool_by_id(0)->ring.shm->head + 8);
}

/* Each slot of large rings begins a chain that never ends. */
static void chains(void)
{
	struct cleat_mempool *mp = cleat_mempool_by_id(0);
	struct cleat_mbuf *mbufs[256];
	struct cleat_ring r;

	if (cleat_mbuf_alloc_bulk(mp, mbufs, 256) < 0)
		_exit(3);
	for (unsigned i = 0; i < 256; i++)
		mbufs[i]->next = cleat_handle_of(mbufs[(i + 1) % 256]);
	for (unsigned i = 0; i < 4; i++) {
		make_ring(&r, i, CLEAT_MAX_RING / 2);
		fill_with(&r, cleat_handle_of(mbufs[i]));
	}
}

/* All mbufs are the attacker's, and the pool has no room for them. */
static void full_pool(void)
{
	struct cleat_mempool *mp = cleat_mempool_by_id(0);

	fill_with(&mp->ring, mp->first);
	for (uint32_t i = 0; i < mp->count; i++)
		cleat_mbuf_of(cleat_mempool_handle(mp, i))->owner =
			cleat_owner_word(CLEAT_OWNER_PROCESS, cleat_self_slot);
}

/* Clones of one another, with counts of thousands or none. */
static void clones(void)
{
	struct cleat_mempool *mp = cleat_mempool_by_id(0);
	struct cleat_mbuf *mbufs[256];

	if (cleat_mbuf_alloc_bulk(mp, mbufs, 256) < 0)
		_exit(3);
	for (unsigned i = 0; i < 256; i++) {
		mbufs[i]->clone = (uint8_t)(i | 1);
		mbufs[i]->ref = i % 3 ? (uint64_t)i % 7 << 48 : UINT64_MAX;
		mbufs[i]->next = cleat_handle_of(mbufs[(i * 7 + 1) % 256]);
		cleat_mbuf_clone_of(mbufs[i])->parent =
			i % 5 ? cleat_handle_of(mbufs[(i + 1) % 256]) : UINT32_MAX - i;
	}
}

/* Positions at the ends of numbers, caches longer than they are. */
static void positions(void)
{
	static const uint64_t ENDS[] = { 0, 1ULL << 40, 1ULL << 63, UINT64_MAX, UINT64_MAX - 5 };
	struct cleat_mempool *mp = cleat_mempool_by_id(0);
	struct cleat_ring r;

	for (unsigned i = 0; i < 25; i++) {
		make_ring(&r, i, 64);
		r.shm->head = ENDS[i % 5];
		r.shm->tail = ENDS[i / 5];
	}
	for (unsigned t = 0; t < CLEAT_MAX_THREADS; t++) {
		struct cleat_cache_shm *cache = cleat_mempool_cache(mp, (uint16_t)t);

		if (cache == NULL || cleat_registry->threads[t].slot != cleat_self_slot)
			continue;
		cache->len = t % 2 ? UINT32_MAX : mp->cache_handles + 1;
		for (unsigned i = 0; i < mp->cache_handles; i++)
			cleat_cache_handles(cache)[i] = UINT32_MAX - i;
	}
}

static struct cleat_ring refilled;

static void *refill(void *arg)
{
	for (;;) {
		uint64_t tail = cleat_load_acquire(&refilled.shm->tail);

		for (uint64_t pos = tail; pos < tail + refilled.size; pos++)
			cleat_ring_store(&refilled, pos, 0x1234567);
		cleat_store_release(&refilled.shm->head, tail + refilled.size);
	}
	return arg;
}

/* The primary empties a ring that is freed; this one is filled faster. */
static void freed_ring(void)
{
	pthread_t thread;

	make_ring(&refilled, 0, CLEAT_MAX_RING);
	if (cleat_ctl_ring_close(&(struct cleat_ring){ .id = refilled.id }, CLEAT_RING_PRODUCER) <
		0)
		_exit(3);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&thread, NULL, refill, NULL) != 0)
			_exit(3);
	usleep(1000);
	(void)cleat_ctl_ring_free("attack0");
}

/* ---- what becomes of it ---- */

static bool all_taken_back(void *arg)
{
	const char *log = child_err(&primary), *part = arg;
	int n = 0;

	while ((log = strstr(log, part)) != NULL) {
		n++;
		log++;
	}
	return n >= 2;
}

/* Attach and ask, as others would. @return how long it took */
static uint64_t ask(void)
{
	uint64_t start_us = now_us();
	int sock = bad_connect();

	ck_assert_int_eq(bad_handshake(sock, "other", CLEAT__ROLE__ROLE_OBSERVER), 0);
	bad_send_empty(sock, CLEAT__ENVELOPE__BODY_READY, 0);
	bad_ping(sock);
	(void)close(sock);
	return now_us() - start_us;
}

static void run(void (*attack)(void), const char *name)
{
	pid_t pid;
	int status;

	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		attach(name);
		attack();
		raise(SIGKILL);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		uint64_t us = ask();

		ck_assert_msg(us < LONGEST_WAIT_US, "it kept others waiting for %llu us",
			(unsigned long long)us);
	}
	ck_assert_msg(WIFSIGNALED(status), "the attacker failed");
}

static void nothing(void)
{
}

static void attack(void (*fn)(void), unsigned mib)
{
	uint64_t end_us;

	start(mib);
	run(fn, "vandal");
	for (end_us = now_us() + 1000000; now_us() < end_us;) {
		uint64_t us = ask();

		ck_assert_msg(us < LONGEST_WAIT_US, "it kept others waiting for %llu us",
			(unsigned long long)us);
	}
	run(nothing, "vandal2"); /* who died before does not hold this one up */
	ck_assert_msg(wait_for(all_taken_back, "mbufs and", 5000), "not all is taken back: %s",
		child_err(&primary));
	ck_assert_msg(child_is_running(&worker), "the worker ended: %s", child_err(&worker));
	child_signal(&worker, SIGTERM);
	ck_assert_msg(child_wait(&worker, 5000) == 0, "the worker: %s", child_err(&worker));
	child_end(&worker);
}

START_TEST(lines_of_all_threads)
{
	attack(lines, 16);
	bad_still_serves(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(endless_chains)
{
	attack(chains, 32);
	primary_stop(&primary);
}
END_TEST

START_TEST(pool_full_of_one_mbuf)
{
	attack(full_pool, 128);
	primary_stop(&primary);
}
END_TEST

START_TEST(clones_of_clones)
{
	attack(clones, 16);
	primary_stop(&primary);
}
END_TEST

START_TEST(positions_and_lengths)
{
	attack(positions, 16);
	bad_still_serves(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(ring_refilled_while_freed)
{
	attack(freed_ring, 32);
	bad_still_serves(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { lines_of_all_threads, endless_chains, pool_full_of_one_mbuf,
		clones_of_clones, positions_and_lengths, ring_refilled_while_freed };

	return bad_run("primary/attack", TESTS, 6, 60);
}
