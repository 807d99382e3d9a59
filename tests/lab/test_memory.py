# SPDX-License-Identifier: BSD-3-Clause
"""test_memory.py - the memory under packets: page sizes, growth while devices run, NUMA nodes."""
import os

import bed
import lab
import pci

CONFIG = lab.STANDARD
TESTS = os.path.dirname(lab.BIN) + '/tests'


def virtio_pair(guest):
    """Two modern virtio devices on one wire."""
    return [n for n in guest.nics if n.model == 'virtio-modern' and not n.tap][:2]


def few(guest, a, b):
    """A capture that fits a virtio ring: QEMU lets one packet overtake another that waits."""
    path = guest.out + '/frames.pcap'
    bed.write_pcap(path, bed.frames(b.mac, a.mac, rounds=8))
    return path


def test_small_pages(guest):
    """4 KiB pages, through the IOMMU."""
    bed.forward(guest, *guest.nics[0:2], 'vfio-pci', primary_args=('--no-huge', '-m', '64'))


def test_small_pages_virtio(guest):
    """The same on virtio devices."""
    a, b = virtio_pair(guest)
    bed.forward(guest, a, b, 'vfio-pci', capture=few(guest, a, b),
                primary_args=('--no-huge', '-m', '64'))


def test_growth(guest):
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
        bed.forward(guest, *guest.nics[0:2], 'vfio-pci', primary_args=('-m', '64'), prepare=grow,
                    check=check, receiver_args=('--promiscuous', '--pool', 'extra'))
    finally:
        guest.check('echo 256 >/proc/sys/vm/nr_hugepages')


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


def receives_on_its_node(nic):
    """A check for bed.forward()."""
    def check(primary):
        pool = rx_pool(primary, nic)
        assert node_of_pool(primary, pool) == nic.node, (pool, primary.tool('pools'))
        rings = [z for z in primary.tool('zones')
                 if z['name'].startswith('cleat.port.%d.' % primary.port(nic))]
        assert rings and all(z['node'] == nic.node for z in rings), rings
        device = next(d for d in primary.tool('devices')['devices'] if d['device'] == nic.address)
        assert device['node'] == nic.node, device
    return check


@lab.needs(lab.NUMA)
def test_numa(guest):
    """Memory, buffers and descriptors are on the NICs' node without being told to."""
    a, b = guest.nics[0:2]
    bed.forward(guest, a, b, 'vfio-pci', check=receives_on_its_node(b))


@lab.needs(lab.NUMA)
def test_numa_virtio(guest):
    """The same for virtio devices."""
    a, b = virtio_pair(guest)
    bed.forward(guest, a, b, 'vfio-pci', capture=few(guest, a, b), check=receives_on_its_node(b))


@lab.needs(lab.NUMA)
def test_numa_both(guest):
    """Memory on both nodes: each NIC receives into its own; one of no known node into the first."""
    a, b = guest.nics[0], guest.nics[2]
    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'},
                     args=('--socket-mem', '128,160')) as primary:
        receives_on_its_node(a)(primary)
        nodes = {s['node_got'] for s in primary.tool('map') if s['kind'] == 2}
        assert nodes == {0, 1}, primary.tool('map')
        assert rx_pool(primary, b) == 'default' and node_of_pool(primary, 'default') == 0


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
