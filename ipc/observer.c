/* SPDX-License-Identifier: BSD-3-Clause */
#include "ipc/observer.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "ipc/rundir.h"
#include "runtime/error.h"
#include "runtime/registry.h"
#include "runtime/shared.h"
#include "runtime/window.h"

/* One per process, as the globals are. */
static struct {
	struct cleat_client *client;
	uint64_t len[CLEAT_MAX_SEGMENTS]; /* mapped; 0: not */
	uint64_t off[CLEAT_MAX_SEGMENTS];
} observer;

/* The primary's place if it is free here, else anywhere: handles do not care. */
static int reserve_window(const Cleat__Welcome *w)
{
	int err = cleat_window_reserve(w->window_base, w->window_len);

	if (err == -EALREADY)
		return err;
	return err ? cleat_window_reserve(0, w->window_len) : 0;
}

static int on_welcome(void *arg, const Cleat__Welcome *w, int *fd)
{
	int err = cleat_fd_check_memory(*fd, w->registry_len);

	(void)arg;
	if (err)
		return cleat_err_prefix(err, "registry");
	if (w->registry_len < sizeof(struct cleat_registry_shm))
		return cleat_err(-EPROTO, "the registry has %llu bytes, this program expects %zu",
			(unsigned long long)w->registry_len, sizeof(struct cleat_registry_shm));
	err = reserve_window(w);
	if (!err)
		err = cleat_window_map(0, w->registry_len, *fd, 0, 0);
	if (err)
		return err;
	cleat_registry = (struct cleat_registry_shm *)cleat_window_base;
	return cleat_registry_check();
}

static int on_segment_add(void *arg, const Cleat__Segment *s, int *fd)
{
	int err;

	(void)arg;
	/* BARs are for those who drive the device; reading one may change its state */
	if (s->kind != CLEAT_SEGMENT_MEMORY)
		return 0;
	err = cleat_fd_check_memory(*fd, s->fd_off + s->len_bytes);
	if (!err)
		err = cleat_window_map(s->off, s->len_bytes, *fd, s->fd_off, 0);
	if (err)
		return cleat_err_prefix(err, "segment %u", s->index);
	observer.off[s->index] = s->off;
	observer.len[s->index] = s->len_bytes;
	return 0;
}

static int on_segment_remove(void *arg, uint32_t index)
{
	int err;

	(void)arg;
	if (index >= CLEAT_MAX_SEGMENTS || observer.len[index] == 0)
		return 0;
	err = cleat_window_unmap(observer.off[index], observer.len[index]);
	if (!err)
		observer.len[index] = 0;
	return err;
}

static bool is_mapped(uint64_t off, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < CLEAT_MAX_SEGMENTS; i++)
		if (observer.len[i] != 0 && off >= observer.off[i] &&
			off - observer.off[i] <= observer.len[i] &&
			len <= observer.len[i] - (off - observer.off[i]))
			return true;
	return false;
}

static int find_shared(void)
{
	uint64_t off = cleat_load_acquire(&cleat_registry->header.shared_off);

	if (off % CLEAT_CACHE_LINE || !is_mapped(off, sizeof(struct cleat_shared_shm)))
		return cleat_err(-EPROTO,
			"the shared area should be at offset 0x%llx of the window, but no segment is there",
			(unsigned long long)off);
	cleat_shared = (struct cleat_shared_shm *)(cleat_window_base + (uintptr_t)off);
	return 0;
}

int cleat_observer_attach(const char *instance)
{
	static const struct cleat_client_ops ops = {
		.welcome = on_welcome,
		.segment_add = on_segment_add,
		.segment_remove = on_segment_remove,
	};
	struct cleat_client_config config = { .instance = instance, .observer = 1, .no_procs = 1 };
	char name[CLEAT_NAME_LEN];
	int err;

	if (observer.client || cleat_window_len)
		return cleat_err(-EALREADY, "this process is attached already");
	(void)snprintf(name, sizeof(name), "observer-%d", (int)getpid());
	config.name = name;
	err = cleat_client_connect(&observer.client, &config, &ops, NULL);
	if (!err)
		err = find_shared();
	if (err)
		cleat_observer_detach();
	return err;
}

int cleat_observer_refresh(void)
{
	if (!observer.client)
		return cleat_err(-ENOTCONN, "this process is not attached");
	return cleat_client_dispatch(observer.client);
}

struct cleat_client *cleat_observer_client(void)
{
	return observer.client;
}

void cleat_observer_detach(void)
{
	unsigned int i;

	cleat_client_close(observer.client);
	observer.client = NULL;
	cleat_shared = NULL;
	cleat_registry = NULL;
	for (i = 0; i < CLEAT_MAX_SEGMENTS; i++)
		observer.len[i] = 0;
	cleat_window_release();
}
