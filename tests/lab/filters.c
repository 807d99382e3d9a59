/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * filters - a worker for device tests: changes what a port receives, and says what it receives.
 *
 *     filters INSTANCE TX-PORT RX-PORT MAC,MAC... SETTING...
 *
 * A SETTING is add=MAC, remove=MAC, allmulticast=0|1, promiscuous=0|1, or none. After each it sends
 * one packet to each MAC, then a broadcast, and prints a line with the addresses of what came
 * before that. A packet after which the broadcast does not come is an error, so the line is
 * complete.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "secondary/attach.h"
#include "tests/lab/wire.h"

#define MOST	 16
#define WAIT_MS	 20000U
#define RETRY_MS 200U

static const uint8_t BROADCAST[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

struct wire {
	uint16_t tx, rx;
	uint8_t macs[MOST][6];
	int n;
	uint32_t mark; /* number of the last broadcast */
};

static int fail(const char *what)
{
	fprintf(stderr, "filters: %s: %s\n", what, cleat_error());
	return EXIT_FAILURE;
}

/* Print the addresses of what comes until the last mark does. @return 1: it came; 0: not in time;
 * negative errno */
static int until_mark(const struct wire *w, unsigned ms)
{
	uint64_t end_ms = cleat_now_ms() + ms;
	uint32_t number = 0;
	uint8_t dst[6];

	while (cleat_now_ms() < end_ms) {
		int got = wire_receive(w->rx, dst, &number);

		if (got < 0)
			return got;
		if (got == 0)
			(void)usleep(100);
		else if (memcmp(dst, BROADCAST, 6) != 0)
			printf("%02x:%02x:%02x:%02x:%02x:%02x ", dst[0], dst[1], dst[2], dst[3],
				dst[4], dst[5]);
		else if (number == w->mark)
			return 1;
	}
	return 0;
}

/* Both ports have a link when a broadcast arrives. */
static int wait_for_link(struct wire *w)
{
	int got = 0;

	for (unsigned ms = 0; got == 0 && ms < WAIT_MS; ms += RETRY_MS)
		got = wire_send(w->tx, BROADCAST, ++w->mark) < 0 ? -1 : until_mark(w, RETRY_MS);
	return got > 0 ? EXIT_SUCCESS : fail("no link");
}

static int show(struct wire *w)
{
	for (int i = 0; i < w->n; i++)
		if (wire_send(w->tx, w->macs[i], 0) < 0)
			return fail("sending");
	if (wire_send(w->tx, BROADCAST, ++w->mark) < 0)
		return fail("sending");
	if (until_mark(w, WAIT_MS) <= 0)
		return fail("the broadcast does not come");
	printf("\n");
	return EXIT_SUCCESS;
}

static int set(uint16_t port, const char *setting)
{
	const char *value = strchr(setting, '=');
	uint8_t mac[1][6];
	int on;

	if (strcmp(setting, "none") == 0)
		return 0;
	if (value == NULL)
		return cleat_err(-EINVAL, "it is no setting");
	on = atoi(++value);
	if (strncmp(setting, "allmulticast=", 13) == 0)
		return cleat_ctl_port_allmulticast(port, on);
	if (strncmp(setting, "promiscuous=", 12) == 0)
		return cleat_ctl_port_promiscuous(port, on);
	if (wire_parse(value, mac, 1) != 1)
		return cleat_err(-EINVAL, "it has no address");
	return setting[0] == 'a' ? cleat_ctl_port_filter_add(port, mac[0])
				 : cleat_ctl_port_filter_remove(port, mac[0]);
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .instance = argv[1], .name = "filters" };
	struct wire w = { .mark = 0 };
	int rc;

	if (argc < 6 || (w.n = wire_parse(argv[4], w.macs, MOST)) < 0) {
		fprintf(stderr, "usage: filters INSTANCE TX-PORT RX-PORT MAC,MAC... SETTING...\n");
		return 2;
	}
	w.tx = (uint16_t)atoi(argv[2]);
	w.rx = (uint16_t)atoi(argv[3]);
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	if (wire_claim(w.rx, CLEAT_RX, 0) < 0 || wire_claim(w.tx, CLEAT_TX, 0) < 0)
		return fail("claim");
	rc = wait_for_link(&w);
	for (int i = 5; rc == EXIT_SUCCESS && i < argc; i++)
		rc = set(w.rx, argv[i]) < 0 ? fail(argv[i]) : show(&w);
	cleat_detach();
	return rc;
}
