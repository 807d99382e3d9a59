/* SPDX-License-Identifier: BSD-3-Clause */
/* Device arguments: the grammar, and refusals that name what is wrong. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/kvargs.h"

static struct cleat_kvargs args;

static void teardown(void)
{
	cleat_kvargs_free(&args);
}

START_TEST(splits)
{
	ck_assert_int_eq(cleat_kvargs_parse("net_x0,a=1,b=two,flag,a=[3,4],c=k=v", &args), 0);
	ck_assert_str_eq(args.name, "net_x0");
	ck_assert_uint_eq(args.count, 5);
	ck_assert_str_eq(cleat_kvargs_get(&args, "a"), "1");
	ck_assert_str_eq(cleat_kvargs_nth(&args, "a", 1), "[3,4]");
	ck_assert_ptr_null(cleat_kvargs_nth(&args, "a", 2));
	ck_assert_str_eq(cleat_kvargs_get(&args, "flag"), "1");
	ck_assert_str_eq(cleat_kvargs_get(&args, "c"), "k=v");
	ck_assert_uint_eq(cleat_kvargs_count(&args, "a"), 2);
	ck_assert_ptr_null(cleat_kvargs_get(&args, "d"));
}
END_TEST

static const char *const wrong[] = { "", ",a=1", "a=1", "x,", "x,,a=1", "x,=1", "x,a=", "x,a=[1",
	"x,a=1]" };

START_TEST(refuses_bad_grammar)
{
	ck_assert_int_eq(cleat_kvargs_parse(wrong[_i], &args), -EINVAL);
	ck_assert_str_ne(cleat_error(), "");
}
END_TEST

START_TEST(refuses_too_many)
{
	char text[2048] = "x";

	for (int i = 0; i <= CLEAT_MAX_KVARGS; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), ",k%d=1", i);
	ck_assert_int_eq(cleat_kvargs_parse(text, &args), -E2BIG);
}
END_TEST

START_TEST(names_unknown_and_duplicate_keys)
{
	static const struct cleat_kvkey keys[] = { { "one", 0 }, { "many", 1 }, { NULL, 0 } };
	static const struct cleat_kvkey none[] = { { NULL, 0 } };

	ck_assert_int_eq(cleat_kvargs_parse("x0,many=1,many=2,one=3", &args), 0);
	ck_assert_int_eq(cleat_kvargs_check(&args, keys), 0);
	ck_assert_int_eq(cleat_kvargs_check(&args, none), -EINVAL);
	ck_assert_ptr_nonnull(strstr(cleat_error(), "takes no arguments"));
	cleat_kvargs_free(&args);
	ck_assert_int_eq(cleat_kvargs_parse("x0,one=1,one=2", &args), 0);
	ck_assert_int_eq(cleat_kvargs_check(&args, keys), -EINVAL);
	ck_assert_str_eq(cleat_error(), "x0: argument 'one' is given more than once");
	cleat_kvargs_free(&args);
	ck_assert_int_eq(cleat_kvargs_parse("x0,ome=1", &args), 0);
	ck_assert_int_eq(cleat_kvargs_check(&args, keys), -EINVAL);
	ck_assert_str_eq(cleat_error(), "x0: argument 'ome' is unknown; there are: one, many");
}
END_TEST

START_TEST(numbers_that_repeat)
{
	uint64_t value = 77;

	ck_assert_int_eq(cleat_kvargs_parse("x,a=1,b=2,a=3,a=y", &args), 0);
	ck_assert_int_eq(cleat_kvargs_nth_u64(&args, "a", 1, 0, 3, &value), 0);
	ck_assert_uint_eq(value, 3);
	ck_assert_int_eq(cleat_kvargs_nth_u64(&args, "a", 1, 0, 2, &value), -EINVAL);
	ck_assert_int_eq(cleat_kvargs_nth_u64(&args, "a", 2, 0, 3, &value), -EINVAL);
	ck_assert_int_eq(cleat_kvargs_nth_u64(&args, "a", 3, 0, 3, &value), 0);
	ck_assert_uint_eq(value, 3);
}
END_TEST

START_TEST(numbers)
{
	uint64_t value = 77;
	int flag = 0;

	ck_assert_int_eq(
		cleat_kvargs_parse("x,a=0x10,b=-3,c=9z,d=99999999999999999999,e=on,f=2", &args), 0);
	ck_assert_int_eq(cleat_kvargs_u64(&args, "none", 0, 5, &value), 0);
	ck_assert_uint_eq(value, 77);
	ck_assert_int_eq(cleat_kvargs_u64(&args, "a", 0, 16, &value), 0);
	ck_assert_uint_eq(value, 16);
	ck_assert_int_eq(cleat_kvargs_u64(&args, "a", 0, 15, &value), -EINVAL);
	ck_assert_int_eq(cleat_kvargs_u64(&args, "b", 0, UINT64_MAX, &value), -EINVAL);
	ck_assert_int_eq(cleat_kvargs_u64(&args, "c", 0, UINT64_MAX, &value), -EINVAL);
	ck_assert_int_eq(cleat_kvargs_u64(&args, "d", 0, UINT64_MAX, &value), -EINVAL);
	ck_assert_uint_eq(value, 16);
	ck_assert_int_eq(cleat_kvargs_bool(&args, "e", &flag), 0);
	ck_assert_int_eq(flag, 1);
	ck_assert_int_eq(cleat_kvargs_bool(&args, "f", &flag), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("runtime/kvargs");
	TCase *tc = tcase_create("kvargs");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, splits);
	tcase_add_loop_test(tc, refuses_bad_grammar, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
	tcase_add_test(tc, refuses_too_many);
	tcase_add_test(tc, names_unknown_and_duplicate_keys);
	tcase_add_test(tc, numbers);
	tcase_add_test(tc, numbers_that_repeat);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
