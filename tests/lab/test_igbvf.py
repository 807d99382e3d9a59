# SPDX-License-Identifier: BSD-3-Clause
"""test_igbvf.py - net_igbvf: virtual functions of an 82576 that the guest's igb driver runs."""
import dataclasses

import asleep
import bed
import death
import echo
import hotplug
import lab
import offloads
import pci

CONFIG = lab.NUMA
JUMBO = tuple(range(1515, 9015, 500)) + (4096, 8192, 9014)


def physical_function(guest):
    """The NIC that has virtual functions, and the kernel's name for it."""
    nic = next(n for n in guest.nics if n.vfs)
    return nic, guest.check('ls %s%s/net' % (pci.SYSFS, nic.address)).split()[0]


def trust(guest, on):
    """Let the first virtual function change its addresses, or not."""
    guest.check('ip link set %s vf 0 trust %s' % (physical_function(guest)[1],
                                                  'on' if on else 'off'))


def functions(guest):
    """The physical function made ready, and its two virtual functions as NICs."""
    physical, name = physical_function(guest)
    found = []
    # the kernel shall not talk there by itself
    guest.check('echo 1 >/proc/sys/net/ipv6/conf/%s/disable_ipv6' % name)
    guest.check('ip link set %s up mtu 9000' % name)
    for n in range(2):
        mac = '02:00:00:00:10:0%d' % n
        guest.check('ip link set %s vf %d mac %s' % (name, n, mac))
        found.append(dataclasses.replace(physical, address=physical.vf_address(n), mac=mac))
    return found


def test_to_and_fro(guest):
    """From a virtual function over the wire to another NIC, and back; then a worker sleeps until
    MSI-X wakes it."""
    vf, other = functions(guest)[0], guest.nics[0]
    bed.forward(guest, vf, other, 'vfio-pci')
    asleep.forward(guest, other, vf, 'vfio-pci', promiscuous=False)


def test_echo(guest):
    """A virtual function answers the kernel's own driver of a NIC on the same wire."""
    echo.respond(guest, functions(guest)[0], guest.nics[1], 'vfio-pci')


def test_jumbo(guest):
    """Packets of up to 9014 bytes, both ways."""
    vf, other = functions(guest)[0], guest.nics[0]
    capture = guest.out + '/jumbo.pcap'
    for a, b in ((other, vf), (vf, other)):
        bed.write_pcap(capture, bed.frames(b.mac, a.mac, sizes=JUMBO, rounds=2))
        bed.forward(guest, a, b, 'vfio-pci', capture=capture, receiver_args=(),
                    worker_args=('--mtu', '9000'))


@lab.needs(lab.NO_IOMMU)
def test_uio(guest):
    """Without an IOMMU, by physical addresses; woken by the one vector of igb_uio."""
    vf = functions(guest)[0]
    other = next(n for n in guest.nics if n.model == 'igb' and not n.vfs)
    bed.forward(guest, vf, other, 'uio_pci_generic')
    asleep.forward(guest, other, vf, 'igb_uio', promiscuous=False)


def test_offloads(guest):
    """Checksums and VLAN tags, both ways; tags stripped or not, in a VLAN that it joins."""
    vf, other = functions(guest)[0], guest.nics[0]
    args = {vf: ',vlan=5'}
    offloads.run(guest, vf, other, nic_args=args)
    offloads.run(guest, other, vf, nic_args=args)
    offloads.run(guest, other, vf, nic_args=args, strip=False)


def test_death(guest):
    """Its receiver or sender dies while the other direction is another process's."""
    death.run(guest, guest.nics[0], functions(guest)[0], 'vfio-pci')


def test_refused(guest):
    """What the physical function does not grant is refused with a sentence."""
    vf = functions(guest)[0]
    with bed.Primary(guest, {vf: 'vfio-pci'}) as primary:
        job = primary.worker('w', '--rx', 'port:%d:0' % primary.port(vf), '--mode', 'rxonly',
                             '--promiscuous', '--seconds', '1', wait=False)
        done = job.wait(30)
        text = (done.out + done.err).decode()
        assert done.code != 0 and 'does not let it receive what is for others' in text, text


def test_waits(guest):
    """It is bound while the physical function is not up: there is a port as soon as it is."""
    vf, name = functions(guest)[0], physical_function(guest)[1]
    with bed.Primary(guest, {vf: 'vfio-pci'}) as primary:
        pci.unbind(guest, vf.address)
        bed.wait_for('the port stays', lambda: not hotplug.has_port(primary, vf))
        guest.check('ip link set %s down' % name)
        try:
            pci.bind(guest, vf.address, 'vfio-pci')
            primary.job.wait_for('is being reset, or its interface is not up')
        finally:
            guest.check('ip link set %s up' % name)
        assert not hotplug.has_port(primary, vf), 'there is a port'
        hotplug.come(primary, vf, lambda _: None)


def test_vanishes(guest):
    """The physical function gives up its virtual functions below a worker, and makes them again."""
    physical = next(n for n in guest.nics if n.vfs)
    count = '%s%s/sriov_numvfs' % (pci.SYSFS, physical.address)

    def away(_):
        guest.check('echo 0 >' + count)

    def back(nic):
        guest.check('echo %d >%s' % (physical.vfs, count))
        pci.bind(guest, nic.address, 'vfio-pci')

    try:
        hotplug.go_and_come(guest, functions(guest)[0], guest.nics[0], 'vfio-pci', away, back)
    finally:
        if guest.check('cat ' + count) != str(physical.vfs):
            guest.check('echo %d >%s' % (physical.vfs, count))
