/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_resource.c - see pci_resource.h. */
#include "runtime/pci/pci_resource.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* include/linux/ioport.h */
#define FLAG_IO	      0x00000100U
#define FLAG_MEMORY   0x00000200U
#define FLAG_PREFETCH 0x00002000U
#define FLAG_64	      0x00100000U
#define FLAG_DISABLED 0x10000000U
#define FLAG_UNSET    0x20000000U /* no address assigned */

#define BAR_LEN_MAX (1ULL << 46)
#define IO_LAST	    0xffffffffULL

struct line {
	uint64_t first, last, flags;
};

static int parse_hex(const char **at, uint64_t *out)
{
	char *end;

	while (**at == ' ')
		(*at)++;
	if (strncmp(*at, "0x", 2) != 0)
		return 0;
	errno = 0;
	*out = strtoull(*at, &end, 16);
	if (errno != 0 || end <= *at + 2)
		return 0;
	*at = end;
	return 1;
}

/* @return 1, or 0 if it is no line of the table */
static int parse_line(const char **at, struct line *l)
{
	if (!parse_hex(at, &l->first) || !parse_hex(at, &l->last) || !parse_hex(at, &l->flags))
		return 0;
	while (**at == ' ')
		(*at)++;
	if (**at != '\n' && **at != '\0')
		return 0;
	if (**at == '\n')
		(*at)++;
	return 1;
}

static int is_empty(const struct line *l)
{
	return l->first == 0 && l->last == 0 && l->flags == 0;
}

static int fill(const char *address, unsigned n, const struct line *l, struct cleat_pci_bar *bar)
{
	memset(bar, 0, sizeof(*bar));
	if (is_empty(l) || (l->flags & (FLAG_UNSET | FLAG_DISABLED)) != 0 ||
		(l->flags & (FLAG_IO | FLAG_MEMORY)) == 0)
		return 0;
	if (l->last < l->first)
		return cleat_err(-EPROTO,
			"PCI device %s: resource says that BAR %u ends at 0x%" PRIx64
			", before its start 0x%" PRIx64,
			address, n, l->last, l->first);
	if (l->last - l->first >= BAR_LEN_MAX || ((l->flags & FLAG_IO) != 0 && l->last > IO_LAST))
		return cleat_err(-EPROTO,
			"PCI device %s: resource says that BAR %u goes from 0x%" PRIx64
			" to 0x%" PRIx64 ", which cannot be",
			address, n, l->first, l->last);
	if ((l->flags & FLAG_IO) != 0 && (l->flags & FLAG_MEMORY) != 0)
		return cleat_err(-EPROTO,
			"PCI device %s: resource says that BAR %u is both memory and I/O ports",
			address, n);
	bar->phys = l->first;
	bar->len_bytes = l->last - l->first + 1;
	bar->kind = (l->flags & FLAG_IO) != 0 ? CLEAT_BAR_IO : CLEAT_BAR_MEMORY;
	bar->prefetchable = (l->flags & FLAG_PREFETCH) != 0;
	return 0;
}

int cleat_pci_resource_parse(
	const char *address, const char *text, struct cleat_pci_bar bars[CLEAT_PCI_BARS])
{
	struct line lines[CLEAT_PCI_BARS] = { 0 };

	for (unsigned n = 0; n < CLEAT_PCI_BARS; n++) {
		if (*text == '\0')
			return cleat_err(-EPROTO,
				"PCI device %s: resource has %u lines, a device has %d BARs",
				address, n, CLEAT_PCI_BARS);
		if (!parse_line(&text, &lines[n]))
			return cleat_err(-EPROTO,
				"PCI device %s: line %u of resource is not three hexadecimal numbers",
				address, n + 1);
	}
	for (unsigned n = 0; n < CLEAT_PCI_BARS; n++) {
		int upper = n > 0 && (lines[n - 1].flags & FLAG_64) != 0;
		int code = fill(address, n, &lines[n], &bars[n]);

		if (code < 0)
			return code;
		if ((upper && !is_empty(&lines[n])) ||
			(n == CLEAT_PCI_BARS - 1 && (lines[n].flags & FLAG_64) != 0))
			return cleat_err(-EPROTO,
				"PCI device %s: resource says that BAR %u is where the upper half "
				"of a 64-bit BAR belongs",
				address, upper ? n : n + 1);
	}
	return 0;
}

/* ---- processors ---- */

/* Keep whole entries of a list that is too long. */
static void copy_list(const char *text, char *out, size_t len)
{
	size_t n = strlen(text);

	if (n >= len) {
		n = len - 1;
		while (n > 0 && text[n] != ',')
			n--;
	}
	memcpy(out, text, n);
	out[n] = '\0';
}

int cleat_pci_cpus_from_list(const char *address, const char *text, char *out, size_t len)
{
	if (text[strspn(text, "0123456789-,")] != '\0')
		return cleat_err(-EPROTO,
			"PCI device %s: local_cpulist says '%.60s', which is no list of processors",
			address, text);
	copy_list(text, out, len);
	return 0;
}

static int digit_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* Is bit @p cpu set? The last digit holds the lowest bits; commas do not count. */
static int mask_has(const char *digits, size_t n_digits, size_t cpu)
{
	return cpu / 4 < n_digits &&
	       (digit_value(digits[n_digits - 1 - cpu / 4]) >> (cpu % 4) & 1) != 0;
}

int cleat_pci_cpus_from_mask(const char *address, const char *text, char *out, size_t len)
{
	char digits[4096], list[8192] = "";
	size_t n = 0, used = 0;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at != ',' && (!isxdigit((unsigned char)*at) || n == sizeof(digits)))
			return cleat_err(-EPROTO,
				"PCI device %s: local_cpus says '%.60s', which is no mask of "
				"processors",
				address, text);
		if (*at != ',')
			digits[n++] = *at;
	}
	for (size_t cpu = 0; cpu < 4 * n && used + 32 < sizeof(list); cpu++) {
		size_t first = cpu;

		if (!mask_has(digits, n, cpu))
			continue;
		while (mask_has(digits, n, cpu + 1))
			cpu++;
		used += (size_t)snprintf(list + used, sizeof(list) - used,
			first == cpu ? "%s%zu" : "%s%zu-%zu", used > 0 ? "," : "", first, cpu);
	}
	copy_list(list, out, len);
	return 0;
}
