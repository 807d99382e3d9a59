/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/boot.h"

#include <errno.h>

#include "primary/devices.h"
#include "primary/dma.h"
#include "primary/hotplug.h"
#include "primary/memory.h"
#include "primary/notify.h"
#include "primary/numa.h"
#include "primary/ports.h"
#include "primary/reaper.h"
#include "primary/server.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/grace.h"
#include "runtime/iova.h"
#include "runtime/log.h"
#include "runtime/mempool.h"
#include "runtime/window.h"

static int claim_instance(struct cleat_primary *p)
{
	return cleat_rundir_claim(&p->rundir, p->options->instance);
}

static void release_instance(struct cleat_primary *p)
{
	cleat_rundir_release(&p->rundir);
}

static int make_policy(struct cleat_primary *p)
{
	const struct cleat_options *o = p->options;
	int rc = 0;

	cleat_policy_init(&p->policy);
	for (size_t i = 0; rc == 0 && i < o->allow_users.count; i++)
		rc = cleat_policy_allow_user(&p->policy, o->allow_users.items[i]);
	for (size_t i = 0; rc == 0 && i < o->allow_groups.count; i++)
		rc = cleat_policy_allow_group(&p->policy, o->allow_groups.items[i]);
	return rc;
}

static int reserve_window(struct cleat_primary *p)
{
	return cleat_window_reserve(p->options->window_base, p->options->window_len);
}

static void release_window(struct cleat_primary *p)
{
	(void)p;
	cleat_iova_reset();
	cleat_window_release();
}

/* From here on this thread may use rings and pools. */
static int enter(struct cleat_primary *p)
{
	(void)p;
	cleat_self_slot = 0;
	cleat_self_use(0);
	return cleat_grace_register();
}

static void leave(struct cleat_primary *p)
{
	(void)p;
	cleat_mempool_forget_all();
	cleat_self_slot = CLEAT_SLOT_NONE;
	cleat_self_use(CLEAT_THREAD_NONE);
}

static int make_services(struct cleat_primary *p)
{
	cleat_services_init(p);
	return 0;
}

static void forget_devices(struct cleat_primary *p)
{
	(void)p;
	cleat_bus_forget_devices(); /* their drivers had let go of them, or were given up */
	cleat_bus_forget_lists();
}

static int tell_ready(struct cleat_primary *p)
{
	cleat_log(CLEAT_LOG_NOTICE, "instance %s is ready; workers attach at %s",
		p->options->instance, p->rundir.socket);
	cleat_notify_ready(p->options->instance);
	return 0;
}

static void tell_stopping(struct cleat_primary *p)
{
	(void)p;
	cleat_notify_stopping();
}

/* Top to bottom to start, bottom to top to end. Step `code` is the exit code if it fails. */
static const struct step {
	const char *name;
	int (*up)(struct cleat_primary *p);
	void (*down)(struct cleat_primary *p);
	enum cleat_exit code;
} STEPS[] = {
	{ "who may attach", make_policy, NULL, CLEAT_EXIT_USAGE },
	{ "instance", claim_instance, release_instance, CLEAT_EXIT_FAILED },
	{ "buses", cleat_devices_scan, forget_devices, CLEAT_EXIT_USAGE },
	{ "addresses for devices", cleat_dma_choose, NULL, CLEAT_EXIT_FAILED },
	{ "nodes for memory", cleat_numa_choose, NULL, CLEAT_EXIT_USAGE },
	{ "window", reserve_window, release_window, CLEAT_EXIT_MEMORY },
	{ "registry", cleat_memory_registry, NULL, CLEAT_EXIT_MEMORY },
	{ "memory", cleat_memory_first, cleat_memory_release, CLEAT_EXIT_MEMORY },
	{ "own thread", enter, leave, CLEAT_EXIT_FAILED },
	{ "default pool", cleat_memory_pool, NULL, CLEAT_EXIT_MEMORY },
	{ "services", make_services, NULL, CLEAT_EXIT_FAILED },
	{ "devices", cleat_devices_probe, cleat_devices_remove, CLEAT_EXIT_USAGE },
	{ "devices that come and go", cleat_hotplug_start, cleat_hotplug_stop, CLEAT_EXIT_FAILED },
	{ "reaper", NULL, cleat_reaper_stop, CLEAT_EXIT_FAILED },
	{ "server", cleat_server_start, cleat_server_stop, CLEAT_EXIT_FAILED },
	{ "ready", tell_ready, tell_stopping, CLEAT_EXIT_FAILED },
};

#define N_STEPS (sizeof(STEPS) / sizeof(STEPS[0]))

static enum cleat_exit exit_code(const struct step *step, int rc)
{
	if (step->up == claim_instance && rc == -EBUSY)
		return CLEAT_EXIT_RUNNING;
	if (step->up == cleat_devices_probe && rc == -ENOSPC)
		return CLEAT_EXIT_MEMORY;
	return step->code;
}

/* The step that failed has undone itself, except for what its undo tolerates to undo in part. */
static void undo(struct cleat_primary *p, size_t done)
{
	while (done-- > 0) {
		cleat_log(CLEAT_LOG_DEBUG, "ending: %s", STEPS[done].name);
		if (STEPS[done].down != NULL)
			STEPS[done].down(p);
	}
}

enum cleat_exit cleat_boot_up(struct cleat_primary *p)
{
	for (size_t i = 0; i < N_STEPS; i++) {
		int rc;

		cleat_log(CLEAT_LOG_DEBUG, "starting: %s", STEPS[i].name);
		rc = STEPS[i].up != NULL ? STEPS[i].up(p) : 0;
		if (rc < 0) {
			cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
			undo(p, STEPS[i].down == cleat_devices_remove ||
						STEPS[i].down == cleat_memory_release
					? i + 1
					: i);
			return exit_code(&STEPS[i], rc);
		}
	}
	return CLEAT_EXIT_OK;
}

void cleat_boot_down(struct cleat_primary *p)
{
	undo(p, N_STEPS);
}
