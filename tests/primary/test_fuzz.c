/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Garbage and damaged messages, made from a fixed seed: the primary answers or refuses, and goes
 * on. CLEAT_FUZZ_ROUNDS: how many of each, default 400.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/limits.h"
#include "tests/primary/bad.h"

#define SEED	    20240229
#define PER_PROCESS 40
#define MAX_LEN	    512

static uint32_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state % n;
}

static unsigned rounds(void)
{
	const char *text = getenv("CLEAT_FUZZ_ROUNDS");

	return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 400;
}

/* ---- messages ---- */

static char odd_name[40];

static char *name(void)
{
	static const char *const NAMES[] = { "default", "cleat.shared", "net_null0", "r", "x", "",
		"../..", "a-name-of-thirty-two-characters!", "%s%n", "net_null1", "net_ring0",
		"net_pcap0,rx_pcap=/dev/zero", "net_null2,size=64" };

	(void)snprintf(odd_name, sizeof(odd_name), "%s", NAMES[random_below(13)]);
	return odd_name;
}

/* A number that somebody forgot to check. */
static uint64_t number(void)
{
	static const uint64_t NUMBERS[] = { 0, 1, 2, 3, 15, 16, 63, 64, 127, 128, 255, 256, 1023,
		1024, 4096, 65535, 65536, 1 << 20, INT32_MAX, 0x80000000ULL, UINT32_MAX, 1ULL << 32,
		1ULL << 40, INT64_MAX, 1ULL << 63, UINT64_MAX, UINT64_MAX - 63, 7 };

	return NUMBERS[random_below(sizeof(NUMBERS) / sizeof(NUMBERS[0]))];
}

/* Fill every field of a message by its descriptor. */
static void fill(ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &m->descriptor->fields[i];
		void *at = (char *)m + field->offset;
		uint64_t value = number();

		if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 && random_below(2))
			continue;
		if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
			*(uint32_t *)((char *)m + field->quantifier_offset) = field->id;
		switch (field->type) {
		case PROTOBUF_C_TYPE_STRING:
			*(char **)at = name();
			break;
		case PROTOBUF_C_TYPE_BYTES:
			*(ProtobufCBinaryData *)at =
				(ProtobufCBinaryData){ random_below(9), (uint8_t *)name() };
			break;
		case PROTOBUF_C_TYPE_UINT64:
			*(uint64_t *)at = value;
			break;
		case PROTOBUF_C_TYPE_BOOL:
			*(protobuf_c_boolean *)at = (int)(value & 1);
			break;
		default:
			*(uint32_t *)at = random_below(2) ? (uint32_t)value : random_below(4);
		}
	}
}

/* Requests only, DeviceDetach apart: a port less is no damage, but a test of its own. */
static size_t make_request(uint8_t *packed)
{
	const ProtobufCMessageDescriptor *type = &cleat__envelope__descriptor;
	const ProtobufCFieldDescriptor *field;
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	union {
		ProtobufCMessage base;
		uint8_t bytes[256];
	} body;

	do
		field = &type->fields[random_below(type->n_fields)];
	while (field->id < CLEAT__ENVELOPE__BODY_PING ||
		field->id == CLEAT__ENVELOPE__BODY_DEVICE_DETACH);
	type = field->descriptor;
	ck_assert_uint_le(type->sizeof_message, sizeof(body));
	protobuf_c_message_init(type, &body);
	fill(&body.base);
	if (field->id ==
		CLEAT__ENVELOPE__BODY_MEMORY_GROW) /* which the machine would have to give */
		((Cleat__MemoryGrow *)(void *)&body)->len_bytes %= 1 << 20;
	env.id = 1 + random_below(100);
	env.body_case = (Cleat__Envelope__BodyCase)field->id;
	*(void **)((char *)&env + field->offset) = &body;
	ck_assert_uint_le(cleat__envelope__get_packed_size(&env), MAX_LEN);
	return cleat__envelope__pack(&env, packed);
}

static size_t make_hello(uint8_t *packed)
{
	Cleat__Envelope env = CLEAT__ENVELOPE__INIT;
	Cleat__Hello hello;

	bad_hello(&hello, "fuzz", CLEAT__ROLE__ROLE_SECONDARY);
	env.body_case = CLEAT__ENVELOPE__BODY_HELLO;
	env.hello = &hello;
	return cleat__envelope__pack(&env, packed);
}

