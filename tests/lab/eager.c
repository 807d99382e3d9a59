/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * eager - open a device as soon as it can be opened, and close it again.
 *
 *     eager ADDRESS
 *
 * Says "looking" when it begins. Exit code: 0; 1 with a sentence: not within 20 s.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/clock.h"
#include "runtime/error.h"
#include "runtime/pci/pci.h"
#include "runtime/pci/pci_access.h"

#define PATIENCE_MS 20000U
#define OPEN_US	    50000U

static struct cleat_pci_device dev;

static int open_it(const char *address)
{
	int rc = cleat_pci_read(address, &dev);

	return rc < 0 ? rc : cleat_pci_open(&dev, CLEAT_PCI_IOVA_PA);
}

int main(int argc, char **argv)
{
	uint64_t start_ms = cleat_now_ms();

	if (argc != 2)
		return EXIT_FAILURE;
	puts("looking");
	(void)fflush(stdout);
	while (open_it(argv[1]) < 0) {
		if (cleat_now_ms() - start_ms < PATIENCE_MS)
			continue;
		fprintf(stderr, "eager: %s: %s\n", argv[1], cleat_error());
		return EXIT_FAILURE;
	}
	usleep(OPEN_US); /* the probe, if it has not ended, ends meanwhile */
	cleat_pci_close(&dev);
	return EXIT_SUCCESS;
}
