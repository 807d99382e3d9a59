/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[CLEAT_ERROR_LEN];

int cleat_err(int code, const char *fmt, ...)
{
	char text[CLEAT_ERROR_LEN]; /* the arguments may point into the old sentence */
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(sentence, text, sizeof(sentence));
	return code;
}

const char *cleat_error(void)
{
	return sentence;
}

int cleat_err_prefix(int code, const char *fmt, ...)
{
	char text[CLEAT_ERROR_LEN] = "";
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (len >= 0 && (size_t)len < sizeof(text))
		(void)snprintf(text + len, sizeof(text) - (size_t)len, ": %.*s",
			(int)(sizeof(text) - (size_t)len), sentence);
	memcpy(sentence, text, sizeof(sentence));
	return code;
}

void cleat_error_clear(void)
{
	sentence[0] = '\0';
}
