/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * away - a worker for device tests: how long packets are away that somebody sends back.
 *
 *     away INSTANCE PORT MAC COUNT
 *
 * It sends one packet at a time to that address, each when the one before has been back for a
 * while, and prints for each how many microseconds it was away. One that does not come back is an
 * error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "secondary/attach.h"
#include "tests/lab/wire.h"

#define WAIT_US	 20000000U
#define RETRY_US 200000U
#define PAUSE_US 30000U /* whoever sends it back sleeps again */
/* From one look at the clock to the next. The guest's is a device: who reads it all the time holds
 * QEMU's lock, which its main thread needs for timers and packets, nearly all the time. */
#define LOOKS 1000

static int fail(const char *what)
{
	fprintf(stderr, "away: %s: %s\n", what, cleat_error());
	return EXIT_FAILURE;
}

/* Send a packet and wait for it. @return microseconds; -1: it did not come in time */
static int64_t send_one(uint16_t port, const uint8_t dst[6], uint32_t number, uint32_t wait_us)
{
	uint64_t start_us = cleat_now_us();
	uint32_t got = 0;
	uint8_t back[6];

	if (wire_send(port, dst, number) < 0)
		return -1;
	while (cleat_now_us() - start_us < wait_us)
		for (int i = 0; i < LOOKS; i++)
			if (wire_receive(port, back, &got) == 1 && got == number)
				return (int64_t)(cleat_now_us() - start_us);
	return -1;
}

static int work(uint16_t port, const uint8_t dst[6], uint32_t count)
{
	uint32_t number = 0;
	int64_t us = -1;

	/* until all have a link */
	while (us < 0 && number < WAIT_US / RETRY_US)
		us = send_one(port, dst, ++number, RETRY_US);
	for (uint32_t end = number + count; us >= 0 && number < end;) {
		(void)usleep(PAUSE_US);
		us = send_one(port, dst, ++number, WAIT_US);
		printf("%" PRId64 "\n", us);
	}
	return us >= 0 ? EXIT_SUCCESS : fail("a packet does not come back");
}

int main(int argc, char **argv)
{
	struct cleat_attach_options options = { .instance = argv[1], .name = "away" };
	uint8_t dst[1][6];
	uint16_t port;
	int rc;

	if (argc != 5 || wire_parse(argv[3], dst, 1) != 1) {
		fprintf(stderr, "usage: away INSTANCE PORT MAC COUNT\n");
		return 2;
	}
	port = (uint16_t)atoi(argv[2]);
	if (cleat_attach(&options, NULL) < 0)
		return fail("attach");
	if (wire_claim(port, CLEAT_RX, 1) < 0 || wire_claim(port, CLEAT_TX, 0) < 0)
		return fail("claim");
	rc = work(port, dst[0], (uint32_t)atoi(argv[4]));
	cleat_detach();
	return rc;
}
