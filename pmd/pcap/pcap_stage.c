/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd/pcap/pcap_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/log.h"

#define RESERVE_BYTES (1ULL << 20)
#define LOOK_MS	      50 /* what was left lies twice that long at most */

/* ---- writing ---- */

/* [from, to) of the file, out of the stage. @return how far it came; less than to: an error */
static uint64_t write_range(const struct cleat_pcap_stage *s, uint64_t from, uint64_t to)
{
	while (from < to) {
		ssize_t ret = pwrite(
			s->file, cleat_pcap_stage_at(s, from), (size_t)(to - from), (off_t)from);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret <= 0)
			break;
		from += (uint64_t)ret;
	}
	return from;
}

/* Records up to @p end count, whoever dies. */
static void move_end(struct cleat_pcap_stage *s, uint64_t end)
{
	cleat_store_release(s->shm_end, end); /* partner: the primary, when we are dead */
	cleat_store_release(&s->end, end);    /* partner: look() */
}

/* [.., written) is in the file. By the thread that holds writing. */
static void move_written(struct cleat_pcap_stage *s, uint64_t written)
{
	cleat_store_release(s->shm_written, written); /* partner: the primary, when we are dead */
	cleat_store_release(&s->written, written);    /* partner: cleat_pcap_stage_room() */
}

/* [.., end) is in the file. Called by the thread that sends; if the other is writing just now, the
 * stage must stay as it is for it, and WRITTEN moves next time.
 * @param cut  nor may there be anything behind it */
static void advance(struct cleat_pcap_stage *s, uint64_t end, int cut)
{
	/* partner: the release of look() */
	if (__atomic_exchange_n(&s->writing, 1, __ATOMIC_ACQUIRE) != 0)
		return;
	move_written(s, end);
	if (cut && ftruncate(s->file, (off_t)end) == 0)
		s->reserved = end;
	cleat_store_release(&s->writing, 0); /* partner: look() */
}

int cleat_pcap_stage_write(struct cleat_pcap_stage *s)
{
	uint64_t written = cleat_load_relaxed(&s->written);

	if (written == s->end)
		return 0;
	if (write_range(s, written, s->end) < s->end)
		return -EIO;
	advance(s, s->end, 0);
	return 0;
}

/* Is the file shorter than what was written of it? Then it is somebody else's by now, perhaps the
 * capture of a new port, and bytes behind its end would be no records. */
static int was_cut(const struct cleat_pcap_stage *s, uint64_t written)
{
	struct stat st;

	return fstat(s->file, &st) == 0 && (uint64_t)st.st_size < written;
}

/* Not in a call of the sender: its port may be gone by now. By the thread that holds writing.
 * @return 0; -EIO: all is as it was */
static int write_late(struct cleat_pcap_stage *s, uint64_t written, uint64_t end)
{
	if (written == end)
		return 0;
	if (was_cut(s, written))
		cleat_store_relaxed(&s->dropped, 1);
	else if (write_range(s, written, end) < end)
		return -EIO;
	move_written(s, end);
	return 0;
}

int cleat_pcap_stage_dropped(struct cleat_pcap_stage *s)
{
	if (cleat_load_relaxed(&s->dropped) == 0)
		return 0;
	cleat_store_relaxed(&s->dropped, 0);
	cleat_log(CLEAT_LOG_WARNING,
		"somebody has cut a capture short while it was written: packets that were collected "
		"for it are dropped");
	return 1;
}

/* ---- space on the disk ---- */

/* A limit for files is not looked at when space is reserved, but when it is written. */
static int may_grow(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur == RLIM_INFINITY;
}

/* @return whether the file may grow to @p end whatever others write */
static int reserve(struct cleat_pcap_stage *s, uint64_t end)
{
	while (s->reservable && s->reserved < end) {
		if (fallocate(s->file, FALLOC_FL_KEEP_SIZE, (off_t)s->reserved,
			    (off_t)RESERVE_BYTES) == 0)
			s->reserved += RESERVE_BYTES;
		else if (errno == EOPNOTSUPP || errno == ENOSYS)
			s->reservable = 0;
		else if (errno != EINTR)
			return 0;
	}
	return s->reserved >= end;
}

/* What was reserved and not used, unless somebody else has the file now. */
static void give_back(const struct cleat_pcap_stage *s)
{
	struct stat st;

	if (fstat(s->file, &st) == 0 && (uint64_t)st.st_size == s->end)
		(void)!ftruncate(s->file, st.st_size); /* the primary does it, too */
}

/* Without a reserve: in the file first, then sent. What is in the file in part is cut off again, so
 * that others may read it. */
static int commit_written(struct cleat_pcap_stage *s, uint64_t end)
{
	uint64_t reached = write_range(s, cleat_load_relaxed(&s->written), end);

	if (reached < end) {
		if (reached >= s->end)
			advance(s, s->end, 1);
		return -EIO;
	}
	move_end(s, end);
	if (s->reserved < end)
		s->reserved = end; /* the next space is behind it */
	advance(s, end, 0);
	return 0;
}

int cleat_pcap_stage_commit(struct cleat_pcap_stage *s, uint64_t end)
{
	if (!reserve(s, end))
		return commit_written(s, end);
	move_end(s, end);
	return 0;
}

/* ---- the queue's thread ---- */

/* What was found at the last look. */
struct seen {
	uint64_t end, written;
};

/* A sender that writes by itself is left alone, so that the stage is not full because of us: one
 * whose WRITTEN moves, or that is about to write as it has filled more than half. On failure
 * nothing has changed: the sender will try again, and count it. */
