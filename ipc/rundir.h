/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * rundir.h - where an instance has its socket, and proof that only one primary runs it.
 *
 *   root            /run/cleat/<instance>/
 *   anybody else    $XDG_RUNTIME_DIR/cleat/<instance>/ or /tmp/cleat-<uid>/<instance>/
 *
 * In it: primary.sock, and primary.lock, which the primary keeps locked (flock) and which holds its
 * pid. The lock goes with the process, so files left by a killed primary are in nobody's way.
 */
#ifndef CLEAT_IPC_RUNDIR_H
#define CLEAT_IPC_RUNDIR_H

#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_PATH_LEN	       108 /* of a socket's path, with the NUL */
#define CLEAT_INSTANCE_DEFAULT "default"

struct cleat_rundir {
	char dir[CLEAT_PATH_LEN];
	char socket[CLEAT_PATH_LEN];
	char lock[CLEAT_PATH_LEN];
	int lock_fd; /* -1: not held */
};

/** Fill in the paths of this user's @p instance; makes nothing. @return 0 or negative errno (a
 * name with '/', a path too long for a socket) */
int cleat_rundir_paths(struct cleat_rundir *rd, const char *instance);

/**
 * Become the one primary of @p instance: make the directory (0755), lock, write our pid, remove a
 * dead primary's socket.
 *
 * @return 0; -EBUSY when another primary runs (the sentence names its pid); -EPERM when the
 *         directory belongs to somebody else
 */
int cleat_rundir_claim(struct cleat_rundir *rd, const char *instance);

/** Remove socket, lock file and, if empty, the directory; unlock. Does nothing if not held. */
void cleat_rundir_release(struct cleat_rundir *rd);

/**
 * The socket a client should connect to: this user's own instance if its socket exists, else the
 * one below /run/cleat.
 *
 * @param path  CLEAT_PATH_LEN bytes
 * @return      0; -ENOENT when neither exists (the sentence says where it looked)
 */
int cleat_rundir_find_socket(const char *instance, char *path);

/** Pid of the primary that holds the lock; -ESRCH if none does. */
int cleat_rundir_holder(const struct cleat_rundir *rd);

#ifdef __cplusplus
}
#endif

#endif
