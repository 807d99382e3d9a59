# SPDX-License-Identifier: BSD-3-Clause
"""echo.py - the responder on a NIC, and the guest's kernel with its own driver on the other."""
import contextlib
import functools
import json
import os
import re
import time

import bed
import cache
import pci

ADDRESSES = {'10.0.0.2': '10.0.0.1/24', 'fd00::2': 'fd00::1/64'}  # ours: the kernel's
FIND_INTERFACE = '''
    cd %s%s
    while :; do
        for d in net/* virtio*/net/*; do [ ! -e $d ] || { basename $d; exit; }; done
        sleep 0.1
    done'''
RING = 512  # descriptors of a queue of Intel's controllers
LOAD = os.path.dirname(os.path.abspath(__file__)) + '/udp_load.py'


@contextlib.contextmanager
def kernel_host(guest, nic):
    """The NIC is the kernel's, up and with addresses; the name of its interface."""
    if nic.model == 'virtio-modern':
        guest.check('modprobe virtio_net')
    pci.bind(guest, nic.address, pci.KERNEL[nic.model])
    try:
        name = guest.check(FIND_INTERFACE % (pci.SYSFS, nic.address))
        for address in ADDRESSES.values():
            guest.check('ip addr add %s dev %s %s' % (address, name,
                                                      'nodad' if ':' in address else ''))
        guest.check('ip link set %s up' % name)
        assert bed.until(lambda: guest.check('cat /sys/class/net/%s/carrier' % name) == '1')
        yield name
    finally:
        pci.unbind(guest, nic.address)


def busybox(guest, *args):
    """What a command of busybox says."""
    return guest.run([cache.fill() + '/busybox/busybox', *args], 60).out.decode()


def ping(guest, address, *options):
    """How many of 5 pings are answered, each sent when the one before is."""
    said = busybox(guest, 'ping', '-A', '-c', '5', '-W', '1', *options, address)
    return int(re.search(r'(\d+) packets received', said).group(1))


def load(guest, address, count=1000):
    """UDP to the echo port; all must come back."""
    sent, back = guest.check(['python3', LOAD, address, str(count)], 200).split()
    assert sent == back == str(count), '%s: %s sent, %s back' % (address, sent, back)


def stands(sent, before):
    """Nobody gets on any more: some were sent, and then none for a second."""
    now = sent()
    if now > before:
        time.sleep(1)
    return before < now == sent()


def overload(guest, primary, worker, name, held_back):
    """More comes than the responder can take: several send as fast as they can, and it is stopped
    until that is more than its ring holds, or, where a full ring holds senders back, until none
    gets on. It survives, loses no buffer, and answers everybody afterwards."""
    def sent():
        return int(guest.check('cat /sys/class/net/%s/statistics/tx_packets' % name))

    before = sent()
    worker.signal(19)
    floods = [guest.start(['python3', LOAD, '10.0.0.2', '2000', 'flood']) for _ in range(3)]
    try:
        too_much = functools.partial(stands, sent, before) if held_back else \
            lambda: sent() > before + 2 * RING
        assert bed.until(too_much, 60), 'no overload: %d' % sent()
        assert not held_back or all(flood.code is None for flood in floods)
    finally:
        worker.signal(18)
    for flood in floods:
        bed.end(flood)
    assert bed.until(lambda: ping(guest, '10.0.0.2') == 5, 60), 'it does not recover'
    load(guest, '10.0.0.2')
    primary.audit()


def check_host(guest, name, mac):
    """What one host expects of another."""
    said = busybox(guest, 'arping', '-c', '3', '-I', name, '10.0.0.2')
    assert 'Received 3 ' in said and mac in said, said
    for address in ADDRESSES:
        got = ping(guest, address)
        assert got == 5, '%s: %d of 5 pings answered' % (address, got)
        neighbour = guest.check('ip neigh show %s dev %s' % (address, name))
        assert mac in neighbour, neighbour
        assert ping(guest, address, '-s', '1400') == 5
        load(guest, address)
    assert ping(guest, '10.0.0.2', '-c', '2', '-s', '3000') == 0, 'fragments are not put together'
    assert ping(guest, '10.0.0.3', '-c', '2') == 0, 'nobody has this address'


def respond(guest, a, b, driver, *worker_args):
    """A responder on NIC a, the kernel on NIC b; what it counted agrees."""
    with bed.Primary(guest, {a: driver}) as primary, kernel_host(guest, b) as name:
        end = 'port:%d:0' % primary.port(a)
        worker = primary.worker('echo', '--rx', end, '--tx', end, '--mode', 'echo', '--ip',
                                '10.0.0.2', '--ip6', 'fd00::2', '--json', *worker_args)
        check_host(guest, name, a.mac)
        overload(guest, primary, worker, name, held_back=a.model == 'virtio-modern')
        lines = bed.stop(worker).splitlines()
    counts = json.loads(next(x for x in lines if x.startswith('{')))['echo']
    assert counts['arp'] and counts['nd'], counts
    assert counts['icmp'] >= 10 and counts['icmp6'] >= 10, counts
    assert counts['udp'] >= 1000 and counts['udp6'] >= 1000, counts
    assert counts['fragment'] >= 5 and counts['bad'] == counts['shared'] == 0, counts
