#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""dns_server.py - answers every A question with 10.0.0.2, on UDP port 53 of all addresses."""
import socket
import struct

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('', 53))
while True:
    query, peer = s.recvfrom(512)
    end = 12
    while query[end]:
        end += query[end] + 1
    question = query[12:end + 5]
    header = query[:2] + struct.pack('!HHHHH', 0x8580, 1, 1, 0, 0)
    answer = struct.pack('!HHHIH4s', 0xC00C, 1, 1, 60, 4, bytes([10, 0, 0, 2]))
    s.sendto(header + question + answer, peer)
