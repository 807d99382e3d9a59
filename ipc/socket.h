/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * socket.h - packets with descriptors over an AF_UNIX SOCK_SEQPACKET socket.
 *
 * A received descriptor has one holder: the struct cleat_fds it came in, until somebody takes it.
 * What nobody took is closed with the struct. All descriptors are close-on-exec.
 */
#ifndef CLEAT_IPC_SOCKET_H
#define CLEAT_IPC_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "proto/version.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_fds {
	unsigned int n;
	int fd[CLEAT_MSG_MAX_FDS]; /* -1: taken */
};

/** Move descriptor @p i out; the caller is its holder from now on. @return it, or -EBADF if there
 * is no such or it was taken */
int cleat_fds_take(struct cleat_fds *fds, unsigned int i);

/** Close what nobody took; leaves an empty set. */
void cleat_fds_close(struct cleat_fds *fds);

/** Close *fd unless it is -1, and set it to -1. errno stays. */
void cleat_fd_close(int *fd);

/** A non-blocking listening socket at @p path, which must not exist, with permission bits @p mode.
 * @return descriptor */
int cleat_socket_listen(const char *path, unsigned int mode);

/** @return a non-blocking connected descriptor, or -EAGAIN when none waits, -EMFILE, … */
int cleat_socket_accept(int listen_fd);

/** Connect; waits up to @p timeout_ms while the primary's queue of connections is full.
 * @return a non-blocking descriptor; -ECONNREFUSED, -ENOENT, -ETIMEDOUT, -EACCES with a sentence */
int cleat_socket_connect(const char *path, int timeout_ms);

/**
 * Send one packet.
 *
 * @param fds  borrowed; the receiver gets duplicates
 * @return     0; -EAGAIN when the peer reads too slowly, -EPIPE when it is gone, -EMSGSIZE or
 *             -E2BIG when over CLEAT_MSG_MAX_BYTES or CLEAT_MSG_MAX_FDS
 */
int cleat_socket_send(int sock, const void *data, size_t len, const int *fds, unsigned int n_fds);

/**
 * Receive one packet.
 *
 * @param fds  gives the descriptors that came with it; empty on any failure
 * @return     bytes, 1..cap; 0 when the peer closed; -EAGAIN when nothing is there; -EMSGSIZE when
 *             the packet was longer than @p cap, -E2BIG when it brought more than CLEAT_MSG_MAX_FDS
 *             descriptors (both: the packet is gone, its descriptors are closed)
 */
int cleat_socket_recv(int sock, void *data, size_t cap, struct cleat_fds *fds);

/** Wait until @p events (of poll) or the deadline. @return 0, -ETIMEDOUT, … A hang-up counts as
 * an event: the next read says what happened. */
int cleat_socket_wait(int sock, short events, uint64_t deadline_ns);

/** 0 if @p fd is a file of memory that reaches up to @p end_bytes; else -EBADF with a sentence that
 * says what it is instead. */
int cleat_fd_check_memory(int fd, uint64_t end_bytes);

#ifdef __cplusplus
}
#endif

#endif
