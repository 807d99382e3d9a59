/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/secondary/capture.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

void capture_write(const char *path, unsigned packets)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	pcap_dumper_t *dumper = pcap_dump_open(pcap, path);
	unsigned char frame[1514];

	for (unsigned i = 0; dumper != NULL && i < packets; i++) {
		struct pcap_pkthdr header = { .ts = { .tv_sec = 1000 + (long)i / 1000,
						      .tv_usec = (long)(i % 1000) * 1000 } };

		header.len = header.caplen = 60 + i * 37 % (sizeof(frame) - 59);
		memset(frame, (int)(i & 0xff), sizeof(frame));
		memcpy(frame + 14, &i, sizeof(i));
		pcap_dump((unsigned char *)dumper, &header, frame);
	}
	if (dumper != NULL)
		pcap_dump_close(dumper);
	pcap_close(pcap);
}

static pcap_t *open_capture(const char *path)
{
	char why[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_open_offline(path, why);

	if (pcap == NULL)
		fprintf(stderr, "%s: %s\n", path, why);
	return pcap;
}

long capture_count(const char *path)
{
	pcap_t *pcap = open_capture(path);
	struct pcap_pkthdr *header;
	const unsigned char *data;
	long n = 0;

	if (pcap == NULL)
		return -1;
	while (pcap_next_ex(pcap, &header, &data) == 1)
		n++;
	pcap_close(pcap);
	return n;
}

static long compare(pcap_t *in, pcap_t *out, unsigned skip)
{
	struct pcap_pkthdr *a, *b;
	const unsigned char *x, *y;
	long n = 0;

	for (;; n++) {
		int have_in = pcap_next_ex(in, &a, &x) == 1;
		int have_out = pcap_next_ex(out, &b, &y) == 1;

		if (!have_in && !have_out)
			return n;
		if (have_in && have_out && a->caplen == b->caplen &&
			memcmp(x + skip, y + skip, a->caplen - skip) == 0)
			continue;
		fprintf(stderr, "packet %ld differs: %s\n", n,
			!have_in    ? "one too many came out"
			: !have_out ? "it did not come out"
				    : "length or content");
		return -1;
	}
}

long capture_compare(const char *in, const char *out, unsigned skip)
{
	pcap_t *a = open_capture(in), *b = open_capture(out);
	long n = a != NULL && b != NULL ? compare(a, b, skip) : -1;

	if (a != NULL)
		pcap_close(a);
	if (b != NULL)
		pcap_close(b);
	return n;
}
