/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * client.h - a process's connection to the primary: attach, then requests and events.
 *
 * Any thread may send requests. Who reads the socket?
 *   - With a control thread: it calls cleat_client_dispatch() when cleat_client_fd() is readable.
 *     Announce it by cleat_client_pump(). A thread with a request first reads replies itself, for
 *     a tenth of a millisecond at most, and meanwhile cleat_client_fd() stays silent (but for a
 *     hang-up). It takes nothing but replies, and none that has another message before it. Then it
 *     sleeps until the control thread wakes it. One thread at a time reads so, others sleep.
 *   - Without: cleat_client_request() reads by itself (one thread only).
 *
 * The primary dies: `lost` is called once from the thread that reads and notices, then every
 * waiting and later request fails with -ESTALE. A request that cannot be sent fails so a moment
 * earlier: what the primary said last, an orderly shutdown perhaps, is still to be read. `lost`
 * must not call this interface. The mappings stay usable; they are the caller's.
 */
#ifndef CLEAT_IPC_CLIENT_H
#define CLEAT_IPC_CLIENT_H

#include "ipc/message.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_client;

/*
 * What the user of a connection does with what arrives. `arg` is the one given to
 * cleat_client_connect(). A descriptor is taken by setting it to -1, else it is closed. An error
 * (negative errno, with cleat_err() sentence) in the handshake is told to the primary and ends the
 * attach; later it is told to the primary for that segment alone.
 */
struct cleat_client_ops {
	int (*welcome)(void *arg, const Cleat__Welcome *welcome, int *registry_fd);
	int (*segment_add)(void *arg, const Cleat__Segment *segment, int *fd);
	int (*segment_remove)(void *arg, uint32_t index); /* may be NULL */
	/** May be NULL. When it returns from a port's removal, nothing here touches that port. */
	void (*event)(void *arg, const Cleat__Event *event);
	void (*lost)(void *arg, int status, const char *reason); /* may be NULL */
};

struct cleat_client_config {
	const char *instance; /* NULL: "default" */
	const char *socket;   /* NULL: found by the instance's name */
	const char *name;     /* of this process */
	int observer;	      /* 0: secondary */
	int no_procs;	/* not interested in other processes: no events of their coming and end */
	int timeout_ms; /* for the whole attach; 0: CLEAT_REQUEST_TIMEOUT_MS */
};

/**
 * Connect and go through the handshake.
 *
 * @param out  gives the connection, attached
 * @return     0; -ENOENT or -ECONNREFUSED when no primary runs, -EACCES when policy refuses us,
 *             -EPROTO when versions differ, -ETIMEDOUT, or what a callback returned
 */
int cleat_client_connect(struct cleat_client **out, const struct cleat_client_config *config,
	const struct cleat_client_ops *ops, void *arg);

/** Close the connection (the primary then takes back what this process holds) and free. The caller
 * sees to it that no other thread is inside. NULL is ignored. */
void cleat_client_close(struct cleat_client *client);

/** For poll or libev (not the socket itself): readable means cleat_client_dispatch(). */
int cleat_client_fd(const struct cleat_client *client);

/** The calling thread will dispatch from now on (on = 1), or nobody will (0). */
void cleat_client_pump(struct cleat_client *client, int on);

/** Handle everything that has arrived; waits for nothing but a requester that reads. @return 0, or
 * -ESTALE when the connection is lost */
int cleat_client_dispatch(struct cleat_client *client);

/**
 * Send a request and wait for its reply.
 *
 * @param req         its id is set here
 * @param timeout_ms  0: CLEAT_REQUEST_TIMEOUT_MS
 * @param reply       gives the Reply and its descriptors when 0 is returned (clear it); may be NULL
 * @return            0; what the primary refused with (its sentence in cleat_error()); -ETIMEDOUT
 *                    (whether it was done is unknown); -ESTALE when the primary is gone; -EBUSY
 * when CLEAT_MAX_REQUESTS are unanswered
 */
int cleat_client_request(struct cleat_client *client, Cleat__Envelope *req, int timeout_ms,
	struct cleat_message *reply);

/**
 * Send a request whose answer nobody needs, without waiting for it.
 *
 * @param timeout_ms  how long to wait until the socket takes it; 0: CLEAT_REQUEST_TIMEOUT_MS
 * @return            0: the primary will read it; -ETIMEDOUT when its socket is full; -ESTALE;
 *                    -EBUSY, as above
 */
int cleat_client_tell(struct cleat_client *client, Cleat__Envelope *req, int timeout_ms);

/** As cleat_client_request(), for what is answered by one number. @param value  may be NULL */
int cleat_client_call(
	struct cleat_client *client, Cleat__Envelope *req, int timeout_ms, uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
