/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * inside.h - a primary inside the test, which turns its event loop by hand and sees its tables; and
 * clients of it that read when the test says so.
 *
 * One process is both, so nothing happens between two lines of a test.
 */
#ifndef CLEAT_TESTS_PRIMARY_INSIDE_H
#define CLEAT_TESTS_PRIMARY_INSIDE_H

#include <check.h>

#include "ipc/message.h"
#include "primary/server.h"
#include "runtime/device.h"

extern struct cleat_primary inside;

/** Boot it: 32 MiB of ordinary pages, no devices. */
void inside_up(void);
void inside_down(void);
/** Let it do what there is to do. */
void inside_turn(void);

/** Attach a secondary. @return its socket; *slot receives its slot */
int inside_attach(const char *name, uint16_t *slot);
/** The same, not interested in other processes. */
int inside_attach_no_procs(const char *name, uint16_t *slot);
/** Send; the id is of the caller's choice. */
void inside_send(int sock, Cleat__Envelope *env);
/** The next message that waits. @return 1; 0 if there is none */
int inside_next(int sock, struct cleat_message *m);
/** Turn the loop and read until nothing more comes. @return how many Events of @p kind about
 * @p subject were among it */
unsigned inside_events(int sock, Cleat__EventKind kind, uint32_t subject);
/** Turn the loop, and read up to the Reply of request @p id. @return its status; *detail is static
 */
int inside_reply(int sock, uint32_t id, const char **detail);
/** Answer for a segment. */
void inside_mapped(int sock, uint32_t segment, int status);

/** Send events until the primary keeps no more of them: the client has not read for long. */
void inside_fill(uint16_t slot);

/* A port whose driver does what the test says. */
struct inside_port {
	struct cleat_port_ctrl ctrl;	     /* one queue in each direction */
	int setup_fails, reset_fails, keeps; /* 1: as the name says */
};
/** Add it, as a probe does. @return its id */
uint32_t inside_port_new(struct inside_port *port, const char *name);
/** Add it, and start it. @return its id */
uint32_t inside_port_add(struct inside_port *port, const char *name);

/** A PCI device with BAR 0 of two parts, open; nobody drives it. */
struct cleat_device *inside_pci_device(const char *address);

int inside_run(const char *name, const TTest *const *tests, size_t n);

#endif
