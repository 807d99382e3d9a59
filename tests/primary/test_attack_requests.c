/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_attack_requests.c - a process that asks for all there is, for what is others', or never
 * listens; and a user who may not attach. Others get their answers meanwhile, and afterwards all
 * that it held.
 */
#include <check.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "primary/server.h"
#include "runtime/error.h"
#include "runtime/registry.h"
#include "runtime/ring.h"
#include "secondary/attach.h"
#include "secondary/pools.h"
#include "secondary/ports.h"
#include "secondary/request.h"
#include "secondary/rings.h"
#include "secondary/zones.h"
#include "tests/primary/bad.h"

#define LONGEST_WAIT_US 1500000
#define NOBODY		65534
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MORE_KIB (1UL << 20) /* sanitizers keep what is freed */
#else
#define MORE_KIB 8192UL
#endif

static struct child primary;
static char instance[CLEAT_NAME_LEN]; /* test_instance() is another one in children */

static void setup(void)
{
	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	bad_primary_telling(&primary, "64");
}

static void attach(const char *name)
{
	struct cleat_attach_options options = { .instance = instance, .name = name };

	if (cleat_attach(&options, NULL) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		_exit(3);
	}
}

/* @return the process, once it has said that it is done and sleeps */
static pid_t attacker(void (*fn)(void))
{
	int ends[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	(void)fflush(NULL);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		fn();
		(void)!write(ends[1], "x", 1);
		for (;;)
			pause();
	}
	(void)close(ends[1]);
	ck_assert_msg(read(ends[0], &byte, 1) == 1, "the attacker failed: %s", child_err(&primary));
	(void)close(ends[0]);
	return pid;
}

static void kill_it(pid_t pid)
{
	int status;

	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}

static void others_are_served(void)
{
	uint64_t start_us = now_us();
	int sock = bad_attach("other", CLEAT__ROLE__ROLE_OBSERVER);

	bad_ping(sock);
	(void)close(sock);
	ck_assert_uint_lt(now_us() - start_us, LONGEST_WAIT_US);
}

/* ---- all there is ---- */

static int make_ring(unsigned number, uint32_t slots)
{
	char name[CLEAT_NAME_LEN];

	(void)snprintf(name, sizeof(name), "ring%u", number);
	return cleat_ctl_ring_create(name, slots, CLEAT_RING_MPMC, 0);
}

/* Something in each, so that they outlive the one who made them. */
static void take_all_rings(void)
{
	struct cleat_ring_row_shm row;
	struct cleat_ring r;
	unsigned n = 0;
	int ring;

	attach("vandal");
	while ((ring = make_ring(n, 16)) >= 0) {
		row = cleat_registry->rings[ring];
		if (cleat_ring_open_row(&r, (uint32_t)ring, &row) < 0)
			_exit(3);
		cleat_ring_store(&r, 0, 0x1234567);
		r.shm->head = 1;
		n++;
	}
	if (ring != -ENOSPC || n < CLEAT_MAX_RINGS / 2)
		_exit(4);
}

static void take_all_memory(void)
{
	uint32_t slots = CLEAT_MAX_RING;
	struct cleat_ring_row_shm row;
	struct cleat_ring r;
	int ring;

	attach("vandal");
	for (unsigned n = 0; slots >= 1024; n++) {
		ring = make_ring(n, slots);
		if (ring < 0) {
			slots /= 2;
			continue;
		}
		row = cleat_registry->rings[ring];
		if (cleat_ring_open_row(&r, (uint32_t)ring, &row) < 0)
			_exit(3);
		cleat_ring_store(&r, 0, 0x1234567);
		r.shm->head = 1;
	}
}

static void need_a_ring(const void *arg)
{
	unsigned tries = 0;
	int rc;

	attach("needy");
	while ((rc = make_ring(5000, *(const uint32_t *)arg)) < 0 && tries++ < 300)
		sleep_us(10000); /* the dead one is being swept */
	if (rc < 0)
		fprintf(stderr, "%s\n", cleat_error());
	_exit(rc < 0);
}

static void exhaust(void (*fn)(void), uint32_t slots)
{
	pid_t pid;

	setup();
	pid = attacker(fn);
	others_are_served();
	kill_it(pid);
	bad_child(need_a_ring, &slots);
	bad_still_serves(&primary);
	primary_stop(&primary);
}

START_TEST(all_rings)
{
	exhaust(take_all_rings, 16);
}
END_TEST

START_TEST(all_memory)
{
	exhaust(take_all_memory, CLEAT_MAX_RING);
}
END_TEST

/* Attached and silent. */
static void take_all_connections(void)
{
	for (unsigned i = 0; i < CLEAT_MAX_CONNS; i++)
		(void)bad_attach("many", CLEAT__ROLE__ROLE_OBSERVER);
}

