# SPDX-License-Identifier: BSD-3-Clause
"""test_lab.py - the guest itself: commands and their output, devices, modules, IOMMU, hugepages."""
import os
import pty
import subprocess
import termios

import bed
import faults
import lab
import pci
import stuck

HERE = os.path.dirname(os.path.abspath(__file__))
SMALL = ('--cpus', '1', '--memory', '512M', '--iommu', 'off')  # a guest that boots soon
UTF8 = 'Grüße, 世界, \U0001f980'


def test_output(guest):
    """Output, errors, exit codes and input come through as they are."""
    for code in (0, 1, 77, 255):
        assert guest.run('exit %d' % code).code == code
    assert guest.run('kill -9 $$').code == 128 + 9
    assert guest.run(['/nonexistent']).code == 127
    done = guest.run(['sh', '-c', 'printf %s "$1"; printf %s "$1" >&2', 'sh', UTF8])
    assert done.out.decode() == UTF8 and done.err.decode() == UTF8
    bytes_ = bytes(range(256)) * 4096
    assert guest.run('cat', stdin=bytes_).out == bytes_
    assert guest.run('echo "$A $(pwd)"', env={'A': 'a b'}, cwd='/usr').out == b'a b /usr\n'


def test_several(guest):
    """Commands in the background, signals, time limits."""
    loop = guest.start('trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.1; done')
    loop.wait_for('ready')
    assert guest.check('echo meanwhile') == 'meanwhile'
    loop.signal(15)
    assert loop.wait(20)[:2] == (5, b'ready\ncaught\n')
    try:
        guest.run('sleep 100', timeout_s=1)
        assert False, 'a command ran over its time'
    except lab.TooLong:
        pass


def test_report(guest):
    """What is said of a guest in which something does not end comes from QEMU and from its kernel."""
    said = stuck.report(guest)
    for part in ('CPU#1', 'dumping local APIC state for CPU 1', 'ISR', 'Show Blocked State', 'LOC:'):
        assert part in said, said


def test_faults(guest):
    """What the kernel says is heard; a fault in it is told from the rest."""
    kernel = faults.Listener(guest)
    guest.check('echo "<1>all is well" >/dev/kmsg')
    said = ''

    def is_heard():
        nonlocal said
        said += kernel.news()
        return 'all is well' in said and said.endswith('\n')

    assert bed.until(is_heard), said
    assert 'all is well' not in kernel.news()
    assert faults.first_words(said) == faults.lines(said) == ''
    said += '[   12.5] BUG: made up\n[   12.5] by a test\n'
    assert faults.first_words(said) == 'BUG: made up', said
    assert faults.lines(said).splitlines() == said.splitlines()[-2:], said


def test_files(guest):
    """The host's files are there, cannot be changed, and /lab/out is shared."""
    with open(guest.out + '/in', 'wb') as f:
        f.write(b'from outside')
    assert guest.check('cat /lab/out/in') == 'from outside'
    guest.check('echo inside >/lab/out/result; echo changed >/etc/cleat-lab-changed')
    with open(guest.out + '/result', encoding='ascii') as f:
        assert f.read() == 'inside\n'
    assert not os.path.exists('/etc/cleat-lab-changed')
    here = os.path.abspath(__file__)
    with open(here, encoding='utf-8') as f:
        assert guest.check(['cat', here]) == f.read().rstrip('\n')


def test_nics(guest):
    """Every NIC is where it is said to be."""
    for n in guest.nics:
        assert pci.ids(guest, n.address) == n.kind[1], (n, pci.ids(guest, n.address))


def test_drivers(guest):
    """Each user-space driver takes each NIC; an IOMMU group each; afterwards nobody's."""
    groups = set()
    for n in guest.nics:
        for name in ('uio_pci_generic', 'igb_uio', 'vfio-pci'):
            pci.bind(guest, n.address, name)
        group = guest.check('basename $(readlink %s%s/iommu_group)' % (pci.SYSFS, n.address))
        guest.check('test -c /dev/vfio/%s' % group)
        groups.add(group)
        pci.unbind(guest, n.address)
        assert pci.driver(guest, n.address) == ''
    assert len(groups) == len(guest.nics)


def test_wire(guest):
    """The kernel's drivers on one wire; a capture has what one sent."""
    a, b = guest.nics[0:2]
    for n in (a, b):
        pci.bind(guest, n.address, 'e1000e')
    names = [guest.check('ls %s%s/net' % (pci.SYSFS, n.address)) for n in (a, b)]
    try:
        for n, name in zip((a, b), names):
            assert guest.check('cat /sys/class/net/%s/address' % name) == n.mac
        guest.check('ip link set %s up; ip link set %s up; sleep 3' % tuple(names))
        with guest.capture(hub=0) as path:
            guest.check('python3 -c "import socket; s = socket.socket(socket.AF_PACKET, '
                        "socket.SOCK_RAW); s.bind(('%s', 0)); s.send(bytes(range(200)))\"; sleep 1"
                        % names[0])
        with open(path, 'rb') as f:
            assert bytes(range(200)) in f.read()
    finally:
        for n in (a, b):
            pci.unbind(guest, n.address)


