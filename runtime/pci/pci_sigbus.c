/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/pci/pci_sigbus.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/arch.h"
#include "runtime/error.h"

#define MAX_GUARDS 256

struct guard {
	uint64_t start;
	uint64_t len_bytes; /* stored last by add, first by remove; 0: free */
	uint32_t dead;
};

static struct guard guards[MAX_GUARDS];
static struct sigaction before;
static long page_bytes; /* 0: the handler is not installed */

/* ---- in the handler: only what is async-signal-safe ---- */

static struct guard *find(uint64_t address)
{
	for (int i = 0; i < MAX_GUARDS; i++) {
		/* partner: the release store in cleat_pci_guard_add() */
		uint64_t len = cleat_load_acquire(&guards[i].len_bytes);

		if (len != 0 && address - guards[i].start < len)
			return &guards[i];
	}
	return NULL;
}

/* A page of ones replaces the lost one in one step: no other thread sees half of it. */
static int put_ones(void *at)
{
	size_t len = (size_t)page_bytes;
	void *page = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return 0;
	memset(page, 0xff, len);
	if (mremap(page, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED)
		return 1;
	(void)munmap(page, len);
	return 0;
}

/* The instruction that faulted runs again. */
static int answer(uint64_t address)
{
	struct guard *g = find(address);

	if (g == NULL || !put_ones((void *)(uintptr_t)(address & ~((uint64_t)page_bytes - 1))))
		return 0;
	cleat_store_release(&g->dead, 1U);
	return 1;
}

/* What would have happened without this handler. */
static void pass_on(int number, siginfo_t *info, void *context)
{
	int sent = info->si_code <= 0; /* by kill(), not by a fault */
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	if (before.sa_flags & SA_SIGINFO) {
		before.sa_sigaction(number, info, context);
	} else if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) {
		before.sa_handler(number);
	} else if (!sent || before.sa_handler == SIG_DFL) {
		(void)sigaction(number, &dfl, NULL);
		if (sent) /* a fault comes again by itself; this comes when the handler is left */
			(void)raise(number);
	}
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	int saved = errno;

	if (info->si_code <= 0 || !answer((uint64_t)(uintptr_t)info->si_addr))
		pass_on(number, info, context);
	errno = saved;
}

/* ---- outside ---- */

static int install(void)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };

	page_bytes = sysconf(_SC_PAGESIZE);
	(void)sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, &before) == 0)
		return 0;
	page_bytes = 0;
	return cleat_err(-errno, "cannot handle SIGBUS: %s", strerror(errno));
}

int cleat_pci_guard_add(void *va, uint64_t len_bytes)
{
	int rc = page_bytes == 0 ? install() : 0;

	if (rc < 0)
		return rc;
	for (int i = 0; i < MAX_GUARDS; i++) {
		struct guard *g = &guards[i];

		if (g->len_bytes != 0)
			continue;
		g->start = (uint64_t)(uintptr_t)va;
		g->dead = 0;
		cleat_store_release(&g->len_bytes, len_bytes); /* partner: find() */
		return 0;
	}
	return cleat_err(-ENOSPC, "all %d guarded ranges are in use", MAX_GUARDS);
}

void cleat_pci_guard_remove(void *va)
{
	for (int i = 0; i < MAX_GUARDS; i++)
		if (guards[i].len_bytes != 0 && guards[i].start == (uint64_t)(uintptr_t)va)
			cleat_store_release(&guards[i].len_bytes, 0);
}

void cleat_pci_guard_remove_all(void)
{
	for (int i = 0; i < MAX_GUARDS; i++)
		cleat_store_release(&guards[i].len_bytes, 0);
}

int cleat_pci_guard_is_dead(const void *va)
{
	const struct guard *g = find((uint64_t)(uintptr_t)va);

	return g != NULL && cleat_load_acquire(&g->dead) != 0;
}
