#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_recorded.py - the PCI devices of a real kernel, as recorded.txt has them: what the primary
and the tools say of them is what that machine was (see NICS in record_sysfs.py)."""
import json
import os
import subprocess
import sys
import tempfile
import time

import recorded

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
INSTANCE = 'test-recorded-%d' % os.getpid()
HERE = os.path.dirname(os.path.abspath(__file__))
DEVICES = {  # address: id, kernel driver, node, IOMMU group, interface
    '0000:00:07.0': ('1af4:1000', 'uio_pci_generic', None, 3, None),
    '0000:00:09.0': ('8086:100e', None, None, 4, None),
    '0000:01:00.0': ('8086:10d3', 'e1000e', None, 10, 'eth3'),
    '0000:02:00.0': ('8086:10c9', 'igb', None, 11, 'eth0'),
    '0000:02:10.0': ('8086:10ca', 'vfio-pci', None, 16, None),
    '0000:02:10.2': ('8086:10ca', 'igbvf', None, 17, 'eth2'),
    '0000:41:00.0': ('8086:10d3', 'vfio-pci', 1, 14, None),
    '0000:42:00.0': ('1af4:1041', 'virtio-pci', 1, 15, 'eth1'),
}
READY = ('vfio-pci', 'uio_pci_generic')
FOUR_BARS = ((0, 0x20000), (1, 0x20000), (2, 0x20), (3, 0x4000))
VIRTUAL = ((0, 0x4000), (3, 0x4000))
LENGTHS = {  # address: (BAR, bytes)...
    '0000:00:07.0': ((0, 0x20), (1, 0x1000), (4, 0x4000)),
    '0000:00:09.0': ((0, 0x20000), (1, 0x40)),
    '0000:01:00.0': FOUR_BARS, '0000:02:00.0': FOUR_BARS, '0000:41:00.0': FOUR_BARS,
    '0000:02:10.0': VIRTUAL, '0000:02:10.2': VIRTUAL,
    '0000:42:00.0': ((1, 0x1000), (4, 0x4000)),
}
PLACES = {  # some of them, physical
    ('0000:00:07.0', 0): 0xf0c0, ('0000:02:10.2', 3): 0xfe624000, ('0000:41:00.0', 0): 0xfda00000,
}
failures = []


def expect(what, is_now, should):
    """Note a failure."""
    if is_now != should:
        failures.append(what)
        print('failed: %s: %s instead of %s' % (what, is_now, should))


def run(*args):
    """A finished command of the tool."""
    return subprocess.run([BIN + '/cleat', *args], capture_output=True, text=True, check=False,
                          timeout=60)


def check_devices(said):
    """`cleat devices`: only network controllers, and their BARs as the kernel had placed them."""
    expect('devices', {d['device']: (d['id'], d['kernel_driver'], d['node'], d['iommu_group'])
                       for d in said['devices']}, {a: d[:4] for a, d in DEVICES.items()})
    for d in said['devices']:
        expect('state of ' + d['device'], d['state'], 'no driver')
    bars = {}
    for b in said['bars']:
        bars.setdefault(b['device'], []).append((b['bar'], b['len_bytes']))
        place = PLACES.get((b['device'], b['bar']))
        expect('place', int(b['physical'], 16) if place else None, place)
    expect('BARs', {a: tuple(b) for a, b in bars.items()}, LENGTHS)


def check_primary(root):
    """The primary leaves alone what a kernel driver has; here also what it could open, since what
    this host has of that name is none of ours."""
    with subprocess.Popen([BIN + '/cleat-primary', '--instance', INSTANCE, '--sysfs-root', root,
                           '--no-huge', '-m', '32', '--log-level', 'info'],
                          stderr=subprocess.PIPE, text=True) as primary:
        end = time.monotonic() + 20
        while run('--instance', INSTANCE, 'devices').returncode and time.monotonic() < end:
            time.sleep(0.05)
        said = run('--instance', INSTANCE, '--json', 'devices')
        primary.terminate()
        errors = primary.communicate(timeout=30)[1]
    expect('the tool\n' + said.stderr + errors, said.returncode, 0)
    expect('the primary\n' + errors, primary.returncode, 0)
    for address, device in DEVICES.items():
        if device[1] in READY:
            expect(errors, '%s is only looked at' % address in errors, True)
    if said.returncode == 0:
        check_devices(json.loads(said.stdout))


def check_bind(root, state):
    """`cleat bind` lists the same, and keeps a function whose virtual functions are there."""
    done = run('bind', 'list', '--json', '--sysfs-root', root)
    rows = json.loads(done.stdout)
    expect('bind list', {r['address']: (r['id'], r['driver'], r['node'], r['iommu_group'],
                                        r['interfaces']) for r in rows}, DEVICES)
    for r in rows:
        if r['driver'] in READY:
            expect('state of ' + r['address'], r['state'], 'ready for Cleat')
    if os.geteuid() == 0:
        done = run('bind', 'unbind', '0000:02:00.0', '--sysfs-root', root, '--state-dir', state)
        expect('unbind: ' + done.stderr, (done.returncode, '2 virtual functions' in done.stderr),
               (4, True))


def main():
    with tempfile.TemporaryDirectory() as top:
        with open(HERE + '/recorded.txt', encoding='ascii') as f:
            recorded.unpack(f.read(), top + '/sys')
        check_primary(top + '/sys')
        check_bind(top + '/sys', top + '/state')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
