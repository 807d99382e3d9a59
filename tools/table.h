/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * table.h - rows of named values, printed for people (at most 100 columns) or as JSON.
 *
 * A command fills one table; where it goes is decided at the end, so both forms hold the same.
 */
#ifndef CLEAT_TOOLS_TABLE_H
#define CLEAT_TOOLS_TABLE_H

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_TABLE_WIDTH 100
#define CLEAT_TABLE_COLS  16

struct json_object;
struct cleat_table;

struct cleat_column {
	const char *title; /* over the column; "": people do not see it, nor those behind it */
	const char *key;   /* in JSON */
	int right;	   /* numbers stand right */
};

/** @param columns  borrowed; ends with a NULL title; at most CLEAT_TABLE_COLS. Memory shortage ends
 * the program, here and below: it is a tool. */
struct cleat_table *cleat_table_new(const struct cleat_column *columns);
void cleat_table_free(struct cleat_table *t);

/* Cells go in from left to right; after the last one the next row begins. */
void cleat_table_text(struct cleat_table *t, const char *text);
void cleat_table_number(struct cleat_table *t, uint64_t value);
/** "12.5 MiB" for people, the number of bytes in JSON. */
void cleat_table_bytes(struct cleat_table *t, uint64_t value);
/** "0x200000000000" in both. */
void cleat_table_hex(struct cleat_table *t, uint64_t value);
/** @p text for people, true or false in JSON. */
void cleat_table_bool(struct cleat_table *t, int value, const char *yes, const char *no);
/** @p text for people, the number in JSON. */
void cleat_table_both(struct cleat_table *t, uint64_t value, const char *text);
/** "-" for people, null in JSON. */
void cleat_table_none(struct cleat_table *t);

unsigned cleat_table_rows(const struct cleat_table *t);

/**
 * Print for people. Columns are as wide as their widest cell; if that is more than
 * CLEAT_TABLE_WIDTH in all, the widest text columns are cut and end in "~".
 *
 * @param empty  printed instead of a table without rows
 */
void cleat_table_print(const struct cleat_table *t, FILE *to, const char *empty);

/** An array with one object per row; the caller owns it. */
struct json_object *cleat_table_json(const struct cleat_table *t);

/** "0 B", "4.0 KiB", "2.0 MiB", "1.5 GiB". @return @p text */
const char *cleat_bytes_text(uint64_t bytes, char text[24]);

/** Bold or plain on a terminal; "" when @p to is none or NO_COLOR is set. */
const char *cleat_bold(FILE *to);
const char *cleat_red(FILE *to);
const char *cleat_green(FILE *to);
const char *cleat_plain(FILE *to);

#ifdef __cplusplus
}
#endif

#endif