static size_t mutate(uint8_t *data, size_t len)
{
	unsigned n = 1 + random_below(4);

	while (n-- > 0 && len > 0) {
		uint32_t at = random_below((uint32_t)len);

		switch (random_below(4)) {
		case 0:
			data[at] = (uint8_t)(data[at] ^ 1U << random_below(8));
			break;
		case 1:
			data[at] = (uint8_t)random_below(256);
			break;
		case 2:
			len = at + 1;
			break;
		default:
			memmove(data + at, data + len / 2, len - (at > len / 2 ? at : len / 2));
		}
	}
	return len;
}

static size_t make_garbage(uint8_t *data)
{
	size_t len = 1 + random_below(MAX_LEN);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)random_below(256);
	return len;
}

/* ---- who sends them ---- */

/* Take what has come. @return 0 once the connection is closed */
static int drain(int sock)
{
	struct cleat_message m;
	int rc;

	while ((rc = cleat_message_recv(sock, &m)) == 1)
		cleat_message_clear(&m);
	return rc == 0 ? 0 : 1;
}

static void before_the_handshake(const void *arg)
{
	uint8_t data[MAX_LEN];

	random_state = *(const uint32_t *)arg;
	for (unsigned i = 0; i < PER_PROCESS; i++) {
		size_t len = i % 2 ? make_garbage(data) : mutate(data, make_hello(data));
		int sock = bad_connect();

		(void)cleat_socket_send(sock, data, len, NULL, 0);
		if (i % 5 == 0)
			(void)drain(sock);
		(void)close(sock);
	}
}

/* One process, so that what it made goes with it. */
static void attached(const void *arg)
{
	uint8_t data[MAX_LEN];
	int sock;

	random_state = *(const uint32_t *)arg;
	sock = bad_attach("fuzz", CLEAT__ROLE__ROLE_SECONDARY);
	for (unsigned i = 0; i < PER_PROCESS; i++) {
		size_t len = make_request(data);

		if (random_below(10) == 0)
			len = mutate(data, len);
		if (cleat_socket_send(sock, data, len, NULL, 0) < 0 || !drain(sock))
			break;
	}
	for (unsigned i = 0; i < 50 && drain(sock); i++)
		sleep_us(200);
}

static void fuzz(struct child *primary, void (*fn)(const void *arg))
{
	for (unsigned i = 0; i * PER_PROCESS < rounds() * 10; i++) {
		uint32_t seed = SEED + i;

		bad_child(fn, &seed);
		ck_assert_msg(child_is_running(primary), "seed %u: it ended with %d", seed,
			primary->status);
	}
}

START_TEST(before_the_handshake_all_is_refused)
{
	struct child primary;

	bad_primary(&primary);
	fuzz(&primary, before_the_handshake);
	bad_still_well(&primary);
	primary_stop(&primary);
}
END_TEST

START_TEST(after_it_requests_are_answered_or_refused)
{
	struct child primary;

	bad_primary(&primary);
	fuzz(&primary, attached);
	bad_still_serves(&primary); /* devices and memory that were asked for stay */
	primary_stop(&primary);
}
END_TEST

/* Who holds the port's queues forwards on and notices nothing. */
START_TEST(a_worker_beside_it_goes_on)
{
	struct child primary, worker;

	bad_primary(&primary);
	child_start(&worker, "cleat-rxtx", "--instance", test_instance(), "--name", "worker",
		"--rx", "port:0:0", "--tx", "port:0:0", NULL);
	sleep_us(300000);
	ck_assert_msg(child_is_running(&worker), "%s", child_err(&worker));
	fuzz(&primary, attached);
	ck_assert_msg(child_is_running(&worker), "it ended with %d: %s", worker.status,
		child_err(&worker));
	child_signal(&worker, SIGTERM);
	ck_assert_int_eq(child_wait(&worker, 5000), 0);
	child_end(&worker);
	bad_still_serves(&primary);
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	const TTest *const TESTS[] = { before_the_handshake_all_is_refused,
		after_it_requests_are_answered_or_refused, a_worker_beside_it_goes_on };

	return bad_run("primary/fuzz", TESTS, 3, 120);
}
