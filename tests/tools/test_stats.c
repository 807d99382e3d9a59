/* SPDX-License-Identifier: BSD-3-Clause */
/* test_stats.c - `cleat stats` of ports that have run for a day: still within 100 columns; and a
 * row of `cleat ports` that the primary is just writing. */
#include <check.h>
#include <pthread.h>
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

/* What a command prints. */
static const char *printed(
	int (*command)(const struct cleat_tool *tool), const struct cleat_tool *tool)
{
	static char text[4096];
	int fd = memfd_create("out", 0), before = dup(STDOUT_FILENO);
	ssize_t len;

	ck_assert_int_ge(fd, 0);
	(void)fflush(stdout);
	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	ck_assert_int_eq(command(tool), CLEAT_EXIT_OK);
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
	const char *text = printed(cleat_cmd_stats, &tool);

	ck_assert_ptr_nonnull(strstr(text, " 8640000000000  "));
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
		ck_assert_msg(strcspn(line, "\n") <= CLEAT_TABLE_WIDTH, "%s", text);
}
END_TEST

START_TEST(programs)
{
	const struct cleat_tool tool = { .json = 1 };

	ck_assert_ptr_nonnull(
		strstr(printed(cleat_cmd_stats, &tool), "\"rx_bytes\":552960000000000,"));
}
END_TEST

/* The primary has lost its processor while it writes. */
static void *end_late(void *arg)
{
	usleep(5000);
	cleat_store_release((uint32_t *)arg, 2U);
	return NULL;
}

START_TEST(a_row_in_change)
{
	const struct cleat_tool tool = { .json = 0 };
	uint32_t *seq = &cleat_registry->ports[0].seq;
	pthread_t writer;

	cleat_store_release(seq, 1U);
	ck_assert_int_eq(pthread_create(&writer, NULL, end_late, seq), 0);
	ck_assert_ptr_nonnull(strstr(printed(cleat_cmd_ports, &tool), "0000:01:00.0"));
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
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
	tcase_add_test(tc, a_row_in_change);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
