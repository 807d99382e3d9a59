/* SPDX-License-Identifier: BSD-3-Clause */
#include "primary/outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define MAX_PACKETS 512

static void free_packet(struct cleat_packet *packet)
{
	for (unsigned int i = 0; i < packet->n_fds; i++)
		cleat_fd_close(&packet->fds[i]);
	free(packet);
}

static struct cleat_packet *pack(const Cleat__Envelope *env, const int *fds, unsigned int n_fds)
{
	size_t len = cleat__envelope__get_packed_size(env);
	struct cleat_packet *packet = malloc(sizeof(*packet) + len);

	if (packet == NULL)
		return NULL;
	packet->next = NULL;
	packet->len = cleat__envelope__pack(env, packet->data);
	packet->n_fds = 0;
	for (unsigned int i = 0; i < n_fds; i++) {
		packet->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
		if (packet->fds[i] < 0) {
			free_packet(packet);
			return NULL;
		}
		packet->n_fds++;
	}
	return packet;
}

bool cleat_outbox_waits(const struct cleat_conn *c)
{
	return ev_is_active(&c->writable);
}

/* Requests are not read while answers wait. */
static void wait_for_room(struct cleat_conn *c)
{
	ev_io_stop(c->p->loop, &c->readable);
	ev_io_start(c->p->loop, &c->writable);
}

int cleat_outbox_send(
	struct cleat_conn *c, const Cleat__Envelope *env, const int *fds, unsigned int n_fds)
{
	struct cleat_packet *packet;
	int rc;

	if (c->sock < 0)
		return -EPIPE;
	if (c->first == NULL) {
		rc = cleat_message_send(c->sock, env, fds, n_fds);
		if (rc != -EAGAIN)
			return rc;
	}
	packet = c->n_packets < MAX_PACKETS ? pack(env, fds, n_fds) : NULL;
	wait_for_room(c); /* also with nothing kept: what is untold (untold.h) waits, too */
	if (packet == NULL)
		return -ENOBUFS;
	*c->last = packet;
	c->last = &packet->next;
	c->n_packets++;
	return 0;
}

int cleat_outbox_flush(struct cleat_conn *c)
{
	while (c->first != NULL) {
		struct cleat_packet *packet = c->first;
		int rc = cleat_socket_send(
			c->sock, packet->data, packet->len, packet->fds, packet->n_fds);

		if (rc < 0)
			return rc == -EAGAIN ? 0 : rc;
		c->first = packet->next;
		c->n_packets--;
		free_packet(packet);
	}
	c->last = &c->first;
	ev_io_stop(c->p->loop, &c->writable);
	ev_io_start(c->p->loop, &c->readable);
	return 0;
}

void cleat_outbox_clear(struct cleat_conn *c)
{
	while (c->first != NULL) {
		struct cleat_packet *packet = c->first;

		c->first = packet->next;
		free_packet(packet);
	}
	c->last = &c->first;
	c->n_packets = 0;
}
