# SPDX-License-Identifier: BSD-3-Clause
"""test_memory.py - the memory under packets: page sizes, growth while devices run, NUMA nodes."""
import os

import bed
import lab
import pci
import test_igbvf
from nic import VIRTIO

CONFIG = lab.STANDARD
TESTS = os.path.dirname(lab.BIN) + '/tests'
SMALL = ('--no-huge', '-m', '64')
JUMBO = (1514, 1515, 2034, 2035, 2048, 4096, 8999, 9014)  # up to five buffers each


def pairs(guest, *models):
    """The first two NICs of each model, which are on a wire of their own."""
    return [tuple(n for n in guest.nics if n.model == m and not n.vfs)[:2] for m in models]


def legacy(guest):
    """Two legacy virtio devices that put a packet into several buffers, on one wire."""
    return tuple(n for n in guest.nics if n.extra == VIRTIO['legacy'])


def through(guest, chain, driver, sizes=bed.SIZES, rounds=8, **more):
    """Packets through pairs of NICs one after the other. So few fit a virtio ring: QEMU lets one
    packet overtake another that waits."""
    path = guest.out + '/frames.pcap'
    a, b = chain[0]
    bed.write_pcap(path, bed.frames(b.mac, a.mac, sizes, rounds))
    bed.forward(guest, a, b, driver, capture=path, on=chain[1:], **more)


def test_small_pages(guest):
    """4 KiB pages, through the IOMMU, by each driver of a whole device."""
    through(guest, pairs(guest, 'e1000e', 'igb', 'e1000', 'virtio-modern'), 'vfio-pci',
            primary_args=SMALL)


@lab.needs(lab.NUMA)
def test_small_pages_function(guest):
    """The same by a virtual function, both ways."""
    function, other = test_igbvf.functions(guest)[0], guest.nics[0]
    for a, b in ((function, other), (other, function)):
        bed.forward(guest, a, b, 'vfio-pci', primary_args=SMALL, receiver_args=())


@lab.needs(lab.NO_IOMMU)
def test_scattered(guest):
    """Packets of several buffers by physical addresses, of which each buffer has its own: by each
    driver of a whole device; to a legacy virtio device all is told by I/O ports."""
    through(guest, pairs(guest, 'e1000e', 'igb', 'e1000') + [legacy(guest)], 'uio_pci_generic',
            JUMBO, 6, worker_args=('--mtu', '9000'))


def grow_below(guest, driver, *args):
    """A segment that came while devices run is mapped for them: packets are received into it, by a
    worker's --pool."""
    b = guest.nics[1]

    def grow(primary):
        guest.check('echo 400 >/proc/sys/vm/nr_hugepages')
        said = guest.check([TESTS + '/lab/grow', bed.INSTANCE, '192', 'extra'], user='nobody')
        assert said.startswith('segment '), said
        pools = {p['name']: p for p in primary.tool('pools')}
        assert pools['extra']['count'] == 192 * 400, pools

    def check(primary):
        queue = next(q for q in primary.tool('queues') if q['port'] == primary.port(b) and
                     q['dir'] == 'rx')
        assert queue['pool'] == 'extra' and queue['packets'] > 0, queue

    try:
        bed.forward(guest, *guest.nics[0:2], driver, primary_args=('-m', '64', *args), prepare=grow,
                    check=check, receiver_args=('--promiscuous', '--pool', 'extra'))
    finally:
        guest.check('echo 256 >/proc/sys/vm/nr_hugepages')


def test_growth(guest):
    """Memory that comes while devices run, at the addresses that processes have, and at physical
    ones."""
    grow_below(guest, 'vfio-pci', '--iova-mode', 'va')
    grow_below(guest, 'vfio-pci', '--iova-mode', 'pa')


@lab.needs(lab.NO_IOMMU)
def test_growth_uio(guest):
    """The same where nothing is mapped for devices: they are told physical addresses."""
    grow_below(guest, 'uio_pci_generic')


def node_of_pool(primary, name):
    """Where a pool's memory is."""
    return next(p['node'] for p in primary.tool('pools') if p['name'] == name)


def rx_pool(primary, nic, number=0):
    """What a queue of a NIC receives into."""
    return next(q for q in primary.tool('queues') if q['port'] == primary.port(nic) and
                q['dir'] == 'rx' and q['queue'] == number)['pool']


