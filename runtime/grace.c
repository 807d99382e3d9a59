/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * grace.c - membarrier(), then each thread's counter.
 */
#include "runtime/grace.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/error.h"

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) < 0 ? -errno : 0;
}

int cleat_grace_register(void)
{
	int rc = membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);

	if (rc < 0)
		return cleat_err(-ENOSYS,
			"membarrier refused (%s): Linux 4.16 or newer is needed, and a seccomp "
			"filter must let it pass",
			strerror(-rc));
	return 0;
}

int cleat_grace_begin(struct cleat_grace *grace)
{
	int rc = membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);

	if (rc < 0)
		return cleat_err(rc, "membarrier refused: %s", strerror(-rc));
	memset(&grace->waiting, 0, sizeof(grace->waiting));
	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++) {
		grace->busy[t] = cleat_load_acquire(&cleat_shared->threads[t].busy);
		if (grace->busy[t] & 1)
			cleat_thread_set_add(&grace->waiting, t);
	}
	return 0;
}

int cleat_grace_poll(struct cleat_grace *grace, const struct cleat_thread_set *gone)
{
	int over = 1;

	for (uint32_t t = 0; t < CLEAT_MAX_THREADS; t++) {
		if (!cleat_thread_set_has(&grace->waiting, t))
			continue;
		/* partner: the release store in cleat_op_exit() */
		if ((gone && cleat_thread_set_has(gone, t)) ||
			cleat_load_acquire(&cleat_shared->threads[t].busy) != grace->busy[t])
			cleat_thread_set_remove(&grace->waiting, t);
		else
			over = 0;
	}
	return over;
}
