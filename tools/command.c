/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/command.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>

#include "runtime/registry.h"
#include "tools/table.h"

int cleat_tool_show(const struct cleat_tool *tool, struct cleat_table *t, const char *empty)
{
	if (tool->json) {
		struct json_object *rows = cleat_table_json(t);

		puts(json_object_to_json_string_ext(rows, JSON_C_TO_STRING_PRETTY));
		json_object_put(rows);
	} else {
		cleat_table_print(t, stdout, empty);
	}
	cleat_table_free(t);
	return fflush(stdout) == 0 ? CLEAT_EXIT_OK : CLEAT_EXIT_FAILED;
}

const char *cleat_age_text(uint64_t start_ns, char text[24])
{
	struct timespec now;
	uint64_t s, now_ns;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
	s = now_ns > start_ns ? (now_ns - start_ns) / 1000000000ULL : 0;
	if (s < 60)
		(void)snprintf(text, 24, "%" PRIu64 " s", s);
	else if (s < 3600)
		(void)snprintf(text, 24, "%" PRIu64 " m %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		(void)snprintf(text, 24, "%" PRIu64 " h %" PRIu64 " m", s / 3600, s / 60 % 60);
	else
		(void)snprintf(text, 24, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	return text;
}

void cleat_table_who(struct cleat_table *t, uint16_t slot)
{
	char text[64];

	if (slot == CLEAT_SLOT_NONE)
		cleat_table_none(t);
	else
		cleat_table_text(t, cleat_registry_who(slot, text, sizeof(text)));
}

void cleat_table_node(struct cleat_table *t, uint16_t node)
{
	if (node == 0xffff)
		cleat_table_none(t);
	else
		cleat_table_number(t, node);
}