def test_hotplug(guest):
    """A NIC is pulled out and plugged in again while the guest runs."""
    n = guest.nics[1]
    pci.unplug(guest, n)
    guest.check('! test -e %s%s' % (pci.SYSFS, n.address))
    pci.plug(guest, n)
    assert pci.ids(guest, n.address) == n.kind[1]


def test_cleat(guest):
    """The binaries built outside run in the guest, on hugepages, the tool as nobody."""
    before = guest.check('grep HugePages_Free /proc/meminfo')
    primary = guest.start([lab.BIN + '/cleat-primary', '--instance', 'lab', '-m', '64', '--no-pci',
                           '--vdev', 'net_null0'])
    guest.check('until %s/cleat --instance lab ps 2>/dev/null; do sleep 0.2; done' % lab.BIN)
    assert guest.check('grep HugePages_Free /proc/meminfo') != before
    guest.check([lab.BIN + '/cleat', '--instance', 'lab', 'audit'])
    assert guest.check([lab.BIN + '/cleat', '--help'], user='nobody')
    primary.signal(15)
    assert primary.wait(30).code == 0, primary.text
    assert guest.check('grep HugePages_Free /proc/meminfo') == before


@lab.needs(lab.NUMA)
def test_numa(guest):
    """Two nodes with memory, hugepages and NICs of their own; virtual functions."""
    for node in (0, 1):
        where = '/sys/devices/system/node/node%d' % node
        assert guest.check('cat %s/cpulist' % where) == str(node)
        assert guest.check('cat %s/hugepages/hugepages-2048kB/nr_hugepages' % where) == '160'
    for n in guest.nics:
        assert pci.ids(guest, n.address) == n.kind[1]
        assert (pci.read(guest, n.address, 'numa_node') == '1') == (n.node == 1), n
    physical = next(n for n in guest.nics if n.vfs)
    for vf in (0, 1):
        assert pci.ids(guest, physical.vf_address(vf)) == '8086:10ca'


@lab.needs(lab.NO_IOMMU)
def test_no_iommu(guest):
    """There is none."""
    assert guest.run('ls /sys/kernel/iommu_groups/*').code != 0


# ---- the tools for people ----

def tool(name, *args, env=None, stdin=subprocess.DEVNULL):
    """Start one; its output and its errors are put together."""
    return subprocess.Popen(['%s/%s' % (HERE, name), *args], stdin=stdin, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, env=dict(os.environ, **(env or {})))


def ends(process, code, *says):
    """It ends with that code and says that."""
    said = process.communicate(timeout=200)[0].decode(errors='replace')
    assert process.returncode == code, (process.returncode, code, said)
    for text in says:
        assert text in said, (text, said)


def check_terminal(typed, theirs, before):
    """tests/lab/shell: what was typed at once has waited for it; the terminal is as it was."""
    ends(typed, 0, 'nic0  igb', 'hub 3', 'lab42\r\n')
    assert termios.tcgetattr(theirs) == before


def check_command(command, out):
    """tests/lab/guest: output, exit code and files of its command are handed on."""
    ends(command, 5, 'nobody\n', '0x10d3\n', os.getcwd() + '\n', 'Linux version')
    with open(out + '/file', encoding='ascii') as f:
        assert f.read() == 'left\n'


def check_no_guest(folder):
    """What tests/lab/guest ends with where there is no guest to tell it."""
    os.mkdir(folder)
    ends(tool('guest', *SMALL, '--timeout', '1', '--', 'true', env={'TMPDIR': folder}), 124,
         'not done in 1 s')
    assert not os.listdir(folder)
    ends(tool('guest', '--nic', 'e1001', '--', 'true'), 2, 'no such model')
    ends(tool('guest', '--wire', 'x', '--', 'true'), 2, 'give HUB=FILE')
    for name in ('guest', 'shell'):
        ends(tool(name, *(['true'] if name == 'guest' else []),
                  env={'CLEAT_LAB_CACHE': '/dev/null/lab'}), 77, 'SKIP: ')


def test_tools(guest):
    """Both at once, each with a guest of its own."""
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    typed = tool('shell', *SMALL, '--nic', 'igb,hub=3', stdin=theirs)
    os.write(ours, b'echo $(uname -n)$((6 * 7)); exit 3\r')
    out = guest.out + '/of-another'
    command = tool('guest', *SMALL, '--nic', 'e1000e', '--out', out, '--user', 'nobody',
                   '--console', '--', 'sh', '-c', 'id -un; echo left >/lab/out/file; pwd; '
                   'cat /sys/bus/pci/devices/0000:01:00.0/device >&2; exit 5')
    try:
        check_command(command, out)
        check_terminal(typed, theirs, before)
    finally:
        for process in (typed, command):
            process.terminate()
            process.wait()
        os.close(ours)
        os.close(theirs)
    check_no_guest(guest.out + '/empty')
