#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""vlan_tap.py PARENT NAME ID - a VLAN sub-interface for kernels without 802.1Q: a TAP device NAME
whose frames travel over PARENT with an 802.1Q tag."""
import fcntl
import os
import select
import socket
import struct
import sys

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 3, 263, 8, 4
TP_STATUS_VLAN_VALID = 0x10

parent, name, tag = sys.argv[1], sys.argv[2], int(sys.argv[3])
tap = os.open('/dev/net/tun', os.O_RDWR)
fcntl.ioctl(tap, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.bind((parent, 0))
wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)  # the kernel takes tags out of received frames
print('ready', flush=True)
while True:
    for ready in select.select([tap, wire], [], [])[0]:
        if ready == tap:
            frame = os.read(tap, 2048)
            wire.send(frame[:12] + struct.pack('!HH', 0x8100, tag) + frame[12:])
            continue
        frame, ancillary, _, address = wire.recvmsg(2048, 256)
        if address[2] == PACKET_OUTGOING:
            continue
        tci = None
        for level, kind, data in ancillary:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci_field, _ = struct.unpack('IIIHHHH', data[:20])
                if status & TP_STATUS_VLAN_VALID:
                    tci = tci_field
        if tci is None and frame[12:14] == b'\x81\x00':
            tci = struct.unpack('!H', frame[14:16])[0]
            frame = frame[:12] + frame[16:]
        if tci is not None and tci & 0xFFF == tag:
            os.write(tap, frame)
