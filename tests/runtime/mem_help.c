/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/mem_help.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/error.h"
#include "runtime/iova.h"
#include "runtime/row.h"
#include "runtime/window.h"

static void must(int rc)
{
	if (rc < 0) {
		fprintf(stderr, "test set-up: %s\n", cleat_error());
		abort();
	}
}

void mem_registry_up(struct mem_world *world, enum cleat_iova_mode mode)
{
	struct cleat_segment_options opt = {
		.name = "test.registry",
		.len_bytes = CLEAT_REGISTRY_LEN,
		.page_bytes = CLEAT_PAGE_4K,
		.kind = CLEAT_SEGMENT_REGISTRY,
		.node = CLEAT_NODE_ANY,
	};
	struct cleat_registry_header_shm head = {
		.epoch = 1,
		.iova_mode = mode,
		.instance = "test",
		.version = "0",
	};

	*world = (struct mem_world){ .registry.fd = -1, .memory.fd = -1 };
	must(cleat_window_reserve(MEM_BASE, MEM_WINDOW_LEN));
	must(cleat_segment_create(&world->registry, &opt));
	cleat_registry = (struct cleat_registry_shm *)cleat_window_base;
	head.window_base = cleat_window_base;
	head.window_len = cleat_window_len;
	head.primary_pid = (uint32_t)getpid();
	cleat_registry_format(&head);
	world->heap = cleat_heap_create();
	if (world->heap == NULL)
		abort();
}

int mem_up(
	struct mem_world *world, uint64_t len_bytes, uint64_t page_bytes, enum cleat_iova_mode mode)
{
	struct cleat_segment_options opt = {
		.name = "test.memory",
		.off = MEM_FIRST_OFF,
		.len_bytes = len_bytes,
		.page_bytes = page_bytes,
		.kind = CLEAT_SEGMENT_MEMORY,
		.node = CLEAT_NODE_ANY,
	};
	struct cleat_segment_shm row;
	int rc;

	mem_registry_up(world, mode);
	rc = cleat_segment_create(&world->memory, &opt);
	if (rc < 0) {
		world->memory.fd = -1;
		return rc;
	}
	cleat_segment_row(&world->memory, &row);
	CLEAT_ROW_WRITE(&cleat_registry->segments[1], &row);
	return cleat_zone_add_segment(world->heap, 1);
}

void mem_down(struct mem_world *world)
{
	cleat_heap_destroy(world->heap);
	cleat_segment_destroy(&world->memory);
	cleat_iova_reset();
	cleat_registry = NULL;
	cleat_segment_destroy(&world->registry);
	cleat_window_release();
}

uint64_t mem_hugepages_free(void)
{
	struct cleat_hugepages pages;

	return cleat_hugepages_read(CLEAT_PAGE_2M, CLEAT_NODE_ANY, &pages) < 0 ? 0
									       : pages.available;
}

int mem_in_child(int (*fn)(void *arg), void *arg)
{
	struct rlimit no_core = { 0, 0 };
	int status;
	pid_t pid = fork();

	if (pid < 0)
		abort();
	if (pid == 0) {
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGSEGV, SIG_DFL); /* sanitizers install their own */
		(void)signal(SIGBUS, SIG_DFL);
		_exit(fn(arg));
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

void mem_become_nobody(void)
{
	if (setgroups(0, NULL) < 0 || setgid(65534) < 0 || setuid(65534) < 0)
		abort();
	/* Else the kernel gives /proc/self to root, and the reopen would fail for that reason. */
	if (prctl(PR_SET_DUMPABLE, 1) < 0)
		abort();
}
