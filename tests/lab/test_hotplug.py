# SPDX-License-Identifier: BSD-3-Clause
"""test_hotplug.py - devices that go and come under workers: pulled, unbound, put back."""
import time

import bed
import lab
import pci

CONFIG = lab.STANDARD


def wait_for(what, condition, timeout_s=30):
    """Until it holds."""
    limit = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < limit, what
        time.sleep(0.2)


def has_port(primary, nic):
    """Is there a port of that NIC?"""
    return any(p['name'] == nic.address for p in primary.tool('ports'))


def forwards(primary, port):
    """Does a worker move packets on that port?"""
    def count():
        return next((s['tx_packets'] for s in primary.tool('stats') if s['port'] == port), 0)

    first = count()
    time.sleep(0.5)
    return count() > first


def go_and_come(guest, nic, driver, away, back):
    """A worker on a NIC and on a virtual device: it goes on with the one when the other goes."""
    with bed.Primary(guest, {nic: driver}, vdevs=['net_null0', 'net_null1']) as primary:
        null, other = primary.port('net_null0'), primary.port('net_null1')
        port = primary.port(nic)
        w = primary.worker('w', '--ports', '%d:%d,%d:%d' % (null, port, other, other),
                           program='cleat-l2fwd')
        wait_for('no packet leaves by the NIC', lambda: forwards(primary, port))
        away(nic)
        wait_for('the port stays', lambda: not has_port(primary, nic))
        assert w.code is None, bed.end(w)
        assert forwards(primary, other), 'the worker stands still'
        primary.audit()
        back(nic)
        wait_for('the port does not come back', lambda: has_port(primary, nic))
        again = primary.worker('again', '--mode', 'txonly', '--tx', 'port:%d:0' %
                               primary.port(nic, again=True), '--packets', '1000')
        bed.end(again)
        bed.stop(w)
        primary.audit()


def unbind(guest, driver):
    """The driver is taken away by sysfs, and given back."""
    go_and_come(guest, guest.nics[0], driver, lambda nic: pci.unbind(guest, nic.address),
                lambda nic: pci.bind(guest, nic.address, driver))


def test_unbind(guest):
    """From vfio-pci: the kernel waits until the last process has unmapped it."""
    unbind(guest, 'vfio-pci')


@lab.needs(lab.NO_IOMMU)
def test_unbind_uio(guest):
    """From UIO: registers vanish under the worker's hands."""
    for driver in ('uio_pci_generic', 'igb_uio'):
        unbind(guest, driver)


def test_uio_behind_iommu(guest):
    """Refused with a sentence: physical addresses lead nowhere."""
    nic = guest.nics[0]
    pci.bind(guest, nic.address, 'uio_pci_generic')
    done = guest.run(['%s/cleat-primary' % lab.BIN, '--instance', 'refused', '-a', nic.address])
    pci.unbind(guest, nic.address)
    assert done.code == 2 and b'iommu=pt' in done.err, (done.code, done.err)


def test_unplug(guest):
    """The device is pulled out of the machine, and put back."""
    def back(nic):
        pci.plug(guest, nic)
        pci.bind(guest, nic.address, 'vfio-pci')

    go_and_come(guest, guest.nics[0], 'vfio-pci', lambda nic: pci.unplug(guest, nic), back)
