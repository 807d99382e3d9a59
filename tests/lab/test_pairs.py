# SPDX-License-Identifier: BSD-3-Clause
"""test_pairs.py - net_virtio with two queue pairs, and checksums that are left to the device.

The other end is a tap with as many queues, and behind it a kernel's stack (tap.py). QEMU attaches
the tap's second queue when the driver says that it uses two pairs (VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET).
"""
import os
import socket

import bed
import lab
import offloads
import pci
import tap

CONFIG = lab.STANDARD
PROGRAM = os.path.dirname(lab.BIN) + '/tests/lab/pairs'
FLOWS = 64


def tapped(guest):
    """The NIC on a tap."""
    nic = next((n for n in guest.nics if n.tap), None)
    if not nic:
        raise lab.Skip('network namespaces and taps need root, and /dev/net/tun')
    return nic


def pair(guest, primary, nic, queue):
    """A worker that owns one."""
    job = guest.start([PROGRAM, bed.INSTANCE, str(primary.port(nic)), str(queue), tap.End.MAC],
                      user='nobody')
    job.wait_for('is running', 30)
    return job


def send(end):
    """One UDP packet for each of so many connections, their checksums left to whoever needs them."""
    for n in range(FLOWS):
        with end.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(('10.9.0.1', 20000 + 7 * n))
            sock.sendto(bytes(range(n, n + 40)), ('10.9.0.2', 9))


def check_forwarded(end):
    """What came out behind the tap: right, and of both queues; UDP and TCP."""
    found = {}
    for _ in range(2 * FLOWS):
        frame = end.read(10)
        assert frame, found
        offloads.check_frame(frame, frame[23] == 6, False, True)
        key = frame[23], frame[35]
        found[key] = found.get(key, 0) + 1
    return found


def test_two_workers(guest):
    """A pair each: packets reach both, both send; checksums are filled in on either side."""
    nic = tapped(guest)
    with bed.Primary(guest, {nic: 'vfio-pci'}, nic_args=',queues=2') as primary:
        assert '2 queue pairs' in primary.log(), primary.log()
        workers = [pair(guest, primary, nic, queue) for queue in (0, 1)]
        features = pci.negotiated(guest, nic)
        assert {'VIRTIO_NET_F_MQ', 'VIRTIO_NET_F_CSUM', 'VIRTIO_NET_F_GUEST_CSUM'} <= features, features
        with tap.End(guest, nic) as end:
            send(end)
            sent = check_forwarded(end)
        lines = []
        for job in workers:
            job.write(b'')
            done = job.wait(20)
            assert done.code == 0, done.err
            lines.append(done.out.decode().splitlines())
        assert all(len(of_one) > FLOWS // 8 for of_one in lines), lines
        assert sum(map(len, lines)) == FLOWS, lines
        for line in lines[0] + lines[1]:
            flags, right = line.split()
            assert right == '1' and int(flags, 16) & offloads.L4_GOOD, line
        assert sent == {(protocol, 100 + q): len(lines[q]) for protocol in (6, 17)
                        for q in (0, 1)}, (sent, lines)
        assert primary.stats(nic)['rx_errors'] == 0
