/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * endpoint.h - where a pipeline takes packets from or hands them to: a queue of a port, or a ring.
 */
#ifndef CLEAT_SECONDARY_ENDPOINT_H
#define CLEAT_SECONDARY_ENDPOINT_H

#include "runtime/mbuf_ring.h"
#include "runtime/port.h"
#include "secondary/ports.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_endpoint_kind {
	CLEAT_ENDPOINT_NONE = 0, /* rx: nothing comes; tx: packets are freed */
	CLEAT_ENDPOINT_PORT = 1,
	CLEAT_ENDPOINT_RING = 2,
};

struct cleat_endpoint {
	enum cleat_endpoint_kind kind;
	enum cleat_dir dir;
	uint16_t port; /* after open */
	uint16_t queue;
	int is_open;
	uint8_t mac[6];		   /* the port's */
	char name[CLEAT_NAME_LEN]; /* of the ring; of the port, or its number */
	struct cleat_ring ring;
};

/* How to make what is not there yet. */
struct cleat_endpoint_options {
	struct cleat_port_wish port;	/* of ports */
	uint32_t ring_slots;		/* 0: an existing ring's size, or 1024 */
	enum cleat_ring_mode ring_mode; /* of a new ring */
};

/** "port:P:Q", "port:P" (queue 0; P is a number or a device's name) or "ring:NAME". @return 0 or
 * -EINVAL with a sentence */
int cleat_endpoint_parse(const char *text, enum cleat_dir dir, struct cleat_endpoint *out);

/**
 * See to it that an endpoint's port is as wished (cleat_port_prepare()); a ring needs nothing.
 * Whoever opens several endpoints prepares all of them first: a queue that is held keeps its port
 * as it is.
 *
 * @return 0; -EBUSY when the port is in use and otherwise; others
 */
int cleat_endpoint_prepare(struct cleat_endpoint *ep, const struct cleat_endpoint_options *options);

/**
 * Claim the queue (preparing its port) or open the ring (making it if it is missing). The rings'
 * ends are: producer for CLEAT_TX, consumer for CLEAT_RX.
 *
 * @return 0; -EBUSY when somebody else has it (the sentence names the holder); others
 */
int cleat_endpoint_open(struct cleat_endpoint *ep, const struct cleat_endpoint_options *options);

/** Give it back. Harmless when it is not open. @return 0; -ETIMEDOUT when the primary does not
 * answer: detaching gives it back then; others */
int cleat_endpoint_close(struct cleat_endpoint *ep);

/** Take packets. @return 0..n, or -ENODEV when the port was removed */
cleat_inline int cleat_endpoint_rx(struct cleat_endpoint *ep, struct cleat_mbuf **mbufs, unsigned n)
{
	if (ep->kind == CLEAT_ENDPOINT_RING)
		return (int)cleat_ring_dequeue_mbufs(&ep->ring, mbufs, n);
	if (ep->kind == CLEAT_ENDPOINT_PORT)
		return cleat_rx_burst(ep->port, ep->queue, mbufs, n);
	return 0;
}

/** Hand packets over. @return how many were taken, the first ones; -ENODEV */
cleat_inline int cleat_endpoint_tx(struct cleat_endpoint *ep, struct cleat_mbuf **mbufs, unsigned n)
{
	if (ep->kind == CLEAT_ENDPOINT_RING)
		return (int)cleat_ring_enqueue_mbufs(&ep->ring, mbufs, n);
	if (ep->kind == CLEAT_ENDPOINT_PORT)
		return cleat_tx_burst(ep->port, ep->queue, mbufs, n);
	cleat_mbuf_free_bulk(mbufs, n);
	return (int)n;
}

#ifdef __cplusplus
}
#endif

#endif
