#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""pcapcmp.py - is every packet of one capture in another, in order, byte for byte but the MACs?

    pcapcmp.py IN.pcap OUT.pcap [--whole] [--dst MAC] [--src MAC] [--pad BYTES]

With --whole, the MACs must be the same, too. With --dst or --src, that address is what each packet
of OUT must carry. With --pad, a shorter packet of IN is compared as the wire has it, filled with
zeros up to so many bytes. Reads classic pcap files, microseconds or nanoseconds, either byte order.
Exit 0: yes; 1: no, with the first difference; 2: a file is no capture.
"""
import argparse
import struct
import sys

MAGICS = (0xa1b2c3d4, 0xa1b23c4d)  # microseconds, nanoseconds
MACS = 12  # bytes of both addresses


def fail(text):
    """End: a file cannot be read as a capture."""
    print(text, file=sys.stderr)
    sys.exit(2)


def packets(path):
    """The packets of a capture, as bytes."""
    with open(path, 'rb') as f:
        data = f.read()
    for order in '<>':
        if len(data) >= 24 and struct.unpack(order + 'I', data[:4])[0] in MAGICS:
            break
    else:
        fail('%s: not a pcap file' % path)
    at, found = 24, []
    while at < len(data):
        if len(data) - at < 16:
            fail('%s: cut off in the header of packet %d' % (path, len(found) + 1))
        taken, length = struct.unpack(order + 'II', data[at + 8:at + 16])
        at += 16
        if len(data) - at < taken or taken != length:
            fail('%s: packet %d is not whole' % (path, len(found) + 1))
        found.append(data[at:at + taken])
        at += taken
    return found


def difference(before, after, first, addresses):
    """What is wrong with one packet from byte `first` on, or None."""
    if len(before) != len(after):
        return '%d bytes went in, %d came out' % (len(before), len(after))
    if before[first:] != after[first:]:
        at = next(i for i in range(first, len(before)) if before[i] != after[i])
        return 'byte %d was %02x, is %02x' % (at, before[at], after[at])
    for what, at, want in addresses:
        if want is not None and after[at:at + 6] != want:
            return '%s address is %s' % (what, after[at:at + 6].hex(':'))
    return None


def mac(text):
    """aa:bb:cc:dd:ee:ff as bytes."""
    value = bytes.fromhex(text.replace(':', ''))
    if len(value) != 6:
        raise ValueError(text)
    return value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('before')
    parser.add_argument('after')
    parser.add_argument('--whole', action='store_true')
    parser.add_argument('--dst', type=mac)
    parser.add_argument('--src', type=mac)
    parser.add_argument('--pad', type=int, default=0)
    args = parser.parse_args()
    before, after = packets(args.before), packets(args.after)
    before = [p + bytes(max(0, args.pad - len(p))) for p in before]
    addresses = (('destination', 0, args.dst), ('source', 6, args.src))
    for number, (one, other) in enumerate(zip(before, after), 1):
        why = difference(one, other, 0 if args.whole else MACS, addresses)
        if why:
            print('packet %d: %s' % (number, why))
            return 1
    if len(before) != len(after):
        print('%d packets went in, %d came out' % (len(before), len(after)))
        return 1
    total = sum(len(p) for p in after)
    print('%d packets, %d bytes: the same%s' % (
        len(after), total, '' if args.whole else ' but for the MAC addresses'))
    return 0


if __name__ == '__main__':
    sys.exit(main())
