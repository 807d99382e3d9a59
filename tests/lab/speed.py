#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""speed.py - packets per second of each driver beside testpmd, on the same NICs in the same boot.

    tests/lab/speed.py [--seconds S] [--rounds N] [--json] [MODEL...]

A NIC sends 60-byte packets as fast as its driver does, in turn by Cleat's worker and by testpmd
(A B A B ...); nobody takes them, or with virtio the guest's kernel. The medians and their ratio are
printed; above 1 Cleat is faster. A guest under TCG interprets every instruction, so the figures are
worth their ratio only.

Exit code: 0; 77: no lab, or no testpmd, on this machine ("SKIP: reason").
"""
import argparse
import contextlib
import dataclasses
import json
import statistics
import sys
import time

import bed
import cache
import lab
import pci

FUNCTION = 'igbvf'  # in a guest of its own
VIRTUAL = lab.Config(nics=('igb,hub=0,vfs=2',), hugepages='256')
DRIVERS = {'e1000': 'net_em (82540EM)', 'e1000e': 'net_em (82574)', 'igb': 'net_igb',
           'virtio-modern': 'net_virtio (modern)', FUNCTION: 'net_igbvf'}


def ours(guest, nic, seconds):
    """Packets per second that Cleat sends."""
    with bed.Primary(guest, {nic: 'vfio-pci'}) as primary:
        sender = primary.worker('sender', '--mode', 'txonly', '--tx', 'port:%d:0' %
                                primary.port(nic))
        time.sleep(1)
        before, start = primary.stats(nic)['tx_packets'], time.monotonic()
        time.sleep(seconds)
        after, took = primary.stats(nic)['tx_packets'], time.monotonic() - start
        bed.stop(sender)
    return (after - before) / took


def theirs(guest, nic, seconds):
    """The same by testpmd, with its vector paths and caches as they are by default."""
    pci.bind(guest, nic.address, 'vfio-pci')
    try:
        _, sent, _ = pci.testpmd(guest, [nic.address], 'txonly', seconds, '--txpkts=60')
        return sent
    finally:
        pci.unbind(guest, nic.address)


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
    guest.check('ip link set %s up; ip link set %s vf 0 mac 02:00:00:00:10:00' % (name, name))
    return dataclasses.replace(physical, address=physical.vf_address(0), mac='02:00:00:00:10:00')


def measure(guest, model, seconds, rounds):
    """Both, in turn: {driver, cleat, peer, ratio}."""
    if model == FUNCTION:
        sink, nic = None, virtual_function(guest)
    else:
        sink, nic = [n for n in guest.nics if n.model == model]
    cleat, peer = [], []
    with kernel_sink(guest, sink) if model.startswith('virtio') else contextlib.nullcontext():
        for _ in range(rounds):
            cleat.append(ours(guest, nic, seconds))
            peer.append(theirs(guest, nic, seconds))
    mine, other = statistics.median(cleat), statistics.median(peer)
    return {'driver': DRIVERS[model], 'unit': 'packets/s', 'cleat': round(mine),
            'peer': round(other), 'ratio': round(mine / other, 2), 'runs': rounds,
            'cleat_runs': [round(n) for n in cleat], 'peer_runs': [round(n) for n in peer]}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seconds', type=float, default=3)
    parser.add_argument('--rounds', type=int, default=3)
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
        print('%-22s %12s %12s   ratio\n%-22s %12s %12s' % ('sending 60 bytes', 'cleat', 'testpmd',
                                                          '', 'packets/s', 'packets/s'))
    for config, here in ((lab.STANDARD, [m for m in models if m != FUNCTION]),
                         (VIRTUAL, [m for m in models if m == FUNCTION])):
        if not here:
            continue
        with lab.Guest(config) as guest:
            for model in here:
                rows.append(measure(guest, model, args.seconds, args.rounds))
                if not args.json:
                    print('%-22s %12d %12d   %.2f' % (rows[-1]['driver'], rows[-1]['cleat'],
                                                      rows[-1]['peer'], rows[-1]['ratio']),
                          flush=True)
    if args.json:
        print(json.dumps(rows, indent=2))
    return 0


if __name__ == '__main__':
    sys.exit(main())
