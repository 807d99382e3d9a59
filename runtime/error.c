/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD 160 /* bytes that stay of the start of a sentence that is too long */

static _Thread_local char sentence[CLEAT_ERROR_LEN];

static int inside_character(char byte)
{
	return (byte & 0xc0) == 0x80; /* of UTF-8 */
}

/* What does not fit loses its middle: at the start stands what it is about, at the end why. */
static void keep(const char *text)
{
	static const char GAP[] = "\u2026";
	size_t len = strlen(text), head = HEAD;
	const char *tail;

	if (len < sizeof(sentence)) {
		memcpy(sentence, text, len + 1);
		return;
	}
	tail = text + len - (sizeof(sentence) - HEAD - sizeof(GAP));
	while (head > 0 && inside_character(text[head]))
		head--;
	while (inside_character(*tail))
		tail++;
	memcpy(sentence, text, head);
	(void)snprintf(sentence + head, sizeof(sentence) - head, "%s%s", GAP, tail);
}

int cleat_err(int code, const char *fmt, ...)
{
	char text[CLEAT_ERROR_LEN]; /* the arguments may point into the old sentence */
	char *longer = NULL;
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len >= (int)sizeof(text)) {
		va_start(args, fmt);
		if (vasprintf(&longer, fmt, args) < 0)
			longer = NULL;
		va_end(args);
	}
	keep(longer != NULL ? longer : text);
	free(longer);
	return code;
}

const char *cleat_error(void)
{
	return sentence;
}

int cleat_err_prefix(int code, const char *fmt, ...)
{
	char *prefix, *both;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&prefix, fmt, args) < 0)
		prefix = NULL;
	va_end(args);
	if (prefix != NULL && asprintf(&both, "%s: %s", prefix, sentence) >= 0) {
		keep(both);
		free(both);
	}
	free(prefix);
	return code;
}

void cleat_error_clear(void)
{
	sentence[0] = '\0';
}
