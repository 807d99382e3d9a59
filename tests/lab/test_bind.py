# SPDX-License-Identifier: BSD-3-Clause
"""test_bind.py - `cleat bind` on the kernel itself: every access driver and back, without
driver_override, what is refused, a group of two, a device that a process has open."""
import contextlib
import json
import os

import lab
import pci

CONFIG = lab.STANDARD
ACCESS = ('vfio-pci', 'uio_pci_generic', 'igb_uio')
MODULES = ('e1000e', 'igb', 'e1000', 'virtio_net', '8021q')
NO_ACCESS = os.path.dirname(lab.BIN) + '/tests/lab/no_access'
DONE, FAILED, REFUSED = 0, 1, 4


def bind(guest, *args, code=DONE, says='', user=None, by=()):
    """Run it, by another program; it ends with `code` and says so."""
    done = guest.run([*by, lab.BIN + '/cleat', 'bind', *args], user=user)
    text = (done.out + done.err).decode()
    assert done.code == code, '%s: exit code %d, not %d: %s' % (args, done.code, code, text)
    assert says in text, '%s: no "%s" in: %s' % (args, says, text)


def rows(guest):
    """{address: what list --json says of it}."""
    out = guest.check([lab.BIN + '/cleat', 'bind', 'list', '--json'])
    return {r['address']: r for r in json.loads(out)}


def is_with(guest, address, driver):
    """By sysfs, not by the tool."""
    now = pci.driver(guest, address)
    assert now == driver, '%s is with "%s", not "%s"' % (address, now, driver)


def one_of_each(guest):
    """A NIC of each model."""
    return list({n.model: n for n in reversed(guest.nics)}.values())


@contextlib.contextmanager
def kernel_drivers(guest, nics):
    """The kernel's drivers hold these NICs; afterwards all are nobody's again."""
    guest.check('for m in %s vfio-pci uio_pci_generic igb_uio; do modprobe $m; done' % ' '.join(MODULES))
    for nic in nics:
        if pci.driver(guest, nic.address) != pci.KERNEL[nic.model]:
            pci.bind(guest, nic.address, pci.KERNEL[nic.model])
    try:
        yield
    finally:
        pci.unbind(guest, *(nic.address for nic in guest.nics))
        guest.run('rm -rf /run/cleat/.bind')


def test_list(guest):
    """What is there, and what is not."""
    with kernel_drivers(guest, guest.nics):
        found = rows(guest)
        for nic in guest.nics:
            row = found[nic.address]
            assert row['driver'] == pci.KERNEL[nic.model] and row['interfaces'], row
            assert row['iommu_group'] is not None and row['state'] == 'not in use', row
            assert row['id'] == pci.ids(guest, nic.address), row
        assert len(found) == len(guest.nics), found
        nic = guest.nics[0]
        bind(guest, 'no_driver', nic.address, code=REFUSED, says='modprobe no_driver')
        bind(guest, 'unbind', nic.address, user='nobody', code=REFUSED, says='needs root')
        is_with(guest, nic.address, 'e1000e')


def test_every_driver(guest):
    """Each NIC to each access driver, and back."""
    nics = one_of_each(guest)
    with kernel_drivers(guest, nics):
        for nic in nics:
            for driver in ACCESS:
                bind(guest, driver, nic.address)
                is_with(guest, nic.address, driver)
                assert rows(guest)[nic.address]['state'] == 'ready for Cleat'
                bind(guest, driver, nic.address, says='as it was')
            bind(guest, 'unbind', nic.address)
            is_with(guest, nic.address, '')
            bind(guest, 'restore', nic.address)
            is_with(guest, nic.address, pci.KERNEL[nic.model])
            assert rows(guest)[nic.address]['interfaces'], 'no interface comes back'
        bind(guest, 'vfio-pci', *(n.address for n in nics))
        bind(guest, 'restore')
        for nic in nics:
            is_with(guest, nic.address, pci.KERNEL[nic.model])
            override = pci.read(guest, nic.address, 'driver_override')
            assert override in ('(null)', ''), override


def does_not_know(guest, driver, nic):
    """The driver does not take this NIC if it is asked to."""
    bind(guest, 'unbind', nic.address)
    done = guest.run('echo %s >/sys/bus/pci/drivers/%s/bind' % (nic.address, driver))
    assert done.code != 0, '%s still knows what it was told' % driver
    bind(guest, 'restore', nic.address)


def test_by_ids(guest):
    """Where the tool finds no driver_override, drivers are told the ids of one NIC and forget them
    again; another NIC of that kind stays as it is."""
    nic, other = [n for n in guest.nics if n.model == 'igb']
    with kernel_drivers(guest, [nic, other]):
        for n in (nic, other):
            guest.check('echo >%s%s/driver_override' % (pci.SYSFS, n.address))
        for driver in ('igb_uio', 'vfio-pci'):
            bind(guest, driver, nic.address, by=[NO_ACCESS])
            is_with(guest, nic.address, driver)
            is_with(guest, other.address, 'igb')
            override = pci.read(guest, nic.address, 'driver_override')
            assert override in ('(null)', ''), override
            does_not_know(guest, driver, other)
            bind(guest, 'restore', nic.address, by=[NO_ACCESS])
            is_with(guest, nic.address, 'igb')
        bind(guest, 'unbind', nic.address)
        guest.check('rm -r /run/cleat/.bind')
        bind(guest, 'igb', nic.address, by=[NO_ACCESS])  # which knows it, and is told no ids
        is_with(guest, nic.address, 'igb')


