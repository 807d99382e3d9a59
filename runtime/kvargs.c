/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/kvargs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"

/* The comma that ends this item, brackets skipped, or the final NUL; NULL if a bracket is open. */
static char *item_end(char *p)
{
	int depth = 0;

	for (; *p != '\0'; p++) {
		if (*p == '[')
			depth++;
		else if (*p == ']' && --depth < 0)
			return NULL;
		else if (*p == ',' && depth == 0)
			return p;
	}
	return depth == 0 ? p : NULL;
}

static int add_pair(struct cleat_kvargs *args, char *item)
{
	char *equals = strchr(item, '=');

	if (*item == '\0')
		return cleat_err(-EINVAL, "device arguments '%s': an empty argument between commas",
			args->name);
	if (equals == item)
		return cleat_err(-EINVAL, "device arguments '%s': '%s' has no key before the '='",
			args->name, item);
	if (args->count == CLEAT_MAX_KVARGS)
		return cleat_err(-E2BIG, "device arguments '%s': more than %d arguments",
			args->name, CLEAT_MAX_KVARGS);
	if (equals != NULL) {
		*equals = '\0';
		if (equals[1] == '\0')
			return cleat_err(-EINVAL,
				"device arguments '%s': argument '%s' has no value after the '='",
				args->name, item);
	}
	args->pairs[args->count].key = item;
	args->pairs[args->count].value = equals != NULL ? equals + 1 : "1";
	args->count++;
	return 0;
}

int cleat_kvargs_parse(const char *text, struct cleat_kvargs *out)
{
	char *item, *end;

	memset(out, 0, sizeof(*out));
	out->text = strdup(text);
	if (out->text == NULL)
		return cleat_err(-ENOMEM, "no memory for device arguments");
	out->name = out->text;
	item = out->text;
	for (unsigned n = 0;; n++) {
		char last;
		int ret = 0;

		end = item_end(item);
		if (end == NULL)
			return cleat_err(
				-EINVAL, "device arguments '%s': brackets do not match", text);
		last = *end;
		*end = '\0';
		if (n > 0)
			ret = add_pair(out, item);
		else if (strchr(item, '=') != NULL || *item == '\0')
			ret = cleat_err(-EINVAL,
				"device arguments '%s' do not start with a device name, as in "
				"net_null0,size=64",
				text);
		if (ret < 0)
			return ret;
		if (last == '\0')
			return 0;
		item = end + 1;
	}
}

void cleat_kvargs_free(struct cleat_kvargs *args)
{
	free(args->text);
	memset(args, 0, sizeof(*args));
}

static const struct cleat_kvkey *find_key(const struct cleat_kvkey *keys, const char *key)
{
	for (; keys->key != NULL; keys++)
		if (strcmp(keys->key, key) == 0)
			return keys;
	return NULL;
}

static int unknown_key(
	const struct cleat_kvargs *args, const struct cleat_kvkey *keys, const char *key)
{
	char known[256] = "";
	size_t len = 0;

	for (; keys->key != NULL; keys++) {
		size_t add = strlen(keys->key);

		if (len + add + 3 > sizeof(known))
			break;
		if (len > 0) {
			memcpy(known + len, ", ", 2);
			len += 2;
		}
		memcpy(known + len, keys->key, add + 1);
		len += add;
	}
	if (len == 0)
		return cleat_err(
			-EINVAL, "%s takes no arguments, '%s' is unknown", args->name, key);
	return cleat_err(
		-EINVAL, "%s: argument '%s' is unknown; there are: %s", args->name, key, known);
}

int cleat_kvargs_check(const struct cleat_kvargs *args, const struct cleat_kvkey *keys)
{
	for (unsigned i = 0; i < args->count; i++) {
		const char *key = args->pairs[i].key;
		const struct cleat_kvkey *known = find_key(keys, key);

		if (known == NULL)
			return unknown_key(args, keys, key);
		if (!known->repeats && cleat_kvargs_count(args, key) > 1)
			return cleat_err(-EINVAL, "%s: argument '%s' is given more than once",
				args->name, key);
	}
	return 0;
}

const char *cleat_kvargs_nth(const struct cleat_kvargs *args, const char *key, unsigned nth)
{
	for (unsigned i = 0; i < args->count; i++)
		if (strcmp(args->pairs[i].key, key) == 0 && nth-- == 0)
			return args->pairs[i].value;
	return NULL;
}

const char *cleat_kvargs_get(const struct cleat_kvargs *args, const char *key)
{
	return cleat_kvargs_nth(args, key, 0);
}

unsigned cleat_kvargs_count(const struct cleat_kvargs *args, const char *key)
{
	unsigned count = 0;

	while (cleat_kvargs_nth(args, key, count) != NULL)
		count++;
	return count;
}

int cleat_kvargs_u64(
	const struct cleat_kvargs *args, const char *key, uint64_t min, uint64_t max, uint64_t *out)
{
	return cleat_kvargs_nth_u64(args, key, 0, min, max, out);
}

int cleat_kvargs_nth_u64(const struct cleat_kvargs *args, const char *key, unsigned nth,
	uint64_t min, uint64_t max, uint64_t *out)
{
	const char *text = cleat_kvargs_nth(args, key, nth);
	unsigned long long value;
	char *end;

	if (text == NULL)
		return 0;
	errno = 0;
	value = strtoull(text, &end, 0);
	/* strtoull takes "-1" and " 1": a number here starts with a digit. */
	if (*text < '0' || *text > '9' || *end != '\0')
		return cleat_err(-EINVAL, "%s: %s=%s is not a number", args->name, key, text);
	if (errno == ERANGE || value < min || value > max)
		return cleat_err(-EINVAL, "%s: %s=%s is not from %llu to %llu", args->name, key,
			text, (unsigned long long)min, (unsigned long long)max);
	*out = value;
	return 0;
}

int cleat_kvargs_bool(const struct cleat_kvargs *args, const char *key, int *out)
{
	static const char *const words[] = { "0", "1", "no", "yes", "off", "on", "false", "true" };
	const char *text = cleat_kvargs_get(args, key);

	if (text == NULL)
		return 0;
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i], text) == 0) {
			*out = (int)(i & 1);
			return 0;
		}
	}
	return cleat_err(-EINVAL, "%s: %s=%s is neither 0 nor 1", args->name, key, text);
}
