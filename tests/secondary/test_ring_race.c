/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers come to a ring at the same moment, each wants to make it, of different sizes: one
 * does, and the other opens that one. */
#include <check.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>

#include "runtime/arch.h"
#include "runtime/error.h"
#include "secondary/attach.h"
#include "secondary/endpoint.h"
#include "tests/support/spawn.h"

#define RINGS 900

static struct child primary;
static char instance[32]; /* the children would have others */
static uint32_t *arrived; /* at one of the meeting points, shared */

static void setup(void)
{
	arrived = mmap(
		NULL, sizeof(*arrived), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(arrived, MAP_FAILED);
	(void)snprintf(instance, sizeof(instance), "%s", test_instance());
	primary_start(&primary, 32, NULL);
}

static void teardown(void)
{
	primary_stop(&primary);
}

static char why[CLEAT_ERROR_LEN]; /* the last failure */

/* Both go on at once. */
static void meet(uint32_t point)
{
	(void)__atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
	while (cleat_load_acquire(arrived) < 2 * point)
		(void)sched_yield();
}

static int open_one(unsigned number, uint32_t slots)
{
	const struct cleat_endpoint_options how = { .ring_slots = slots,
		.ring_mode = CLEAT_RING_MPMC };
	struct cleat_endpoint ep;
	char name[32];
	int err;

	(void)snprintf(name, sizeof(name), "ring:race%u", number);
	if (cleat_endpoint_parse(name, CLEAT_TX, &ep) < 0)
		return -1;
	meet(2 * number + 1);
	err = cleat_endpoint_open(&ep, &how);
	if (err < 0)
		(void)snprintf(why, sizeof(why), "%s", cleat_error());
	meet(2 * number + 2);
	(void)cleat_endpoint_close(&ep);
	return err;
}

static int open_all(void *arg)
{
	struct cleat_attach_options options = { .instance = instance };
	uint32_t slots = *(const uint32_t *)arg;
	int failures = 0;

	options.name = slots == 64 ? "small" : "large";
	if (cleat_attach(&options, NULL) < 0) {
		fprintf(stderr, "%s\n", cleat_error());
		return 1;
	}
	for (unsigned i = 0; i < RINGS; i++)
		failures += open_one(i, slots) < 0;
	cleat_detach();
	if (failures > 0)
		fprintf(stderr, "%d of %d: %s\n", failures, RINGS, why);
	return failures == 0 ? 0 : 1;
}

START_TEST(whoever_makes_it)
{
	uint32_t small = 64, large = 128;
	struct child a, b;

	child_fork(&a, "small", open_all, &small);
	child_fork(&b, "large", open_all, &large);
	ck_assert_msg(child_wait(&a, 60000) == 0, "%s", child_err(&a));
	ck_assert_msg(child_wait(&b, 60000) == 0, "%s", child_err(&b));
	child_end(&a);
	child_end(&b);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ring_race");
	TCase *tc = tcase_create("ring_race");
	SRunner *sr;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, whoever_makes_it);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
