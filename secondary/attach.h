/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * attach.h - become a secondary of a running primary, and stop being one.
 *
 * A process has one attachment. cleat_attach() needs no privilege and opens no file of the system:
 * descriptors of all memory come over the socket.
 *
 *   state       next
 *   detached    attached (cleat_attach)
 *   attached    shutdown (the primary said that it ends), lost (it died), detached
 *   shutdown    detached
 *   lost        detached
 *
 * In the last two requests fail with -ESTALE, and the data path goes on for as long as one likes.
 *
 * Killed anywhere here: the primary sees the socket end and takes everything back.
 */
#ifndef CLEAT_SECONDARY_ATTACH_H
#define CLEAT_SECONDARY_ATTACH_H

#include "ipc/client.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_attach_state {
	CLEAT_DETACHED = 0,
	CLEAT_ATTACHED = 1,
	CLEAT_SHUTDOWN = 2,
	CLEAT_LOST = 3,
};

/** Called in the control thread for every event, after the library has acted on it. Must not send
 * requests and wait for them. */
typedef void (*cleat_event_fn)(const Cleat__Event *event, void *arg);

struct cleat_attach_options {
	const char *instance; /* NULL: "default" */
	const char *name;     /* of this process, unique among those attached */
	int timeout_ms;	      /* 0: CLEAT_REQUEST_TIMEOUT_MS */
	cleat_event_fn event; /* or NULL */
	void *event_arg;
	int no_procs; /* no events of other processes' coming and end: these do not wake us */
};

/* How long each phase took, in microseconds. */
struct cleat_attach_times {
	uint32_t welcome_us;  /* socket connected, admitted by the primary */
	uint32_t window_us;   /* window reserved, registry mapped */
	uint32_t segments_us; /* memory mapped */
	uint32_t control_us;  /* last segment to control thread at work */
	uint32_t total_us;
};

/**
 * Attach. The calling thread becomes the first data-path thread.
 *
 * @param times  receives the phases; may be NULL
 * @return       0; -EALREADY when attached; -EEXIST when something sits in the window's range (the
 *               sentence quotes it) or a process of that name is attached; as
 *               cleat_client_connect() else
 */
int cleat_attach(const struct cleat_attach_options *options, struct cleat_attach_times *times);

/**
 * Detach: close queues, unmap the window, close the connection. No pointer into the window may be
 * used afterwards, no other thread may be in the library. Harmless when detached.
 */
void cleat_detach(void);

/** Never waits; from any thread. */
enum cleat_attach_state cleat_attach_state(void);

/** The connection, for requests; NULL with a sentence (-ENOTCONN) when detached. */
struct cleat_client *cleat_attach_client(void);

/** Life of the primary that we attached to. */
uint64_t cleat_attach_epoch(void);

/** Has this process the registry's segment of that row mapped? */
int cleat_attach_has_segment(unsigned row);

#ifdef __cplusplus
}
#endif

#endif
