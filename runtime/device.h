/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device.h - one thing found on a bus; lives in the primary only.
 *
 *   FOUND → PROBED     the driver took it
 *   FOUND → IGNORED    the block list, or an allow list without it
 *   FOUND → NO_DRIVER  no driver knows it, or the kernel's own driver holds it
 *   FOUND → FAILED     its driver refused; the sentence is in `why`
 *   FAILED → PROBED    it was `mute`, and answered a later try (or → NO_DRIVER: unbound meanwhile)
 *   FAILED → FOUND     it was `mute`, and somebody took it away: `detached`
 *   PROBED → FOUND     removed by its driver: `detached`, so no scan probes it again
 *   PROBED → PROBED    its driver could not bring it to rest: `leaving`; removing it is tried again
 *   PROBED → FAILED    given up at the end, for the same reason
 */
#ifndef CLEAT_RUNTIME_DEVICE_H
#define CLEAT_RUNTIME_DEVICE_H

#include <stdint.h>

#include "runtime/error.h"
#include "runtime/limits.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_bus;
struct cleat_driver;
struct cleat_services;

enum cleat_device_state {
	CLEAT_DEVICE_FOUND = 0,
	CLEAT_DEVICE_PROBED = 1,
	CLEAT_DEVICE_IGNORED = 2,
	CLEAT_DEVICE_NO_DRIVER = 3,
	CLEAT_DEVICE_FAILED = 4,
};

struct cleat_device {
	char name[CLEAT_NAME_LEN]; /* unique on its bus: "net_pcap0", "0000:01:00.0" */
	char *args;		   /* "key=value,…" or ""; owned by the bus */
	struct cleat_bus *bus;
	const struct cleat_driver *driver;     /* set while PROBED */
	void *driver_data;		       /* the driver's own */
	const struct cleat_services *services; /* as given to its probe */
	struct cleat_device *next;
	enum cleat_device_state state;
	int asked;	/* somebody asked for it by name: an allow list does not hide it */
	int detached;	/* taken away: left alone until somebody asks for it, or it is bound anew */
	int leaving;	/* its removal failed, and is to be tried again */
	unsigned mute;	/* tries in which it did not answer (-ETIMEDOUT), since it was last FOUND */
	unsigned tried; /* the last of these, counted over all devices */
	int numa_node;	/* -1: none */
	char why[CLEAT_ERROR_LEN];
};

/** "found", "probed", … */
const char *cleat_device_state_name(enum cleat_device_state state);

#ifdef __cplusplus
}
#endif

#endif
