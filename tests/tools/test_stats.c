/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stats.c - `cleat stats` of ports that have run for a day: still within 100 columns. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/port.h"
#include "tests/runtime/mbuf_help.h"
#include "tools/command.h"
#include "tools/table.h"

#define PACKETS (100000000ULL * 86400) /* of 64 bytes, at 100 million per second */

static void setup(void)
{
	struct cleat_port_shm *row;

	mbuf_world_up();
	row = &cleat_registry->ports[0];
	row->state = CLEAT_PORT_STARTED;
	row->queues_off = MBUF_HELP_BYTES - sizeof(struct cleat_port_area_shm);
	strcpy(row->name, "0000:01:00.0");
	for (unsigned dir = 0; dir < 2; dir++) {
		struct cleat_queue_shm *q = cleat_port_queue(row, (enum cleat_dir)dir, 0);

		ck_assert_ptr_nonnull(q);
		q->packets = PACKETS;
		q->bytes = 64 * PACKETS;
	}
}

static void teardown(void)
{
	mbuf_world_down();
}

/* What it prints. */
static const char *printed(const struct cleat_tool *tool)
{
	static char text[4096];
	int fd = memfd_create("out", 0), before = dup(STDOUT_FILENO);
	ssize_t len;

	ck_assert_int_ge(fd, 0);
	(void)fflush(stdout);
	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	ck_assert_int_eq(cleat_cmd_stats(tool), CLEAT_EXIT_OK);
	(void)fflush(stdout);
	ck_assert_int_ge(dup2(before, STDOUT_FILENO), 0);
	len = pread(fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	(void)close(before);
	(void)close(fd);
	return text;
}

START_TEST(people)
{
	const struct cleat_tool tool = { .json = 0 };
	const char *text = printed(&tool);

	ck_assert_ptr_nonnull(strstr(text, " 8640000000000  "));
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		ck_assert_msg(strcspn(line, "\n") <= CLEAT_TABLE_WIDTH, "%s", text);
}
END_TEST

START_TEST(programs)
{
	const struct cleat_tool tool = { .json = 1 };

	ck_assert_ptr_nonnull(strstr(printed(&tool), "\"rx_bytes\":552960000000000,"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stats");
	TCase *tc = tcase_create("stats");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, people);
	tcase_add_test(tc, programs);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
