/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_ring_kill.c - a process dies after each single instruction of an enqueue or dequeue; then
 * every element is delivered once or belongs to the dead, and the ring works on.
 *
 * The victim is single-stepped. It may be held while others use the ring, so that it goes on with
 * what it read before. The dead leave only shared memory: after each step that changed it, what
 * follows a death is tried and undone. Some deaths are real ones.
 */
#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/ring_recover.h"
#include "tests/runtime/ring_help.h"

#define SLOTS	 16U
#define FIRST	 9U    /* in the ring before: handles 1..FIRST */
#define N	 6U    /* in the victim's burst */
#define OFFERED	 100U  /* the victim's: OFFERED..OFFERED + N - 1 */
#define LIVING	 1000U /* those of the others, counted from here */
#define HANDLES	 4096U
#define VICTIM	 1U
#define MAX_STEP 100000
#define KILLS	 12 /* real ones, of each case */
/* how often a call is held: at each second instruction or so, or where a sanitizer makes thousands
 * of them, at some */
#ifdef __SANITIZE_ADDRESS__
#define HOLDS 6
#else
#define HOLDS 64
#endif

/* Check's own assertions write to a pipe, also when they hold; here are millions. */
#define must(x)                                         \
	do {                                            \
		if (!(x))                               \
			ck_abort_msg("not so: %s", #x); \
	} while (0)

enum meanwhile {
	NOTHING,
	ENQUEUE_TWO, /* head moves under it */
	DEQUEUE_TWO, /* tail moves under it */
	LAP,	     /* more elements pass than the ring holds: what it read is a lap old */
	MEANWHILES,
};

static const struct ring_case {
	const char *name;
	enum cleat_ring_mode mode;
	int enqueue;
	int bulk;
	int meanwhile; /* others may interfere: 1 producers, 2 consumers, 3 both */
} cases[] = {
	{ "mpmc enqueue burst", CLEAT_RING_MPMC, 1, 0, 3 },
	{ "mpmc enqueue bulk", CLEAT_RING_MPMC, 1, 1, 3 },
	{ "mpmc dequeue burst", CLEAT_RING_MPMC, 0, 0, 3 },
	{ "mpmc dequeue bulk", CLEAT_RING_MPMC, 0, 1, 3 },
	{ "spsc enqueue burst", CLEAT_RING_SPSC, 1, 0, 2 },
	{ "spsc enqueue bulk", CLEAT_RING_SPSC, 1, 1, 2 },
	{ "spsc dequeue burst", CLEAT_RING_SPSC, 0, 0, 1 },
	{ "spsc dequeue bulk", CLEAT_RING_SPSC, 0, 1, 1 },
};
#define CASES ((int)(sizeof(cases) / sizeof(*cases)))

/* Shared with the victim. */
struct scene {
	cleat_handle out[CLEAT_MAX_BURST]; /* what the victim dequeues */
	uint32_t done;			   /* what its call returned, plus 1 */
};

static struct scene *scene;
static struct ring_world *world;
static struct cleat_ring ring;
static uint8_t seen[HANDLES]; /* how often the test took each handle */
static uint32_t last_seen[3]; /* of each producer: the first burst, the victim, the others */
static uint32_t living;	      /* what the others enqueued so far */

/* Without libc's frames, so that the first step is nearly the call's first instruction. */
static void stop_myself(void)
{
	syscall(SYS_kill, syscall(SYS_getpid), SIGSTOP);
}

static void victim(const struct ring_case *c)
{
	cleat_handle offered[N];
	uint32_t done;

	for (uint32_t i = 0; i < N; i++)
		offered[i] = OFFERED + i;

	cleat_self_use(VICTIM);
	memset(scene, 0, sizeof(*scene));
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(77);
	stop_myself();
	if (c->enqueue)
		done = cleat_ring_enqueue(&ring, offered, N, c->bulk);
	else
		done = cleat_ring_dequeue(&ring, scene->out, N, c->bulk);
	cleat_store_release(&scene->done, done + 1);
	stop_myself();
	_exit(0);
}

/* @return 1: stepped; 0: it stands at its second stop, the call is over */
static int step(pid_t pid)
{
	int status;

	must(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0);
	must(waitpid(pid, &status, 0) == pid);
	must(WIFSTOPPED(status));
	return WSTOPSIG(status) == SIGTRAP;
}

static void end(pid_t pid)
{
	int status;

	must(kill(pid, SIGKILL) == 0);
	must(waitpid(pid, &status, 0) == pid);
	must(WIFSIGNALED(status));
}

static void fail_at(const char *what, cleat_handle handle)
{
	ck_abort_msg("handle %u: %s (head %llu, tail %llu)", handle, what,
		(unsigned long long)ring.shm->head, (unsigned long long)ring.shm->tail);
}

static uint32_t take(uint32_t n)
{
	cleat_handle out[CLEAT_MAX_BURST];
	uint32_t got = cleat_ring_dequeue_burst(&ring, out, n);

	for (uint32_t i = 0; i < got; i++) {
		int who = out[i] >= LIVING ? 2 : out[i] >= OFFERED;

		if (out[i] >= HANDLES || (who == 1 && out[i] >= OFFERED + N))
			fail_at("never enqueued", out[i]);
		if (seen[out[i]]++)
			fail_at("came twice", out[i]);
		if (out[i] < last_seen[who])
			fail_at("out of order", out[i]);
		last_seen[who] = out[i];
	}
	return got;
}

static uint32_t give(uint32_t n)
{
	cleat_handle handles[SLOTS];
	uint32_t done;

	for (uint32_t i = 0; i < n; i++)
		handles[i] = LIVING + living + i;
	done = cleat_ring_enqueue_burst(&ring, handles, n);
	living += done;
	return done;
}

static void interfere(enum meanwhile what)
{
	if (what == ENQUEUE_TWO)
		give(2);
	else if (what == DEQUEUE_TWO)
		take(2);
	else if (what == LAP)
		for (uint32_t i = 0; i < SLOTS; i++) {
			take(2);
			give(2);
		}
}

/* The primary's part. The ring may not be passable before. */
static void recover(const struct ring_case *c)
{
	struct cleat_thread_set dead = { 0 };
	struct cleat_ring_row_shm *row = &cleat_registry->rings[RING_HELP_ID];

	cleat_thread_set_add(&dead, VICTIM);
	must(cleat_ring_recover(&dead) == 0);
	must(world->shared.threads[VICTIM].intent == 0);
	if (c->mode == CLEAT_RING_SPSC) {
		if (c->enqueue)
			cleat_ring_recover_producer(&ring);
		must(cleat_ring_open_row(&ring, RING_HELP_ID, row) == 0);
	}
}

/* What the dead one's call may have delivered or taken, and no more. */
static void check_books(const struct ring_case *c)
{
	uint32_t missing = 0;

	for (uint32_t h = 1; h <= FIRST; h++)
		if (!seen[h]) {
			missing++;
			if (c->enqueue)
				fail_at("lost", h);
		}
	for (uint32_t h = LIVING; h < LIVING + living; h++)
		if (!seen[h]) {
			missing++;
			if (c->enqueue)
				fail_at("lost", h);
		}
	if (c->enqueue) {
		/* a prefix of the burst; all that a finished call said */
		for (uint32_t i = 1; i < N; i++)
			if (seen[OFFERED + i] && !seen[OFFERED + i - 1])
				fail_at("delivered before its elder", OFFERED + i);
		for (uint32_t i = 0; i + 1 < scene->done; i++)
			if (!seen[OFFERED + i])
				fail_at("confirmed and lost", OFFERED + i);
		return;
	}
	/* all that is missing is in the dead one's hands; all that it was given is missing */
	for (uint32_t i = 0; i < N; i++)
		if (scene->out[i] && scene->out[i] < HANDLES && !seen[scene->out[i]]++)
			missing--;
	if (missing != 0)
		ck_abort_msg("%u lost in a dequeue", missing);
	if (scene->done > 1) {
		for (uint32_t i = 0; i + 1 < scene->done; i++)
			if (seen[scene->out[i]] != 1)
				fail_at("delivered twice", scene->out[i]);
	}
}

static void check_ring_works(void)
{
	cleat_handle handles[SLOTS], out[SLOTS];

	must(cleat_ring_count(&ring) == 0);
	for (uint32_t lap = 0; lap < 3; lap++) {
		for (uint32_t i = 0; i < SLOTS; i++)
			handles[i] = 7 + lap * SLOTS + i;
		must(cleat_ring_enqueue_bulk(&ring, handles, SLOTS) == SLOTS);
		must(cleat_ring_enqueue_burst(&ring, handles, 1) == 0);
		must(cleat_ring_dequeue_bulk(&ring, out, SLOTS) == SLOTS);
		must(memcmp(handles, out, sizeof(out)) == 0);
	}
}

/* ---- deaths ---- */

/* All that a death and what follows it may change. */
struct state {
	struct cleat_thread_shm lines[2]; /* the living thread's, the victim's */
	struct cleat_ring_shm shm;
	uint32_t slots[SLOTS];
	struct scene scene;
	struct cleat_ring ring;
	uint8_t seen[HANDLES];
	uint32_t last_seen[3];
	uint32_t living;
};

static void save(struct state *st)
{
	memset(st, 0, sizeof(*st));
	memcpy(st->lines, world->shared.threads, sizeof(st->lines));
	memcpy(&st->shm, ring.shm, sizeof(st->shm));
	memcpy(st->slots, ring.slots, sizeof(st->slots));
	memcpy(&st->scene, scene, sizeof(st->scene));
	memcpy(&st->ring, &ring, sizeof(st->ring));
	memcpy(st->seen, seen, sizeof(st->seen));
	memcpy(st->last_seen, last_seen, sizeof(st->last_seen));
	st->living = living;
}

static void restore(const struct state *st)
{
	memcpy(world->shared.threads, st->lines, sizeof(st->lines));
	memcpy(ring.shm, &st->shm, sizeof(st->shm));
	memcpy(ring.slots, st->slots, sizeof(st->slots));
	memcpy(scene, &st->scene, sizeof(st->scene));
	memcpy(&ring, &st->ring, sizeof(st->ring));
	memcpy(seen, st->seen, sizeof(st->seen));
	memcpy(last_seen, st->last_seen, sizeof(st->last_seen));
	living = st->living;
}

/* The victim does nothing any more. */
static void check_death(const struct ring_case *c)
{
	/* others go on at once, as far as the ring's room lets them */
	if (c->mode == CLEAT_RING_MPMC) {
		give(1);
		take(2);
	}
	recover(c);
	while (take(SLOTS) > 0)
		;
	check_books(c);
	check_ring_works();
}

/* A ring with FIRST elements and a victim that stands before its call. */
static pid_t start_victim(const struct ring_case *c, uint64_t start)
{
	struct cleat_ring_row_shm *row = &cleat_registry->rings[RING_HELP_ID];
	cleat_handle first[FIRST];
	int status;
	pid_t pid;

	memset(seen, 0, sizeof(seen));
	memset(last_seen, 0, sizeof(last_seen));
	living = 0;
	memset(&world->shared, 0, sizeof(world->shared));
	must(cleat_ring_open_row(&ring, RING_HELP_ID, row) == 0);
	ring_world_start_at(&ring, start);
	for (uint32_t i = 0; i < FIRST; i++)
		first[i] = i + 1;
	must(cleat_ring_enqueue_bulk(&ring, first, FIRST) == FIRST);

	pid = fork();
	must(pid >= 0);
	if (pid == 0)
		victim(c);
	must(waitpid(pid, &status, 0) == pid);
	must(WIFSTOPPED(status));
	return pid;
}

/* @return steps done, at most @p most */
static int steps(pid_t pid, int most)
{
	int n = 0;

	while (n < most && step(pid))
		n++;
	return n;
}

/* From here to the end of the call: a death after each step that changed something. @return how
 * many there were */
static int die_at_each_step(const struct ring_case *c, pid_t pid)
{
	static struct state before, now;
	int deaths = 0;

	do {
		save(&now);
		if (deaths != 0 && memcmp(&before, &now, sizeof(now)) == 0)
			continue;
		check_death(c);
		restore(&now);
		before = now;
		deaths++;
	} while (step(pid));
	must(scene->done != 0);
	return deaths;
}

static void set_up(const struct ring_case *c)
{
	world = ring_world_new(&ring, SLOTS, c->mode);
	/* the world's `seen` is not used here: room for the scene */
	scene = (struct scene *)(void *)world->seen;
}

static int count_steps(const struct ring_case *c, uint64_t start)
{
	pid_t pid = start_victim(c, start);
	int n = steps(pid, MAX_STEP);

	must(n > 20 && n < MAX_STEP && scene->done == N + 1);
	end(pid);
	return n;
}

/* The burst does not wrap; it wraps (enqueues go to start + FIRST on). */
static const uint64_t starts[] = { 2 * SLOTS, 3 * SLOTS - FIRST - 1, 3 * SLOTS - 2 };
#define STARTS ((int)(sizeof(starts) / sizeof(*starts)))

START_TEST(test_death_at_every_instruction)
{
	const struct ring_case *c = &cases[_i];

	set_up(c);
	for (int s = 0; s < STARTS; s++) {
		pid_t pid = start_victim(c, starts[s]);
		int deaths = die_at_each_step(c, pid);

		end(pid);
		/* each slot and the head; or each handle and the tail */
		if (deaths < (int)N)
			ck_abort_msg("%s: only %d stores", c->name, deaths);
	}
	ring_world_free(world, SLOTS);
}
END_TEST

START_TEST(test_killed)
{
	const struct ring_case *c = &cases[_i];

	set_up(c);
	for (int i = 0; i < KILLS; i++) {
		uint64_t start = starts[i % STARTS];
		int last = count_steps(c, start) * i / (KILLS - 1);
		pid_t pid = start_victim(c, start);

		steps(pid, last);
		end(pid);
		check_death(c);
	}
	ring_world_free(world, SLOTS);
}
END_TEST

START_TEST(test_held_then_killed)
{
	const struct ring_case *c = &cases[_i / MEANWHILES];
	enum meanwhile what = (enum meanwhile)(_i % MEANWHILES);
	const uint64_t start = starts[1];
	int most, by;

	if (what == NOTHING || (what == ENQUEUE_TWO && !(c->meanwhile & 1)) ||
		(what == DEQUEUE_TWO && !(c->meanwhile & 2)) || (what == LAP && c->meanwhile != 3))
		return;
	set_up(c);
	most = count_steps(c, start);
	by = most / HOLDS + 1;
	for (int held = 0; held < most; held += by) {
		pid_t pid = start_victim(c, start);

		if (steps(pid, held) == held) {
			interfere(what);
			die_at_each_step(c, pid);
		}
		end(pid);
	}
	ring_world_free(world, SLOTS);
}
END_TEST

/* 0: a child of ours may be traced and single-stepped. */
static int try_tracing(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(1);
		stop_myself();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return -1;
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return 0;
}

int main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("kill");
	SRunner *runner;
	int failed;

#ifdef __SANITIZE_THREAD__
	printf("SKIP: the thread sanitizer's own instructions cannot be stepped through\n");
	return 77;
#endif
	if (try_tracing() < 0) {
		printf("SKIP: ptrace is not permitted here\n");
		return 77;
	}
	tcase_set_timeout(tcase, 240);
	tcase_add_loop_test(tcase, test_death_at_every_instruction, 0, CASES);
	tcase_add_loop_test(tcase, test_killed, 0, CASES);
	tcase_add_loop_test(tcase, test_held_then_killed, 0, CASES * MEANWHILES);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
