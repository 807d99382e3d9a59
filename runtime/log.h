/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * log.h - the library never prints: it hands each line to one callback of the program.
 */
#ifndef CLEAT_RUNTIME_LOG_H
#define CLEAT_RUNTIME_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum cleat_log_level {
	CLEAT_LOG_ERROR = 0,
	CLEAT_LOG_WARNING = 1,
	CLEAT_LOG_NOTICE = 2,
	CLEAT_LOG_INFO = 3,
	CLEAT_LOG_DEBUG = 4,
};

/** @param text  one line without newline; borrowed for the call. May be called from any thread. */
typedef void (*cleat_log_fn)(enum cleat_log_level level, const char *text, void *arg);

/** Set the callback; NULL (the default) drops every line. Call before other threads start. */
void cleat_log_set(cleat_log_fn fn, void *arg);

/** Lines above this level are dropped before they are formatted. Default CLEAT_LOG_NOTICE. */
void cleat_log_set_level(enum cleat_log_level level);
enum cleat_log_level cleat_log_level(void);

/** "error", "warning", "notice", "info", "debug" or their first letters or 0..4; -EINVAL for
 * anything else. */
int cleat_log_level_parse(const char *text, enum cleat_log_level *out);
const char *cleat_log_level_name(enum cleat_log_level level);

/** A ready callback that writes "<program>: <level>: <text>" to the FILE given as @p arg. */
void cleat_log_to_file(enum cleat_log_level level, const char *text, void *arg);

void cleat_log(enum cleat_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#ifdef __cplusplus
}
#endif

#endif
