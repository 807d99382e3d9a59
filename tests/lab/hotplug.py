# SPDX-License-Identifier: BSD-3-Clause
"""hotplug.py - a NIC goes and comes under workers: what goes on, what is said, what is left behind.

    hotplug.go_and_come(guest, nic, peer, 'vfio-pci', away, back)   # away(nic), back(nic) do it
"""
import re

import bed


def has_port(primary, nic):
    """Is there a port of that NIC?"""
    return any(p['name'] == nic.address for p in primary.tool('ports'))


def forwards(primary, port):
    """Does a worker move packets on that port?"""
    def count():
        return next((s['tx_packets'] for s in primary.tool('stats') if s['port'] == port), 0)

    first = count()
    return bed.until(lambda: count() > first, 5)


def held(listed, mapped):
    """Of `ls -l` and /proc/PID/maps: where descriptors lead and what is mapped how, without the
    numbers that differ each time."""
    found = ['fd ' + line.split(' -> ')[1] for line in listed.splitlines() if ' -> ' in line]
    for line in mapped.splitlines():
        _, rights, _, _, _, *path = line.split(None, 5)
        found.append('map %s %s' % (rights, path[0] if path else ''))
    return [re.sub(r'\[\d+\]', '', f) for f in found]


def holds(guest, primary):
    """What the primary and the worker w have, and which memory is reserved."""
    pids = {p['name']: p['pid'] for p in primary.tool('ps')}
    found = {'zones': ['%s %s' % (z['name'], z['len_bytes']) for z in primary.tool('zones')]}
    for who in ('primary', 'w'):
        found[who] = held(*guest.check('cd /proc/%d && ls -l fd && echo / && cat maps' %
                                       pids[who]).split('\n/\n'))
    return found


def of_devices(lines):
    """Those that are descriptors and mappings of devices."""
    return [x for x in lines if re.search(r'vfio-device|/dev/(vfio|uio)/?\d|/0000:', x)]


def difference(before, now):
    """In words, '' if there is none."""
    return '\n'.join('%s had %d and has %d of: %s' % (who, had.count(x), has.count(x), x)
                     for who, had, has in ((who, before[who], now[who]) for who in now)
                     for x in sorted(set(had + has)) if had.count(x) != has.count(x))


def check_left(nic, port, there, gone):
    """Of two devices one is left: half the descriptors and mappings, and no memory of the port."""
    for who in ('primary', 'w'):
        had, has = of_devices(there[who]), of_devices(gone[who])
        assert has and len(had) == 2 * len(has) and nic.address not in str(has), (had, has)
    zones = [[z for z in held['zones'] if re.match(r'cleat\.port\.%d\b' % port, z)]
             for held in (there, gone)]
    assert zones[0] and not zones[1], zones


def leave(guest, primary, nic, peer, away):
    """The NIC goes away below two workers. One goes on with what it has besides, the other had
    nothing else and ends; both say so. (the worker that goes on, what was held, what is held)"""
    null, other, beside, port = (primary.port(n, again=True)
                                 for n in ('net_null0', 'net_null1', peer, nic))
    w = primary.worker('w', '--one-way', '--ports', '%d:%d,%d:%d,%d:%d' % (
        null, port, other, other, beside, null), program='cleat-l2fwd')
    r = primary.worker('r', '--mode', 'rxonly', '--interrupt', '--rx', 'port:%d:0' % port)
    bed.wait_for('no packet leaves by the NIC', lambda: forwards(primary, port))
    there = holds(guest, primary)
    away(nic)
    bed.wait_for('the port stays', lambda: not has_port(primary, nic))
    assert r.wait(30).code, 'a worker whose only port is gone ends well'
    for job, text in ((r, 'receiving from %d failed: No such device' % port),
                      (w, 'sending to %d failed: No such device' % port),
                      (w, 'port %d (%s) removed' % (port, nic.address))):
        assert bed.until(lambda j=job, t=text: t in j.text, 10), (text, job.text)
    assert w.code is None, bed.end(w)
    assert forwards(primary, other), 'the worker stands still'
    primary.audit()
    gone = holds(guest, primary)
    check_left(nic, port, there, gone)
    return w, there, gone


def come(primary, nic, back):
    """It comes back, and is used."""
    back(nic)
    bed.wait_for('the port does not come back', lambda: has_port(primary, nic))
    bed.end(primary.worker('again', '--mode', 'txonly', '--tx', 'port:%d:0' %
                           primary.port(nic, again=True), '--packets', '1000', wait=False))


def go_and_come(guest, nic, peer, driver, away, back, times=1):
    """It goes and comes, its peer on the wire stays. What is held the second time, with it and
    without, is what was held the first time."""
    found = []
    with bed.Primary(guest, {nic: driver, peer: driver},
                     vdevs=['net_null0', 'net_null1']) as primary:
        for _ in range(times):
            w, there, gone = leave(guest, primary, nic, peer, away)
            come(primary, nic, back)
            bed.stop(w)
            found.append((there, gone))
        primary.audit()
    for before, now in zip(found[0], found[-1]):
        assert not difference(before, now), difference(before, now)
