/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bad.h - clients that behave badly, and whether the primary bears them.
 *
 * A client here is a socket and nothing else: it maps no memory, so one process can be many. One
 * that breaks the rules after Ready keeps its slot until its process ends: use bad_child().
 */
#ifndef CLEAT_TESTS_PRIMARY_BAD_H
#define CLEAT_TESTS_PRIMARY_BAD_H

#include <check.h>

#include "ipc/message.h"
#include "tests/support/spawn.h"

/** A primary of 16 MiB with net_null0, and how many descriptors it has when nobody is there. */
void bad_primary(struct child *primary);
/** The same with one more option than -m, and its value. */
void bad_primary_with(struct child *primary, const char *option, const char *value);

/** One of @p mib MiB that logs what it does. */
void bad_primary_telling(struct child *primary, const char *mib);

/** It runs, lets a client attach and answers it, and `cleat audit` exits with 0. */
void bad_still_serves(struct child *primary);
/** And it has no descriptor more than at the start. */
void bad_still_well(struct child *primary);

/** Its log holds @p part within 3 s. */
void bad_expect_log(struct child *primary, const char *part);

/** What a program said on stderr is one line that holds @p part. */
void bad_expect_sentence(struct child *c, const char *part);

int bad_connect(void);
/** A proper Hello. @p name is borrowed. */
void bad_hello(Cleat__Hello *hello, const char *name, Cleat__Role role);
void bad_send_hello(int sock, Cleat__Hello *hello);
/** Hello, Welcome and all Maps; not Ready. @return 0 or the status of a Reject */
int bad_handshake(int sock, const char *name, Cleat__Role role);
/** All of the handshake. @return socket */
int bad_attach(const char *name, Cleat__Role role);

/** A message without content, of a kind with an empty body. */
void bad_send_empty(int sock, Cleat__Envelope__BodyCase kind, uint32_t id);
/** Ping and its answer; other messages are passed over. */
void bad_ping(int sock);
/** Send a request and take its answer. @return its status; *detail is static */
int bad_request(int sock, Cleat__Envelope *env, const char **detail);

/** The next Reject; other messages are passed over. @return its status, 1 if the connection ended
 * without one; *detail is static */
int bad_reject(int sock, const char **detail);
/** A Reject of @p status whose sentence holds @p part, and the end. Closes. */
void bad_expect_reject(int sock, int status, const char *part);

/** Run in a process of its own, which must end with 0. */
void bad_child(void (*fn)(const void *arg), const void *arg);

int bad_run(const char *name, const TTest *const *tests, size_t n, double timeout_s);

#endif
