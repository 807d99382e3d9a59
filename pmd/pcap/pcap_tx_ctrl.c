/* SPDX-License-Identifier: BSD-3-Clause */
#include "pmd/pcap/pcap_tx_ctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pmd/pcap/pcap_state.h"
#include "runtime/error.h"
#include "runtime/log.h"

#define COPY_BYTES (64U * 1024)

int cleat_pcap_tx_begin(int fd)
{
	pcap_t *dead = pcap_open_dead_with_tstamp_precision(
		DLT_EN10MB, CLEAT_PCAP_SNAPLEN, PCAP_TSTAMP_PRECISION_NANO);
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	FILE *file = own >= 0 ? fdopen(own, "w") : NULL;
	pcap_dumper_t *dumper = NULL;
	int ret = 0;

	if (dead != NULL && file != NULL && lseek(fd, 0, SEEK_SET) == 0)
		dumper = pcap_dump_fopen(dead, file);
	if (dumper == NULL || pcap_dump_flush(dumper) != 0)
		ret = cleat_err(-EIO, "a capture's header cannot be written: %s", strerror(errno));
	if (dumper != NULL)
		pcap_dump_close(dumper);
	else if (file != NULL)
		(void)fclose(file);
	else if (own >= 0)
		(void)close(own);
	if (dead != NULL)
		pcap_close(dead);
	return ret;
}

int cleat_pcap_tx_stage(void)
{
	int fd = memfd_create("cleat-pcap-stage", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return cleat_err(-errno, "no memory for a capture's stage: %s", strerror(errno));
	/* A worker that cut it short would have us, or the next one, meet SIGBUS. */
	if (ftruncate(fd, (off_t)CLEAT_PCAP_STAGE_BYTES) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0) {
		int err = errno;

		(void)close(fd);
		return cleat_err(-err, "no memory for a capture's stage: %s", strerror(err));
	}
	return fd;
}

/* Who takes a capture away while it is written, as those do who copy it and cut it, leaves one
 * without a header. @return the file's size, of a capture; negative errno */
static int64_t make_capture(int file)
{
	struct stat st;
	int ret;

	if (fstat(file, &st) < 0)
		return cleat_err(-errno, "its capture: %s", strerror(errno));
	if (st.st_size >= CLEAT_PCAP_HEADER_BYTES && st.st_size <= INT64_MAX / 2)
		return st.st_size;
	cleat_log(CLEAT_LOG_WARNING,
		"somebody made the capture %lld bytes long: it begins anew, without what was in it",
		(long long)st.st_size);
	if (ftruncate(file, 0) < 0)
		return cleat_err(-errno, "its capture cannot begin anew: %s", strerror(errno));
	ret = cleat_pcap_tx_begin(file);
	return ret < 0 ? ret : CLEAT_PCAP_HEADER_BYTES;
}

/* What lies between the two words goes into the file, where it belongs. */
static int write_out(int file, int stage, uint64_t written, uint64_t end)
{
	char bytes[COPY_BYTES];

	while (written < end) {
		uint64_t at = written % CLEAT_PCAP_STAGE_BYTES;
		uint64_t left = CLEAT_PCAP_STAGE_BYTES - at; /* until it wraps */
		ssize_t got, put;

		left = left < end - written ? left : end - written;
		got = pread(stage, bytes, left < COPY_BYTES ? (size_t)left : COPY_BYTES, (off_t)at);
		put = got > 0 ? pwrite(file, bytes, (size_t)got, (off_t)written) : got;
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return cleat_err(put < 0 ? -errno : -EIO,
				"%llu bytes of its owner cannot be written to the capture: %s",
				(unsigned long long)(end - written),
				put < 0 ? strerror(errno) : "nothing went out");
		written += (uint64_t)put;
	}
	return 0;
}

/* The words are the dead process's: wrong ones must not make the file grow or vanish. */
static void put_right(uint64_t size, uint64_t *written, uint64_t *end)
{
	if (*written < CLEAT_PCAP_HEADER_BYTES || *written > size) {
		cleat_log(CLEAT_LOG_WARNING,
			"its owner says that %llu bytes of the capture are written, there are %llu",
			(unsigned long long)*written, (unsigned long long)size);
		*written = *end = size;
	} else if (*end < *written || *end - *written > CLEAT_PCAP_STAGE_BYTES) {
		cleat_log(CLEAT_LOG_WARNING,
			"its owner left a wrong end of the capture, %llu; %llu bytes are written",
			(unsigned long long)*end, (unsigned long long)*written);
		*end = *written;
	}
}

int cleat_pcap_tx_settle(int file, int stage, struct cleat_queue_shm *shm)
{
	/* partners: the stores of pcap_stage.c, by a process that is gone */
	uint64_t written = cleat_load_acquire(&shm->driver[CLEAT_PCAP_TX_WRITTEN]);
	uint64_t end = cleat_load_acquire(&shm->driver[CLEAT_PCAP_TX_END]);
	int64_t size = make_capture(file);
	int ret;

	if (size < 0)
		return (int)size;
	put_right((uint64_t)size, &written, &end);
	ret = write_out(file, stage, written, end);
	if (ret < 0) {
		(void)!ftruncate(file, (off_t)written); /* whole records until then */
		return ret;
	}
	/* Also when the length is right: space beyond it may be reserved. */
	if (ftruncate(file, (off_t)end) < 0)
		return cleat_err(-errno, "cannot cut off a torn record: %s", strerror(errno));
	cleat_store_release(&shm->driver[CLEAT_PCAP_TX_END], end);
	cleat_store_release(&shm->driver[CLEAT_PCAP_TX_WRITTEN], end);
	return 0;
}
