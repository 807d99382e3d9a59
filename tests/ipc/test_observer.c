/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * test_observer.c - an observer sees what the primary wrote, wherever its window lies, and cannot
 * write.
 */
#include "ipc/observer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/registry.h"
#include "runtime/shared.h"
#include "tests/ipc/ipc_help.h"

#ifdef __SANITIZE_THREAD__
#define BASE (UINT64_C(64) << 30) /* the thread sanitizer leaves no room at the usual base */
#else
#define BASE CLEAT_WINDOW_BASE_DEFAULT
#endif
#define MEM_OFF	 (UINT64_C(1) << 30)
#define MEM_LEN	 (UINT64_C(1) << 20)
#define GROW_OFF (UINT64_C(2) << 30)

enum flaw {
	FINE,
	NO_SHARED_AREA,
	OTHER_ABI,
	SHORT_REGISTRY,
	PIPE_FOR_REGISTRY,
	SOCKET_FOR_SEGMENT,
	SHORT_SEGMENT,
};

static int reopen_read_only(int fd)
{
	char path[40];
	int ro;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(ro, 0);
	close(fd);
	return ro;
}

static int make_registry(enum flaw flaw)
{
	int fd = ipc_memfd(CLEAT_REGISTRY_LEN);
	struct cleat_registry_header_shm *header = (struct cleat_registry_header_shm *)mmap(
		NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	ck_assert_ptr_ne(header, MAP_FAILED);
	header->abi = CLEAT_ABI + (flaw == OTHER_ABI);
	header->window_base = BASE;
	header->window_len = UINT64_C(4) << 30;
	header->registry_len = CLEAT_REGISTRY_LEN;
	header->shared_off = flaw == NO_SHARED_AREA ? GROW_OFF : MEM_OFF + 4096;
	header->epoch = 12;
	header->magic = CLEAT_REGISTRY_MAGIC;
	munmap(header, 4096);
	if (flaw == SHORT_REGISTRY)
		ck_assert_int_eq(ftruncate(fd, 8192), 0);
	return reopen_read_only(fd);
}

static int make_memory(void)
{
	int fd = ipc_memfd(MEM_LEN);
	char text[] = "in the window";

	ck_assert_int_eq((int)pwrite(fd, text, sizeof(text), 64), (int)sizeof(text));
	return reopen_read_only(fd);
}

static void serve(int sock, void *arg)
{
	enum flaw flaw = *(enum flaw *)arg;
	int registry = make_registry(flaw), memory = make_memory(), pipes[2];
	Cleat__Segment s = CLEAT__SEGMENT__INIT, *list[] = { &s };
	struct cleat_message m;

	ck_assert_int_eq(pipe(pipes), 0);
	ipc_expect(sock, CLEAT__ENVELOPE__BODY_HELLO);
	ipc_send_welcome(
		sock, flaw == PIPE_FOR_REGISTRY ? pipes[0] : registry, CLEAT_REGISTRY_LEN, BASE);
	s.index = 1;
	s.off = MEM_OFF;
	s.len_bytes = flaw == SHORT_SEGMENT ? 2 * MEM_LEN : MEM_LEN;
	s.page_bytes = 4096;
	s.kind = CLEAT_SEGMENT_MEMORY;
	ipc_send_map(sock, 1, 1, list, flaw == SOCKET_FOR_SEGMENT ? &sock : &memory);
	ipc_receive(sock, &m); /* Ready, or Failed */
	if (m.env->body_case == CLEAT__ENVELOPE__BODY_READY) {
		s.index = 2;
		s.off = GROW_OFF;
		ipc_send_map(sock, 0, 1, list, &memory);
	}
	cleat_message_clear(&m);
	while (cleat_socket_wait(sock, POLLIN, cleat_now_ns() + UINT64_C(5000000000)) == 0 &&
		cleat_message_recv(sock, &m) == 1)
		cleat_message_clear(&m);
	close(registry);
	close(memory);
	close(pipes[0]);
	close(pipes[1]);
}

/* A primary of instance test-<pid>, in a thread of this process. */
static struct cleat_rundir rundir;
static struct ipc_fake fake;
static enum flaw current;

static const char *start(enum flaw flaw)
{
	static char instance[32];

	(void)snprintf(instance, sizeof(instance), "test-%d", (int)getpid());
	current = flaw;
	ck_assert_int_eq(cleat_rundir_claim(&rundir, instance), 0);
	ipc_fake_start_at(&fake, rundir.socket, serve, &current);
	return instance;
}

static void stop(void)
{
	ipc_fake_join(&fake);
	cleat_rundir_release(&rundir);
}

static void look_around(void)
{
	ck_assert_uint_eq(cleat_registry->header.epoch, 12);
	ck_assert_ptr_eq(cleat_shared, (void *)(cleat_window_base + MEM_OFF + 4096));
	ck_assert_str_eq(
		(const char *)cleat_ptr((cleat_handle)((MEM_OFF + 64) / 64)), "in the window");
	ck_assert_str_eq((const char *)cleat_ptr_of_va(BASE + MEM_OFF + 64, 14), "in the window");
}

START_TEST(everything_is_there_at_the_primarys_address)
{
	const char *instance = start(FINE);
	int tries;

	ck_assert_msg(cleat_observer_attach(instance) == 0, "%s", cleat_error());
	ck_assert_uint_eq(cleat_window_base, BASE);
	look_around();
	ck_assert_int_eq(cleat_observer_attach(instance), -EALREADY);
	/* memory that was added */
	for (tries = 0; tries < 500; tries++) {
		unsigned char resident;

		ck_assert_int_eq(cleat_observer_refresh(), 0);
		if (mincore((void *)(cleat_window_base + GROW_OFF), 1, &resident) == 0 &&
			(resident & 1) != 0)
			break;
		usleep(1000);
	}
	ck_assert_str_eq((const char *)(cleat_window_base + GROW_OFF + 64), "in the window");
	cleat_observer_detach();
	ck_assert_ptr_null(cleat_registry);
	ck_assert_ptr_null(cleat_shared);
	ck_assert_uint_eq(cleat_window_base, 0);
	ck_assert_int_eq(cleat_observer_refresh(), -ENOTCONN);
	stop();
}
END_TEST

START_TEST(an_occupied_window_is_put_elsewhere)
{
	const char *instance = start(FINE);
	void *block = mmap((void *)(uintptr_t)(BASE + MEM_OFF), 4096, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	ck_assert_ptr_ne(block, MAP_FAILED);
	ck_assert_msg(cleat_observer_attach(instance) == 0, "%s", cleat_error());
	ck_assert_uint_ne(cleat_window_base, BASE);
	look_around();
	cleat_observer_detach();
	munmap(block, 4096);
	stop();
}
END_TEST

/* Whether a write to @p p kills the writer. */
static bool write_faults(void *p)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)p = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ||
	       WEXITSTATUS(status) != 0; /* sanitizers turn it into an exit */
}

