/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/sleep.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/port.h"

int cleat_sleep_check(const struct cleat_flow *flows, unsigned n)
{
	if (n > CLEAT_MAX_PORTS)
		return cleat_err(
			-EINVAL, "%u flows: at most %d can be slept on", n, CLEAT_MAX_PORTS);
	for (unsigned i = 0; i < n; i++) {
		const struct cleat_endpoint *rx = &flows[i].rx;
		int fd;

		if (flows[i].source != NULL)
			return cleat_err(-ENOTSUP, "a worker that makes its packets has nothing to "
						   "be woken by");
		if (rx->kind != CLEAT_ENDPOINT_PORT)
			return cleat_err(-ENOTSUP,
				"ring %s cannot wake anybody: only rx queues of ports can",
				rx->name);
		fd = cleat_rx_event_fd(rx->port, rx->queue);
		if (fd < 0)
			return fd;
	}
	return 0;
}

static void disarm(const struct cleat_flow *flows, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		(void)cleat_rx_disarm(flows[i].rx.port, flows[i].rx.queue);
}

/* @return 0: all are armed; 1: none, as a packet is there; negative errno: none */
static int arm(const struct cleat_flow *flows, unsigned n, struct pollfd *fds)
{
	for (unsigned i = 0; i < n; i++) {
		const struct cleat_endpoint *rx = &flows[i].rx;
		int rc = cleat_rx_event_fd(rx->port, rx->queue);

		if (rc >= 0) {
			fds[i] = (struct pollfd){ .fd = rc, .events = POLLIN };
			rc = cleat_rx_arm(rx->port, rx->queue);
		}
		if (rc == 0)
			continue;
		disarm(flows, i);
		/* a port that is gone says so at the next burst */
		return rc == -ENODEV ? 1 : rc;
	}
	return 0;
}

int cleat_sleep(const struct cleat_flow *flows, unsigned n, int timeout_ms)
{
	struct pollfd fds[CLEAT_MAX_PORTS];
	int rc = arm(flows, n, fds);

	if (rc != 0)
		return rc;
	rc = poll(fds, n, timeout_ms);
	if (rc < 0 && errno != EINTR)
		rc = cleat_err(-errno, "cannot sleep until a packet comes: %s", strerror(errno));
	else
		rc = rc > 0;
	disarm(flows, n);
	return rc;
}
