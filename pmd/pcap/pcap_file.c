/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd/pcap/pcap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

#include "runtime/error.h"

static pcap_t *ethernet_only(pcap_t *pcap, const char *name)
{
	int type = pcap_datalink(pcap);
	const char *type_name = pcap_datalink_val_to_name(type);

	if (type == DLT_EN10MB)
		return pcap;
	(void)cleat_err(-EPROTONOSUPPORT,
		"capture %s holds packets of link type %s (%d), not Ethernet", name,
		type_name != NULL ? type_name : "unknown", type);
	pcap_close(pcap);
	return NULL;
}

pcap_t *cleat_pcap_open_fd(int fd, const char *name, void *buffer, size_t buffer_bytes)
{
	char why[PCAP_ERRBUF_SIZE] = "";
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = own >= 0 ? fdopen(own, "r") : NULL;
	pcap_t *pcap;

	if (file == NULL) {
		(void)cleat_err(-errno, "capture %s: %s", name, strerror(errno));
		if (own >= 0)
			(void)close(own);
		return NULL;
	}
	if (lseek(own, 0, SEEK_SET) < 0) {
		(void)cleat_err(-errno, "capture %s cannot be read from its start: %s", name,
			strerror(errno));
		(void)fclose(file);
		return NULL;
	}
	if (buffer_bytes > 0) /* cannot fail before the first read */
		(void)setvbuf(file, (char *)buffer, _IOFBF, buffer_bytes);
	(void)__fsetlocking(file, FSETLOCKING_BYCALLER); /* one thread owns a queue */
	pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, why);
	if (pcap == NULL) {
		(void)cleat_err(
			-EINVAL, "capture %s cannot be read as pcap or pcapng: %s", name, why);
		(void)fclose(file);
		return NULL;
	}
	return ethernet_only(pcap, name); /* pcap_close() closes the file */
}
