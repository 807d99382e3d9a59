#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""record_sysfs.py - write down the PCI devices of a guest's kernel, as sysfs shows them.

    python3 tests/runtime/pci/record_sysfs.py >tests/runtime/pci/recorded.txt

One line each: PATH = "text", PATH : bytes in hexadecimal (zeros at the end left out), PATH -> link.
recorded.py makes files of them again. The guest has two nodes, and NICs with drivers of all kinds.
"""
import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
DEVICES = '/sys/bus/pci/devices'
TEXTS = ('vendor', 'device', 'subsystem_vendor', 'subsystem_device', 'class', 'revision', 'irq',
         'numa_node', 'local_cpus', 'local_cpulist', 'resource', 'driver_override', 'enable',
         'sriov_totalvfs', 'sriov_numvfs')
LINKS = ('driver', 'iommu_group', 'physfn', 'virtfn0', 'virtfn1')
NICS = (('e1000e,node=1', 'vfio-pci'), ('e1000e', 'e1000e'), ('igb,vfs=2', 'igb'),
        ('virtio', 'uio_pci_generic'), ('virtio,modern,node=1', 'virtio-pci'), ('e1000', ''))


def line(path, sign, value):
    """One entry, below /sys."""
    print('%s %s %s' % (path[len('/sys/'):], sign, value))


def read_device(folder):
    """What a device has of it."""
    for name in TEXTS:
        if os.path.exists(folder + '/' + name):
            with open(folder + '/' + name, encoding='ascii') as f:
                line(folder + '/' + name, '=', json.dumps(f.read()))
    for name in LINKS:
        if os.path.islink(folder + '/' + name):
            line(folder + '/' + name, '->', os.readlink(folder + '/' + name))
    with open(folder + '/config', 'rb') as f:
        line(folder + '/config', ':', f.read().rstrip(b'\0').hex())
    for interface in sorted(glob.glob(folder + '/net/*') + glob.glob(folder + '/virtio*/net/*')):
        for name in ('flags', 'ifindex', 'iflink'):
            with open('%s/%s' % (interface, name), encoding='ascii') as f:
                line(f.name, '=', json.dumps(f.read()))


def read():
    """All devices of this kernel, and the groups they are in."""
    for address in sorted(os.listdir(DEVICES)):
        line('%s/%s' % (DEVICES, address), '->', os.readlink('%s/%s' % (DEVICES, address)))
        read_device(os.path.realpath('%s/%s' % (DEVICES, address)))
    groups = '/sys/kernel/iommu_groups'
    for group in sorted(os.listdir(groups), key=int):
        with open('%s/%s/type' % (groups, group), encoding='ascii') as f:
            line(f.name, '=', json.dumps(f.read()))
        for address in sorted(os.listdir('%s/%s/devices' % (groups, group))):
            path = '%s/%s/devices/%s' % (groups, group, address)
            line(path, '->', os.readlink(path))


def record():
    """In a guest, with its NICs bound."""
    sys.path.insert(0, HERE + '/../../lab')
    import lab
    import pci
    with lab.Guest(lab.Config(nics=tuple(n for n, _ in NICS), numa=2)) as guest:
        guest.check('modprobe virtio_net; modprobe e1000e; modprobe igbvf')
        for nic, (_, driver) in zip(guest.nics, NICS):
            pci.bind(guest, nic.address, driver) if driver else pci.unbind(guest, nic.address)
        whole = next(n for n in guest.nics if n.vfs)
        if not int(pci.read(guest, whole.address, 'sriov_numvfs')):
            guest.check('echo %d >%s%s/sriov_numvfs' % (whole.vfs, pci.SYSFS, whole.address))
        pci.bind(guest, whole.vf_address(0), 'vfio-pci')
        pci.bind(guest, whole.vf_address(1), 'igbvf')
        print(guest.check(['python3', os.path.abspath(__file__), 'read']))


if __name__ == '__main__':
    read() if sys.argv[1:] == ['read'] else record()
