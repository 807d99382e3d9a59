#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""speed.py - packets per second of each driver beside testpmd, on the same NICs in the same boot.

    tests/lab/speed.py [--seconds S] [--rounds N] [--way tx|rx] [--json] [MODEL...]

Sending: a NIC sends 60-byte packets as fast as its driver does, in turn by Cleat's worker and by
testpmd (A B A B ...); nobody takes them, or with virtio the guest's kernel. Receiving: the NIC
takes what the other one on the wire sends, all the time by the same worker of a Cleat of its own.
The medians and their ratio are printed; above 1 Cleat is faster. While runs of one side lie among
those of the other, more rounds are taken, up to MOST. A guest under TCG interprets every
instruction, so the figures are worth their ratio only; a receiver that keeps up with the sender has
the sender's speed.

Exit code: 0; 77: no lab, or no testpmd, on this machine ("SKIP: reason").
"""
import argparse
import contextlib
import dataclasses
import itertools
import json
import statistics
import sys

import bed
import cache
import lab
import pci

FUNCTION = 'igbvf'  # in a guest of its own: the first function, and a sender beside it
VIRTUAL = lab.Config(nics=('igb,hub=0,vfs=2', 'igb,hub=0'), hugepages='256', cpu='max')
REAL = dataclasses.replace(lab.STANDARD, cpu='max')  # with all that testpmd's vector paths may want
DRIVERS = {'e1000': 'net_em (82540EM)', 'e1000e': 'net_em (82574)', 'igb': 'net_igb',
           'virtio-modern': 'net_virtio (modern)', FUNCTION: 'net_igbvf'}
WAYS = {'tx': 'sending', 'rx': 'receiving'}
TO = '02:00:00:00:00:02'  # whom the packets that cleat-rxtx makes are for
MEMORY = ('-m', '128')    # two primaries and testpmd have to fit
MOST = 9                  # rounds where the two sides are close


def ours(guest, nic, seconds, way):
    """Packets per second that Cleat sends or receives."""
    with bed.Primary(guest, {nic: 'vfio-pci'}, args=MEMORY) as primary:
        port = 'port:%d:0' % primary.port(nic)
        flow = ['--mode', way + 'only', '--' + way, port]
        if way == 'rx' and nic.mac != TO:  # a virtual function must not, and need not
            flow.append('--promiscuous')
        for s in (1, seconds):  # the first until there is a link, which testpmd waits for, too
            worker = primary.worker('worker', *flow, '--seconds', '%g' % s, '--json', wait=False,
                                    nice=0)  # as testpmd
            said = bed.end(worker)
        done = json.loads(next(line for line in said.splitlines() if line[:1] == '{'))
    return done['sent' if way == 'tx' else 'received'] / done['seconds']


def theirs(guest, nic, seconds, way):
    """The same by testpmd, with its vector paths and caches as they are by default."""
    pci.bind(guest, nic.address, 'vfio-pci')
    try:
        received, sent, _ = pci.testpmd(guest, [nic.address], way + 'only', seconds,
                                        '--txpkts=60' if way == 'tx' else '')
        return sent if way == 'tx' else received
    finally:
        pci.unbind(guest, nic.address)


@contextlib.contextmanager
def sending(guest, nic):
    """The other NIC sends all the time."""
    with bed.Primary(guest, {nic: 'vfio-pci'}, args=MEMORY, instance='sender') as primary:
        worker = primary.worker('sender', '--mode', 'txonly', '--tx', 'port:%d:0' %
                                primary.port(nic), nice=0)
        yield
        bed.stop(worker)


@contextlib.contextmanager
def kernel_sink(guest, nic):
    """The guest's kernel takes the packets: QEMU holds a virtio NIC back while nobody does."""
    guest.check('modprobe virtio_net')
    pci.bind(guest, nic.address, 'virtio-pci')
    try:
        guest.check('cd %s%s; until ls -d virtio*/net/*; do sleep 0.1; done; '
                    'ip link set $(basename $(ls -d virtio*/net/*)) up promisc on' %
                    (pci.SYSFS, nic.address))
        yield
    finally:
        pci.unbind(guest, nic.address)


def virtual_function(guest):
    """The first one of a physical function that the guest's kernel runs."""
    physical = guest.nics[0]
    name = guest.check('ls %s%s/net' % (pci.SYSFS, physical.address)).split()[0]
    guest.check('ip link set %s up; ip link set %s vf 0 mac %s' % (name, name, TO))
    return dataclasses.replace(physical, address=physical.vf_address(0), mac=TO)


def apart(cleat, peer):
    """Is one side faster in all its runs?"""
    return min(cleat) > max(peer) or min(peer) > max(cleat)


def measure(guest, model, way, seconds, rounds):
    """Both, in turn: {driver, way, cleat, peer, ratio}."""
    if model == FUNCTION:
        other, nic = guest.nics[1], virtual_function(guest)
    else:
        other, nic = [n for n in guest.nics if n.model == model and not n.tap]
    cleat, peer, beside = [], [], contextlib.nullcontext()
    if way == 'rx':
        beside = sending(guest, other)
    elif model.startswith('virtio'):
        beside = kernel_sink(guest, other)
    with beside:
        while len(cleat) < rounds or (len(cleat) < MOST and not apart(cleat, peer)):
            cleat.append(ours(guest, nic, seconds, way))
            peer.append(theirs(guest, nic, seconds, way))
    mine, theirs_ = statistics.median(cleat), statistics.median(peer)
    return {'driver': DRIVERS[model], 'way': WAYS[way], 'unit': 'packets/s', 'cleat': round(mine),
            'peer': round(theirs_), 'ratio': round(mine / theirs_, 2), 'runs': len(cleat),
            'cleat_runs': [round(n) for n in cleat], 'peer_runs': [round(n) for n in peer]}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--way', choices=list(WAYS), help='only sending, or only receiving')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('model', nargs='*', choices=[[], *DRIVERS])
    args = parser.parse_args()
    try:
        cache.fill(peer=True)
    except lab.Missing as why:
        print('SKIP: %s' % why)
        return 77
    rows = []
    models = args.model or list(DRIVERS)
    if not args.json:
        print('%-22s %-10s %12s %12s   ratio\n%-33s %12s %12s' % (
            '60 bytes', '', 'cleat', 'testpmd', '', 'packets/s', 'packets/s'))
    for config, here in ((REAL, [m for m in models if m != FUNCTION]),
                         (VIRTUAL, [m for m in models if m == FUNCTION])):
        if not here:
            continue
        with lab.Guest(config) as guest:
            for model, way in itertools.product(here, [args.way] if args.way else WAYS):
                row = measure(guest, model, way, args.seconds, args.rounds)
                rows.append(row)
                if not args.json:
                    print('%-22s %-10s %12d %12d   %.2f' % (
                        row['driver'], row['way'], row['cleat'], row['peer'], row['ratio']),
                        flush=True)
    if args.json:
        print(json.dumps(rows, indent=2))
    return 0


if __name__ == '__main__':
    sys.exit(main())
