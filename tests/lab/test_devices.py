# SPDX-License-Identifier: BSD-3-Clause
"""test_devices.py - `cleat devices` beside what the kernel says of BARs and mappings."""
import json
import os

import bed
import lab
import pci

CONFIG = lab.STANDARD


MEMORY = 0x200  # IORESOURCE_MEM


def kernel_bars(guest, nic, kind=~0):
    """{BAR: (physical, length)} of sysfs, those whose flags have a bit of `kind`."""
    found = {}
    for bar, line in enumerate(pci.read(guest, nic.address, 'resource').splitlines()[:6]):
        start, last, flags = (int(f, 16) for f in line.split())
        if last > start and flags & kind:
            found[bar] = (start, last - start + 1)
    return found


def mapping_at(guest, pid, address):
    """The line of /proc/PID/maps that begins there, or None."""
    for line in guest.check('cat /proc/%d/maps' % pid).splitlines():
        if int(line.split('-')[0], 16) == address:
            return line
    return None


def one_address(mapped):
    """Each BAR is in all processes where it is in one."""
    places = {(r['bar'], r['virtual']) for r in mapped}
    assert len(places) == len({r['bar'] for r in mapped}), mapped


def check_bars(guest, primary, nic, expected_path, workers):
    """All BARs are told, mapped where it is said, by whom it is said: each at one place in all."""
    rows = [r for r in primary.tool('devices')['bars'] if r['device'] == nic.address]
    told = {r['bar']: (int(r['physical'], 16), r['len_bytes']) for r in rows}
    assert told == kernel_bars(guest, nic), (told, kernel_bars(guest, nic))
    mapped = [r for r in rows if r['pid']]
    assert {r['process'] for r in mapped} == {'primary'} | workers, mapped
    one_address(mapped)
    for r in mapped:
        line = mapping_at(guest, r['pid'], int(r['virtual'], 16))
        assert line and expected_path(r['bar']) in line, (r, line)


def one_method(guest, nic, driver, expected_path):
    """Primary, two workers as nobody, and a worker of another port, which has no business there."""
    with bed.Primary(guest, {nic: driver}, vdevs=['net_null0']) as primary:
        port = primary.port(nic)
        w = primary.worker('w', '--mode', 'rxonly', '--rx', 'port:%d:0' % port)
        sender = primary.worker('sender', '--mode', 'txonly', '--tx', 'port:%d:0' % port)
        other = primary.worker('other', '--mode', 'rxonly', '--rx', 'port:%d:0' %
                               primary.port('net_null0'))
        check_bars(guest, primary, nic, expected_path, {'w', 'sender'})
        if 'uio' in driver:
            check_uio(guest, nic, driver)
        for job in (w, sender, other):
            bed.stop(job)
        assert bed.until(lambda: len([r for r in primary.tool('devices')['bars']
                                      if r['device'] == nic.address and r['pid']]) == 1)


def check_uio(guest, nic, driver):
    """UIO's own maps are the same, all that are memory. (The uio_pci_generic of older kernels lists
    none.)"""
    lines = guest.run('cd %s%s/uio/uio*/maps && cat map*/addr && cat map*/size' % (
        pci.SYSFS, nic.address)).out.split()
    maps = [int(n, 16) for n in lines]
    found = sorted(zip(maps[:len(maps) // 2], maps[len(maps) // 2:]))
    bars = sorted(kernel_bars(guest, nic, MEMORY).values())
    assert bars and (found == bars or driver == 'uio_pci_generic' and not found), (found, bars)


def test_vfio(guest):
    """vfio-pci: mappings of its device file."""
    one_method(guest, guest.nics[0], 'vfio-pci', lambda bar: 'vfio')


# ---- the BAR with the MSI-X table ----

def merged(ranges):
    """[(start, end)] with those put together that follow each other."""
    found = []
    for start, end in sorted(ranges):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def mapped_of(guest, row, bar):
    """[(start, end)] in a BAR that a process has mapped, each at its place."""
    found, first = [], int(row['virtual'], 16)
    for line in guest.check('cat /proc/%d/maps' % row['pid']).splitlines():
        span, rights, at = line.split()[:3]
        start, end = (int(n, 16) - first for n in span.split('-'))
        if start < 0 or end > bar['len'] or 'vfio' not in line:
            continue
        # the kernel shows the place in the device file as the bus address that is behind it
        assert rights == 'rw-s' and int(at, 16) - start in (int(row['physical'], 16),
                                                            bar['offset']), line
        found.append((start, end))
    return merged(found)


def test_msix(guest):
    """Primary and workers have mapped what the kernel lets be mapped of each BAR: all of it, or all
    but the pages of the MSI-X table where the kernel keeps those."""
    nic = next(n for n in guest.nics if n.model == 'igb')
    here = os.path.dirname(os.path.abspath(__file__))
    pci.bind(guest, nic.address, 'vfio-pci')
    kernel = json.loads(guest.check(['python3', here + '/vfio_regions.py', nic.address]))
    bars = {int(bar): what for bar, what in kernel['bars'].items()}
    assert kernel['table'] and kernel['table']['bar'] in bars, kernel
    with bed.Primary(guest, {nic: 'vfio-pci'}, program=os.path.dirname(lab.BIN) +
                     '/tests/lab/all_bars') as primary:
        workers = [primary.worker(name, '--mode', mode, way, 'port:%d:0' % primary.port(nic))
                   for name, mode, way in (('w', 'txonly', '--tx'), ('receiver', 'rxonly', '--rx'))]
        rows = [r for r in primary.tool('devices')['bars'] if r['device'] == nic.address and r['pid']]
        assert {(r['bar'], r['process']) for r in rows} == {
            (bar, who) for bar in bars for who in ('primary', 'w', 'receiver')}, rows
        one_address(rows)
        for r in rows:
            bar = bars[r['bar']]
            assert r['len_bytes'] == bar['len'] and bar['pages'], (r, bar)
            has = mapped_of(guest, r, bar)
            assert has == merged((at, at + 4096) for at in bar['pages']), (r, has, bar)
        for job in workers:
            bed.stop(job)


@lab.needs(lab.NO_IOMMU)
def test_uio(guest):
    """UIO: mappings of resourceN."""
    for driver in ('uio_pci_generic', 'igb_uio'):
        nic = guest.nics[0]
        one_method(guest, nic, driver, lambda bar: '%s/resource%d' % (nic.address, bar))
