/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ipc_help.h - what the tests of ipc/ share: descriptor leaks, socket pairs, a scripted primary.
 */
#ifndef CLEAT_TESTS_IPC_HELP_H
#define CLEAT_TESTS_IPC_HELP_H

#include <check.h>
#include <pthread.h>

#include "ipc/message.h"

/** Fixtures: the test must end with as many open descriptors as it began with. */
void ipc_leak_begin(void);
void ipc_leak_end(void);

/** Descriptors that are open now. */
int ipc_open_fds(void);

/** A connected pair of SOCK_SEQPACKET sockets. */
void ipc_pair(int sock[2]);

/** A memfd of @p len bytes. */
int ipc_memfd(uint64_t len);

/** Run one suite of one case, each test in a process of its own. @return exit status for main() */
int ipc_run(const char *name, const TTest *const *tests, size_t n);

/* A primary that serves one client by a script in a thread. */
struct ipc_fake {
	char path[108];
	int listen_fd;
	pthread_t thread;
	void (*script)(int sock, void *arg);
	void *arg;
};

void ipc_fake_start(struct ipc_fake *fake, void (*script)(int sock, void *arg), void *arg);
/** The same, listening at @p path. */
void ipc_fake_start_at(
	struct ipc_fake *fake, const char *path, void (*script)(int sock, void *arg), void *arg);
void ipc_fake_join(struct ipc_fake *fake);

/** Wait for one message; fails the test when none comes in 5 s or it is not of @p kind. The
 * message's id is returned. */
uint32_t ipc_expect(int sock, Cleat__Envelope__BodyCase kind);
/** As above, gives the message. */
void ipc_receive(int sock, struct cleat_message *m);
/** Wait until the peer has closed. */
void ipc_expect_close(int sock);

/* The primary's side of the handshake, piece by piece. */
void ipc_send_welcome(int sock, int registry_fd, uint64_t registry_len, uint64_t window_base);
void ipc_send_map(int sock, int last, uint32_t n, Cleat__Segment **segments, const int *fds);
void ipc_send_reply(int sock, uint32_t id, int status, uint64_t value, int fd);
void ipc_send_reject(int sock, int status, const char *detail);
void ipc_send_event(int sock, Cleat__EventKind kind, uint32_t subject);
/** All of it, without memory segments. */
void ipc_serve_handshake(int sock);

#endif
