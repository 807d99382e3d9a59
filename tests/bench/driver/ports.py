# SPDX-License-Identifier: BSD-3-Clause
"""ports.py - measurements of ports: forwarding, and packets between unrelated processes."""
import json
import os
import re
import struct
import subprocess
import time

import datapath
import sides
from places import on_two_cores

SECONDS = 1
PACKETS = 1000000
CHECKED = 100000  # packets compared byte for byte
FILE_HEAD, RECORD_HEAD = '<IHHiIII', '<IIII'
SIZES = {'64 B': (64,), 'mixed': (64, 64, 64, 64, 64, 64, 64, 594, 594, 594, 594, 1514)}


# ---- net_null to net_null ----

def cleat_worker(side, instance, program, *more):
    """One of Cleat's workers to its end: what it reports."""
    done = subprocess.run([side.place.bin + '/' + program, '--instance', instance, '--json',
                           '--lcore', str(side.place.core(1)), *more], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise sides.Failed('%s: %s' % (program, done.stderr.strip()))
    return json.loads(done.stdout)


def null_cleat(side):
    """cleat-l2fwd, packets as they are."""
    with side.fresh(more=('--vdev', 'net_null0', '--vdev', 'net_null1')) as instance:
        report = cleat_worker(side, instance, 'cleat-l2fwd', '-p', '0:1', '--no-mac-updating',
                              '--seconds', str(SECONDS))
    return report['sent'] / report['seconds'] / 1e6


def wait_for(stream, words):
    """Read until a line has one of the words."""
    seen = []
    for line in stream:
        seen.append(line)
        if any(w in line for w in words):
            return
    raise sides.Failed('testpmd ended: ' + ''.join(seen)[-500:])


def null_testpmd(side):
    """dpdk-testpmd, forwarding mode io."""
    core, instance = side.place.core, side.place.name('t')
    command = ['stdbuf', '-oL', 'dpdk-testpmd', '--lcores=0@%d,1@%d' % (core(0), core(1)),
               '--file-prefix=' + instance, '--no-pci', '-m', '64', '--huge-dir',
               side.place.need_huge_dir(), '--vdev=net_null0', '--vdev=net_null1', '--', '-i',
               '--nb-cores=1', '--total-num-mbufs=%d' % sides.MBUFS, '--forward-mode=io',
               '--burst=32']
    process = None
    try:
        with sides.undisturbed():
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True)
        wait_for(process.stdout, ['Done'])
        process.stdin.write('start\n')
        process.stdin.flush()
        wait_for(process.stdout, ['packets/burst'])
        began = time.monotonic()
        time.sleep(SECONDS)
        process.stdin.write('stop\n')
        process.stdin.flush()
        took = time.monotonic() - began
        text = process.communicate('quit\n', timeout=sides.RUN_S)[0]
    finally:
        if process is not None:
            side.stop(process, instance)
    sent = re.findall(r'TX-packets: (\d+)', text.rpartition('Accumulated')[2])
    if not sent:
        raise sides.Failed('testpmd gave no figures: ' + text[-500:])
    return int(sent[0]) / took / 1e6


def null(side):
    """Millions of packets per second, both ways, one core."""
    return null_cleat(side) if side.name == 'cleat' else null_testpmd(side)


# ---- file to file ----

def capture(place, kind):
    """A capture of PACKETS packets, made once."""
    path = place.path('in-%s.pcap' % kind.replace(' ', ''))
    if os.path.exists(path):
        return path
    sizes = SIZES[kind]
    block = b''.join(struct.pack(RECORD_HEAD, 1, i, sizes[i % len(sizes)], sizes[i % len(sizes)]) +
                     bytes((i + k) & 255 for k in range(sizes[i % len(sizes)]))
                     for i in range(1000))
    with open(path, 'wb') as f:
        f.write(struct.pack(FILE_HEAD, 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for _ in range(PACKETS // 1000):
            f.write(block)
    return path


def packets_of(path):
    """The data of a capture's packets, without the times."""
    with open(path, 'rb') as f:
        f.seek(struct.calcsize(FILE_HEAD))
        while head := f.read(struct.calcsize(RECORD_HEAD)):
            yield f.read(struct.unpack(RECORD_HEAD, head)[2])


def check_capture(source, target):
    """All of it came out, and the first packets are what went in."""
    sizes = [os.path.getsize(path) for path in (source, target)]
    if sizes[0] != sizes[1]:
        raise sides.Failed('%d bytes became %d' % tuple(sizes))
    for number, (a, b) in enumerate(zip(packets_of(source), packets_of(target))):
        if a != b:
            raise sides.Failed('packet %d is not what went in' % number)
        if number >= CHECKED:
            break


def pcap_cleat(side, vdev):
    """cleat-rxtx from the port to the port."""
    with side.fresh(more=('--vdev', vdev)) as instance:
        report = cleat_worker(side, instance, 'cleat-rxtx', '--rx', 'port:0:0', '--tx',
                              'port:0:0', '--packets', str(PACKETS))
    return report['sent'] / report['seconds'] / 1e6


def pcap_peer(side, vdev):
    """peer/fwd.c, which is testpmd's loop."""
    instance = side.place.name('t')
    try:
        result = side.run('fwd', [{'extra': vdev, 'core': side.place.core(1), 'count': PACKETS,
                                   'hugetlbfs': side.place.need_huge_dir()}], instance)
    finally:
        side.clean(instance)
    return datapath.mpps(result)


def pcap(side, sizes):
    """Millions of packets per second, from a file to a file, in tmpfs."""
    source, target = capture(side.place, sizes), side.place.path('out.pcap')
    if os.path.exists(target):
        os.unlink(target)
    vdev = 'net_pcap0,rx_pcap=%s,tx_pcap=%s' % (source, target)
    speed = pcap_cleat(side, vdev) if side.name == 'cleat' else pcap_peer(side, vdev)
    check_capture(source, target)
    os.unlink(target)
    return speed


# ---- between unrelated processes ----

@on_two_cores
def ring_between(side, size, burst):
    """A shared ring."""
    core = side.place.core
    results = side.run('pipe', [{'role': 'source', 'core': core(0), 'out': 'a'},
                                {'role': 'sink', 'core': core(1), 'in': 'a'}],
                       burst=burst, bytes=size)
    datapath.same(results, 1)
    return datapath.mpps(results[1:])


@on_two_cores
def memif_between(side, size, burst, zero_copy):
    """net_memif: two DPDK processes that have only a socket in common."""
    core = side.place.core
    path = side.place.path(side.place.name('s'))  # a socket that is there already is refused
    names = [side.place.name('m'), side.place.name('m')]
    huge = side.place.need_huge_dir()
    try:
        results = side.run('memif', [
            {'role': 'source', 'core': core(0), 'out': path, 'instance': names[0]},
            {'role': 'sink', 'core': core(1), 'in': path, 'instance': names[1]}],
            burst=burst, bytes=size, extra=zero_copy, hugetlbfs=huge)
    finally:
        for name in names:
            side.clean(name)
    datapath.same(results, 1)
    return datapath.mpps(results[1:])


def between(side, size, burst):
    """Millions of packets per second; the better of the peer's ways."""
    if side.name == 'cleat':
        return ring_between(side, size, burst)
    return max(memif_between(side, size, burst, way) for way in ('no', 'yes'))
