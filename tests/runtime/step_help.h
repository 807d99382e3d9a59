/* SPDX-License-Identifier: BSD-3-Clause */
/* step_help.h - a child of the test world that goes through one operation by single steps. */
#ifndef CLEAT_TESTS_RUNTIME_STEP_HELP_H
#define CLEAT_TESTS_RUNTIME_STEP_HELP_H

#include <sys/types.h>

/* Fork a process that works in @p slot (mbuf_help.h) and stands before @p operate. */
pid_t step_help_start(void (*operate)(void), unsigned short slot);
/* @return 1: one step further; 0: the operation is over */
int step_help_step(pid_t pid);
/* Kill it. */
void step_help_end(pid_t pid);

#endif
