# SPDX-License-Identifier: BSD-3-Clause
"""lab.py - boot a guest with NICs and run commands in it; for test drivers outside the guest.

    with lab.Guest(lab.Config(nics=('e1000e,hub=0', 'e1000e,hub=0'), hugepages='256')) as guest:
        done = guest.run('cat /proc/cpuinfo')            # done.code, done.out, done.err: bytes
        text = guest.check(['uname', '-r'])              # text; AssertionError if it fails
        worker = guest.start(['cleat-rxtx', ...], user='nobody')  # in the background
        worker.wait_for('ready'); worker.signal(9); worker.wait()
        with guest.capture(hub=0) as path:               # what the wire carries, as pcap
            ...
        guest.qmp('device_del', id='nic0')
        guest.event('DEVICE_DELETED', device='nic0')
        guest.nics[0].address                            # 0000:01:00.0
        guest.out                                        # the folder that the guest has as /lab/out

The guest runs the binaries built outside, over the host's own root, read-only below an overlay.
"""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import cache
import initramfs
import machine
import tap
from debian import Missing  # noqa: F401  (for users of this module)
from link import Dead, Job, Link, Result, TooLong  # noqa: F401
from machine import Config  # noqa: F401
from nic import Bad
from qmp import Qmp

BOOT_TIMEOUT_S = 180  # on a host that is busy with other things, too
SILENCE_S = 45        # an emulated guest that says nothing for so long while it boots hangs
BOOTS = 3             # tries
BIN = os.environ.get('CLEAT_BIN') or os.path.abspath('build/release/bin')

# Two of each NIC on a wire of their own, and a virtio NIC with two queue pairs on a tap. Tests that
# take it share one boot.
STANDARD = Config(nics=('e1000e,hub=0', 'e1000e,hub=0', 'igb,hub=1', 'igb,hub=1',
                        'e1000,hub=2', 'e1000,hub=2', 'virtio,hub=3', 'virtio,hub=3',
                        'virtio,modern,hub=4', 'virtio,modern,hub=4,speed=10000,duplex=full',
                        'virtio,modern,tap=2'),
                  hugepages='256')
# The same without the tap, then virtio devices of older kinds: legacy; legacy without filters and
# merged buffers, the header in a descriptor of its own; modern without a reset of single queues.
# The last two know no event indexes. Then virtual functions.
NO_IOMMU = Config(nics=STANDARD.nics[:-1] + (
    'virtio,legacy,hub=5', 'virtio,legacy,hub=5',
    'virtio,legacy,hub=6,mrg_rxbuf=off,any_layout=off,ctrl_rx=off,event_idx=off',
    'virtio,legacy,hub=6,mrg_rxbuf=off,any_layout=off,ctrl_rx=off,event_idx=off',
    'virtio,modern,hub=7,queue_reset=off,event_idx=off',
    'virtio,modern,hub=7,queue_reset=off,event_idx=off',
    'igb,hub=1,vfs=2'),
                  iommu='off', hugepages='256')
# Two nodes, NICs and virtual functions on the second; one NIC is on none.
NUMA = Config(nics=('e1000e,hub=0,node=1', 'e1000e,hub=0,node=1', 'igb,hub=1',
                    'igb,hub=0,vfs=2,node=1', 'virtio,modern,hub=2,node=1',
                    'virtio,modern,hub=2,node=1', 'igb,hub=1,node=1'),
              numa=2, hugepages='0:160,1:160')


class Skip(Exception):
    """Raised by a test that can't run here; the text says why."""


def needs(config):
    """Above a test: the guest it wants, where that is not the file's CONFIG."""
    def mark(function):
        function.config = config
        return function
    return mark


