/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * error.h - negative errno upward, and one sentence with the detail.
 */
#ifndef CLEAT_RUNTIME_ERROR_H
#define CLEAT_RUNTIME_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_ERROR_LEN 512

/**
 * Note why an operation failed, and what the user can do about it.
 *
 * @param code  negative errno
 * @param fmt   one sentence, no newline
 * @return      @p code, so that a caller writes `return cleat_err(-ENOSPC, …)`
 *
 * The sentence is kept per thread until the next cleat_err() of that thread. One longer than
 * CLEAT_ERROR_LEN - 1 bytes loses its middle, not its end.
 */
int cleat_err(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** The last sentence noted in this thread; "" when there was none. Borrowed, valid until the next
 * cleat_err(). */
const char *cleat_error(void);

/** Put "context: " before the sentence noted last in this thread. @return @p code */
int cleat_err_prefix(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Forget the sentence of this thread. */
void cleat_error_clear(void);

#ifdef __cplusplus
}
#endif

#endif
