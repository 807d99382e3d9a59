# SPDX-License-Identifier: BSD-3-Clause
"""offloads.py - checksums, VLAN tags and hashes by devices: what the wire carried, what was told."""
import os
import struct

import bed
import lab

# runtime/registry.h
RX_CHECKSUM, RX_STRIP, RX_SCATTER, RX_RSS = 0x1, 0x2, 0x4, 0x8
TX_CHECKSUM, TX_INSERT, TX_SEGMENTS = 0x100, 0x200, 0x400
# runtime/mbuf.h
VLAN, HASH, IP_GOOD, L4_GOOD, L4_BAD, IP_BAD = 0x1, 0x2, 0x10, 0x40, 0x80, 0x20
# as tests/lab/offloads.c sends them: is TCP, has a tag, L4 checksum asked for
SENT = ((False, False, False), (False, False, True), (True, False, True), (False, True, True),
        (True, True, True), (False, False, True))
PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/offloads'


def total(data):
    """The Internet checksum's sum, folded; 0xffff where the checksum in it is right."""
    data += b'\0' * (len(data) & 1)
    found = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while found >> 16:
        found = (found & 0xffff) + (found >> 16)
    return found


def frames(path):
    """The packets of a capture."""
    with open(path, 'rb') as f:
        data = f.read()
    at, found = 24, []
    while at < len(data):
        size = struct.unpack('<I', data[at + 8:at + 12])[0]
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


def check_frame(frame, tcp, tagged, l4):
    """Is it what was asked for?"""
    assert (frame[12:14] == b'\x81\x00') == tagged, frame.hex()
    if tagged:
        assert frame[14:16] == b'\x60\x05', frame.hex()
        frame = frame[:12] + frame[16:]
    ip = frame[14:34]
    size = struct.unpack('>H', ip[2:4])[0] - 20
    body = frame[34:34 + size]
    assert total(ip) == 0xffff, 'IPv4 checksum: ' + frame.hex()
    assert ip[9] == (6 if tcp else 17)
    pseudo = ip[12:20] + struct.pack('>BBH', 0, ip[9], size)
    assert (total(pseudo + body) == 0xffff) == l4, 'TCP or UDP checksum: ' + frame.hex()


def check_lines(lines, verdict, strip):
    """What the receiver said of each packet. verdict: its device looks at checksums; strip: and
    takes tags off."""
    assert len(lines) == len(SENT), lines
    for line, (tcp, tagged, l4) in zip(lines, SENT):
        flags, tag = (int(n, 16) for n in line.split()[1:3])
        if verdict:
            assert flags & IP_GOOD and not flags & IP_BAD, line
            assert flags & (L4_GOOD if l4 else L4_BAD), line
        else:
            assert not flags & (IP_GOOD | IP_BAD | L4_GOOD | L4_BAD), line
        assert bool(flags & VLAN) == (tagged and strip), line
        assert tag == (0x6005 if tagged and strip else 0), line
        size = (84 if tcp else 72) + (4 if tagged and not strip else 0)
        assert int(line.split()[0]) == size, line


def toeplitz(data, key):
    """The hash of receive side scaling, bit by bit (82576 datasheet, 7.1.2.8.1)."""
    bits, found = int.from_bytes(key, 'big'), 0
    for n in range(8 * len(data)):
        if data[n // 8] >> (7 - n % 8) & 1:
            found ^= bits >> (8 * len(key) - 32 - n)
    return found & 0xffffffff


# addresses and ports as offloads.c has them; the key of pmd/igb/igb_rss_ctrl.c
HASH_OF_ALL = toeplitz(bytes((10, 0, 0, 1, 10, 0, 0, 2, 0, 7, 0, 9)), b'\x6d\x5a' * 20)


def run(guest, a, b, verdict=True, strip=True, nic_args='', hashed=False):
    """From NIC a to NIC b, in VLAN 5 what has a tag. verdict: NIC b looks at checksums; strip: and
    takes tags off; hashed: and says the hash of each packet."""
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}, nic_args=nic_args) as primary:
        wire = guest.capture(a.hub)
        with wire as path:
            out = guest.check([PROGRAM, bed.INSTANCE, str(primary.port(a)), str(primary.port(b)),
                               b.mac, hex(TX_CHECKSUM | TX_INSERT | TX_SEGMENTS | RX_STRIP |
                                          RX_SCATTER),
                               hex(RX_CHECKSUM | RX_SCATTER | RX_STRIP * strip | RX_RSS * hashed)])
            sent = [f for f in frames(path) if f[:6] == bytes.fromhex(b.mac.replace(':', ''))]
        assert len(sent) == len(SENT), len(sent)
        for frame, asked in zip(sent, SENT):
            check_frame(frame, *asked)
        check_lines(out.splitlines(), verdict, strip)
        for line in out.splitlines():
            flags, found = int(line.split()[1], 16), int(line.split()[4], 16)
            assert bool(flags & HASH) == hashed and found == HASH_OF_ALL * hashed, line
