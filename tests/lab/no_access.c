/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * no_access - run a program for which no file is there when it asks by access(): `cleat bind` then
 * takes the kernel for one without driver_override, which it asks for like that and opens else.
 *
 *     no_access PROGRAM ARGUMENT...
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define IS_THIS(number, others) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, others)
#define ENDS(how)		BPF_STMT(BPF_RET | BPF_K, how)

int main(int argc, char **argv)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_access /* newer machines have the others only */
		IS_THIS(SYS_access, 1),
		ENDS(SECCOMP_RET_ERRNO | ENOENT),
#endif
		IS_THIS(SYS_faccessat, 1),
		ENDS(SECCOMP_RET_ERRNO | ENOENT),
		IS_THIS(SYS_faccessat2, 1),
		ENDS(SECCOMP_RET_ERRNO | ENOENT),
		ENDS(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(steps) / sizeof(steps[0]), .filter = steps };

	if (argc < 2)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0) {
		perror("no_access: seccomp");
		return 1;
	}
	(void)execv(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
