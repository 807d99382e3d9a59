#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_bind.py - `cleat bind` against a made-up sysfs: what it writes in which order, what it
refuses, what it says. The machine's own devices are only looked at, with /sys read-only."""
import json
import os
import shutil
import subprocess
import sys

from fake_pci import FakePci

BIN = os.environ.get('CLEAT_BIN', 'build/release/bin')
A, B, C, DISK = '0000:01:00.0', '0000:01:00.1', '0000:02:00.0', '0000:00:1f.2'
DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 4
failures = []


def expect(what, good):
    """Note a failure."""
    if not good:
        failures.append(what)
        print('failed: %s' % what)


def bind(pci, *args, user=None):
    """(exit code, output, errors) of the tool on the made-up tree."""
    if user is not None:  # who may not be able to look into the build's folder
        shutil.copy(BIN + '/cleat', pci.top)
    folder = BIN if user is None else pci.top
    done = subprocess.run([folder + '/cleat', 'bind', '--sysfs-root', pci.root, '--state-dir',
                           pci.state, *args], capture_output=True, text=True, check=False,
                          timeout=60, user=user)
    return done.returncode, done.stdout, done.stderr


def does(pci, *args, code=DONE, says=''):
    """It ends with `code` and says so."""
    got, out, errors = bind(pci, *args)
    expect('%s: exit code %d, not %d: %s%s' % (args, got, code, out, errors), got == code)
    expect('%s: "%s" in: %s' % (args, says, out + errors), says in out + errors)


def refuses(pci, *args, says, code=REFUSED, user=None):
    """It ends with `code`, gives the reason, and has written nothing."""
    before, pci.log = pci.picture(), []
    got, out, errors = bind(pci, *args, user=user)
    expect('%s: exit code %d, not %d: %s' % (args, got, code, errors), got == code)
    expect('%s: "%s" in: %s' % (args, says, errors), says in errors)
    expect('%s: prints nothing: %s' % (args, out), out == '')
    expect('%s: writes nothing: %s' % (args, pci.log), pci.log == [] and pci.picture() == before)
    expect('%s: remembers nothing' % (args,), not os.path.exists(pci.state))


def nics(pci):
    """Two ports of one card in one IOMMU group, one card alone, a disk; drivers loaded."""
    for driver in ('e1000e', 'igb', 'ahci', 'vfio-pci', 'uio_pci_generic'):
        pci.load(driver)
    pci.device(A, 'e1000e', group=7, net='none0')
    pci.device(B, 'e1000e', group=7, net='none1')
    pci.device(C, 'igb', group=8, net='none2', ids=('0x8086', '0x10c9'))
    pci.device(DISK, 'ahci', group=3, class_code=0x010601)


def is_now(pci, address, driver, override='', remembered=None):
    """The device is in this state."""
    got = (pci.driver(address), pci.wants(address), pci.remembered(address))
    expect('%s is %s, not %s' % (address, got, (driver, override, remembered)),
           got == (driver, override, remembered))


def check_usage(pci):
    """Wrong words."""
    for args, says in (((), 'cleat bind list'), (('list', 'x'), 'no devices'),
                       (('bind',), 'name a driver'), (('bind', 'vfio-pci'), 'name at least'),
                       (('unbind',), 'name at least'), (('vfio-pci',), 'name at least'),
                       (('--nonsense',), 'nonsense'), (('unbind', '0000:09:00.0'), 'no PCI device'),
                       (('unbind', 'eth77'), 'cleat bind list'), (('unbind', ''), 'neither'),
                       (('bind', '../../x', A), 'not the name'), (('bind', '', A), 'not the name')):
        refuses(pci, *args, says=says, code=USAGE)
    code, out, _ = bind(pci, '--help')
    expect('--help', code == 0 and 'vfio-pci' in out and 'Exit codes' in out)
    expect('--help is narrow', all(len(line) <= 100 for line in out.splitlines()))


