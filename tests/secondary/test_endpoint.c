/* SPDX-License-Identifier: BSD-3-Clause */
/* What names a place for packets, and what does not. */
#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "secondary/endpoint.h"

static const struct {
	const char *text;
	const char *name; /* NULL: refused */
	uint16_t queue;
} CASES[] = {
	{ "port:0", "0", 0 },
	{ "port:0:3", "0", 3 },
	{ "port:net_null0:1", "net_null0", 1 },
	{ "port:0000:01:00.0", "0000:01:00.0", 0 },
	{ "port:0000:01:00.0:2", "0000:01:00.0", 2 },
	{ "port:01:00.1:2", "0000:01:00.1", 2 },
	{ "port:01:00.1", "0000:01:00.1", 0 },
	{ "port:0000:AB:00.0:15", "0000:ab:00.0", 15 },
	{ "ring:a", "a", 0 },
	{ "port:", NULL, 0 },
	{ "port::0", NULL, 0 },
	{ "port:0:", NULL, 0 },
	{ "port:0:x", NULL, 0 },
	{ "port:0:16", NULL, 0 },
	{ "port:0:1:2", NULL, 0 },
	{ "port:0000:01:00.0:", NULL, 0 },
	{ "port:0000:01:00.0:99", NULL, 0 },
	{ "port:a-name-that-is-longer-than-31-characters", NULL, 0 },
	{ "ring:", NULL, 0 },
	{ "ring:a/b", NULL, 0 },
	{ "queue:0", NULL, 0 },
	{ "", NULL, 0 },
};

START_TEST(names)
{
	struct cleat_endpoint ep;
	int err = cleat_endpoint_parse(CASES[_i].text, CLEAT_RX, &ep);

	if (CASES[_i].name == NULL) {
		ck_assert_msg(err < 0, "%s was taken", CASES[_i].text);
		return;
	}
	ck_assert_msg(err == 0, "%s was refused", CASES[_i].text);
	ck_assert_str_eq(ep.name, CASES[_i].name);
	ck_assert_uint_eq(ep.queue, CASES[_i].queue);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("endpoint");
	TCase *tc = tcase_create("parse");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, names, 0, sizeof(CASES) / sizeof(CASES[0]));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
