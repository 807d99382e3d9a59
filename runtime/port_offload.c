/* SPDX-License-Identifier: BSD-3-Clause */
#include "runtime/port_offload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/error.h"

static const struct {
	uint32_t bit;
	const char *name;
} table[] = {
	{ CLEAT_OFFLOAD_RX_CHECKSUM, "rx-checksum" },
	{ CLEAT_OFFLOAD_RX_VLAN_STRIP, "rx-vlan-strip" },
	{ CLEAT_OFFLOAD_RX_SCATTER, "rx-scatter" },
	{ CLEAT_OFFLOAD_RX_RSS, "rx-rss" },
	{ CLEAT_OFFLOAD_TX_CHECKSUM, "tx-checksum" },
	{ CLEAT_OFFLOAD_TX_VLAN_INSERT, "tx-vlan-insert" },
	{ CLEAT_OFFLOAD_TX_SEGMENTS, "tx-segments" },
};
#define COUNT (sizeof(table) / sizeof(table[0]))

const char *cleat_offload_name(uint32_t bit)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (table[i].bit == bit)
			return table[i].name;
	return NULL;
}

uint32_t cleat_offload_known(void)
{
	uint32_t all = 0;

	for (unsigned i = 0; i < COUNT; i++)
		all |= table[i].bit;
	return all;
}

const char *cleat_offload_text(uint32_t offloads, char *text, size_t len)
{
	size_t used = 0;

	(void)snprintf(text, len, "none");
	for (unsigned i = 0; i < COUNT && used < len; i++)
		if (offloads & table[i].bit)
			used += (size_t)snprintf(text + used, len - used, "%s%s",
				used > 0 ? "," : "", table[i].name);
	return text;
}

/* The bit of a name of @p len characters, 0 if there is none. */
static uint32_t bit_of(const char *name, size_t len)
{
	for (unsigned i = 0; i < COUNT; i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return table[i].bit;
	return 0;
}

int cleat_offload_parse(const char *text, uint32_t *out)
{
	char all[CLEAT_OFFLOAD_TEXT_LEN];

	*out = 0;
	if (strcmp(text, "none") == 0)
		return 0;
	for (;;) {
		size_t len = strcspn(text, ",");
		uint32_t bit = bit_of(text, len);

		if (bit == 0)
			return cleat_err(-EINVAL, "'%.*s' is no offload: give none, or some of %s",
				(int)(len < 40 ? len : 40), text,
				cleat_offload_text(cleat_offload_known(), all, sizeof(all)));
		*out |= bit;
		if (text[len] == '\0')
			return 0;
		text += len + 1;
	}
}
