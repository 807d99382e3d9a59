/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/arch.h"
#include "runtime/error.h"

static cleat_log_fn log_fn;
static void *log_arg;
static uint32_t log_level = CLEAT_LOG_NOTICE;

static const char *const level_names[] = { "error", "warning", "notice", "info", "debug" };
#define N_LEVELS (sizeof(level_names) / sizeof(level_names[0]))

void cleat_log_set(cleat_log_fn fn, void *arg)
{
	log_fn = fn;
	log_arg = arg;
}

void cleat_log_set_level(enum cleat_log_level level)
{
	cleat_store_relaxed(&log_level, (uint32_t)level);
}

enum cleat_log_level cleat_log_level(void)
{
	return (enum cleat_log_level)cleat_load_relaxed(&log_level);
}

int cleat_log_level_parse(const char *text, enum cleat_log_level *out)
{
	for (unsigned i = 0; i < N_LEVELS; i++) {
		const char *name = level_names[i];
		int is_letter = text[0] == name[0] && text[1] == '\0';
		int is_digit = text[0] == (char)('0' + i) && text[1] == '\0';

		if (is_letter || is_digit || strcmp(text, name) == 0) {
			*out = (enum cleat_log_level)i;
			return 0;
		}
	}
	return cleat_err(-EINVAL,
		"log level '%s' is unknown; use error, warning, notice, info or debug", text);
}

const char *cleat_log_level_name(enum cleat_log_level level)
{
	return (unsigned)level < N_LEVELS ? level_names[level] : "unknown";
}

void cleat_log_to_file(enum cleat_log_level level, const char *text, void *arg)
{
	/* One call per line, so that lines of several processes on one terminal do not mix. */
	(void)fprintf((FILE *)arg, "%s: %s: %s\n", program_invocation_short_name,
		cleat_log_level_name(level), text);
}

void cleat_log(enum cleat_log_level level, const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (log_fn == NULL || (uint32_t)level > cleat_load_relaxed(&log_level))
		return;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	log_fn(level, text, log_arg);
}
