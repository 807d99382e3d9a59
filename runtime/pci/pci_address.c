/* SPDX-License-Identifier: BSD-3-Clause */
/* pci_address.c - "DDDD:BB:DD.F" from text: domain, bus, device, function. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "runtime/pci/pci.h"

/* Hexadecimal digits up to @p after. @return where the text goes on, or NULL */
static const char *field(
	const char *text, char after, unsigned digits, unsigned long most, unsigned long *out)
{
	unsigned n = 0;

	*out = 0;
	for (; isxdigit((unsigned char)text[n]); n++) {
		int c = tolower((unsigned char)text[n]);

		if (n == digits)
			return NULL;
		*out = *out * 16 + (unsigned long)(isdigit(c) ? c - '0' : c - 'a' + 10);
	}
	if (n == 0 || text[n] != after || *out > most)
		return NULL;
	return text + n + 1;
}

/* Further domains than 16 bits hold are made by the kernel for devices behind a VMD. */
#define DOMAIN_DIGITS 8

int cleat_pci_address(const char *text, char out[CLEAT_NAME_LEN])
{
	const char *colon = strchr(text, ':');
	unsigned long domain = 0, bus, dev, fn;

	if (colon != NULL && strchr(colon + 1, ':') != NULL)
		text = field(text, ':', DOMAIN_DIGITS, 0xffffffff, &domain);
	text = text != NULL ? field(text, ':', 2, 0xff, &bus) : NULL;
	text = text != NULL ? field(text, '.', 2, 0x1f, &dev) : NULL;
	text = text != NULL ? field(text, '\0', 1, 7, &fn) : NULL;
	if (text == NULL)
		return 0;
	(void)snprintf(out, CLEAT_NAME_LEN, "%04lx:%02lx:%02lx.%lx", domain, bus, dev, fn);
	return 1;
}