def out_of(primary, name):
    """How many buffers of a pool are in use."""
    pool = next(p for p in primary.tool('pools') if p['name'] == name)
    return pool['count'] - pool['available']


def receives_on_its_node(primary, nic):
    """The pool, the rings and the device are there."""
    pool = rx_pool(primary, nic)
    assert node_of_pool(primary, pool) == nic.node, (pool, primary.tool('pools'))
    rings = [z for z in primary.tool('zones')
             if z['name'].startswith('cleat.port.%d.' % primary.port(nic))]
    assert rings and all(z['node'] == nic.node for z in rings), rings
    device = next(d for d in primary.tool('devices')['devices'] if d['device'] == nic.address)
    assert device['node'] == nic.node, device


@lab.needs(lab.NUMA)
def test_numa(guest):
    """Memory is on the node of the one NIC without being told to."""
    nic = guest.nics[0]
    with bed.Primary(guest, {nic: 'vfio-pci'}) as primary:
        receives_on_its_node(primary, nic)


@lab.needs(lab.NUMA)
def test_numa_both(guest):
    """Memory on both nodes: a virtual function, a whole device and a virtio device receive packets
    into their own; one of no known node would into the first."""
    chain = [(guest.nics[0], test_igbvf.functions(guest)[0]), *pairs(guest, 'igb', 'virtio-modern')]

    def check(primary):
        for _, receiver in chain:
            assert receiver.node == 1, receiver
            receives_on_its_node(primary, receiver)
        nodes = {s['node_got'] for s in primary.tool('map') if s['kind'] == 2}
        assert nodes == {0, 1}, primary.tool('map')
        pool = rx_pool(primary, chain[1][0])
        assert pool == 'default' and node_of_pool(primary, pool) == 0, pool

    through(guest, chain, 'vfio-pci', receiver_args=(), check=check,
            primary_args=('--socket-mem', '128,160'))


def work(primary, nic, *args, number=0):
    """A worker that receives at a queue of a NIC for a moment."""
    bed.end(primary.worker('w', '--mode', 'rxonly', '--rx',
                           'port:%d:%d' % (primary.port(nic), number), '--seconds', '0.2', *args,
                           wait=False))


@lab.needs(lab.NUMA)
def test_numa_workers(guest):
    """A port that a worker sets up anew goes on receiving into the pool on its node, unless the
    worker names another one; packets that a worker makes come from there as well."""
    nic = guest.nics[1]
    with bed.Primary(guest, {nic: 'vfio-pci'}, args=('--socket-mem', '128,160')) as primary:
        assert node_of_pool(primary, 'default.node1') == nic.node == 1
        work(primary, nic, '--mtu', '1400')
        assert rx_pool(primary, nic) == 'default.node1'
        work(primary, nic)
        assert rx_pool(primary, nic) == 'default.node1'
        work(primary, nic, '--pool', 'default')
        assert rx_pool(primary, nic) == 'default'
        work(primary, nic, '--mtu', '1500')
        assert rx_pool(primary, nic) == 'default'
        sender = primary.worker('s', '--mode', 'txonly', '--tx', 'port:%d:0' % primary.port(nic))
        assert bed.until(lambda: out_of(primary, 'default.node1') > 0), primary.tool('pools')
        assert out_of(primary, 'default') == 0, primary.tool('pools')
        bed.stop(sender)


@lab.needs(lab.NUMA)
def test_numa_first_set_up(guest):
    """A queue that nobody had set up receives into the pool on its port's node, too."""
    nic = guest.nics[-1]
    with bed.Primary(guest, {nic: 'vfio-pci'}, args=('--socket-mem', '128,160')) as primary:
        work(primary, nic, number=1)
        assert [rx_pool(primary, nic, n) for n in (0, 1)] == ['default.node1'] * 2


@lab.needs(lab.NO_IOMMU)
def test_small_pages_uio(guest):
    """4 KiB pages by physical addresses: refused with a sentence."""
    nic = guest.nics[0]
    pci.bind(guest, nic.address, 'uio_pci_generic')
    done = guest.run(['%s/cleat-primary' % lab.BIN, '--instance', 'refused', '--no-huge', '-m',
                      '64', '-a', nic.address])
    pci.unbind(guest, nic.address)
    assert done.code == 2 and b'hugepages' in done.err, (done.code, done.err)
