# SPDX-License-Identifier: BSD-3-Clause
"""test_orphans.py - one device, one owner: a second primary is refused; so is everybody while a
worker is left whose primary was killed. When that has ended, too, the device is to be had again."""
import bed
import lab
import pci
import test_bind

CONFIG = lab.STANDARD
MEMORY = ('-m', '64')


def refused(guest, nic, says):
    """Another primary does not get the NIC."""
    done = guest.run(['timeout', '30', lab.BIN + '/cleat-primary', '--instance', 'second', *MEMORY,
                      '-a', nic.address])
    assert done.code == 2 and says in done.err.decode(), (done.code, done.err.decode())


def sender(primary, nic):
    """A worker that sends by it, and does."""
    worker = primary.worker('sender', '--mode', 'txonly', '--tx', 'port:%d:0' % primary.port(nic))
    assert bed.until(lambda: primary.stats(nic)['tx_packets'] > 1000), 'it does not send'
    return worker


def goes_on(primary, nic):
    """It still sends, though others have tried to get it."""
    had = primary.stats(nic)['tx_packets']
    assert bed.until(lambda: primary.stats(nic)['tx_packets'] > had + 1000), 'it stands still'


def one_owner(guest, nic, driver, says):
    """Beside a primary; beside its worker alone; and when both are gone."""
    guest.check('modprobe ' + pci.KERNEL[nic.model])
    primary = bed.Primary(guest, {nic: driver}, args=MEMORY)
    primary.__enter__()
    try:
        worker = sender(primary, nic)
        refused(guest, nic, says)
        goes_on(primary, nic)
        primary.job.signal(9)
        primary.job.wait(20)
        refused(guest, nic, says)
        test_bind.bind(guest, pci.KERNEL[nic.model], nic.address, code=test_bind.REFUSED,
                       says='is in use')
        test_bind.is_with(guest, nic.address, driver)
        assert worker.code is None, worker.text
        worker.signal(9)
        worker.wait(20)
    finally:
        guest.link.sweep()
        primary.unbind()
    with bed.Primary(guest, {nic: driver}, args=MEMORY) as primary:
        bed.stop(sender(primary, nic))


def test_vfio(guest):
    """The kernel itself lets nobody else in."""
    one_owner(guest, guest.nics[0], 'vfio-pci', 'open in another process')


@lab.needs(lab.NO_IOMMU)
def test_uio(guest):
    """The kernel would."""
    one_owner(guest, guest.nics[0], 'uio_pci_generic', 'another process drives it')
    one_owner(guest, guest.nics[0], 'igb_uio', 'another process drives it')
