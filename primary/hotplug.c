/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/hotplug.h"

#include "primary/devices.h"
#include "runtime/bus.h"
#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/pci/pci_monitor.h"

#define TICK_S	    1.0
#define RETRY_TICKS 10 /* as often as the kernel asks again for a device of vfio-pci */

static ev_io monitor;

/* ---- the drivers' tick ---- */

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
	static unsigned ticks;
	struct cleat_primary *p = timer->data;

	(void)loop;
	(void)events;
	for (uint32_t port = 0; port < CLEAT_MAX_PORTS; port++) {
		struct cleat_port_ctrl *ctrl = p->ports[port];

		if (ctrl != NULL && ctrl->ops->tick != NULL &&
			cleat_registry->ports[port].state == CLEAT_PORT_STARTED)
			ctrl->ops->tick(ctrl);
	}
	if (++ticks % RETRY_TICKS == 0)
		cleat_devices_retry(p);
}

/* ---- what the kernel says ---- */

static void take_away(struct cleat_primary *p, struct cleat_device *device)
{
	if (device->state != CLEAT_DEVICE_PROBED)
		return;
	cleat_log(CLEAT_LOG_NOTICE, "device %s goes away", device->name);
	if (cleat_device_take_away(p, device) < 0)
		cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
}

static void on_change(void *arg, enum cleat_pci_change change, const char *address)
{
	struct cleat_primary *p = arg;
	struct cleat_device *device = cleat_device_find(address);

	cleat_log(CLEAT_LOG_DEBUG, "kernel: device %s %s", address,
		change == CLEAT_PCI_ADDED     ? "added"
		: change == CLEAT_PCI_REMOVED ? "removed"
		: change == CLEAT_PCI_BOUND   ? "bound"
					      : "unbound");
	if (device != NULL && (change == CLEAT_PCI_REMOVED || change == CLEAT_PCI_UNBOUND))
		take_away(p, device);
	if (device != NULL && change == CLEAT_PCI_BOUND) {
		if (device->leaving) /* what is open of it is of the former binding */
			take_away(p, device);
		cleat_bus_anew(device); /* perhaps to a driver that we can use */
	}
	if (cleat_devices_probe_new(p) < 0)
		cleat_log(CLEAT_LOG_ERROR, "%s", cleat_error());
}

static void on_monitor(struct ev_loop *loop, ev_io *io, int events)
{
	int rc = cleat_pci_monitor_read(on_change, io->data);

	(void)events;
	if (rc == 1) /* some were lost: look for ourselves */
		rc = cleat_devices_probe_new(io->data);
	else if (rc < 0)
		ev_io_stop(loop, io); /* it would be readable for ever */
	if (rc < 0)
		cleat_log(CLEAT_LOG_ERROR, "devices that come or go: %s", cleat_error());
}

int cleat_hotplug_start(struct cleat_primary *p)
{
	int fd;

	ev_timer_init(&p->tick, on_tick, TICK_S, TICK_S);
	p->tick.data = p;
	ev_timer_start(p->loop, &p->tick);
	if (p->options->no_pci)
		return 0;
	fd = cleat_pci_monitor_start();
	if (fd < 0) { /* we can do without */
		cleat_log(CLEAT_LOG_WARNING, "devices that come or go will not be noticed: %s",
			cleat_error());
		return 0;
	}
	ev_io_init(&monitor, on_monitor, fd, EV_READ);
	monitor.data = p;
	ev_io_start(p->loop, &monitor);
	return 0;
}

void cleat_hotplug_stop(struct cleat_primary *p)
{
	ev_timer_stop(p->loop, &p->tick);
	if (!ev_is_active(&monitor))
		return;
	ev_io_stop(p->loop, &monitor);
	cleat_pci_monitor_stop();
}
