/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/runtime/step_help.h"

#include <check.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/runtime/mbuf_help.h"

pid_t step_help_start(void (*operate)(void), unsigned short slot)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		mbuf_world_be(slot);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(3);
		raise(SIGSTOP);
		operate();
		raise(SIGUSR1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP, "no ptrace here?");
	return pid;
}

int step_help_step(pid_t pid)
{
	int status;

	ck_assert_int_eq(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFSTOPPED(status), "the victim ended by itself: status %#x", status);
	if (WSTOPSIG(status) == SIGUSR1)
		return 0;
	ck_assert_int_eq(WSTOPSIG(status), SIGTRAP);
	return 1;
}

void step_help_end(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
}
