/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * request.h - how the wrappers of this folder send one request: fill in the body, name its kind.
 */
#ifndef CLEAT_SECONDARY_REQUEST_H
#define CLEAT_SECONDARY_REQUEST_H

#include "secondary/attach.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Send @p env, wait for the number it is answered by. @param value  may be NULL. @return 0;
 * -ENOTCONN when detached; as cleat_client_call() */
int cleat_request_call(Cleat__Envelope *env, uint64_t *value);

/** The same, with the whole reply. */
int cleat_request_reply(Cleat__Envelope *env, struct cleat_message *reply);

/** Send @p env, whose answer nobody needs. @return 0; -ENOTCONN; as cleat_client_tell() */
int cleat_request_tell(Cleat__Envelope *env);

/** protobuf-c's strings are not const; it does not write them. NULL becomes "". */
char *cleat_request_text(const char *text);

#ifdef __cplusplus
}
#endif

#endif
