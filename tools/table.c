/* SPDX-License-Identifier: BSD-3-Clause */
#include "tools/table.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GAP 2 /* blanks between columns */

struct cell {
	char *text;
	struct json_object *json;
};

struct cleat_table {
	const struct cleat_column *columns;
	unsigned cols;
	unsigned shown; /* to people, the first ones */
	unsigned used;	/* cells */
	unsigned room;
	struct cell *cells;
};

static void *must(void *p)
{
	if (p == NULL) {
		fputs("cleat: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

struct cleat_table *cleat_table_new(const struct cleat_column *columns)
{
	struct cleat_table *t = must(calloc(1, sizeof(*t)));

	t->columns = columns;
	while (t->cols < CLEAT_TABLE_COLS && columns[t->cols].title != NULL)
		t->cols++;
	while (t->shown < t->cols && columns[t->shown].title[0] != '\0')
		t->shown++;
	return t;
}

void cleat_table_free(struct cleat_table *t)
{
	if (t == NULL)
		return;
	for (unsigned i = 0; i < t->used; i++) {
		free(t->cells[i].text);
		json_object_put(t->cells[i].json);
	}
	free(t->cells);
	free(t);
}

/* Names come from other processes: nothing that a terminal would obey gets through. */
static char *printable(const char *text)
{
	char *copy = must(strdup(text));

	for (char *p = copy; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	return copy;
}

static void put(struct cleat_table *t, const char *text, struct json_object *json)
{
	if (t->used == t->room) {
		t->room = t->room ? t->room * 2 : 64;
		t->cells = must(reallocarray(t->cells, t->room, sizeof(*t->cells)));
	}
	t->cells[t->used++] = (struct cell){ printable(text), json };
}

void cleat_table_text(struct cleat_table *t, const char *text)
{
	put(t, text, must(json_object_new_string(text)));
}

void cleat_table_both(struct cleat_table *t, uint64_t value, const char *text)
{
	put(t, text, must(json_object_new_uint64(value)));
}

void cleat_table_number(struct cleat_table *t, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, value);
	cleat_table_both(t, value, text);
}

void cleat_table_bytes(struct cleat_table *t, uint64_t value)
{
	char text[24];

	cleat_table_both(t, value, cleat_bytes_text(value, text));
}

void cleat_table_hex(struct cleat_table *t, uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "0x%" PRIx64, value);
	cleat_table_text(t, text);
}

void cleat_table_bool(struct cleat_table *t, int value, const char *yes, const char *no)
{
	put(t, value ? yes : no, must(json_object_new_boolean(value)));
}

void cleat_table_none(struct cleat_table *t)
{
	put(t, "-", NULL);
}

unsigned cleat_table_rows(const struct cleat_table *t)
{
	return t->used / t->cols;
}

static const struct cell *cell_at(const struct cleat_table *t, unsigned row, unsigned col)
{
	return &t->cells[row * t->cols + col];
}

/* As wide as the widest cell; then the widest ones are cut until the line fits. */
static void choose_widths(const struct cleat_table *t, size_t width[CLEAT_TABLE_COLS])
{
	size_t sum = (t->shown - 1) * GAP;

	for (unsigned c = 0; c < t->shown; c++) {
		width[c] = strlen(t->columns[c].title);
		for (unsigned r = 0; r < cleat_table_rows(t); r++) {
			size_t len = strlen(cell_at(t, r, c)->text);

			width[c] = len > width[c] ? len : width[c];
		}
		sum += width[c];
	}
	for (; sum > CLEAT_TABLE_WIDTH; sum--) {
		unsigned widest = t->shown;

		for (unsigned c = 0; c < t->shown; c++)
			if (!t->columns[c].right &&
				(widest == t->shown || width[c] > width[widest]))
				widest = c;
		if (widest == t->shown || width[widest] <= 4)
			break;
		width[widest]--;
	}
}

static void print_line(const struct cleat_table *t, FILE *to, const size_t *width,
	const char *(*text)(const struct cleat_table *, unsigned, unsigned), unsigned row)
{
	char line[4 * CLEAT_TABLE_WIDTH];
	size_t at = 0;

	for (unsigned c = 0; c < t->shown; c++) {
		const char *s = text(t, row, c);
		int w = (int)width[c], cut = strlen(s) > width[c];
		int n = snprintf(line + at, sizeof(line) - at, "%*s%*.*s%s", c ? GAP : 0, "",
			t->columns[c].right ? w
			: cut		    ? 0
					    : -w,
			cut ? w - 1 : w, s, cut ? "~" : "");

		if (n < 0 || (size_t)n >= sizeof(line) - at)
			break;
		at += (size_t)n;
	}
	while (at > 0 && line[at - 1] == ' ')
		at--;
	fprintf(to, "%.*s", (int)at, line);
}

static const char *title_of(const struct cleat_table *t, unsigned row, unsigned col)
{
	(void)row;
	return t->columns[col].title;
}

static const char *text_of(const struct cleat_table *t, unsigned row, unsigned col)
{
	return cell_at(t, row, col)->text;
}

void cleat_table_print(const struct cleat_table *t, FILE *to, const char *empty)
{
	size_t width[CLEAT_TABLE_COLS];

	if (cleat_table_rows(t) == 0) {
		fprintf(to, "%s\n", empty);
		return;
	}
	choose_widths(t, width);
	fputs(cleat_bold(to), to);
	print_line(t, to, width, title_of, 0);
	fprintf(to, "%s\n", cleat_plain(to));
	for (unsigned r = 0; r < cleat_table_rows(t); r++) {
		print_line(t, to, width, text_of, r);
		fputc('\n', to);
	}
}

struct json_object *cleat_table_json(const struct cleat_table *t)
{
	struct json_object *rows = must(json_object_new_array());

	for (unsigned r = 0; r < cleat_table_rows(t); r++) {
		struct json_object *row = must(json_object_new_object());

		for (unsigned c = 0; c < t->cols; c++)
			json_object_object_add(
				row, t->columns[c].key, json_object_get(cell_at(t, r, c)->json));
		json_object_array_add(rows, row);
	}
	return rows;
}

const char *cleat_bytes_text(uint64_t bytes, char text[24])
{
	static const char *const UNITS[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	if (bytes < 1024) {
		(void)snprintf(text, 24, "%" PRIu64 " B", bytes);
		return text;
	}
	for (value /= 1024; value >= 1024 && unit < 3; unit++)
		value /= 1024;
	(void)snprintf(text, 24, "%.1f %s", value, UNITS[unit]);
	return text;
}

static const char *code(FILE *to, const char *escape)
{
	return isatty(fileno(to)) && getenv("NO_COLOR") == NULL ? escape : "";
}

const char *cleat_bold(FILE *to)
{
	return code(to, "\033[1m");
}

const char *cleat_red(FILE *to)
{
	return code(to, "\033[31m");
}

const char *cleat_green(FILE *to)
{
	return code(to, "\033[32m");
}

const char *cleat_plain(FILE *to)
{
	return code(to, "\033[0m");
}
