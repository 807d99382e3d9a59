/* SPDX-License-Identifier: BSD-3-Clause */
/* echo.h: addresses from options, and what a port must be asked for to receive for them. */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/log.h"
#include "runtime/row.h"
#include "secondary/echo.h"
#include "secondary/ports.h"

int cleat_echo_set_ip(struct cleat_echo *echo, const char *text)
{
	if (inet_pton(AF_INET, text, echo->ip) != 1 || echo->ip[0] == 0 || echo->ip[0] == 127 ||
		echo->ip[0] >= 224)
		return cleat_err(
			-EINVAL, "--ip %s: give an IPv4 address of a host, like 10.0.0.2", text);
	echo->has_ip = 1;
	return 0;
}

int cleat_echo_set_ip6(struct cleat_echo *echo, const char *text)
{
	static const uint8_t NONE[15];

	if (inet_pton(AF_INET6, text, echo->ip6) != 1 || echo->ip6[0] == 0xff ||
		(memcmp(echo->ip6, NONE, 15) == 0 && echo->ip6[15] <= 1))
		return cleat_err(
			-EINVAL, "--ip6 %s: give an IPv6 address of a host, like fd00::2", text);
	echo->has_ip6 = 1;
	return 0;
}

static void group_of(const struct cleat_echo *echo, uint8_t mac[6])
{
	const uint8_t group[6] = { 0x33, 0x33, 0xff, echo->ip6[13], echo->ip6[14], echo->ip6[15] };

	memcpy(mac, group, sizeof(group));
}

/* A device that does not sort packets by address receives the group anyway. */
static int join(struct cleat_echo *echo, uint16_t port)
{
	uint8_t group[6];
	int err;

	group_of(echo, group);
	err = cleat_ctl_port_filter_add(port, group);
	if (err == 0)
		echo->group_of_port = port;
	if (err == 0 || err == -EEXIST)
		return 0;
	if (err == -EOPNOTSUPP || err == -ENOSPC)
		err = cleat_ctl_port_allmulticast(port, 1);
	if (err == -EOPNOTSUPP) {
		cleat_log(CLEAT_LOG_INFO, "%s: --ip6 is found if the device receives all groups",
			cleat_error());
		err = 0;
	}
	return err;
}

int cleat_echo_open(
	struct cleat_echo *echo, const struct cleat_endpoint *rx, const struct cleat_endpoint *tx)
{
	struct cleat_port_shm row;
	int err = CLEAT_ROW_READ(&row, &cleat_registry->ports[tx->port]);

	echo->group_of_port = -1;
	if (err < 0)
		return cleat_err(
			err, "port %u: its row in the registry does not come to rest", tx->port);
	memcpy(echo->mac, row.mac, sizeof(echo->mac));
	echo->tx_offloads = row.offloads;
	if (!echo->has_ip6 || rx->kind != CLEAT_ENDPOINT_PORT)
		return 0;
	return join(echo, rx->port);
}

int cleat_echo_close(struct cleat_echo *echo)
{
	uint8_t group[6];
	int port = echo->group_of_port;

	echo->group_of_port = -1;
	if (port < 0)
		return 0;
	group_of(echo, group);
	return cleat_ctl_port_filter_remove((uint16_t)port, group);
}
