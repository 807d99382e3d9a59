/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * bus.h - where devices come from: scan, match, probe, remove, iterate. Primary only, one thread.
 *
 * Buses and drivers announce themselves before main(), so a program names none of them.
 */
#ifndef CLEAT_RUNTIME_BUS_H
#define CLEAT_RUNTIME_BUS_H

#include <stddef.h>

#include "runtime/device.h"
#include "runtime/driver.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cleat_bus {
	const char *name;
	/** Find devices and cleat_bus_add() those that are new; those gone stay for remove. */
	int (*scan)(struct cleat_bus *bus);
	/** Does the driver know this device? Called for drivers of this bus only. */
	int (*match)(const struct cleat_driver *driver, const struct cleat_device *device);
	/** Could @p name be a device of this bus? Decides which bus an allow or block entry is for.
	 */
	int (*owns)(const struct cleat_bus *bus, const char *name);
	/** Write a name of owns() as devices of this bus bear it; may be NULL: names are as they
	 * are. @return 0, or negative errno with a sentence if it is no such name */
	int (*canonical)(const struct cleat_bus *bus, const char *name, char out[CLEAT_NAME_LEN]);
	/** Free what a device of this bus has besides struct cleat_device; may be NULL. */
	void (*forget)(struct cleat_device *device);
	/** Make ready before the driver's probe, and undo it after its remove; may be NULL.
	 * -ENODEV: it cannot be used as it is (the kernel's own driver holds it). */
	int (*plug)(struct cleat_bus *bus, struct cleat_device *device);
	void (*unplug)(struct cleat_bus *bus, struct cleat_device *device);
	/** Keep a PROBED device from memory, whatever its driver makes of that; may be NULL: it
	 * reaches none. @return 0; negative errno with a sentence: it may still write */
	int (*silence)(struct cleat_bus *bus, struct cleat_device *device);

	size_t device_bytes; /* of its own device struct, cleat_device first; 0: that alone */
	struct cleat_device *devices; /* in the order found */
	struct cleat_bus *next;
	unsigned allowed_made; /* entries of the allow list that have been made into devices */
	int disabled;	       /* --no-pci: not scanned */
};

void cleat_bus_register(struct cleat_bus *bus);
#define CLEAT_BUS_REGISTER(bus)                                             \
	static void __attribute__((constructor)) cleat_bus_ctor_##bus(void) \
	{                                                                   \
		cleat_bus_register(&(bus));                                 \
	}

/** The bus of that name, or NULL. */
struct cleat_bus *cleat_bus_find(const char *name);
/** First bus for NULL, else the next; NULL at the end. */
struct cleat_bus *cleat_bus_next(struct cleat_bus *bus);

/**
 * Lists of the options -a and -b. @p spec is `name` or `name,key=value,…`, also `bus:name`; the
 * arguments of an allowed device go to its driver. As soon as a bus has an allowed device, only
 * those are probed on it (devices given by --vdev excepted, they were asked for by name).
 * @return 0; -EINVAL if the bus has entries of the other kind, or no bus owns such a name.
 */
int cleat_bus_allow(const char *spec);
int cleat_bus_block(const char *spec);
/** Walk the allow list: entry @p nth that belongs to @p bus, as `name,key=value,…`, or NULL. */
const char *cleat_bus_allowed_nth(const struct cleat_bus *bus, unsigned nth);
void cleat_bus_forget_lists(void);

/** For buses: add a device (copies both texts). @return the device; NULL with a sentence. */
struct cleat_device *cleat_bus_add(
	struct cleat_bus *bus, const char *name, const char *args, int numa_node);
/** For buses: forget a device that is not PROBED. */
void cleat_bus_drop(struct cleat_device *device);

/** Scan every enabled bus. */
int cleat_bus_scan_all(void);
/**
 * Offer every FOUND device that was not detached to the drivers.
 * @return how many devices failed; each has its sentence in `why` and one line in the log.
 */
int cleat_bus_probe_all(const struct cleat_services *services);
/** Offer one device. @return 0; -EPERM when blocked; -ENODEV without a driver; the driver's error.
 */
int cleat_bus_probe(struct cleat_device *device, const struct cleat_services *services);
/**
 * Take the device from its driver; from a mute one, which has none, the hope that it will get one.
 *
 * @return  0, detached; -ENODEV if it has none otherwise; the driver's error: it stays PROBED and
 *          is leaving, its bus keeps it from memory, and this may be called again
 */
int cleat_bus_remove(struct cleat_device *device);
/** Keep a PROBED device from memory: from here on it can do no DMA, nothing else changes.
 * @return  0; negative errno with a sentence: it may still write, or it is gone */
int cleat_bus_silence(struct cleat_device *device);
/** After a cleat_bus_remove() that failed, when nobody can try again: close the device, which keeps
 * it from memory, too. FAILED; its driver is not called any more and keeps what it has. */
void cleat_bus_give_up(struct cleat_device *device);
/** Somebody wants this device, with `name,key=value,…`: lists do not hide it, a failed, ignored or
 * detached one may be probed again. @return 0; -EBUSY while it is PROBED; -ENOMEM */
int cleat_bus_ask(struct cleat_device *device, const char *spec);
/** It was bound anew: worth a try, whatever was known of it. Nothing while it is PROBED. */
void cleat_bus_anew(struct cleat_device *device);
/** Remove every device, last found first, give up what does not go, and forget all devices. */
void cleat_bus_remove_all(void);
/** Forget all devices; none is PROBED. No driver is called. */
void cleat_bus_forget_devices(void);

/** The device of that name on any bus, or NULL. */
struct cleat_device *cleat_device_find(const char *name);
/** Every device of every bus until @p visit returns non-zero. @return what @p visit returned last
 */
int cleat_device_iterate(int (*visit)(struct cleat_device *device, void *arg), void *arg);

#ifdef __cplusplus
}
#endif

#endif
