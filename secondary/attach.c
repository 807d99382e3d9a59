/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/attach.h"

#include <errno.h>
#include <string.h>

#include "runtime/arch.h"
#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/grace.h"
#include "runtime/handle.h"
#include "runtime/log.h"
#include "runtime/mempool.h"
#include "runtime/pci/pci_sigbus.h"
#include "runtime/port.h"
#include "runtime/registry.h"
#include "runtime/row.h"
#include "runtime/shared.h"
#include "runtime/window.h"
#include "secondary/control.h"

static struct {
	struct cleat_client *client;
	int state; /* enum cleat_attach_state; atomic */
	cleat_event_fn event;
	void *event_arg;
	uint64_t epoch;
	uint16_t slot;
	uint16_t thread;
	uint8_t mapped[CLEAT_MAX_SEGMENTS]; /* by row; atomic */
	/* when each phase ended */
	uint64_t welcome_ns;
	uint64_t window_ns;
	uint64_t segments_ns;
} self;

/* ---- what the connection hands over ---- */

static int check_welcome(const Cleat__Welcome *w)
{
	if (w->registry_len < sizeof(struct cleat_registry_shm) ||
		w->registry_len > w->window_len || w->slot == 0 || w->slot >= CLEAT_MAX_PROCS ||
		w->thread == 0 || w->thread >= CLEAT_MAX_THREADS)
		return cleat_err(-EPROTO, "the primary's welcome makes no sense");
	return 0;
}

static int on_welcome(void *arg, const Cleat__Welcome *welcome, int *registry_fd)
{
	int err = check_welcome(welcome);

	(void)arg;
	self.welcome_ns = cleat_now_ns();
	if (err == 0)
		err = cleat_fd_check_memory(*registry_fd, welcome->registry_len);
	if (err == 0)
		err = cleat_window_reserve(welcome->window_base, welcome->window_len);
	if (err == 0)
		err = cleat_window_map(0, welcome->registry_len, *registry_fd, 0, 0);
	if (err < 0)
		return err;
	cleat_registry = (struct cleat_registry_shm *)cleat_window_base;
	self.slot = (uint16_t)welcome->slot;
	self.thread = (uint16_t)welcome->thread;
	self.epoch = welcome->epoch;
	self.window_ns = cleat_now_ns();
	return cleat_registry_check();
}

/* A device may vanish under a thread that reads its registers. */
static int guard(const Cleat__Segment *segment)
{
	int err =
		cleat_pci_guard_add((void *)(cleat_window_base + segment->off), segment->len_bytes);

	if (err < 0)
		(void)cleat_window_unmap(segment->off, segment->len_bytes);
	return err;
}

static int on_segment_add(void *arg, const Cleat__Segment *segment, int *fd)
{
	int err;

	(void)arg;
	if (cleat_registry == NULL || segment->off < CLEAT_REGISTRY_LEN)
		return cleat_err(-EPROTO, "segment %u lies over the registry", segment->index);
	if (segment->kind == CLEAT_SEGMENT_MEMORY) {
		err = cleat_fd_check_memory(*fd, segment->fd_off + segment->len_bytes);
		if (err < 0)
			return err;
	}
	err = cleat_window_map(
		segment->off, segment->len_bytes, *fd, segment->fd_off, segment->writable);
	if (err == 0 && segment->kind == CLEAT_SEGMENT_BAR)
		err = guard(segment);
	if (err == 0 && segment->index < CLEAT_MAX_SEGMENTS)
		cleat_store_release(&self.mapped[segment->index], 1);
	self.segments_ns = cleat_now_ns();
	return err;
}

static int on_segment_remove(void *arg, uint32_t index)
{
	struct cleat_segment_shm row;

	(void)arg;
	if (index == 0 || index >= CLEAT_MAX_SEGMENTS ||
		CLEAT_ROW_READ(&row, &cleat_registry->segments[index]) < 0 ||
		row.kind == CLEAT_SEGMENT_FREE || row.off < CLEAT_REGISTRY_LEN)
		return cleat_err(-ENOENT, "there is no segment %u", index);
	cleat_store_release(&self.mapped[index], 0);
	if (row.kind == CLEAT_SEGMENT_BAR)
		cleat_pci_guard_remove((void *)(cleat_window_base + row.off));
	return cleat_window_unmap(row.off, row.len_bytes);
}

static void on_event(void *arg, const Cleat__Event *event)
{
	(void)arg;
	if (event->kind == CLEAT__EVENT_KIND__EVENT_SHUTDOWN)
		cleat_store_release(&self.state, CLEAT_SHUTDOWN);
	if (event->kind == CLEAT__EVENT_KIND__EVENT_PORT_REMOVED &&
		event->subject < CLEAT_MAX_PORTS)
		cleat_port_gone((uint16_t)event->subject);
	if (self.event != NULL)
		self.event(event, self.event_arg);
}