START_TEST(nothing_can_be_written)
{
	const char *instance = start(FINE);

	ck_assert_int_eq(cleat_observer_attach(instance), 0);
	ck_assert(write_faults(cleat_registry));
	ck_assert(write_faults(cleat_shared));
	ck_assert(write_faults((void *)(cleat_window_base + MEM_OFF)));
	/* nor made writable */
	ck_assert_int_eq(mprotect(cleat_registry, 4096, PROT_READ | PROT_WRITE), -1);
	ck_assert_int_eq(mprotect(cleat_shared, 4096, PROT_READ | PROT_WRITE), -1);
	cleat_observer_detach();
	stop();
}
END_TEST

START_TEST(flawed_offers_are_refused_and_leave_nothing)
{
	static const struct {
		enum flaw flaw;
		int status;
		const char *text;
	} cases[] = {
		{ NO_SHARED_AREA, -EPROTO, "the shared area" },
		{ OTHER_ABI, -EPROTO, "ABI" },
		{ SHORT_REGISTRY, -EBADF, "registry: the descriptor's memory ends" },
		{ PIPE_FOR_REGISTRY, -EBADF, "registry: the descriptor is a pipe" },
		{ SOCKET_FOR_SEGMENT, -EBADF, "segment 1: the descriptor is a socket" },
		{ SHORT_SEGMENT, -EBADF, "segment 1: the descriptor's memory ends" },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status = cleat_observer_attach(start(cases[i].flaw));

		ck_assert_msg(status == cases[i].status && strstr(cleat_error(), cases[i].text),
			"case %zu: %d, %s", i, status, cleat_error());
		ck_assert_uint_eq(cleat_window_len, 0);
		ck_assert_ptr_null(cleat_registry);
		stop();
	}
	ck_assert_int_eq(cleat_observer_attach("no-such-instance"), -ENOENT);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { everything_is_there_at_the_primarys_address,
		an_occupied_window_is_put_elsewhere, nothing_can_be_written,
		flawed_offers_are_refused_and_leave_nothing };

	return ipc_run("ipc/observer", tests, sizeof(tests) / sizeof(tests[0]));
}