def test_virtual_function(guest):
    """What its new driver does not take goes back; the parent is not taken from under it."""
    parent = next(n for n in guest.nics if n.model == 'igb')
    virtual, count = parent.vf_address(0), pci.SYSFS + parent.address + '/sriov_numvfs'
    with kernel_drivers(guest, [parent]):
        guest.check('modprobe igbvf; echo 1 >%s' % count)
        try:
            is_with(guest, virtual, 'igbvf')
            bind(guest, 'virtio-pci', virtual, code=FAILED, says='bound to igbvf')
            is_with(guest, virtual, 'igbvf')
            bind(guest, 'vfio-pci', virtual)
            is_with(guest, virtual, 'vfio-pci')
            bind(guest, 'unbind', parent.address, code=REFUSED, says='1 virtual functions')
            bind(guest, 'restore', virtual)
            is_with(guest, virtual, 'igbvf')
        finally:
            guest.check('echo 0 >%s' % count)


def test_in_use(guest):
    """By the kernel's network: not taken, unless forced."""
    address = guest.nics[0].address

    def name():
        return rows(guest)[address]['interfaces']

    with kernel_drivers(guest, guest.nics[:1]):
        guest.check('ip link set %s up' % name())  # gives it a link-local address at most
        bind(guest, 'vfio-pci', name())
        bind(guest, 'restore', address)
        eth = name()
        guest.check('ip addr add 192.0.2.1/24 dev %s label %s:1' % (eth, eth))
        guest.check('ip link set %s up' % eth)
        for words in (('vfio-pci', eth), ('unbind', address)):
            bind(guest, *words, code=REFUSED,
                 says='%s is up and has the address 192.0.2.1' % eth)
        assert rows(guest)[address]['state'] == 'in use: 192.0.2.1'
        is_with(guest, address, 'e1000e')
        bind(guest, 'vfio-pci', eth, '--force')
        is_with(guest, address, 'vfio-pci')
        bind(guest, 'restore')
        eth = name()
        guest.check('ip link set %s up; ip link add link %s name v9 type vlan id 9' % (eth, eth))
        bind(guest, 'unbind', address, code=REFUSED, says='is up and below v9')
        guest.check('ip link del v9; ip link set %s down' % eth)
        elsewhere = guest.start(['unshare', '-n', 'sh', '-c', 'echo $$; exec sleep 1000'])
        elsewhere.wait_for('\n')
        guest.check('ip link set %s netns %d' % (eth, int(elsewhere.out)))
        bind(guest, 'unbind', address, code=REFUSED, says='another network namespace')
        elsewhere.signal(9)
        elsewhere.wait(10)


def test_open(guest):
    """By a process, through UIO and through VFIO."""
    nic = next(n for n in guest.nics if n.model == 'e1000')
    with kernel_drivers(guest, [nic]):
        vfio = '/dev/vfio/%d' % rows(guest)[nic.address]['iommu_group']
        for driver, node in (('uio_pci_generic', '/dev/uio0'), ('vfio-pci', vfio)):
            bind(guest, driver, nic.address)
            holder = guest.start('exec 3<>%s; echo open; exec sleep 1000' % node)
            holder.wait_for('open')
            bind(guest, 'restore', nic.address, code=REFUSED, says='has it open')
            assert 'in use: ' in rows(guest)[nic.address]['state'], rows(guest)
            is_with(guest, nic.address, driver)
            holder.signal(9)
            holder.wait(10)
            bind(guest, 'restore', nic.address)
            is_with(guest, nic.address, 'e1000')


@contextlib.contextmanager
def pair(guest, nic):
    """Two e1000e functions in the place of a NIC."""
    known = set(rows(guest))
    pci.unplug(guest, nic)
    for function in (1, 0):  # function 0 makes both appear
        guest.qmp('device_add', driver='e1000e', id='pair%d' % function, addr='0.%d' % function,
                  bus='port%d' % nic.number, multifunction=True, romfile='')
    first, second = nic.address, nic.address[:-1] + '1'
    guest.check('''for i in $(seq 300); do
        [ -e %s%s/net ] && [ -e %s%s/net ] && exit 0; sleep 0.1; done; exit 1''' % (
            pci.SYSFS, first, pci.SYSFS, second))
    assert set(rows(guest)) - known == {second}
    try:
        yield first, second
    finally:
        guest.qmp('device_del', id='pair0')
        for function in (0, 1):
            guest.event('DEVICE_DELETED', device='pair%d' % function)
        pci.plug(guest, nic)


def test_group(guest):
    """Two functions without isolation from each other: one group, given as a whole."""
    nic = guest.nics[1]
    with kernel_drivers(guest, [nic]), pair(guest, nic) as (first, second):
        assert rows(guest)[first]['iommu_group'] == rows(guest)[second]['iommu_group']
        bind(guest, 'vfio-pci', first, code=REFUSED, says='%s (e1000e)' % second)
        is_with(guest, first, 'e1000e')
        bind(guest, 'vfio-pci', first, second)
        is_with(guest, first, 'vfio-pci')
        is_with(guest, second, 'vfio-pci')
        bind(guest, 'restore')
        bind(guest, 'unbind', second)
        bind(guest, 'vfio-pci', first)  # beside nobody's
        bind(guest, 'restore')
        is_with(guest, first, 'e1000e')
        is_with(guest, second, 'e1000e')
