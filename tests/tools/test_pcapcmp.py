#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_pcapcmp.py - the demo's comparison sees every kind of difference, so the demo fails loudly."""
import os
import struct
import subprocess
import sys
import tempfile

DST, SRC = bytes(range(6)), bytes(range(6, 12))
PACKETS = [DST + SRC + bytes([8, 0]) + bytes(range(n)) for n in (46, 100, 200)]


def capture(packets, magic=0xa1b2c3d4, order='<', cut=0):
    """A pcap file's contents."""
    data = struct.pack(order + 'IHHiIII', magic, 2, 4, 0, 0, 65535, 1)
    for packet in packets:
        data += struct.pack(order + 'IIII', 1, 2, len(packet), len(packet)) + packet
    return data[:len(data) - cut]


def changed(number, at, value):
    """PACKETS with one byte changed."""
    packets = [bytearray(p) for p in PACKETS]
    packets[number][at] = value
    return [bytes(p) for p in packets]


SAME = capture(PACKETS)
CASES = [  # what, in, out, options, exit code, a word of the output
    ('the same', SAME, SAME, [], 0, '3 packets'),
    ('other clock', SAME, capture(PACKETS, magic=0xa1b23c4d), [], 0, '3 packets'),
    ('other byte order', SAME, capture(PACKETS, order='>'), [], 0, '3 packets'),
    ('other MACs', SAME, capture(changed(1, 3, 99)), [], 0, '3 packets'),
    ('whole', SAME, SAME, ['--whole'], 0, 'the same\n'),
    ('whole, other MACs', SAME, capture(changed(1, 3, 99)), ['--whole'], 1, 'packet 2: byte 3'),
    ('MAC not as asked', SAME, SAME, ['--dst', '02:00:00:00:00:01'], 1, 'destination address'),
    ('MACs as asked', SAME, SAME, ['--dst', DST.hex(':'), '--src', SRC.hex(':')], 0, '3 packets'),
    ('a byte differs', SAME, capture(changed(2, 12, 99)), [], 1, 'packet 3: byte 12'),
    ('one is missing', SAME, capture(PACKETS[:2]), [], 1, '3 packets went in, 2 came out'),
    ('one too many', SAME, capture(PACKETS + PACKETS[:1]), [], 1, '4 came out'),
    ('shorter', SAME, capture([PACKETS[0][:-1]] + PACKETS[1:]), [], 1, '59 came out'),
    ('out of order', SAME, capture(PACKETS[::-1]), [], 1, 'packet 1'),
    ('cut off', SAME, capture(PACKETS, cut=1), [], 2, 'packet 3 is not whole'),
    ('garbage', SAME, b'garbage', [], 2, 'not a pcap file'),
]


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        before, after = os.path.join(folder, 'in'), os.path.join(folder, 'out')
        for what, one, other, options, code, word in CASES:
            for path, data in ((before, one), (after, other)):
                with open(path, 'wb') as f:
                    f.write(data)
            done = subprocess.run(['python3', 'tools/pcapcmp.py', before, after] + options,
                                  capture_output=True, text=True, check=False)
            if done.returncode != code or word not in done.stdout + done.stderr:
                failed += 1
                print('%s: exit code %d instead of %d: %s' %
                      (what, done.returncode, code, done.stdout + done.stderr))
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
