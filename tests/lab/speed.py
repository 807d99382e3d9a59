#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""speed.py - packets per second of each driver beside testpmd, on the same NICs in the same boot.

    tests/lab/speed.py [--seconds S] [--rounds N] [--way tx|io] [--json] [MODEL...]

In turn by Cleat's worker and by testpmd (A B A B ...), packets of 60 bytes; a round of each driver
and way before the next of any, so that what lasts for minutes is in few rounds of each. Sending: a
NIC sends as fast as its driver does; nobody takes them, or with virtio the guest's kernel.
Forwarding: one worker hands what either of the two NICs on a wire receives to the other, so that 32
packets each way go round for ever; each one counts where it is received. Both sides have queues of
as many descriptors. Printed at the end are the medians of either side, and the median of the ratios
of the rounds, as what one round shares, another may not; above 1 Cleat is faster. Runs of one side
differ by a third and more, so rounds are taken until one side has won LEAD more of them than the
other, or there are MOST. A guest under TCG interprets every instruction, so the figures are worth
their ratio only.

Exit code: 0; 77: no lab, or no testpmd, on this machine ("SKIP: reason").
"""
import argparse
import contextlib
import dataclasses
import json
import statistics
import sys

import bed
import cache
import lab
import pci

FUNCTION = 'igbvf'  # in a guest of its own: the first function, and a NIC beside it
VIRTUAL = lab.Config(nics=('igb,hub=0,vfs=2', 'igb,hub=0'), hugepages='256', cpu='max')
REAL = dataclasses.replace(lab.STANDARD, cpu='max')  # with all that testpmd's vector paths may want
DRIVERS = {'e1000': 'net_em (82540EM)', 'e1000e': 'net_em (82574)', 'igb': 'net_igb',
           'virtio-modern': 'net_virtio (modern)', FUNCTION: 'net_igbvf'}
WAYS = {'tx': 'sending', 'io': 'forwarding'}
TO = '02:00:00:00:00:02'  # whom the packets that cleat-rxtx makes are for
MEMORY = ('-m', '128')    # a primary and testpmd have to fit
ROUND = 32                # packets that go round each way: a burst, as testpmd sends first
LEAD = 5                  # rounds: by chance in one of 16 first fives
MOST = 25                 # rounds where the two sides are close
DESCRIPTORS = 512         # of each queue: what a port of Cleat has at first


def run(primary, seconds, program, *args):
    """What a worker says at its end."""
    worker = primary.worker('worker', *args, '--seconds', '%g' % seconds, '--json', wait=False,
                            program=program, nice=0)  # as testpmd
    said = bed.end(worker)
    return json.loads(next(line for line in said.splitlines() if line[:1] == '{'))


def ours(guest, nics, seconds, way):
    """Packets per second that Cleat sends or forwards."""
    with bed.Primary(guest, {nic: 'vfio-pci' for nic in nics}, args=MEMORY) as primary:
        ports = [str(primary.port(nic)) for nic in nics]
        if way == 'tx':
            flow = 'cleat-rxtx', '--mode', 'txonly', '--tx', 'port:' + ports[0]
            run(primary, 1, *flow)  # until there is a link, which testpmd waits for, too
            done = run(primary, seconds, *flow)
            return done['sent'] / done['seconds']
        for nic, port in zip(nics, ports):
            if nic.mac != TO:  # a virtual function must not, and need not
                run(primary, 0.1, 'cleat-rxtx', '--mode', 'rxonly', '--rx', 'port:' + port,
                    '--promiscuous')
        done = run(primary, seconds, 'cleat-l2fwd', '-p', ':'.join(ports), '--no-mac-updating',
                   '--tx-first', str(ROUND))
        assert done['received'], 'the packets that should go round are lost'
        return done['received'] / done['seconds']


def theirs(guest, nics, seconds, way):
    """The same by testpmd, with its vector paths and caches as they are by default."""
    for nic in nics:
        pci.bind(guest, nic.address, 'vfio-pci')
    try:
        options = '--txpkts=60 --rxd=%d --txd=%d %s' % (DESCRIPTORS, DESCRIPTORS, ' '.join(
            '--eth-peer=%d,%s' % (n, TO) for n in range(len(nics))))
        received, sent, _ = pci.testpmd(guest, [nic.address for nic in nics],
                                        'txonly' if way == 'tx' else way, seconds, options,
                                        first=way == 'io')
        done = sent if way == 'tx' else received
        assert done, 'testpmd counts no packets'
        return done
    finally:
        pci.unbind(guest, *[nic.address for nic in nics])


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


def decided(cleat, peer):
    """Has one side won so many rounds more?"""
    won = sum(1 if mine > other else -1 for mine, other in zip(cleat, peer))
    return abs(won) >= LEAD


class Row:
    """What one driver does one way, measured in rounds."""

    def __init__(self, model, way):
        self.model, self.way = model, way
        self.cleat, self.peer = [], []

    def is_open(self, rounds):
        """Are more rounds needed?"""
        done = len(self.cleat)
        return done < rounds or (done < MOST and not decided(self.cleat, self.peer))

    def measure(self, guest, seconds):
        """One round."""
        beside = contextlib.nullcontext()
        if self.model == FUNCTION:
            nics = virtual_function(guest), guest.nics[1]
        else:
            nics = [n for n in guest.nics if n.model == self.model and not n.tap]
        if self.way == 'tx':
            if self.model.startswith('virtio'):
                beside = kernel_sink(guest, nics[1])
            nics = nics[:1]
        with beside:
            self.cleat.append(ours(guest, nics, seconds, self.way))
            self.peer.append(theirs(guest, nics, seconds, self.way))

    def result(self):
        """{driver, way, cleat, peer, ratio}."""
        ratio = statistics.median(mine / other for mine, other in zip(self.cleat, self.peer))
        return {'driver': DRIVERS[self.model], 'way': WAYS[self.way], 'unit': 'packets/s',
                'cleat': round(statistics.median(self.cleat)),
                'peer': round(statistics.median(self.peer)),
                'ratio': round(ratio, 2), 'runs': len(self.cleat),
                'cleat_runs': [round(n) for n in self.cleat],
                'peer_runs': [round(n) for n in self.peer]}


def measure_all(guest, rows, args):
    """A round of each row, then the next of each: what lasts for minutes is in one round of many."""
    while any(row.is_open(args.rounds) for row in rows):
        for row in rows:
            if row.is_open(args.rounds):
                row.measure(guest, args.seconds)
                print('.', end='', file=sys.stderr, flush=True)  # a round takes 15 s
    print(file=sys.stderr)


def show(results):
    """The table for people."""
    print('%-22s %-10s %12s %12s   ratio\n%-33s %12s %12s' % (
        '60 bytes', '', 'cleat', 'testpmd', '', 'packets/s', 'packets/s'))
    for row in results:
        print('%-22s %-10s %12d %12d   %.2f' % (
            row['driver'], row['way'], row['cleat'], row['peer'], row['ratio']))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--rounds', type=int, default=LEAD, help='at least')
    parser.add_argument('--way', choices=list(WAYS), help='only sending, or only forwarding')
    parser.add_argument('--json', action='store_true')
    parser.add_argument('model', nargs='*', choices=[[], *DRIVERS])
    args = parser.parse_args()
    try:
        cache.fill(peer=True)
    except lab.Missing as why:
        print('SKIP: %s' % why)
        return 77
    models = args.model or list(DRIVERS)
    results = []
    for config, here in ((REAL, [m for m in models if m != FUNCTION]),
                         (VIRTUAL, [m for m in models if m == FUNCTION])):
        rows = [Row(model, way) for model in here for way in WAYS if args.way in (None, way)]
        if not rows:
            continue
        with lab.Guest(config) as guest:
            measure_all(guest, rows, args)
        results += [row.result() for row in rows]
    if args.json:
        print(json.dumps(results, indent=2))
    else:
        show(results)
    return 0


if __name__ == '__main__':
    sys.exit(main())
