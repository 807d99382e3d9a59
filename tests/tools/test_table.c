/* SPDX-License-Identifier: BSD-3-Clause */
/* test_table.c - the tool's tables: widths, cutting, what terminals must not see, JSON. */
#include <check.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "tools/table.h"

static const struct cleat_column COLUMNS[] = {
	{ "NAME", "name", 0 },
	{ "SIZE", "size", 1 },
	{ "UP", "up", 0 },
	{ NULL, NULL, 0 },
};

static char *printed(const struct cleat_table *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(f);
	cleat_table_print(t, f, "nothing");
	ck_assert_int_eq(fclose(f), 0);
	return text;
}

static struct cleat_table *sample(const char *name)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);

	cleat_table_text(t, name);
	cleat_table_bytes(t, 3ULL << 19);
	cleat_table_bool(t, 1, "up", "down");
	cleat_table_text(t, "b");
	cleat_table_number(t, 7);
	cleat_table_none(t);
	return t;
}

START_TEST(test_print)
{
	struct cleat_table *t = sample("first");
	char *text = printed(t);

	ck_assert_str_eq(text, "NAME      SIZE  UP\n"
			       "first  1.5 MiB  up\n"
			       "b            7  -\n");
	ck_assert_uint_eq(cleat_table_rows(t), 2);
	free(text);
	cleat_table_free(t);
}
END_TEST

START_TEST(test_only_in_json)
{
	static const struct cleat_column MORE[] = { { "NAME", "name", 0 }, { "", "irq", 1 },
		{ NULL, NULL, 0 } };
	struct cleat_table *t = cleat_table_new(MORE);
	struct json_object *json;
	char *text;

	cleat_table_text(t, "a");
	cleat_table_number(t, 16);
	text = printed(t);
	json = cleat_table_json(t);
	ck_assert_str_eq(text, "NAME\na\n");
	ck_assert_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
		"[{\"name\":\"a\",\"irq\":16}]");
	json_object_put(json);
	free(text);
	cleat_table_free(t);
}
END_TEST

START_TEST(test_empty)
{
	struct cleat_table *t = cleat_table_new(COLUMNS);
	char *text = printed(t);

	ck_assert_str_eq(text, "nothing\n");
	free(text);
	cleat_table_free(t);
}
END_TEST

START_TEST(test_never_wider_than_100)
{
	char name[301];
	struct cleat_table *t;
	char *text, *line;

	memset(name, 'x', 300);
	name[300] = '\0';
	t = sample(name);
	text = printed(t);
	for (line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n"))
		ck_assert_uint_le(strlen(line), CLEAT_TABLE_WIDTH);
	free(text);
	cleat_table_free(t);
}
END_TEST

START_TEST(test_cut_is_marked)
{
	char name[301];
	struct cleat_table *t;
	char *text;

	memset(name, 'x', 300);
	name[300] = '\0';
	t = sample(name);
	text = printed(t);
	ck_assert_ptr_nonnull(strstr(text, "xx~  1.5 MiB  up\n"));
	free(text);
	cleat_table_free(t);
}
END_TEST

START_TEST(test_no_escapes_reach_the_terminal)
{
	struct cleat_table *t = sample("a\033[2Jb\n");
	char *text = printed(t);

	ck_assert_ptr_null(strchr(text, '\033'));
	ck_assert_ptr_nonnull(strstr(text, "a?[2Jb?"));
	free(text);
	cleat_table_free(t);
}
END_TEST

START_TEST(test_json)
{
	struct cleat_table *t = sample("first");
	struct json_object *rows = cleat_table_json(t);

	ck_assert_str_eq(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PLAIN),
		"[{\"name\":\"first\",\"size\":1572864,\"up\":true},"
		"{\"name\":\"b\",\"size\":7,\"up\":null}]");
	cleat_table_free(t);
	json_object_put(rows);
}
END_TEST

START_TEST(test_bytes)
{
	char text[24];

	ck_assert_str_eq(cleat_bytes_text(0, text), "0 B");
	ck_assert_str_eq(cleat_bytes_text(1023, text), "1023 B");
	ck_assert_str_eq(cleat_bytes_text(4096, text), "4.0 KiB");
	ck_assert_str_eq(cleat_bytes_text(1ULL << 37, text), "128.0 GiB");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *tc = tcase_create("table");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, test_print);
	tcase_add_test(tc, test_only_in_json);
	tcase_add_test(tc, test_empty);
	tcase_add_test(tc, test_never_wider_than_100);
	tcase_add_test(tc, test_cut_is_marked);
	tcase_add_test(tc, test_no_escapes_reach_the_terminal);
	tcase_add_test(tc, test_json);
	tcase_add_test(tc, test_bytes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
