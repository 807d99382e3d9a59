# SPDX-License-Identifier: BSD-3-Clause
"""test_access.py - vfio-pci, uio_pci_generic and igb_uio, each on each NIC that they fit."""
import os

import bed
import lab
import pci

ACCESS = os.path.dirname(lab.BIN) + '/tests/lab/access'
# The IOMMU is narrow, and lets the physical addresses of UIO through. The second is a function of
# the first, in one group with it.
CONFIG = lab.Config(nics=('e1000,multifunction=on', 'e1000,addr=4.1', 'e1000e', 'igb,hub=1',
                          'virtio,legacy,hub=1'), aw_bits=39, append='iommu=pt', hugepages='256')
SECOND = '0000:00:04.1'
OLD, NEW, IGB, VIRTIO = 0, 2, 3, 4


def access(guest, *args, code=0, before=''):
    """Run the program; its output."""
    done = guest.run('%s %s %s' % (before, ACCESS, ' '.join(args)))
    text = (done.out + done.err).decode()
    assert done.code == code, 'access %s: exit code %d\n%s' % (' '.join(args), done.code, text)
    return text


def refused(guest, *args, before=''):
    """What it says when it cannot open the device."""
    return access(guest, *args, code=3, before=before)


def first_of(guest, model):
    """A NIC of a guest that several files share."""
    return next(n for n in guest.nics if n.model == model)


def everything(guest, driver):
    """Registers, configuration, interrupts, ports, reset of each NIC but the second function."""
    for n in guest.nics[:1] + guest.nics[2:]:
        pci.bind(guest, n.address, driver)
        try:
            text = access(guest, 'all', n.address)
        finally:
            pci.unbind(guest, n.address)
        for part in ('config', 'ports', 'rest') + (('interrupts',) if n.model != 'virtio' else ()):
            assert part + ' ok' in text, (part, text)
        yield n, text


def test_vfio(guest):
    """MSI-X where the NIC has it, INTx on the old one."""
    for n, text in everything(guest, 'vfio-pci'):
        assert ('MSI-X on' in text) == (n.model in ('e1000e', 'igb')), text
        assert 'guard ok' in text or n.model == 'virtio', text
        assert ('3 wired' in text) == (n.model in ('e1000e', 'igb')), text


def test_uio_generic(guest):
    """The interrupt line alone."""
    for n, text in everything(guest, 'uio_pci_generic'):
        assert '1 wired, MSI-X off' in text or n.model == 'virtio', text


def test_igb_uio(guest):
    """One vector, MSI-X where the NIC has it."""
    for n, text in everything(guest, 'igb_uio'):
        assert '1 wired, MSI-X %s' % ('off' if n.model == 'e1000' else 'on') in text or \
            n.model == 'virtio', text


def test_igb_uio_at_once(guest):
    """It is opened as soon as the kernel shows it, which its module does in the middle of binding.
    Without care a bind fails soon: the fifth in one trial, the first in another."""
    nic = guest.nics[NEW]
    for _ in range(40):
        opener = guest.start([os.path.dirname(ACCESS) + '/eager', nic.address])
        opener.wait_for('looking')
        pci.bind(guest, nic.address, 'igb_uio')
        done = opener.wait(30)
        assert done.code == 0, (done.out + done.err).decode()
        pci.unbind(guest, nic.address)


def test_packets(guest):
    """By UIO, round the IOMMU that is there: packets reach the memory they are meant for."""
    old, new, igb, virtio = (guest.nics[n] for n in (OLD, NEW, IGB, VIRTIO))
    capture = guest.out + '/frames.pcap'
    for driver, (a, b), *on in (('uio_pci_generic', (old, new), (igb, virtio)),
                                ('igb_uio', (virtio, igb), (new, old))):
        bed.write_pcap(capture, bed.frames(b.mac, a.mac, rounds=8))  # fits a virtio ring
        bed.forward(guest, a, b, driver, capture=capture, on=on)


def test_packets_shifted(guest):
    """Through this IOMMU, at addresses that are not those of processes."""
    def check(primary):
        assert 'the IOMMU is too narrow' in primary.log(), primary.log()

    bed.forward(guest, guest.nics[OLD], guest.nics[NEW], 'vfio-pci', check=check)


def test_uio_maps(guest):
    """BARs by /dev/uioN where the kernel does not let resourceN be mapped."""
    n = guest.nics[NEW]
    files = ['%s%s/resource%d' % (pci.SYSFS, n.address, bar) for bar in (0, 1, 3)]
    pci.bind(guest, n.address, 'igb_uio')
    try:
        for f in files:  # each another file, as each is locked by itself
            guest.check('mkfifo /run/pipe; mount --bind /run/pipe %s; rm /run/pipe' % f)
        text = access(guest, 'all', n.address)
    finally:
        for f in files:
            guest.run('umount %s' % f)
        pci.unbind(guest, n.address)
    assert 'BAR 0: 0x0 + 0x20000 at 0x0\n' in text and 'BAR 1: 0x0 + 0x20000 at 0x1000\n' in text, text


