/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * handshake_help.h - one message of each kind, for the tests of either side.
 */
#ifndef CLEAT_TESTS_IPC_HANDSHAKE_HELP_H
#define CLEAT_TESTS_IPC_HANDSHAKE_HELP_H

#include "ipc/handshake.h"

#define KIND(name) CLEAT__ENVELOPE__BODY_##name

#define N_KINDS 12
/** Each kind once, the first one none at all. */
extern const Cleat__Envelope__BodyCase handshake_kinds[N_KINDS];

/** A sound Envelope of that kind, in static memory. */
Cleat__Envelope handshake_make(Cleat__Envelope__BodyCase kind, uint32_t id);

#endif
