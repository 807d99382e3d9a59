/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * kvargs.h - device arguments in DPDK's grammar: `name,key=value,key=value`.
 *
 * A key without `=` has the value "1". A value in square brackets may hold commas: `queues=[0,2]`.
 */
#ifndef CLEAT_RUNTIME_KVARGS_H
#define CLEAT_RUNTIME_KVARGS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLEAT_MAX_KVARGS 64

struct cleat_kvpair {
	const char *key;
	const char *value;
};

struct cleat_kvargs {
	const char *name; /* what stood before the first comma */
	unsigned count;
	struct cleat_kvpair pairs[CLEAT_MAX_KVARGS];
	char *text; /* holds all the strings */
};

/* What a driver understands. */
struct cleat_kvkey {
	const char *key; /* NULL ends the list */
	int repeats;	 /* may be given more than once */
};

/**
 * Split @p text. @return 0; -EINVAL, -E2BIG, -ENOMEM with a sentence that quotes the wrong part.
 *
 * Gives: @p out, to be ended with cleat_kvargs_free() (also after a failure it may be).
 */
int cleat_kvargs_parse(const char *text, struct cleat_kvargs *out);
void cleat_kvargs_free(struct cleat_kvargs *args);

/** Refuse, by name, keys that are not in @p keys and keys given twice that may not be. */
int cleat_kvargs_check(const struct cleat_kvargs *args, const struct cleat_kvkey *keys);

/** The first value of @p key, or NULL. Borrowed from @p args. */
const char *cleat_kvargs_get(const struct cleat_kvargs *args, const char *key);
/** The @p nth value (from 0) of a key that repeats, or NULL. */
const char *cleat_kvargs_nth(const struct cleat_kvargs *args, const char *key, unsigned nth);
/** How often @p key was given. */
unsigned cleat_kvargs_count(const struct cleat_kvargs *args, const char *key);

/** A number from @p min to @p max (decimal or 0x…); @p out keeps its value if the key is absent. */
int cleat_kvargs_u64(const struct cleat_kvargs *args, const char *key, uint64_t min, uint64_t max,
	uint64_t *out);
/** The same for the @p nth value of a key that repeats. */
int cleat_kvargs_nth_u64(const struct cleat_kvargs *args, const char *key, unsigned nth,
	uint64_t min, uint64_t max, uint64_t *out);
/** 0 or 1 (also no, yes, off, on, false, true); @p out keeps its value if the key is absent. */
int cleat_kvargs_bool(const struct cleat_kvargs *args, const char *key, int *out);

#ifdef __cplusplus
}
#endif

#endif
