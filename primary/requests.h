/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * requests.h - answering what attached processes ask. Every request gets exactly one Reply.
 */
#ifndef CLEAT_PRIMARY_REQUESTS_H
#define CLEAT_PRIMARY_REQUESTS_H

#include "primary/server.h"

/** Answer one request. */
void cleat_request(struct cleat_conn *c, const Cleat__Envelope *env);

/*
 * Families of requests, one file each. @return 0 or negative errno with a sentence, which
 * cleat_request() sends with *value and *value2; CLEAT_ANSWERED: sent, or will be later.
 */
#define CLEAT_ANSWERED 1
#define CLEAT_NOT_MINE 2
int cleat_request_memory(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2);
int cleat_request_objects(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2);
int cleat_request_ports(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2);
int cleat_request_threads(
	struct cleat_conn *c, const Cleat__Envelope *env, uint64_t *value, uint64_t *value2);

#endif
