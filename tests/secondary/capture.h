/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * capture.h - captures for tests: make one, compare two.
 */
#ifndef CLEAT_TESTS_SECONDARY_CAPTURE_H
#define CLEAT_TESTS_SECONDARY_CAPTURE_H

/** Write a pcap of @p packets numbered frames of 60 to 1514 bytes. */
void capture_write(const char *path, unsigned packets);

/** Packets of a capture, -1 if it cannot be read. */
long capture_count(const char *path);

/**
 * Compare what went in and what came out, from byte @p skip on, in order.
 * @return packets that are the same; the first difference is told on stderr and gives -1
 */
long capture_compare(const char *in, const char *out, unsigned skip);

#endif
