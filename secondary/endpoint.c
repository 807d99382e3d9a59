/* SPDX-License-Identifier: BSD-3-Clause */
#include "secondary/endpoint.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/pci/pci.h"
#include "secondary/rings.h"

#define RING_SLOTS_DEFAULT 1024U
#define RING_TRIES	   10

static int wrong(const char *text)
{
	return cleat_err(-EINVAL,
		"'%s': give port:P:Q (P a number or a device's name, Q the queue) or ring:NAME",
		text);
}

static int parse_queue(const char *text, uint16_t *out)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || value >= CLEAT_MAX_QUEUES)
		return -EINVAL;
	*out = (uint16_t)value;
	return 0;
}

/* A name without colons, or a PCI address, which has some. */
static int take_name(const char *text, size_t len, char name[CLEAT_NAME_LEN])
{
	char given[CLEAT_NAME_LEN];

	if (len == 0 || len >= sizeof(given))
		return -EINVAL;
	memcpy(given, text, len);
	given[len] = '\0';
	if (cleat_pci_address(given, name))
		return 0;
	memcpy(name, given, sizeof(given));
	return strchr(given, ':') == NULL ? 0 : -EINVAL;
}

static int parse_port(const char *text, struct cleat_endpoint *out)
{
	const char *colon = strrchr(text, ':');

	if (take_name(text, strlen(text), out->name) == 0)
		return 0;
	if (colon == NULL || take_name(text, (size_t)(colon - text), out->name) < 0)
		return -EINVAL;
	return parse_queue(colon + 1, &out->queue);
}

int cleat_endpoint_parse(const char *text, enum cleat_dir dir, struct cleat_endpoint *out)
{
	memset(out, 0, sizeof(*out));
	out->dir = dir;
	if (strncmp(text, "port:", 5) == 0) {
		out->kind = CLEAT_ENDPOINT_PORT;
		return parse_port(text + 5, out) < 0 ? wrong(text) : 0;
	}
	if (strncmp(text, "ring:", 5) != 0)
		return wrong(text);
	out->kind = CLEAT_ENDPOINT_RING;
	if (cleat_name_check("ring", text + 5) < 0)
		return -EINVAL;
	(void)snprintf(out->name, sizeof(out->name), "%s", text + 5);
	return 0;
}

static enum cleat_ring_end ring_end(const struct cleat_endpoint *ep)
{
	return ep->dir == CLEAT_RX ? CLEAT_RING_CONSUMER : CLEAT_RING_PRODUCER;
}

/* Between two requests another process may make the ring, of its own size, or take it along when it
 * dies. */
static int open_ring(struct cleat_endpoint *ep, const struct cleat_endpoint_options *options)
{
	uint32_t slots = options->ring_slots != 0 ? options->ring_slots : RING_SLOTS_DEFAULT;
	int err = cleat_ctl_ring_open(ep->name, ring_end(ep), &ep->ring);

	for (unsigned i = 0; err == -ENOENT && i < RING_TRIES; i++) {
		err = cleat_ctl_ring_create(ep->name, slots, options->ring_mode, 0);
		if (err >= 0 || err == -EEXIST)
			err = cleat_ctl_ring_open(ep->name, ring_end(ep), &ep->ring);
	}
	return err;
}

int cleat_endpoint_prepare(struct cleat_endpoint *ep, const struct cleat_endpoint_options *options)
{
	struct cleat_port_shm row;
	int port;

	if (ep->kind != CLEAT_ENDPOINT_PORT)
		return 0;
	port = cleat_port_find(ep->name, &row);
	if (port < 0)
		return port;
	ep->port = (uint16_t)port;
	memcpy(ep->mac, row.mac, sizeof(ep->mac));
	return cleat_port_prepare(ep->port, ep->dir, ep->queue, &options->port);
}

static int open_port(struct cleat_endpoint *ep, const struct cleat_endpoint_options *options)
{
	int err = cleat_endpoint_prepare(ep, options);

	return err < 0 ? err : cleat_ctl_queue_claim(ep->port, ep->dir, ep->queue);
}

int cleat_endpoint_open(struct cleat_endpoint *ep, const struct cleat_endpoint_options *options)
{
	int err = 0;

	if (ep->kind == CLEAT_ENDPOINT_RING)
		err = open_ring(ep, options);
	else if (ep->kind == CLEAT_ENDPOINT_PORT)
		err = open_port(ep, options);
	ep->is_open = err == 0;
	return err;
}

int cleat_endpoint_close(struct cleat_endpoint *ep)
{
	int err = 0;

	if (ep->is_open && ep->kind == CLEAT_ENDPOINT_RING)
		err = cleat_ctl_ring_close(&ep->ring, ring_end(ep));
	else if (ep->is_open && ep->kind == CLEAT_ENDPOINT_PORT)
		err = cleat_ctl_queue_release(ep->port, ep->dir, ep->queue);
	ep->is_open = 0;
	return err;
}
