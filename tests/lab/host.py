# SPDX-License-Identifier: BSD-3-Clause
"""host.py - what must stay as it is outside the guest: the host's PCI devices and their drivers."""
import os

SYSFS = '/sys/bus/pci/devices'


def pci_devices(sysfs=SYSFS):
    """{address: (driver in charge or '', override or '')}"""
    found = {}
    for address in os.listdir(sysfs) if os.path.isdir(sysfs) else []:
        folder = os.path.join(sysfs, address)
        link, override = folder + '/driver', ''
        try:
            with open(folder + '/driver_override', encoding='ascii') as f:
                override = f.read().strip()
        except OSError:
            pass
        found[address] = (os.path.basename(os.readlink(link)) if os.path.islink(link) else '',
                          override)
    return found


def difference(before, after):
    """What changed, one line each."""
    return '\n'.join('%s: was %s, is %s' % (a, before.get(a), after.get(a))
                     for a in sorted(set(before) | set(after)) if before.get(a) != after.get(a))
