/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/syscall_help.h"

#include <check.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/step_help.h"

#define MARK (-4242) /* closed before and after the operation: no descriptor has that number */

static void (*wanted)(void);

static void marked(void)
{
	(void)close(MARK);
	wanted();
	(void)close(MARK);
}

static pid_t start(void (*operate)(void), unsigned short slot)
{
	pid_t pid;

	wanted = operate;
	pid = step_help_start(marked, slot);
	ck_assert_int_eq(
		ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL), 0);
	return pid;
}

/* Let it go on up to the next call. */
static struct __ptrace_syscall_info next(pid_t pid)
{
	struct __ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };
	int status;

	while (info.op != PTRACE_SYSCALL_INFO_ENTRY) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80),
			"the operation ended in status %#x", status);
		ck_assert_int_gt(ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info), 0);
	}
	return info;
}

static int is_mark(const struct __ptrace_syscall_info *info)
{
	return info->entry.nr == SYS_close && (int)info->entry.args[0] == MARK;
}

struct syscall_count syscall_help_count(void (*operate)(void), unsigned short slot)
{
	struct syscall_count count = { .number = -1 };
	pid_t pid = start(operate, slot);
	struct __ptrace_syscall_info info;

	do
		info = next(pid);
	while (!is_mark(&info));
	for (info = next(pid); !is_mark(&info); info = next(pid), count.n++) {
		if (count.n != 0)
			continue;
		count.number = (long)info.entry.nr;
		for (unsigned i = 0; i < 6; i++)
			count.first[i] = (long)info.entry.args[i];
	}
	step_help_end(pid);
	return count;
}

void syscall_help_none(void (*operate)(void), unsigned short slot)
{
	struct syscall_count count = syscall_help_count(operate, slot);

	ck_assert_msg(
		count.n == 0, "%u system calls, the first has number %ld", count.n, count.number);
}
