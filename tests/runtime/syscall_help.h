/* SPDX-License-Identifier: BSD-3-Clause */
/* syscall_help.h - a child of the test world whose system calls are counted by the kernel's word.
 */
#ifndef CLEAT_TESTS_RUNTIME_SYSCALL_HELP_H
#define CLEAT_TESTS_RUNTIME_SYSCALL_HELP_H

struct syscall_count {
	unsigned n;
	long number;   /* of the first one; -1: there was none */
	long first[6]; /* its arguments */
};

/* Fork a process that works in @p slot (mbuf_help.h), and count what @p operate asks of the kernel.
 * Nothing of the child's own memory comes back, and no check of Check's may be in it. */
struct syscall_count syscall_help_count(void (*operate)(void), unsigned short slot);

/* Fails the test if it asks for anything. */
void syscall_help_none(void (*operate)(void), unsigned short slot);

#endif