def check_list(pci):
    """Network controllers, and nothing else."""
    code, out, errors = bind(pci, 'list')
    expect('list: %d %s' % (code, errors), code == 0 and errors == '')
    expect('list within 100 columns', all(len(line) <= 100 for line in out.splitlines()))
    expect('list shows three: %s' % out, len(out.splitlines()) == 4 and DISK not in out)
    for name, text in (('irq', '16\n'), ('local_cpulist', '0-1\n'), ('sriov_numvfs', '2\n'),
                       ('sriov_totalvfs', '7\n')):
        pci.file(A, name, text)
    pci.link(B, 'physfn', '../' + A)
    with open('/dev/full', 'w', encoding='utf-8') as full:
        done = subprocess.run([BIN + '/cleat', 'bind', '--sysfs-root', pci.root, 'list'],
                              stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    expect('list > /dev/full is told once: %d %s' % (done.returncode, done.stderr),
           done.returncode == FAILED and done.stderr.count('cannot be written') == 1)
    rows = json.loads(bind(pci, 'list', '--json')[1])
    expect('list --json: %s' % rows[0], rows[0] == {
        'address': A, 'class': 'Ethernet', 'id': '8086:10d3', 'node': 0, 'driver': 'e1000e',
        'iommu_group': 7, 'interfaces': 'none0', 'state': 'not in use', 'irq': 16,
        'local_cpus': '0-1', 'physical_function': None, 'functions': 2})
    expect('list --json of a function: %s' % rows[1], rows[1]['physical_function'] == A and
           rows[1]['functions'] == 0 and rows[1]['local_cpus'] is None)
    pci.link(B, 'physfn', None)
    pci.file(A, 'resource', 'rubbish\n')
    code, out, errors = bind(pci, 'list')
    expect('a broken device is told and left out', code == 0 and 'resource' in errors and
           A not in out and B in out)
    refuses(pci, 'unbind', A, says='resource', code=FAILED)


def check_list_states():
    """What is in use, and how."""
    with FakePci() as pci:
        for driver in ('e1000e', 'vfio-pci'):
            pci.load(driver)
        pci.device('0000:01:00.0', 'e1000e', net='lo', flags='0x9')  # this machine's: 127.0.0.1
        pci.device('0000:01:00.1', 'e1000e', net='none0')
        pci.link('0000:01:00.1', 'net/none0/master', '../../../virtual/net/br7')
        pci.device('0000:01:00.2', 'e1000e', net='none1', flags='0x1003')
        pci.link('0000:01:00.2', 'net/none1/upper_none1.5', '../../none1.5')
        pci.device('0000:01:00.3', 'e1000e', net='none2', flags='0x1003')
        pci.device('0000:01:00.4', 'vfio-pci')
        pci.device('0000:01:00.5')
        pci.device('0000:01:00.6', 'e1000e')
        pci.file('0000:01:00.7', 'virtio3/net/none3/flags', '0x1002\n')
        pci.device('0000:01:00.7', 'e1000e')
        rows = json.loads(bind(pci, 'list', '--json')[1])
        expect('states: %s' % [r['state'] for r in rows], [r['state'] for r in rows] == [
            'in use: 127.0.0.1', 'in use: br7', 'in use: none1.5', 'not in use', 'ready for Cleat',
            'no driver', 'held, no interface seen', 'not in use'])
        expect('a virtio interface', rows[7]['interfaces'] == 'none3')
        expect('no driver is null', rows[5]['driver'] is None)
    with FakePci() as pci:
        does(pci, 'list', says='no network controllers')
        does(pci, '--sysfs-root', '/nowhere', 'list', code=FAILED, says='/nowhere')


def check_bind_and_restore(pci):
    """There and back."""
    pci.log = []
    does(pci, 'bind', 'vfio-pci', '02:00.0', says='done')
    is_now(pci, C, 'vfio-pci', 'vfio-pci', 'igb')
    expect('unbind, then probe: %s' % pci.log, pci.log == [('drivers/igb/unbind', C),
                                                          ('drivers_probe', C)])
    pci.log = []
    does(pci, 'vfio-pci', C, says='as it was')
    expect('nothing to write: %s' % pci.log, pci.log == [])
    does(pci, 'uio_pci_generic', C, says='done')
    is_now(pci, C, 'uio_pci_generic', 'uio_pci_generic', 'igb')
    does(pci, 'restore', C, says='done')
    is_now(pci, C, 'igb')
    does(pci, '--restore', C, says='as it was')
    does(pci, 'uio_pci_generic', 'none2')  # by the interface's name
    is_now(pci, C, 'uio_pci_generic', 'uio_pci_generic', 'igb')
    does(pci, 'igb', C)  # the driver that it had: the same as restore
    is_now(pci, C, 'igb')


def check_unbind(pci):
    """To no driver and back."""
    does(pci, 'unbind', C, says='done')
    is_now(pci, C, '', '', 'igb')
    does(pci, 'unbind', C, says='as it was')
    does(pci, 'vfio-pci', C)
    does(pci, 'unbind', C)
    is_now(pci, C, '', '', 'igb')
    does(pci, 'restore', C, says='done')
    is_now(pci, C, 'igb')


def check_several(pci):
    """A group as a whole; all back at once."""
    code, out, _ = bind(pci, '--json', 'vfio-pci', A, 'none1', A)
    expect('both ports: %d' % code, code == DONE)
    expect('one row each: %s' % out, json.loads(out) == [
        {'address': a, 'before': 'e1000e', 'driver': 'vfio-pci', 'result': 'done'}
        for a in (A, B)])
    does(pci, 'uio_pci_generic', C)
    does(pci, 'restore', says='igb')
    for address, driver in ((A, 'e1000e'), (B, 'e1000e'), (C, 'igb')):
        is_now(pci, address, driver)
    does(pci, 'restore', says='nothing to give back')


def check_odd_restores(pci):
    """What was remembered does not fit any more."""
    pci.set_driver(C, 'vfio-pci')  # by somebody else
    pci.file(C, 'driver_override', 'vfio-pci\n')
    does(pci, 'restore', C, says='done')
    is_now(pci, C, 'igb')
    pci.set_driver(C, '')
    does(pci, 'vfio-pci', C)
    is_now(pci, C, 'vfio-pci', 'vfio-pci', '')
    does(pci, 'restore')  # to none, as it was
    is_now(pci, C, '')
    does(pci, 'restore', C)
    is_now(pci, C, 'igb')
    does(pci, 'vfio-pci', C)
    with open(pci.state + '/' + C, 'w', encoding='utf-8') as f:
        f.write('not_loaded\n')
    does(pci, 'restore', C, code=FAILED, says='modprobe not_loaded')
    is_now(pci, C, 'vfio-pci', 'vfio-pci', 'not_loaded')
    with open(pci.state + '/' + C, 'w', encoding='utf-8') as f:
        f.write('../no/name\n')
    does(pci, 'restore', C, code=FAILED, says='remove it')
    os.unlink(pci.state + '/' + C)
    does(pci, 'restore', C)
    with open(pci.state + '/0000:7f:00.0', 'w', encoding='utf-8') as f:
        f.write('igb\n')  # a device that left
    does(pci, 'restore', says='nothing to give back')
    expect('it is forgotten', pci.remembered('0000:7f:00.0') is None)


def check_failures(pci):
    """The kernel does not do it: told as it is."""
    pci.refusing.add('vfio-pci')
    does(pci, 'vfio-pci', C, code=FAILED, says='now %s is bound to igb' % C)
    is_now(pci, C, 'igb')
    pci.refusing.add('igb')
    does(pci, 'vfio-pci', C, code=FAILED, says='bound to no driver')
    is_now(pci, C, '', '', 'igb')
    pci.refusing.clear()
    does(pci, 'restore', C)
    pci.stuck.add(C)
    does(pci, 'unbind', C, code=FAILED, says='still bound to igb')
    pci.stuck.clear()
    pci.refusing.add('uio_pci_generic')  # one of two
    does(pci, 'unbind', C)
    pci.refusing.clear()
    pci.file(C, 'driver_override', '')
    os.unlink(pci.path('drivers_probe'))
    does(pci, 'restore', C, says='igb')  # asked directly
    is_now(pci, C, 'igb')


def check_by_ids():
    """A kernel without driver_override."""
    with FakePci(override=False) as pci:
        nics(pci)
        pci.load('igb_uio')
        does(pci, 'igb_uio', C, says='done')
        is_now(pci, C, 'igb_uio', '', 'igb')
        expect('ids for as long as it takes: %s' % pci.log, pci.log == [
            ('drivers/igb/unbind', C), ('drivers/igb_uio/new_id', '8086 10c9'),
            ('drivers/igb_uio/remove_id', '8086 10c9')])
        does(pci, 'restore', C)
        is_now(pci, C, 'igb')


def check_refusals(pci):
    """In the way of somebody, or pointless."""
    refuses(pci, 'uio_pci_generic', DISK, says='no network controller')
    refuses(pci, 'unbind', DISK, says='0x010601')
    refuses(pci, 'igb_uio', C, says='modprobe igb_uio')
    refuses(pci, 'vfio-pci', A, says='%s (e1000e)' % B)
    refuses(pci, 'uio_pci_generic', C, DISK, says='no network controller')  # C is not touched
    pci.file(C, 'net/lo/flags', '0x9\n')
    refuses(pci, 'vfio-pci', C, says='lo is up and has the address 127.0.0.1')
    pci.file(C, 'net/lo/flags', '0x8\n')
    pci.link(C, 'net/none2/master', '../br0')
    refuses(pci, 'unbind', 'none2', says='none2 belongs to br0')
    pci.link(C, 'net/none2/master', None)
    pci.file(C, 'net/none2/flags', '0x1003\n')
    pci.link(C, 'net/none2/upper_none2.9', '../none2.9')
    refuses(pci, 'unbind', C, says='none2 is up and below none2.9')
    pci.file(C, 'net/none2/flags', 'x\n')
    refuses(pci, 'unbind', C, says='flags', code=FAILED)
    pci.file(C, 'net/none2/flags', '0x1002\n')
    pci.file(C, 'sriov_totalvfs', '7\n')
    pci.file(C, 'sriov_numvfs', '2\n')
    refuses(pci, 'unbind', C, says='2 virtual functions')
    pci.file(C, 'sriov_numvfs', '0\n')
    pci.device('0000:03:00.0', 'igb', group=9)
    refuses(pci, 'unbind', '0000:03:00.0', says='another network namespace')
    pci.device('0000:04:00.0', 'igb', net='none4')
    refuses(pci, 'vfio-pci', '0000:04:00.0', says='intel_iommu=on')
    if os.geteuid() == 0:
        os.chmod(pci.top, 0o755)
        refuses(pci, 'unbind', C, says='needs root', user=65534)


def check_allowed(pci):
    """What looks like a refusal but is none."""
    pci.load('pcieport')
    pci.device('0000:00:01.0', 'pcieport', group=8, class_code=0x060400)  # a bridge
    pci.device('0000:02:00.1', '', group=8)
    does(pci, 'vfio-pci', C)
    does(pci, 'restore')
    pci.device('0000:04:00.0', 'igb', net='none4')
    os.makedirs(pci.root + '/module/vfio/parameters')
    with open(pci.root + '/module/vfio/parameters/enable_unsafe_noiommu_mode', 'w',
              encoding='utf-8') as f:
        f.write('Y\n')
    does(pci, 'vfio-pci', '0000:04:00.0')
    does(pci, 'restore')
    pci.file(C, 'net/lo/flags', '0x9\n')
    does(pci, 'vfio-pci', C, A, '--force', says='done')
    is_now(pci, C, 'vfio-pci', 'vfio-pci', 'igb')
    does(pci, 'restore', '--force')
    does(pci, '--force', 'unbind', DISK)
    does(pci, 'restore', says=DISK, code=REFUSED)
    does(pci, 'restore', '--force', says=DISK)
    is_now(pci, DISK, 'ahci')


def check_own_machine():
    """What is no network controller is refused, whatever machine this is; /sys is read-only."""
    others = []
    for address in sorted(os.listdir('/sys/bus/pci/devices')):
        folder = '/sys/bus/pci/devices/' + address
        with open(folder + '/class', encoding='utf-8') as f:
            if not f.read().startswith('0x02') and os.path.exists(folder + '/driver'):
                others.append(address)
    script = 'mount -o remount,ro,bind /sys && exec "$@"'
    for words, code in [(['list'], DONE)] + [(['unbind', a], REFUSED) for a in others]:
        done = subprocess.run(['unshare', '-m', 'sh', '-c', script, 'sh', BIN + '/cleat', 'bind',
                               '--state-dir', '/nowhere'] + words, capture_output=True, text=True,
                              check=False)
        if 'mount' in done.stderr or 'unshare' in done.stderr:
            print('the own machine is left out: %s' % done.stderr.strip())
            return
        expect('here, %s: %d %s' % (words, done.returncode, done.stderr), done.returncode == code)


def check_not_loaded():
    """vfio-pci alone is not all that it takes."""
    with FakePci() as pci:
        pci.load('igb')
        pci.device(C, 'igb', group=8, net='none2', ids=('0x8086', '0x10c9'))
        refuses(pci, 'vfio-pci', C, says='modprobe -a vfio-pci vfio_iommu_type1')


def main():
    check_list_states()
    check_not_loaded()
    check_by_ids()
    for check in (check_usage, check_list, check_bind_and_restore, check_unbind, check_several,
                  check_odd_restores, check_failures, check_refusals, check_allowed):
        with FakePci() as pci:
            nics(pci)
            check(pci)
    if os.path.isdir('/sys/bus/pci/devices'):
        check_own_machine()
    print('%d failures' % len(failures))
    return 1 if failures else 0


if __name__ == '__main__':
    if os.geteuid() != 0:
        print('SKIP: changing drivers takes root, on a made-up sysfs as well')
        sys.exit(77)
    sys.exit(main())
