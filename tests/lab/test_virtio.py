# SPDX-License-Identifier: BSD-3-Clause
"""test_virtio.py - net_virtio: each interface of the device by each access method that fits it.

QEMU's hub has one queue and no checksum offload: several queue pairs and checksums are in
test_pairs.py, on a tap. A packet that finds no receive buffer waits in QEMU and may be overtaken by the
next one: so captures that must keep their order hold no more packets than the ring has buffers.
"""
import asleep
import bed
import death
import echo
import lab
import pci
import speed

CONFIG = lab.STANDARD
OLD, MODERN = 6, 8  # the first of two
LEGACY, HEADER_APART, NO_QUEUE_RESET = 10, 12, 14  # of NO_IOMMU alone
RING = 256          # what the device has for each direction
PA = ('--iova-mode', 'pa')


def capture(guest, a, b, sizes=bed.SIZES, buffers=1, most=RING):
    """Frames for b, no more than the ring has room for when each takes that many buffers."""
    path = guest.out + '/frames.pcap'
    bed.write_pcap(path, bed.frames(b.mac, a.mac, sizes, most // buffers // len(sizes)))
    return path


def agreed(guest, nic, *names):
    """Which of these features it has been asked for."""
    return {name for name in names if name in pci.negotiated(guest, nic)}


def carry(guest, first, second, driver, says, most=RING, **more):
    """From one NIC to the other; the primary's log says which interface it took. A modern device
    merges no buffers, as none is too small."""
    def check(primary):
        assert says + ' virtio device' in primary.log(), primary.log()
        if says == 'modern':
            assert not agreed(guest, b, 'VIRTIO_NET_F_MRG_RXBUF')

    a, b = guest.nics[first], guest.nics[second]
    bed.forward(guest, a, b, driver, capture=capture(guest, a, b, most=most), check=check, **more)


def test_modern(guest):
    """Through the IOMMU, both ways; who is to be told of what goes by event indexes."""
    carry(guest, MODERN, MODERN + 1, 'vfio-pci', 'modern')
    with bed.Primary(guest, {guest.nics[MODERN]: 'vfio-pci'}):
        assert agreed(guest, guest.nics[MODERN], 'VIRTIO_RING_F_EVENT_IDX')
    carry(guest, MODERN + 1, MODERN, 'vfio-pci', 'modern')


def test_jumbo(guest):
    """Packets of several buffers."""
    a, b = guest.nics[MODERN:MODERN + 2]
    path = capture(guest, a, b, (1514, 1515, 2034, 2035, 2048, 4096, 8999, 9014), buffers=5)

    def check(primary):
        assert agreed(guest, b, 'VIRTIO_NET_F_MRG_RXBUF')

    bed.forward(guest, a, b, 'vfio-pci', capture=path, worker_args=('--mtu', '9000'), check=check)


@lab.needs(lab.NO_IOMMU)
def test_flags(guest):
    """A device without event indexes, both ways."""
    carry(guest, NO_QUEUE_RESET, NO_QUEUE_RESET + 1, 'uio_pci_generic', 'modern')
    carry(guest, NO_QUEUE_RESET + 1, NO_QUEUE_RESET, 'igb_uio', 'modern')


def test_physical(guest):
    """A device that goes round the IOMMU, by vfio-pci: registers in memory, and I/O ports."""
    carry(guest, OLD, OLD + 1, 'vfio-pci', 'modern', primary_args=PA)
    carry(guest, OLD + 1, OLD, 'vfio-pci', 'legacy', primary_args=PA, nic_args=',legacy=1')


def test_round_the_iommu(guest):
    """It is refused where addresses are virtual."""
    nic = guest.nics[OLD]
    try:
        with bed.Primary(guest, {nic: 'vfio-pci'}, args=('--iova-mode', 'va')):
            raise AssertionError('it was taken')
    except lab.Dead as why:
        assert 'does not go through the IOMMU' in str(why), str(why)


@lab.needs(lab.NO_IOMMU)
def test_transitional(guest):
    """A device with both interfaces: the modern one, or the other if told so."""
    carry(guest, OLD, OLD + 1, 'uio_pci_generic', 'modern')
    carry(guest, OLD, OLD + 1, 'igb_uio', 'modern')
    carry(guest, OLD, OLD + 1, 'uio_pci_generic', 'legacy', nic_args=',legacy=1')
    carry(guest, OLD, OLD + 1, 'igb_uio', 'legacy', nic_args=',legacy=1')


@lab.needs(lab.NO_IOMMU)
def test_modern_uio(guest):
    """A device with the modern interface only, by physical addresses."""
    carry(guest, MODERN, MODERN + 1, 'uio_pci_generic', 'modern')
    carry(guest, MODERN, MODERN + 1, 'igb_uio', 'modern')


@lab.needs(lab.NO_IOMMU)
def test_legacy(guest):
    """A device with nothing but the I/O BAR, both ways."""
    carry(guest, LEGACY, LEGACY + 1, 'uio_pci_generic', 'legacy')
    carry(guest, LEGACY + 1, LEGACY, 'igb_uio', 'legacy')


@lab.needs(lab.NO_IOMMU)
def test_header_apart(guest):
    """An old device: no merged buffers, and the header in a descriptor of its own."""
    carry(guest, HEADER_APART, HEADER_APART + 1, 'uio_pci_generic', 'legacy', most=RING // 2)


def test_small_pool(guest):
    """A sender whose pool is wholly on its way goes on when it has been sent."""
    a, b = guest.nics[MODERN:MODERN + 2]
    with speed.kernel_sink(guest, b), bed.Primary(
            guest, {a: 'vfio-pci'}, args=('--mbufs', '100')) as primary:
        sent = speed.run(primary, 1, 'cleat-rxtx', '--mode', 'txonly', '--tx',
                         'port:%d' % primary.port(a))['sent']
        assert sent > 1000, sent


def test_small_pool_echo(guest):
    """A responder goes on, too: into an empty pool nothing is received."""
    a, b = guest.nics[MODERN:MODERN + 2]
    with bed.Primary(guest, {a: 'vfio-pci'}, args=('--mbufs', '48')) as primary, \
            echo.kernel_host(guest, b):
        end = 'port:%d:0' % primary.port(a)
        primary.worker('echo', '--rx', end, '--tx', end, '--mode', 'echo', '--ip', '10.0.0.2')
        echo.load(guest, '10.0.0.2')


# ---- owners that die ----

def resets(primary, nic):
    """How often the whole device was reset below its owners."""
    port = primary.port(nic)
    return next(s['value'] for s in primary.tool('stats', '--all')
                if s['port'] == port and s['counter'] == 'hw_device_resets')


def owners_die(guest, first, driver, whole, nic_args=''):
    """whole: is the whole device reset for that?"""
    a, b = guest.nics[first:first + 2]

    def check(primary):
        assert (resets(primary, b) > 0) == whole, resets(primary, b)

    death.run(guest, a, b, driver, check, nic_args)


def test_death(guest):
    """A device that can reset one queue: nobody else notices."""
    owners_die(guest, MODERN, 'vfio-pci', False)


@lab.needs(lab.NO_IOMMU)
def test_death_legacy(guest):
    """A device that can only be reset as a whole, below those who go on."""
    owners_die(guest, OLD, 'uio_pci_generic', True, nic_args=',legacy=1')


@lab.needs(lab.NO_IOMMU)
def test_death_modern(guest):
    """The same behind the modern interface."""
    owners_die(guest, NO_QUEUE_RESET, 'igb_uio', True)


# ---- interrupts ----

def pulled(guest, first, driver, args=(), nic_args=''):
    """The cable is pulled and put back."""
    nic = guest.nics[first]
    with bed.Primary(guest, {nic: driver}, args=args, nic_args=nic_args) as primary:
        for up in (False, True):
            guest.qmp('set_link', name='nic%d' % nic.number, up=up)
            bed.wait_for('the link is not seen %s' % ('up' if up else 'down'),
                         lambda: bool(primary.tool('ports')[0]['link_up']) == up)


def test_link(guest):
    """By MSI-X."""
    pulled(guest, MODERN, 'vfio-pci')
    pulled(guest, OLD, 'vfio-pci', PA, ',legacy=1')


@lab.needs(lab.NO_IOMMU)
def test_link_uio(guest):
    """By the interrupt line, and by one vector."""
    pulled(guest, OLD, 'uio_pci_generic')
    pulled(guest, OLD, 'igb_uio', nic_args=',legacy=1')


def sleeps(guest, first, driver, **more):
    """A worker that sleeps wakes for each packet."""
    asleep.run(guest, *guest.nics[first:first + 2], driver, **more)


def test_interrupts(guest):
    """By a vector of the queue's own."""
    sleeps(guest, MODERN, 'vfio-pci')
    sleeps(guest, OLD, 'vfio-pci', args=PA, nic_args=',legacy=1')


@lab.needs(lab.NO_IOMMU)
def test_interrupts_uio(guest):
    """By one interrupt for all, which the primary passes on."""
    sleeps(guest, OLD, 'uio_pci_generic')
    sleeps(guest, OLD, 'igb_uio', nic_args=',legacy=1')
