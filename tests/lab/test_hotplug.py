# SPDX-License-Identifier: BSD-3-Clause
"""test_hotplug.py - devices that go and come under workers: pulled, unbound, put back."""
import bed
import echo
import hotplug
import lab
import pci

CONFIG = lab.STANDARD


def unbind(guest, model, driver):
    """The driver is taken away by sysfs, and given back."""
    hotplug.go_and_come(guest, *pci.pair(guest, model), driver,
                        lambda nic: pci.unbind(guest, nic.address),
                        lambda nic: pci.bind(guest, nic.address, driver))


def test_unbind(guest):
    """From vfio-pci: the kernel waits until the last process has unmapped it."""
    for model in ('e1000e', 'e1000', 'igb', 'virtio-modern'):
        unbind(guest, model, 'vfio-pci')


@lab.needs(lab.NO_IOMMU)
def test_unbind_uio(guest):
    """From UIO: registers vanish under the worker's hands."""
    unbind(guest, 'e1000e', 'uio_pci_generic')
    unbind(guest, 'e1000', 'igb_uio')
    unbind(guest, 'igb', 'igb_uio')
    unbind(guest, 'virtio-modern', 'uio_pci_generic')


def test_uio_behind_iommu(guest):
    """Refused with a sentence: physical addresses lead nowhere."""
    nic = guest.nics[0]
    pci.bind(guest, nic.address, 'uio_pci_generic')
    done = guest.run(['%s/cleat-primary' % lab.BIN, '--instance', 'refused', '-a', nic.address])
    pci.unbind(guest, nic.address)
    assert done.code == 2 and b'iommu=pt' in done.err, (done.code, done.err)


def unplug(guest, model, driver, times=1):
    """The device is pulled out of the machine, and put back."""
    nic, peer = pci.pair(guest, model)

    def back(nic):
        pci.plug(guest, nic)
        pci.bind(guest, nic.address, driver)

    try:
        hotplug.go_and_come(guest, nic, peer, driver, lambda nic: pci.unplug(guest, nic), back,
                            times)
    finally:
        if guest.run(['test', '-e', pci.SYSFS + nic.address]).code:
            pci.plug(guest, nic)


def test_unplug(guest):
    """From vfio-pci: the kernel asks for it before. Twice, and nothing more is held then."""
    unplug(guest, 'e1000e', 'vfio-pci', 2)


def test_unplug_igb(guest):
    """The same with an 82576."""
    unplug(guest, 'igb', 'vfio-pci')


def test_unplug_virtio(guest):
    """The same with a virtio NIC that goes through the IOMMU."""
    unplug(guest, 'virtio-modern', 'vfio-pci')


@lab.needs(lab.NO_IOMMU)
def test_unplug_uio(guest):
    """From UIO: nobody asks before, the device is gone. Twice, too."""
    unplug(guest, 'e1000e', 'igb_uio', 2)


@lab.needs(lab.NO_IOMMU)
def test_unplug_uio_igb(guest):
    """The same with an 82576."""
    unplug(guest, 'igb', 'uio_pci_generic')


@lab.needs(lab.NO_IOMMU)
def test_unplug_uio_virtio(guest):
    """The same with a virtio NIC."""
    unplug(guest, 'virtio-modern', 'uio_pci_generic')


@lab.needs(lab.NO_IOMMU)
def test_taken(guest):
    """The kernel's own driver gets a NIC from UIO while the primary is busy. It is that driver's then:
    the primary lets it go as it is, and it still sends."""
    nic, peer = pci.pair(guest, 'e1000e')
    with bed.Primary(guest, {nic: 'uio_pci_generic', peer: 'uio_pci_generic'}) as primary:
        receiver = primary.worker('receiver', '--mode', 'rxonly', '--promiscuous', '--rx',
                                  'port:%d:0' % primary.port(peer))
        primary.job.signal(19)
        with echo.kernel_host(guest, nic) as name:
            command = pci.read(guest, nic.address, 'config | od -An -tx2 -j4 -N2')
            primary.job.signal(18)
            bed.wait_for('the port stays', lambda: not hotplug.has_port(primary, nic))
            assert pci.read(guest, nic.address, 'config | od -An -tx2 -j4 -N2') == command
            had = primary.stats(peer)['rx_packets']
            guest.run(['ping', '-c', '2', '-W', '1', '-I', name, '10.0.0.9'])
            assert bed.until(lambda: primary.stats(peer)['rx_packets'] > had, 10), 'it sends nothing'
        bed.stop(receiver)