def before_qemu(nics):
    """Run in QEMU's process before exec: it ends when the runner does, however that ends; and it
    has a network of its own if a NIC's wire is a tap."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    taps = [n for n in nics if n.tap]
    if taps:
        tap.enter(taps)


def folders_of(path):
    """The folder and those it lies in, but /."""
    return [] if path == '/' else folders_of(os.path.dirname(path)) + [path]


class Guest:
    """A guest; a context that boots it and powers it off. wires: {hub: pcap file}, all the time."""

    def __init__(self, config, wires=None, mode='agent'):
        self.config, self.mode = config, mode
        self.qemu = self.link = self.monitor = self.watch = None
        self.look_lock = threading.Lock()
        self.killed = False
        self.folder = tempfile.mkdtemp(prefix='cleat-lab-')
        self.out = self.folder + '/out'
        self.captures = 0
        try:
            os.chmod(self.folder, 0o755)
            os.mkdir(self.out)
            os.chmod(self.out, 0o1777)
            top = cache.fill()
            self.args, self.env, self.nics = machine.command(config, top, self.folder, mode,
                                                             wires or {})
            initramfs.write(self.folder + '/initramfs', top, config.modules)
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise

    def __enter__(self):
        try:
            self.boot()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.shutdown()
        else:
            self.kill()

    def boot(self):
        """Start QEMU, wait for the agent, make the virtual functions asked for."""
        for left in reversed(range(BOOTS)):
            try:
                self._boot()
                break
            except Dead as dead:  # an emulated processor on a busy host: once more
                if self.killed or not left:
                    raise
                print('lab: once more, for %s' % dead, file=sys.stderr, flush=True)
                self._end()
        if self.mode != 'shell' and self.config.root == '/':
            self.check(['chmod', 'a+x', *folders_of(BIN)])  # in the guest only: for user nobody
        for n in self.nics:
            if n.vfs:
                self.check('modprobe igb && echo %d > /sys/bus/pci/devices/%s/sriov_numvfs' %
                           (n.vfs, n.address))

    def _boot(self):
        """Start QEMU and wait for the agent."""
        started = time.monotonic()
        with open(self.folder + '/qemu', 'wb') as log:
            self.qemu = subprocess.Popen(
                self.args, env=self.env, preexec_fn=lambda: before_qemu(self.nics), stderr=log,
                close_fds=False,  # what Python opened closes itself; the taps' stay
                stdin=None if self.mode == 'shell' else subprocess.DEVNULL,
                stdout=None if self.mode == 'shell' else log)
        if self.mode == 'shell':
            return
        self.link = Link(self._connect('agent'), self.last_words)
        said, heard = 0, started
        while not self.link.until(lambda: self.link.hello, 1):
            now, size = time.monotonic(), len(self.console())
            said, heard = (size, now) if size != said else (said, heard)
            if now - heard > SILENCE_S or now - started > BOOT_TIMEOUT_S:
                raise Dead('the guest did not boot in %d s%s' % (now - started, self.last_words()))
        self.boot_s = time.monotonic() - started

    def _connect(self, name):
        """To one of QEMU's sockets, which it makes when it starts."""
        end = time.monotonic() + 20
        while True:
            connection = socket.socket(socket.AF_UNIX)
            try:
                connection.connect('%s/%s' % (self.folder, name))
                return connection
            except OSError:
                connection.close()
                if self.qemu.poll() is not None or time.monotonic() > end:
                    raise Dead('QEMU does not start%s' % self.last_words()) from None
                time.sleep(0.02)

    def last_words(self):
        """What QEMU and the guest's console said at the end."""
        text = ''
        for name in ('qemu', 'console'):
            try:
                with open('%s/%s' % (self.folder, name), 'rb') as f:
                    text += f.read().decode(errors='replace')[-3000:]
            except OSError:
                pass
        return ':\n' + text.strip() if text.strip() else ''

    def start(self, command, user=None, env=None, cwd=None, sink=None):
        """Start a command, a list or a line for sh, as root or as `user`: a Job."""
        argv = ['sh', '-c', command] if isinstance(command, str) else list(command)
        return self.link.start({'argv': argv, 'user': user, 'env': env or {},
                                'cwd': cwd or os.getcwd()}, sink)

    def run(self, command, timeout_s=120, stdin=b'', **how):
        """Run a command to its end: Result(code, out, err). Raises TooLong."""
        job = self.start(command, **how)
        if stdin:
            job.write(stdin)
        job.write(b'')
        return job.wait(timeout_s)

    def check(self, command, timeout_s=120, **how):
        """Run a command that must succeed; its output as text, without the last newline."""
        done = self.run(command, timeout_s, **how)
        if done.code:
            raise AssertionError('in the guest: %s: exit code %d\n%s' % (
                command, done.code, (done.out + done.err).decode(errors='replace')))
        return done.out.decode(errors='replace').rstrip('\n')

    def qmp(self, command, **arguments):
        """A command to QEMU's monitor: guest.qmp("device_del", id="nic0")."""
        return self._qmp()(command, **arguments)

    def look(self, line):
        """A command for people to a monitor that watchers have for themselves: its text."""
        with self.look_lock:
            if not self.watch:
                self.watch = Qmp(self.folder + '/watch')
            return self.watch('human-monitor-command', **{'command-line': line})

    def event(self, name, timeout_s=20, **data):
        """Wait for an event of QEMU's monitor."""
        return self._qmp().wait(name, timeout_s, **data)

    def _qmp(self):
        if not self.monitor:
            self.monitor = Qmp(self.folder + '/qmp')
        return self.monitor

    @contextlib.contextmanager
    def capture(self, hub):
        """Write what a hub carries meanwhile to a pcap file; its path. It goes with the guest."""
        first = next((n for n in self.nics if n.hub == hub), None)
        if not first:
            raise Bad('no NIC is on hub %d' % hub)
        self.captures += 1
        name = 'capture%d' % self.captures
        path = '%s/%s.pcap' % (self.folder, name)
        self.qmp('object-add', **{'qom-type': 'filter-dump', 'id': name,
                                  'netdev': 'net%d' % first.number, 'file': path})
        try:
            yield path
        finally:
            self.qmp('object-del', id=name)

    def console(self):
        """What the kernel said."""
        with contextlib.suppress(FileNotFoundError), \
                open(self.folder + '/console', encoding='utf-8', errors='replace') as f:
            return f.read()
        return ''

    def shutdown(self):
        """Power off, or kill if it does not."""
        try:
            if self.link:
                self.link.send(b'Q', 0)
            self.qemu.wait(30)
        except (Dead, subprocess.TimeoutExpired):
            print('lab: the guest does not power off', file=sys.stderr)
        self.kill()

    def kill(self):
        """End QEMU at once and forget everything."""
        self.killed = True
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self):
        """End QEMU."""
        if self.qemu and self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        for connection in (self.monitor, self.watch, self.link):
            if connection:
                connection.close()
        self.monitor = self.watch = self.link = None