START_TEST(all_connections)
{
	struct child c;
	pid_t pid;

	setup();
	pid = attacker(take_all_connections);
	ck_assert_int_ne(
		child_run(&c, "cleat-rxtx", "--instance", instance, "--attach-only", NULL), 0);
	ck_assert_msg(strstr(child_err(&c), "in use") != NULL, "said: %s", child_err(&c));
	child_end(&c);
	kill_it(pid);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- who may not attach ---- */

/* They say nothing and stay; and more of them come. */
static void crowd_of_strangers(void)
{
	char path[CLEAT_PATH_LEN];

	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0 ||
		cleat_rundir_find_socket(instance, path) < 0)
		_exit(3);
	for (int i = 0; i < 4; i++) {
		if (fork() != 0)
			continue;
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (cleat_socket_connect(path, 5000) < 0)
				sleep_us(1000);
	}
	sleep_us(200000);
}

START_TEST(strangers_keep_nobody_waiting)
{
	pid_t pid;

	if (geteuid() != 0)
		return; /* main() says so */
	setup();
	pid = attacker(crowd_of_strangers);
	for (int i = 0; i < 20; i++)
		others_are_served();
	kill_it(pid);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- what is others' ---- */

static void owner(void)
{
	struct cleat_pool_request pool = { .name = "theirs", .count = 64, .data_bytes = 256 };
	struct cleat_zone_request zone = { .name = "theirs", .len_bytes = 4096 };
	struct cleat_zone_shm row;
	struct cleat_ring r;

	attach("owner");
	if (cleat_ctl_ring_create("theirs", 16, CLEAT_RING_SPSC, 0) < 0 ||
		cleat_ctl_ring_open("theirs", CLEAT_RING_BOTH, &r) < 0 ||
		cleat_ctl_pool_create(&pool) < 0 || cleat_ctl_zone_reserve(&zone, &row) < 0 ||
		cleat_ctl_queue_claim(0, CLEAT_RX, 0) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		_exit(3);
	}
}

static void refused(const char *what, int rc)
{
	if (rc == -EPERM || rc == -EBUSY || rc == -EINVAL || rc == -ENODEV)
		return;
	fprintf(stderr, "%s: %d\n", what, rc);
	_exit(5);
}

/* What is set for the whole port would reach into the traffic of whoever holds a queue. */
static void settings_are_refused(void)
{
	static const uint8_t MAC[6] = { 2, 0, 0, 0, 0, 9 };

	for (int i = 0; i < 3; i++) {
		int rc = i == 0	  ? cleat_ctl_port_mtu(0, 1400)
			 : i == 1 ? cleat_ctl_port_mac(0, MAC)
				  : cleat_ctl_port_promiscuous(0, 1);

		if (rc == -EBUSY && strstr(cleat_error(), "owner (pid") != NULL)
			continue;
		fprintf(stderr, "setting %d: %d, %s\n", i, rc, cleat_error());
		_exit(5);
	}
}

static void thief(void)
{
	static const uint32_t PORTS[] = { 0, 63, 64, 0x10000, UINT32_MAX };
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__QueueRelease release = CLEAT__QUEUE_RELEASE__INIT;
	Cleat__RingClose ring_close = CLEAT__RING_CLOSE__INIT;
	Cleat__ThreadRelease thread = CLEAT__THREAD_RELEASE__INIT;
	struct cleat_ring r;

	attach("thief");
	refused("ring free", cleat_ctl_ring_free("theirs"));
	refused("ring open", cleat_ctl_ring_open("theirs", CLEAT_RING_CONSUMER, &r));
	refused("pool free", cleat_ctl_pool_free("theirs"));
	refused("default pool free", cleat_ctl_pool_free("default"));
	refused("zone free", cleat_ctl_zone_free("theirs"));
	refused("shared free", cleat_ctl_zone_free("cleat.shared"));
	refused("pool's ring free", cleat_ctl_ring_free("pool.default"));
	refused("port stop", cleat_ctl_port_stop(0));
	refused("port configure", cleat_ctl_port_configure(0, 1, 1, 0));
	settings_are_refused();
	for (unsigned i = 0; i < 5; i++) {
		release.port = ring_close.ring = PORTS[i];
		release.queue = PORTS[i];
		ring_close.end = CLEAT__RING_END__RING_END_BOTH;
		thread.thread = PORTS[i];
		env.body_case = CLEAT__ENVELOPE__BODY_QUEUE_RELEASE;
		env.queue_release = &release;
		refused("queue release", cleat_request_call(&env, NULL));
		env.body_case = CLEAT__ENVELOPE__BODY_RING_CLOSE;
		env.ring_close = &ring_close;
		refused("ring close", cleat_request_call(&env, NULL));
		env.body_case = CLEAT__ENVELOPE__BODY_THREAD_RELEASE;
		env.thread_release = &thread;
		refused("thread release", cleat_request_call(&env, NULL));
	}
}

START_TEST(what_is_others_stays_theirs)
{
	pid_t a, b;

	setup();
	a = attacker(owner);
	b = attacker(thief);
	kill_it(b);
	kill_it(a);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* One that holds queues itself may set its port, and so may anyone when nobody holds any. */
static void sets_its_port(void)
{
	static const uint8_t MAC[6] = { 2, 0, 0, 0, 0, 9 };
	const struct cleat_port_shm *row;

	attach("owner");
	row = &cleat_registry->ports[0];
	for (int i = 0; i < 2; i++) {
		int rc = i == 0 ? 0 : cleat_ctl_queue_claim(0, CLEAT_RX, 0);

		rc = rc < 0 ? rc : cleat_ctl_port_mtu(0, 1400U + (unsigned)i);
		rc = rc < 0 ? rc : cleat_ctl_port_mac(0, MAC);
		rc = rc < 0 ? rc : cleat_ctl_port_promiscuous(0, i == 0);
		if (rc == 0 && row->mtu == 1400 + i && memcmp(row->mac, MAC, 6) == 0 &&
			(row->flags & CLEAT_PORT_PROMISCUOUS) ==
				(i == 0 ? CLEAT_PORT_PROMISCUOUS : 0))
			continue;
		fprintf(stderr, "round %d: %d, %s\n", i, rc, cleat_error());
		_exit(5);
	}
}

START_TEST(a_port_is_set_by_who_holds_it)
{
	setup();
	kill_it(attacker(sets_its_port));
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

/* ---- silence ---- */

/* Requests as fast as they go, and no answer is read. */
static void flood(void)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__PortXstats xstats = CLEAT__PORT_XSTATS__INIT;
	int sock = bad_attach("deaf", CLEAT__ROLE__ROLE_SECONDARY);
	uint64_t end_us = now_us() + 500000;

	env.body_case = CLEAT__ENVELOPE__BODY_PORT_XSTATS;
	env.port_xstats = &xstats;
	while (now_us() < end_us) {
		env.id++;
		env.id |= 1;
		(void)cleat_message_send(sock, &env, NULL, 0);
	}
}

static unsigned long kib_of(pid_t pid)
{
	unsigned long pages = 0, shared = 0, unused;
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%lu %lu %lu", &unused, &pages, &shared), 3);
	(void)fclose(file);
	return (pages - shared) * 4;
}

START_TEST(answers_that_nobody_reads)
{
	unsigned long before;
	pid_t pid;

	setup();
	before = kib_of(primary.pid);
	pid = attacker(flood);
	others_are_served();
	for (unsigned i = 0; i < 700; i++) /* each is an event or more for the deaf one */
		(void)close(bad_attach("noise", CLEAT__ROLE__ROLE_SECONDARY));
	ck_assert_uint_lt(kib_of(primary.pid), before + MORE_KIB);
	others_are_served();
	kill_it(pid);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

static int grow(int sock, uint64_t len_bytes, const char **detail)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__MemoryGrow m = CLEAT__MEMORY_GROW__INIT;

	env.body_case = CLEAT__ENVELOPE__BODY_MEMORY_GROW;
	env.memory_grow = &m;
	m.len_bytes = len_bytes;
	m.node = -1;
	return bad_request(sock, &env, detail);
}

/* It never says that it has mapped what came. */
static void slow_mapper(void)
{
	int sock = bad_attach("slow", CLEAT__ROLE__ROLE_SECONDARY);
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__MemoryGrow m = CLEAT__MEMORY_GROW__INIT;

	env.id = 1;
	env.body_case = CLEAT__ENVELOPE__BODY_MEMORY_GROW;
	env.memory_grow = &m;
	m.len_bytes = 1 << 20;
	m.node = -1;
	if (cleat_message_send(sock, &env, NULL, 0) < 0)
		_exit(3);
	bad_ping(sock);
}

START_TEST(memory_without_end)
{
	const char *detail;
	int sock, rc;
	pid_t pid;

	setup();
	pid = attacker(slow_mapper);
	sock = bad_attach("other", CLEAT__ROLE__ROLE_SECONDARY);
	rc = grow(sock, 1 << 20, &detail);
	ck_assert_msg(rc == -EBUSY && strstr(detail, "slow") != NULL, "%d: %s", rc, detail);
	kill_it(pid);
	sleep_us(100000);
	rc = grow(sock, 100ULL << 30, &detail);
	ck_assert_msg(rc == -ENOMEM, "%d: %s", rc, detail);
	(void)close(sock);
	bad_still_serves(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { all_rings, all_memory, all_connections,
		strangers_keep_nobody_waiting, what_is_others_stays_theirs,
		a_port_is_set_by_who_holds_it, answers_that_nobody_reads, memory_without_end };

	return code_where_root_is_needed(bad_run("primary/attack_requests", TESTS, 8, 60));
}
