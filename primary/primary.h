/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * primary.h - the one struct that the primary's parts share. One thread: no locks.
 */
#ifndef CLEAT_PRIMARY_PRIMARY_H
#define CLEAT_PRIMARY_PRIMARY_H

#include <ev.h>

#include "ipc/policy.h"
#include "ipc/rundir.h"
#include "primary/options.h"
#include "runtime/driver.h"
#include "runtime/pci/pci_access.h"
#include "runtime/segment.h"
#include "runtime/zone.h"

struct cleat_conn;
struct cleat_reap;

/* A new segment that not every process has mapped yet. */
struct cleat_growth {
	int row;		     /* -1: none under way */
	bool waits[CLEAT_MAX_PROCS]; /* for this slot's answer */
	uint16_t asked_slot;	     /* who asked, CLEAT_SLOT_NONE when it is gone */
	uint32_t asked_id;	     /* the request's id */
};

/* What the registry does not say about a ring. */
struct cleat_ring_note {
	uint8_t open[CLEAT_MAX_PROCS]; /* Cleat__RingEnd bits of each slot */
	bool orphan;		       /* its owner is gone */
	bool doomed;		       /* freed as soon as no removed port is held any more */
};

/* What a process has of a BAR; a bit for each part of it, see bars.h. */
struct cleat_bar_holder {
	uint8_t has;	    /* may be mapped there */
	uint8_t map_owed;   /* the answer to its Map is to come */
	uint8_t asked;	    /* to unmap it */
	uint8_t unmap_owed; /* the answer to that is to come */
};
static_assert(CLEAT_PCI_MAX_PIECES <= 8, "a bit of cleat_bar_holder each");

/* A BAR of a device in the window (bars.h). */
struct cleat_bar {
	const struct cleat_device *device; /* NULL: withdrawn, or a free row */
	uint64_t off;
	uint64_t len_bytes; /* whole pages; 0: free row */
	uint16_t bar;
	uint16_t rows[CLEAT_PCI_MAX_PIECES]; /* of the registry's segments */
	unsigned n_rows;
	bool sent[CLEAT_MAX_PROCS]; /* to this slot, which may have some of it mapped */
	struct cleat_bar_holder holders[CLEAT_MAX_PROCS];
};
#define CLEAT_MAX_BARS 128

/* A descriptor that a driver waits for. */
struct cleat_watch {
	struct cleat_watch *next;
	ev_io io;
	void (*fn)(void *arg);
	void *arg;
};

/* Addresses that a port receives besides its own. */
#define CLEAT_MAX_MAC_FILTERS 128
struct cleat_mac_filters {
	unsigned int n;
	uint8_t macs[CLEAT_MAX_MAC_FILTERS][6];
};

/* Of the first memory (numa.h). */
struct cleat_share {
	int node; /* -1: any */
	uint64_t bytes;
};

struct cleat_primary {
	const struct cleat_options *options;
	struct ev_loop *loop;
	enum cleat_exit exit_code;

	struct cleat_rundir rundir;
	struct cleat_policy policy;

	struct cleat_heap *heap;
	struct cleat_segment segments[CLEAT_MAX_SEGMENTS]; /* same index as the registry's rows */
	struct cleat_bar bars[CLEAT_MAX_BARS];
	struct cleat_growth growth;
	struct cleat_ring_note rings[CLEAT_MAX_RINGS];
	bool pool_orphan[CLEAT_MAX_POOLS];

	struct cleat_services services;
	struct cleat_port_ctrl *ports[CLEAT_MAX_PORTS];
	struct cleat_mac_filters filters[CLEAT_MAX_PORTS];
	struct cleat_watch *watches;
	ev_timer tick;	    /* drivers' once per second */
	uint32_t iova_mode; /* enum cleat_iova_mode, chosen at start */
	uint64_t iova_shift;
	struct cleat_share shares[CLEAT_MAX_NODES];
	unsigned n_shares;

	int listen_fd;
	struct cleat_conn *conns;		   /* all */
	struct cleat_conn *procs[CLEAT_MAX_PROCS]; /* by slot; NULL: none, or dying */
	unsigned int n_conns, n_shaking;	   /* all; those in the handshake */
	unsigned int n_strangers;		   /* those who may not attach */
	struct cleat_reap *reaps;
};

#endif
