/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * lacks - a worker for tests/lab/test_lacks.py: asks each port for more than any device has, one
 * thing at a time, and prints how it is refused.
 *
 *     lacks INSTANCE
 *
 * Lines: "DEVICE WHAT SENTENCE"; WHAT is filters:N (N were granted before), queues, mtu, or the
 * name of an offload that is switched on alone. What is granted is not told, but for the filters.
 */
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/port_offload.h"
#include "secondary/attach.h"
#include "secondary/ports.h"

#define MOST 100

static int fail(const char *what)
{
	fprintf(stderr, "lacks: %s: %s\n", what, cleat_error());
	return 1;
}

static void tell(const char *device, const char *what, int rc)
{
	if (rc < 0)
		printf("%s %s %s\n", device, what, cleat_error());
}

static void ask_filters(uint16_t port, const char *device)
{
	uint8_t mac[6] = { 2, 0, 0, 0, 9, 0 };
	char what[32];
	int rc = 0;

	while (mac[5] < MOST && (rc = cleat_ctl_port_filter_add(port, mac)) == 0)
		mac[5]++;
	(void)snprintf(what, sizeof(what), "filters:%u", mac[5]);
	tell(device, what, rc);
	while (mac[5]-- > 0)
		(void)cleat_ctl_port_filter_remove(port, mac);
}

/* @return 0; -1: it cannot be asked */
static int ask(uint16_t port, const char *device)
{
	ask_filters(port, device);
	tell(device, "mtu", cleat_ctl_port_mtu(port, 65535));
	if (cleat_ctl_port_stop(port) < 0)
		return -1;
	tell(device, "queues", cleat_ctl_port_configure(port, 17, 17, 0));
	for (uint32_t bit = 1; bit != 0; bit <<= 1)
		if (cleat_offload_name(bit) != NULL)
			tell(device, cleat_offload_name(bit), cleat_ctl_port_offloads(port, bit));
	return 0;
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .name = "lacks" };
	struct cleat_port_shm row;
	char number[8];

	if (argc != 2)
		return 2;
	options.instance = argv[1];
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	for (uint16_t port = 0; port < CLEAT_MAX_PORTS; port++) {
		(void)snprintf(number, sizeof(number), "%u", port);
		if (cleat_port_find(number, &row) >= 0 && ask(port, row.name) < 0)
			return fail(row.name);
	}
	cleat_detach();
	return 0;
}
