# SPDX-License-Identifier: BSD-3-Clause
"""control.py - measurements of what is not done for each packet: starting, attaching, asking."""
import os
import re
import subprocess
import time

import sides

PEER_ZONES = 2000  # the peer has room for 2,560 memzones, and uses some itself
ROUND_TRIPS = 2000
GROWTH_MIB = 256   # asked for at a time
GIB = 1 << 30


def one_call(side, role, **more):
    """Nanoseconds of one of `count` calls."""
    result = side.run('control', [{'role': role}], **more)[0]
    return result['ns'] / result['elements']


def attach(side):
    """Milliseconds until a secondary is attached."""
    return one_call(side, 'attach', id=100) / 1e6


def start(side, memory_mib):
    """Milliseconds from exec until the primary is ready."""
    if side.name == 'cleat':
        how = {'memory_mib': memory_mib, 'mbufs': None}
    else:
        how = {'memory_mib': memory_mib, 'role': 'bare'}
    if side.place.free_hugepages() < memory_mib / 2:
        raise sides.Cannot('%d MiB of hugepages are not free' % memory_mib)
    began = time.monotonic()
    with side.fresh(**how):
        return (time.monotonic() - began) * 1e3


def zone(side, kib):
    """Microseconds to reserve a zone and free it."""
    return one_call(side, 'zone', bytes=kib * 1024, count=ROUND_TRIPS) / 1e3


def request(side):
    """Microseconds of a question to the primary and its answer."""
    return one_call(side, 'request', count=ROUND_TRIPS, core=side.place.core(1)) / 1e3


def attach_among(side, secondaries):
    """The same with others attached."""
    side.crowd(secondaries)
    return attach(side)


def request_among(side, secondaries):
    """The same with others attached."""
    side.crowd(secondaries)
    return request(side)


def find(side, zones):
    """Nanoseconds to look a zone up by its name."""
    if side.name == 'peer' and zones > PEER_ZONES:
        raise sides.Cannot('DPDK has room for 2,560 zones')
    side.crowd(1, role='zones', makers=zones)
    return one_call(side, 'find', makers=zones, count=100000)


def available_bytes():
    """What the machine has free, as ordinary pages."""
    with open('/proc/meminfo', encoding='ascii') as f:
        return int(re.search(r'MemAvailable: +(\d+) kB', f.read()).group(1)) * 1024


def growth_total():
    """16 GiB, or what is free but for 4, where that is little a quarter; in GiB."""
    free = available_bytes() // GIB
    return min(16, max(free // 4, free - 4))


GROWTH_GIB = growth_total()  # before anything is reserved


def grow(side, reached, pages):
    """Milliseconds for one more GiB, up to that part of the whole."""
    if pages == 'ordinary':
        if side.name == 'peer':
            raise sides.Cannot('DPDK does not grow without hugepages')
        how = {'more': ('--no-huge',)}
    else:
        wanted = GROWTH_GIB * 520 + sides.MEMORY_MIB  # either side needs a little beside
        had = side.place.reserve_hugepages(wanted)
        if had < wanted:
            raise sides.Cannot('%d hugepages are free of %d wanted' % (had, wanted))
        how = {'role': 'bare'} if side.name == 'peer' else {'mbufs': None}
    steps = int(GROWTH_GIB * reached * 1024 / GROWTH_MIB)
    with side.fresh(**how) as instance:
        result = side.run('grow', [{}], instance, bytes=GROWTH_MIB, count=steps,
                          makers=1024 // GROWTH_MIB)[0]
    return result['ns'] / 1e6


def private_kib(pid):
    """Resident pages that only this process has."""
    with open('/proc/%d/smaps_rollup' % pid, encoding='ascii') as f:
        return sum(int(n) for n in re.findall(r'^Private_(?:Clean|Dirty): +(\d+) kB', f.read(),
                                              re.M))


def resident(side):
    """KiB of private pages of an idle secondary."""
    side.crowd(1)
    return private_kib(side.others[0].pid)


DRIVERS = 'net_(null|ring|pcap|e1000|virtio)'  # those of the peer that Cleat has, too


def loaded(pid):
    """The peer's shared libraries in a process."""
    with open('/proc/%d/maps' % pid, encoding='utf-8') as f:
        return set(re.findall(r'(/\S*/librte_\S+)', f.read()))


def needed(path):
    """Those that a program or library is linked with."""
    out = subprocess.run(['ldd', path], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {os.path.realpath(p) for p in re.findall(r'(/\S*/librte_\S+)', out)}


def peer_library(side, drivers):
    """All that a secondary loads, or what it is linked with and the same drivers."""
    side.crowd(1)
    found = {os.path.realpath(p) for p in loaded(side.others[0].pid)}
    if drivers == 'the same':
        same = [p for p in found if re.search('librte_' + DRIVERS, p)]
        found = set(same).union(*map(needed, same + [side.program('control')]))
    return sum(os.path.getsize(p) for p in found) / 1024


def library(side, drivers):
    """KiB of the worker library: DPDK's, shared; Cleat's, stripped."""
    if side.name == 'peer':
        return peer_library(side, drivers)
    whole = os.path.normpath(side.place.bin + '/../lib/libcleat.a')
    if not os.path.exists(whole):
        raise sides.Failed('%s is missing: build or install all of Cleat' % whole)
    copy = side.place.path('libcleat.a')
    subprocess.run(['strip', '--strip-unneeded', '-o', copy, whole], check=True)
    return os.path.getsize(copy) / 1024