static void look(struct cleat_pcap_stage *s, struct seen *seen)
{
	uint64_t end, written;
	int busy;

	/* The stage is not used anew while we read it. Partner: the release of advance(). */
	if (__atomic_exchange_n(&s->writing, 1, __ATOMIC_ACQUIRE) != 0)
		return;
	end = cleat_load_acquire(&s->end); /* partner: move_end() */
	written = cleat_load_relaxed(&s->written);
	busy = written != seen->written ||
	       (end != seen->end && end - written > CLEAT_PCAP_STAGE_BYTES / 2);
	if (!busy)
		(void)write_late(s, written, end);
	seen->end = end;
	seen->written = written;
	cleat_store_release(&s->writing, 0); /* partner: advance() */
}

static void *look_now_and_then(void *arg)
{
	struct cleat_pcap_stage *s = (struct cleat_pcap_stage *)arg;
	struct timespec until;
	struct seen seen = { 0, 0 };

	for (;;) {
		(void)clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += LOOK_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (sem_clockwait(&s->quit, CLOCK_MONOTONIC, &until) == 0)
			return NULL;
		look(s, &seen);
	}
}

/* Not what a thread inherits from one that polls: its processor, which is never idle, and a class
 * that shares with nobody. All processors are those that the process's cpuset has.
 * @return 0; an errno */
static int create_ordinary(struct cleat_pcap_stage *s)
{
	const struct sched_param none = { .sched_priority = 0 };
	pthread_attr_t attr;
	cpu_set_t all;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return err;
	memset(&all, 0xff, sizeof(all));
	err = pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	if (err == 0)
		err = pthread_attr_setschedpolicy(&attr, SCHED_OTHER);
	if (err == 0)
		err = pthread_attr_setschedparam(&attr, &none);
	if (err == 0)
		err = pthread_attr_setaffinity_np(&attr, sizeof(all), &all);
	if (err == 0)
		err = pthread_create(&s->thread, &attr, look_now_and_then, s);
	(void)pthread_attr_destroy(&attr);
	return err;
}

/* Signals are for the program's own threads. */
static int start_thread(struct cleat_pcap_stage *s)
{
	sigset_t all, before;
	int err;

	(void)sem_init(&s->quit, 0, 0);
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	err = create_ordinary(s);
	if (err == EINVAL || err == EPERM) /* a kernel or a sandbox that does not let it */
		err = pthread_create(&s->thread, NULL, look_now_and_then, s);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err == 0 ? 0
			: cleat_err(-err, "cannot start a thread that writes a capture: %s",
				  strerror(err));
}

/* ---- open, close ---- */

/* @return the stage, twice in a row; NULL */
static uint8_t *map_twice(int memory)
{
	uint8_t *base = (uint8_t *)mmap(NULL, 2 * CLEAT_PCAP_STAGE_BYTES, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (base == MAP_FAILED)
		return NULL;
	for (unsigned i = 0; i < 2; i++)
		if (mmap(base + i * CLEAT_PCAP_STAGE_BYTES, CLEAT_PCAP_STAGE_BYTES,
			    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_POPULATE, memory,
			    0) == MAP_FAILED) {
			(void)munmap(base, 2 * CLEAT_PCAP_STAGE_BYTES);
			return NULL;
		}
	return base;
}

static int check_places(const struct cleat_pcap_stage *s)
{
	if (s->written >= CLEAT_PCAP_HEADER_BYTES && s->written <= s->end &&
		s->end <= INT64_MAX / 2 && s->end - s->written <= CLEAT_PCAP_STAGE_BYTES)
		return 0;
	return cleat_err(-EPROTO,
		"the capture's end is said to be %llu, of which %llu are written; the primary puts "
		"that right when the queue is given back, so claim it again",
		(unsigned long long)s->end, (unsigned long long)s->written);
}

int cleat_pcap_stage_open(
	struct cleat_pcap_stage *s, struct cleat_queue_shm *shm, int file, int memory)
{
	int ret;

	s->file = file;
	s->reservable = may_grow();
	s->shm_end = &shm->driver[CLEAT_PCAP_TX_END];
	s->shm_written = &shm->driver[CLEAT_PCAP_TX_WRITTEN];
	/* partners: the last owner, and cleat_pcap_tx_settle() */
	s->end = cleat_load_acquire(s->shm_end);
	s->written = cleat_load_acquire(s->shm_written);
	s->reserved = s->written; /* a primary that could not settle has cut off what is behind */
	ret = check_places(s);
	if (ret == 0 && (s->bytes = map_twice(memory)) == NULL)
		ret = cleat_err(-errno, "cannot map a capture's stage: %s", strerror(errno));
	(void)close(memory);
	if (ret == 0)
		ret = start_thread(s);
	if (ret == 0)
		return 0;
	if (s->bytes != NULL)
		(void)munmap(s->bytes, 2 * CLEAT_PCAP_STAGE_BYTES);
	(void)close(file);
	return ret;
}

int cleat_pcap_stage_close(struct cleat_pcap_stage *s)
{
	int ret;

	(void)sem_post(&s->quit);
	(void)pthread_join(s->thread, NULL);
	(void)sem_destroy(&s->quit);
	ret = write_late(s, s->written, s->end); /* alone now */
	if (ret == 0)
		give_back(s);
	if (cleat_pcap_stage_dropped(s))
		ret = -EIO;
	/* The primary reads them now. */
	move_end(s, s->end);
	move_written(s, s->written);
	(void)munmap(s->bytes, 2 * CLEAT_PCAP_STAGE_BYTES);
	(void)close(s->file);
	return ret;
}
