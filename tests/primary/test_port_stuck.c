/* SPDX-License-Identifier: BSD-3-Clause */
/* A queue whose device does not come to rest is nobody's until all of the device does. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "runtime/error.h"
#include "secondary/attach.h"
#include "secondary/ports.h"
#include "tests/support/toy.h"

static uint16_t owner(enum cleat_dir dir)
{
	return cleat_registry->queues[0][dir][0].owner_slot;
}

static void works(int rc)
{
	ck_assert_msg(rc >= 0, "%s", cleat_error());
}

START_TEST(comes_back_with_the_last_queue)
{
	const struct toy toy = { .max_mtu = 1500, .stuck = true };
	struct cleat_attach_options options = { .instance = test_instance(), .name = "holder" };
	struct child primary;

	toy_data_register();
	toy_primary_start(&primary, &toy);
	works(cleat_attach(&options, NULL));
	works(cleat_ctl_queue_claim(0, CLEAT_RX, 0));
	works(cleat_ctl_queue_claim(0, CLEAT_TX, 0));
	works(cleat_ctl_queue_release(0, CLEAT_RX, 0));
	ck_assert_uint_eq(owner(CLEAT_RX), CLEAT_SLOT_DEVICE);
	ck_assert_int_eq(cleat_ctl_queue_claim(0, CLEAT_RX, 0), -EBUSY);
	works(cleat_ctl_queue_release(0, CLEAT_TX, 0));
	ck_assert_uint_eq(owner(CLEAT_RX), CLEAT_SLOT_NONE);
	ck_assert_uint_eq(owner(CLEAT_TX), CLEAT_SLOT_NONE);
	works(cleat_ctl_queue_claim(0, CLEAT_RX, 0));
	cleat_detach();
	primary_stop(&primary);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("port_stuck");
	TCase *tc = tcase_create("port_stuck");
	SRunner *runner;
	int failed;

	need_programs();
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, comes_back_with_the_last_queue);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