def test_dma(guest):
    """The window is shifted into the 39 bits of this IOMMU; ranges come and go."""
    n = guest.nics[NEW]
    pci.bind(guest, n.address, 'vfio-pci')
    text = access(guest, 'dma', n.address)
    assert 'shift 0x0\n' not in text and 'refused: ' in text, text
    pci.unbind(guest, n.address)


@lab.needs(lab.STANDARD)
def test_dma_wide(guest):
    """48 bits need no shift."""
    n = first_of(guest, 'e1000')
    pci.bind(guest, n.address, 'vfio-pci')
    assert 'shift 0x0\n' in access(guest, 'dma', n.address)
    pci.unbind(guest, n.address)


def test_groups(guest):
    """Two functions without ACS are one group: both in user space or none."""
    one = guest.nics[OLD].address
    pci.bind(guest, one, 'vfio-pci')
    pci.bind(guest, SECOND, 'e1000')
    text = refused(guest, 'try', one, 'va')
    assert text.startswith('EBUSY') and SECOND + ' (e1000)' in text, text
    pci.bind(guest, SECOND, 'vfio-pci')
    access(guest, 'two', one, SECOND)
    access(guest, 'dma', one)
    for address in (one, SECOND):
        pci.unbind(guest, address)


@lab.needs(lab.STANDARD)
def test_refusals(guest):
    """What is not ours is left alone, and the sentence says how to get it."""
    n = first_of(guest, 'e1000e')
    pci.bind(guest, n.address, 'e1000e')
    text = refused(guest, 'try', n.address, 'pa')
    assert text.startswith('EBUSY') and 'e1000e' in text and 'cleat bind' in text, text
    done = guest.run([lab.BIN + '/cleat-primary', '--instance', 'refused', '-a', n.address])
    assert done.code == 2 and b'cleat bind' in done.err, (done.code, done.err)
    pci.unbind(guest, n.address)
    assert refused(guest, 'try', n.address, 'va').startswith('ENODEV')
    pci.bind(guest, n.address, 'uio_pci_generic')
    assert '--iova-mode pa' in refused(guest, 'try', n.address, 'va')
    assert 'iommu=pt' in refused(guest, 'try', n.address, 'pa')
    pci.bind(guest, n.address, 'vfio-pci')
    hold = guest.start([ACCESS, 'hold', n.address])
    hold.wait_for('held')
    text = refused(guest, 'try', n.address, 'va')
    assert text.startswith('EBUSY') and 'another process' in text, text
    hold.signal(9)
    hold.wait(20)
    access(guest, 'try', n.address, 'va')
    pci.unbind(guest, n.address)


def test_limits(guest):
    """The kernel's limits of mappings and of locked memory, each with what to do about it."""
    n = guest.nics[NEW]
    parameter = '/sys/module/vfio_iommu_type1/parameters/dma_entry_limit'
    pci.bind(guest, n.address, 'vfio-pci')
    usual = guest.check('cat ' + parameter)
    access(guest, 'map', n.address)
    try:
        guest.check('echo 4 >' + parameter)
        text = refused(guest, 'map', n.address)
        assert text.startswith('ENOSPC') and 'dma_entry_limit' in text, text
    finally:
        guest.check('echo %s >%s' % (usual, parameter))
    text = refused(guest, 'map', n.address,
                   before='ulimit -l 16; exec setpriv --bounding-set=-ipc_lock ')
    assert text.startswith('ENOMEM') and '16 KiB' in text and 'ulimit -l' in text, text
    pci.unbind(guest, n.address)


@lab.needs(lab.NO_IOMMU)
def test_no_iommu(guest):
    """Without an IOMMU UIO takes a device, and all works."""
    for n in (first_of(guest, 'e1000'), first_of(guest, 'e1000e')):
        for driver in ('uio_pci_generic', 'igb_uio'):
            pci.bind(guest, n.address, driver)
            access(guest, 'all', n.address)
        pci.unbind(guest, n.address)


def test_taken_back(guest):
    """The kernel takes a device away while it is in use."""
    for n in (guest.nics[OLD], guest.nics[NEW]):
        pci.bind(guest, n.address, 'vfio-pci')
        hold = guest.start([ACCESS, 'hold', n.address])
        hold.wait_for('held')
        pci.unbind(guest, n.address)
        done = hold.wait(60)
        assert done.code == 0, hold.out.decode()


def unplugged(guest, n, driver):
    """The NIC is pulled out, the process hears of it, and nothing crashes."""
    pci.bind(guest, n.address, driver)
    hold = guest.start([ACCESS, 'hold', n.address])
    hold.wait_for('held')
    pci.unplug(guest, n)
    done = hold.wait(60)
    assert done.code == 0, hold.out.decode()
    pci.plug(guest, n)


def test_unplugged(guest):
    """The kernel asks for the device, and waits."""
    unplugged(guest, guest.nics[NEW], 'vfio-pci')


def test_unplugged_uio(guest):
    """The device is gone at once."""
    unplugged(guest, guest.nics[NEW], 'uio_pci_generic')
    unplugged(guest, guest.nics[NEW], 'igb_uio')
