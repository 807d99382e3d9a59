#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""udp_load.py - runs in the guest: datagrams to an echo service, a window of them on the way, and
how many came back as they were.

    udp_load.py ADDRESS COUNT        prints "SENT BACK"; the port is 7
    udp_load.py ADDRESS COUNT flood  as fast as it goes, whatever comes back; prints nothing
"""
import select
import socket
import struct
import sys

WINDOW, PATIENCE_S = 16, 2.0
FILL = bytes(range(256)) * 7
SIZES = (8, 9, 18, 60, 100, 511, 512, 1000, 1452)  # the last fills a frame with IPv6


def payload(n):
    """The datagram of that number."""
    size = SIZES[n % len(SIZES)]
    return struct.pack('>Q', n) + FILL[n % 256:][:size - 8]


def main():
    address, count = sys.argv[1], int(sys.argv[2])
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.connect((address, 7))
    if sys.argv[3:] == ['flood']:
        for n in range(count):
            sock.send(payload(n))
        return 0
    sent, back, waiting = 0, 0, set()
    while sent < count or waiting:
        while sent < count and len(waiting) < WINDOW:
            waiting.add(sent)
            sock.send(payload(sent))
            sent += 1
        if not select.select([sock], [], [], PATIENCE_S)[0]:
            waiting.clear()  # lost
            continue
        data = sock.recv(2048)
        n = struct.unpack('>Q', data[:8])[0]
        if n in waiting and data == payload(n):
            waiting.remove(n)
            back += 1
    print(sent, back)
    return 0


if __name__ == '__main__':
    sys.exit(main())
