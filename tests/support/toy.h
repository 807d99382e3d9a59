/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * toy.h - a device of the tests' own, with whatever abilities a test gives it, and a primary that
 * has it. It is a bus of one device, "toy0", which Cleat takes for real hardware.
 *
 * Packets "arrive" when the test says so. A queue wakes its owner like a network device does: it is
 * armed for one interrupt, and a packet that finds it armed signals the descriptor.
 */
#ifndef CLEAT_TESTS_SUPPORT_TOY_H
#define CLEAT_TESTS_SUPPORT_TOY_H

#include "runtime/port.h"
#include "tests/support/spawn.h"

#define TOY_DRIVER "net_toy"
#define TOY_BYTES  64 /* of each packet */
#define TOY_BUFFER 2048
#define TOY_LOOKS  3 /* index into an rx queue's driver words: bursts asked for */

/* What the driver was told last; index into the port's hw_stats. */
enum toy_told {
	TOY_PROMISCUOUS,
	TOY_ALLMULTI,
	TOY_MTU,
	TOY_OFFLOADS,
	TOY_FILTERS, /* how many */
	TOY_TOLD,
};

struct toy {
	uint32_t capa;	   /* offloads it has */
	uint32_t offloads; /* and which are on */
	uint16_t max_mtu;
	uint16_t filters; /* it is said to have */
	uint16_t room;	  /* for filters in fact */
	bool bare;	  /* can do nothing but rx and tx */
	bool deaf;	  /* cannot wake anybody */
	bool relinks;	  /* its link goes up, or down, with each new MTU */
	bool picky;	  /* without scatter it takes no MTU of more than TOY_BUFFER bytes */
	bool narrow;	  /* its rx queue 1 takes no buffers of more than TOY_BUFFER bytes */
	bool stuck;	  /* receiving comes to rest only when sending does */
};

/** Start a primary for test_instance() with the device as port 0, and wait until it listens. */
void toy_primary_start(struct child *c, const struct toy *toy);

/** Know the driver's data side in this process. */
void toy_data_register(void);

/** A packet comes to an rx queue; @p event_fd is the device's end. From any one thread. */
void toy_packet(struct cleat_queue_shm *q, int event_fd);

#endif
