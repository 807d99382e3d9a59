# SPDX-License-Identifier: BSD-3-Clause
"""pci.py - the guest's PCI devices by plain reads and writes in sysfs, and testpmd on them."""
import os
import re
import time

import cache
from nic import device

SYSFS = '/sys/bus/pci/devices/'
MODULES = {'vfio-pci': 'vfio-pci vfio_iommu_type1', 'uio_pci_generic': 'uio_pci_generic',
           'igb_uio': 'igb_uio'}
KERNEL = {'e1000e': 'e1000e', 'igb': 'igb', 'e1000': 'e1000', 'virtio': 'virtio-pci',
          'virtio-modern': 'virtio-pci'}  # the kernel's own driver of a model


def pair(guest, model):
    """The first two NICs of a model, which are on one wire."""
    return [n for n in guest.nics if n.model == model][:2]


def read(guest, address, name):
    """A file of a device in sysfs."""
    return guest.check('cat %s%s/%s' % (SYSFS, address, name))


def ids(guest, address):
    """vendor:device, as in 8086:10d3."""
    return ':'.join(read(guest, address, f)[2:] for f in ('vendor', 'device'))


def driver(guest, address):
    """The driver in charge, or ''."""
    done = guest.run('readlink %s%s/driver' % (SYSFS, address))
    return os.path.basename(done.out.decode().strip())


def bind(guest, address, name):
    """Load a driver and give it the device, whoever has it now."""
    now = guest.check('''
        set -e
        for m in %s; do modprobe $m; done
        cd %s%s
        echo %s >driver_override
        [ ! -e driver ] || echo %s >driver/unbind
        echo %s >/sys/bus/pci/drivers_probe
        readlink driver || :
        ''' % (MODULES.get(name, name), SYSFS, address, name, address, address))
    if os.path.basename(now) != name:
        raise AssertionError('%s does not bind to %s:\n%s' % (
            address, name, guest.check('dmesg | tail -5')))


def unbind(guest, *addresses):
    """Take devices from their drivers; nobody's afterwards."""
    guest.check(' && '.join(
        '{ cd %s%s; echo >driver_override; [ ! -e driver ] || echo %s >driver/unbind; }' % (
            SYSFS, address, address) for address in addresses))


def unplug(guest, nic, timeout_s=30):
    """Pull a NIC that is behind a root port out of the running guest."""
    guest.qmp('device_del', id='nic%d' % nic.number)
    guest.event('DEVICE_DELETED', timeout_s, device='nic%d' % nic.number)


def plug(guest, nic, timeout_s=30):
    """Put it back as it was, and wait until the kernel has found it."""
    said = guest.qmp('human-monitor-command', **{
        'command-line': 'device_add ' + device(nic, guest.config.iommu != 'off')})
    assert not said, said
    guest.check('until test -e %s%s; do sleep 0.1; done' % (SYSFS, nic.address), timeout_s)


def negotiated(guest, nic):
    """The names of the features that driver and virtio device agreed on, as QEMU has them."""
    path = '/machine/peripheral/nic%d/virtio-backend' % nic.number
    agreed = guest.qmp('x-query-virtio-status', path=path)['guest-features']
    return {word.split(':')[0] for kind in ('transports', 'dev-features') for word in agreed[kind]}


def hide_plugins(program):
    """For sh: drivers that were installed after testpmd's own were unpacked are not there; it would
    load both."""
    folder = 'usr/lib/x86_64-linux-gnu/dpdk'
    if not os.path.isdir('%s/%s' % (os.path.dirname(program), folder)):
        return ''
    return '[ ! -d /%s ] || mountpoint -q /%s || mount -t tmpfs none /%s;' % (folder, folder, folder)


def testpmd(guest, addresses, mode='txonly', seconds=5, options='', eal='', first=False):
    """
    DPDK's testpmd on bound devices for some seconds, its start not counted: (packets per second
    received, sent, its output). first: each port sends a burst to begin with.
    """
    program = cache.fill(peer=True) + '/peer/testpmd'
    job = guest.start('%s exec stdbuf -oL %s %s %s -- -i --total-num-mbufs=8192 --forward-mode=%s %s' % (
        hide_plugins(program), program, ' '.join('-a ' + a for a in addresses), eal, mode, options))
    job.wait_for('Done\n', 120)
    job.write(b'start tx_first\n' if first else b'start\n')
    job.wait_for('packets/burst')
    start = time.monotonic()
    time.sleep(seconds)
    job.write(b'stop\n')
    job.wait_for('Telling cores to stop')
    took = time.monotonic() - start
    job.write(b'quit\n')
    done = job.wait(60)
    total = job.text.rpartition('Accumulated forward statistics')[2]
    count = [int(n) / took for n in re.findall(r'[RT]X-packets: (\d+)', total)[:2]]
    if done.code or len(count) != 2:
        raise AssertionError('testpmd: exit code %d\n%s' % (done.code, job.text[-3000:]))
    return count[0], count[1], job.text
