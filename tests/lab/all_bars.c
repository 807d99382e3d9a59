/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * all_bars - cleat-primary for device tests, with a driver of its own for the 82576 that maps every
 * memory BAR, the one with the MSI-X table among them; Cleat's own drivers map what they need.
 *
 * Whoever claims a queue of its ports gets the BARs, too. The queues themselves are net_null's.
 */
#include <errno.h>
#include <stdlib.h>

#include "pmd/null/null_config.h"
#include "runtime/bus.h"
#include "runtime/pci/pci_access.h"
#include "runtime/port.h"
#include "tests/support/spawn.h"

static int map_all(struct cleat_device *device, const struct cleat_services *services)
{
	const struct cleat_pci_device *pci = cleat_pci_of(device);
	uint64_t len;
	void *va;
	int rc = 0;

	for (unsigned bar = 0; rc == 0 && bar < CLEAT_PCI_BARS; bar++)
		if (pci->bars[bar].kind == CLEAT_BAR_MEMORY)
			rc = services->bar_map(services->ctx, device, bar, &va, &len);
	return rc;
}

static int bars_probe(struct cleat_device *device, const struct cleat_services *services)
{
	static const struct cleat_port_ops ops = { 0 };
	struct cleat_port_ctrl *port = calloc(1, sizeof(*port));
	int rc = port != NULL ? map_all(device, services) : -ENOMEM;

	if (rc == 0) {
		*port = (struct cleat_port_ctrl){ .name = device->name,
			.driver = "net_null",
			.ops = &ops,
			.max_rx_queues = 1,
			.max_tx_queues = 1,
			.numa_node = -1,
			.device = device };
		rc = services->port_add(services->ctx, port);
	}
	for (int i = 0; rc >= 0 && i < 2 * CLEAT_MAX_QUEUES; i++)
		port->queues[i].driver[CLEAT_NULL_SIZE] = 64;
	if (rc < 0) {
		free(port);
		return rc;
	}
	device->driver_data = port;
	return 0;
}

static int bars_remove(struct cleat_device *device, const struct cleat_services *services)
{
	int rc = services->port_remove(services->ctx, device->driver_data);

	if (rc == 0)
		free(device->driver_data);
	return rc;
}

static const struct cleat_pci_id IDS[] = { CLEAT_PCI_ID(0x8086, 0x10c9, 0), { 0 } };
static struct cleat_driver driver = { .name = "net_aaa_bars", /* before net_igb */
	.bus = "pci",
	.ids = IDS,
	.probe = bars_probe,
	.remove = bars_remove };

int main(int argc, char **argv)
{
	(void)argc;
	cleat_driver_register(&driver);
	return primary_inside(argv, NULL);
}
