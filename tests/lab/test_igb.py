# SPDX-License-Identifier: BSD-3-Clause
"""test_igb.py - net_igb: an 82576, both directions, several queues, and workers that die."""
import socket
import struct

import asleep
import bed
import counts
import lab
import offloads

CONFIG = lab.STANDARD
JUMBO = tuple(range(1515, 9015, 250)) + (4096, 8192, 9014)


def pair(guest):
    """The two 82576 that are whole."""
    return [n for n in guest.nics if n.model == 'igb' and not n.vfs]


def test_vfio(guest):
    """By VFIO, both directions; back to a worker that sleeps until MSI-X wakes it."""
    a, b = pair(guest)
    bed.forward(guest, a, b, 'vfio-pci')
    asleep.forward(guest, b, a, 'vfio-pci')


def test_jumbo(guest):
    """Packets of up to 9014 bytes, which come in several buffers and are sent from several."""
    a, b = pair(guest)
    capture = guest.out + '/jumbo.pcap'
    bed.write_pcap(capture, bed.frames(b.mac, a.mac, sizes=JUMBO, rounds=2))
    bed.forward(guest, a, b, 'vfio-pci', capture=capture, worker_args=('--mtu', '9000'))


@lab.needs(lab.NO_IOMMU)
def test_uio(guest):
    """Without an IOMMU, by physical addresses, both directions; woken by the one interrupt line,
    or the one vector."""
    a, b = pair(guest)
    asleep.forward(guest, a, b, 'uio_pci_generic')
    asleep.forward(guest, b, a, 'igb_uio')


# ---- several queues ----

def checksum(data):
    """Of an IPv4 header."""
    total = sum(struct.unpack('>%dH' % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def flows(dst, src, count):
    """One UDP packet for each of so many connections."""
    found = []
    for n in range(count):
        ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 46, n, 0, 64, 17, 0,
                         socket.inet_aton('10.0.0.1'), socket.inet_aton('10.0.%d.2' % (n & 15)))
        ip = ip[:10] + struct.pack('>H', checksum(ip)) + ip[12:]
        udp = struct.pack('>HHHH', 1024 + n * 7, 2000 + n % 3, 26, 0) + bytes(18)
        mac = bytes.fromhex(dst.replace(':', '') + src.replace(':', ''))
        found.append(mac + b'\x08\x00' + ip + udp)
    return found


def received(primary, nic, queue, direction='rx'):
    """Packets that one queue has received, or sent, so far."""
    port = primary.port(nic)
    return next(q for q in primary.tool('queues') if q['port'] == port and q['queue'] == queue and
                q['dir'] == direction)['packets']


def burst(primary, a):
    """Send the capture once; it is read from its start each time."""
    bed.end(primary.worker('sender', '--rx', 'port:%d:0' % primary.port('net_pcap0'), '--tx',
                           'port:%d:0' % primary.port(a), '--packets', '256', wait=False))


def test_two_workers(guest):
    """Two workers; their queues hold the buffers that they should, and the devices count each
    packet; one is killed, the other gets all; it comes back."""
    a, b = pair(guest)
    frames = flows(b.mac, a.mac, 256)
    bed.write_pcap(guest.out + '/in.pcap', frames)
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}, nic_args=',queues=2',
                     vdevs=['net_pcap0,rx_pcap=/lab/out/in.pcap,infinite_rx=1']) as primary:
        port = primary.port(b)

        def worker(queue):
            return primary.worker('w%d' % queue, '--rx', 'port:%d:%d' % (port, queue), '--mode',
                                  'rxonly')

        both = [worker(0), worker(1)]
        with counts.at_once(primary, 2 * counts.posted(0), *both):
            burst(primary, a)
        assert bed.until(lambda: received(primary, b, 0) + received(primary, b, 1) == 256)
        first = [received(primary, b, q) for q in (0, 1)]
        assert all(n > 50 for n in first), first
        counts.check_held(primary, sum(counts.posted(n) for n in first))
        counts.check_hardware(primary, a, frames, 'tx')
        counts.check_hardware(primary, b, frames, 'rx')

        both[1].signal(9)
        both[1].wait(10)
        assert bed.until(lambda: len(primary.tool('ps')) < 4)
        burst(primary, a)
        assert bed.until(lambda: received(primary, b, 0) == first[0] + 256)

        both[1] = worker(1)
        burst(primary, a)
        assert bed.until(lambda: received(primary, b, 0) + received(primary, b, 1) == 768)
        assert received(primary, b, 1) == 2 * first[1]
        primary.audit()
        for job in both:
            bed.stop(job)


def test_killed_in_traffic(guest):
    """Packets without end over two queue pairs, and back: the owner of one is killed again and again,
    that of the other goes on; each time the next receives and sends."""
    a, b = pair(guest)
    bed.write_pcap(guest.out + '/in.pcap', flows(b.mac, a.mac, 256))
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'}, nic_args=',queues=2',
                     vdevs=['net_pcap0,rx_pcap=/lab/out/in.pcap,infinite_rx=1']) as primary:
        def worker(queue):
            own = 'port:%d:%d' % (primary.port(b), queue)
            return primary.worker('w%d' % queue, '--rx', own, '--tx', own)

        def goes_on(queue):
            had = [received(primary, b, queue, d) for d in ('rx', 'tx')]
            return all(bed.until(lambda d=d, n=n: received(primary, b, queue, d) > n + 256)
                       for d, n in zip(('rx', 'tx'), had))

        stays, dies = worker(0), worker(1)
        sender = primary.worker('sender', '--rx', 'port:%d:0' % primary.port('net_pcap0'), '--tx',
                                'port:%d:0' % primary.port(a))
        for _ in range(2):
            assert goes_on(0) and goes_on(1)
            dies.signal(9)
            dies.wait(10)
            assert goes_on(0), 'the survivor stands still'
            primary.audit()
            dies = worker(1)
        assert goes_on(0) and goes_on(1)
        sender.signal(9)
        sender.wait(10)
        for job in (stays, dies):
            bed.stop(job)
        queues = {q['holder'] for q in primary.tool('queues')}
        assert queues == {None}, queues
        pools = primary.tool('audit')
        assert all(p['in_queues'] == 0 and p['lost'] == 0 for p in pools), pools


def test_offloads(guest):
    """Checksums and VLAN tags, both ways; hashes."""
    offloads.run(guest, *pair(guest), hashed=True)
