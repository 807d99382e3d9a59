/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/untold.h"

#include <errno.h>

#include "primary/bars.h"

void cleat_untold_port(struct cleat_conn *c, uint32_t port)
{
	c->untold.any = c->untold.ports[port] = true;
}

void cleat_untold_segment(struct cleat_conn *c, uint32_t row)
{
	c->untold.any = c->untold.segments[row] = true;
}

bool cleat_untold_waits(const struct cleat_conn *c)
{
	return c->untold.any;
}

/* Its id may have another device by now, of which the process has not heard either. */
static int tell_port(struct cleat_conn *c, uint32_t port)
{
	const struct cleat_port_shm *row = &cleat_registry->ports[port];
	bool again = row->state == CLEAT_PORT_STOPPED || row->state == CLEAT_PORT_STARTED;
	int rc = cleat_conn_event(
		c, CLEAT__EVENT_KIND__EVENT_PORT_REMOVED, port, again ? "" : row->name);

	if (rc == 0 && again)
		rc = cleat_conn_event(c, CLEAT__EVENT_KIND__EVENT_PORT_ADDED, port, row->name);
	return rc;
}

/* Unless it is gone again: nobody got any of it. */
static int tell_segment(struct cleat_conn *c, uint32_t row)
{
	uint16_t rows[1] = { (uint16_t)row };

	return c->p->segments[row].kind == CLEAT_SEGMENT_MEMORY ? cleat_server_send_rows(c, rows, 1)
								: 0;
}

/* @return 0: all were told; else there is no more room */
static int tell(struct cleat_conn *c, bool *untold, uint32_t n,
	int (*tell_one)(struct cleat_conn *c, uint32_t i))
{
	for (uint32_t i = 0; i < n; i++) {
		if (!untold[i])
			continue;
		if (tell_one(c, i) < 0)
			return -ENOBUFS;
		untold[i] = false;
	}
	return 0;
}

void cleat_untold_send(struct cleat_conn *c)
{
	if (c->untold.any)
		c->untold.any = tell(c, c->untold.ports, CLEAT_MAX_PORTS, tell_port) < 0 ||
				tell(c, c->untold.segments, CLEAT_MAX_SEGMENTS, tell_segment) < 0;
	if (!c->untold.any)
		cleat_bars_remind(c);
}