static void on_lost(void *arg, int status, const char *reason)
{
	(void)arg;
	(void)status;
	if (cleat_load_acquire(&self.state) == CLEAT_SHUTDOWN)
		return;
	cleat_store_release(&self.state, CLEAT_LOST);
	cleat_log(CLEAT_LOG_WARNING, "%s; the data path goes on without it", reason);
}

static const struct cleat_client_ops OPS = {
	.welcome = on_welcome,
	.segment_add = on_segment_add,
	.segment_remove = on_segment_remove,
	.event = on_event,
	.lost = on_lost,
};

/* ---- attach, detach ---- */

/* The area of threads' lines, now that all segments are mapped. */
static int use_shared(void)
{
	uint64_t off = cleat_registry->header.shared_off;

	if (off % CLEAT_FALSE_SHARING != 0 || off < CLEAT_REGISTRY_LEN || off > cleat_window_len ||
		sizeof(struct cleat_shared_shm) > cleat_window_len - off)
		return cleat_err(-EPROTO, "the registry puts the shared area outside the window");
	cleat_shared = (struct cleat_shared_shm *)(cleat_window_base + off);
	cleat_self_slot = self.slot;
	cleat_self_use(self.thread);
	return 0;
}

static void leave(void)
{
	cleat_control_stop();
	cleat_queue_remove_all();
	cleat_mempool_forget_all();
	cleat_self_slot = CLEAT_SLOT_NONE;
	cleat_self_use(CLEAT_THREAD_NONE);
	cleat_shared = NULL;
	cleat_registry = NULL;
	/* before the socket: once it is closed, what was ours may be somebody else's */
	cleat_pci_guard_remove_all();
	cleat_window_release();
	cleat_client_close(self.client);
	memset(&self, 0, sizeof(self));
}

static uint32_t microseconds(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (uint32_t)((to_ns - from_ns) / 1000) : 0;
}

static void fill_times(struct cleat_attach_times *times, uint64_t start_ns)
{
	uint64_t end_ns = cleat_now_ns();

	times->welcome_us = microseconds(start_ns, self.welcome_ns);
	times->window_us = microseconds(self.welcome_ns, self.window_ns);
	times->segments_us = microseconds(self.window_ns, self.segments_ns);
	times->control_us = microseconds(self.segments_ns, end_ns);
	times->total_us = microseconds(start_ns, end_ns);
}

static int connect_and_map(const struct cleat_attach_options *options)
{
	struct cleat_client_config config = { .instance = options->instance,
		.name = options->name,
		.no_procs = options->no_procs || options->event == NULL,
		.timeout_ms = options->timeout_ms };
	char why[CLEAT_ERROR_LEN];
	int err;

	/* while this process has one thread, the kernel does this without waiting */
	err = cleat_grace_register();
	if (err == 0)
		err = cleat_client_connect(&self.client, &config, &OPS, NULL);
	if (err == 0)
		err = use_shared();
	if (err == 0)
		err = cleat_control_start(self.client);
	if (err == 0)
		return 0;
	memcpy(why, cleat_error(), strlen(cleat_error()) + 1);
	leave();
	return cleat_err(err, "%s", why);
}

int cleat_attach(const struct cleat_attach_options *options, struct cleat_attach_times *times)
{
	uint64_t start_ns = cleat_now_ns();
	int expected = CLEAT_DETACHED;
	int err;

	if (self.client != NULL || cleat_registry != NULL)
		return cleat_err(-EALREADY, "this process is attached already");
	self.event = options->event;
	self.event_arg = options->event_arg;
	err = connect_and_map(options);
	if (err < 0)
		return err;
	/* unless an event came first */
	(void)cleat_cas_acq_rel(&self.state, &expected, CLEAT_ATTACHED);
	if (times != NULL)
		fill_times(times, start_ns);
	return 0;
}

void cleat_detach(void)
{
	if (self.client != NULL)
		leave();
}

enum cleat_attach_state cleat_attach_state(void)
{
	return (enum cleat_attach_state)cleat_load_acquire(&self.state);
}

struct cleat_client *cleat_attach_client(void)
{
	if (self.client == NULL)
		(void)cleat_err(-ENOTCONN, "this process is not attached to a primary");
	return self.client;
}

int cleat_attach_has_segment(unsigned row)
{
	return row < CLEAT_MAX_SEGMENTS && cleat_load_acquire(&self.mapped[row]);
}

uint64_t cleat_attach_epoch(void)
{
	return self.epoch;
}
