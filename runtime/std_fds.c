/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/std_fds.h"

#include <fcntl.h>
#include <unistd.h>

void cleat_std_fds_fill(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/", O_PATH); /* gets the lowest number that is free: this one */
}
