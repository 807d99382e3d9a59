# SPDX-License-Identifier: BSD-3-Clause
"""lab.py - boot a guest with NICs and run commands in it; for test drivers outside the guest.

    with lab.Guest(Config(nics=('e1000e,hub=0', 'e1000e,hub=0'), hugepages='256')) as guest:
        done = guest.run('cat /proc/cpuinfo')            # done.code, done.out, done.err
        worker = guest.start(['cleat-rxtx', ...])        # in the background
        guest.qmp('device_del', id='nic0')
        worker.signal(15)
        worker.wait(timeout_s=10)
        guest.nics[0].address                            # 0000:01:00.0
        guest.out                                        # folder that the guest has as /lab/out

The guest runs the binaries built outside, over the host's own root, read-only below an overlay.
"""
import collections
import ctypes
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import cache
import initramfs
import machine
from debian import Missing  # noqa: F401  (for users of this module)
from machine import Config  # noqa: F401
from nic import Bad  # noqa: F401
from qmp import Qmp

HEADER = struct.Struct('>cII')  # as in agent.py
BOOT_TIMEOUT_S = 180
Result = collections.namedtuple('Result', 'code out err')


class Dead(Exception):
    """The guest is gone or does not answer; the text ends with what its console said last."""


class TooLong(Exception):
    """A command did not end in time; it was killed."""


def die_with_parent():
    """Run in QEMU's process before exec: it ends when the runner does, however that ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Job:
    """A command in the guest."""

    def __init__(self, guest, number, sink):
        self.guest, self.number, self.sink = guest, number, sink
        self.output = {b'O': bytearray(), b'E': bytearray()}
        self.code = None

    def take(self, kind, data):
        """What the guest sent about it."""
        if kind == b'X':
            self.code = int(data)
        elif self.sink:
            self.sink(kind, data)
        else:
            self.output[kind] += data

    @property
    def out(self):
        """What it wrote to standard output, so far."""
        return bytes(self.output[b'O'])

    @property
    def err(self):
        """What it wrote to standard error, so far."""
        return bytes(self.output[b'E'])

    def write(self, data):
        """Give it input; b'' ends it."""
        for at in range(0, max(len(data), 1), 65536):
            self.guest.send(b'I', self.number, data[at:at + 65536])

    def signal(self, number):
        """A signal to it and its children."""
        self.guest.send(b'S', self.number, b'%d' % number)

    def wait(self, timeout_s=None):
        """Its Result. Raises TooLong, and Dead."""
        if not self.guest.until(lambda: self.code is not None, timeout_s):
            self.signal(signal.SIGKILL)
            raise TooLong('not done in %g s' % timeout_s)
        return Result(self.code, self.out, self.err)

    def wait_for(self, text, timeout_s=30):
        """Until its output has `text`; raises TooLong, or Dead if it ended without."""
        there = lambda: text.encode() in self.out + self.err  # noqa: E731
        if not self.guest.until(lambda: there() or self.code is not None, timeout_s):
            raise TooLong('"%s" did not come in %g s' % (text, timeout_s))
        if not there():
            raise Dead('ended with %d without saying "%s":\n%s' % (
                self.code, text, (self.out + self.err).decode(errors='replace')[-2000:]))


class Guest:
    """A guest; a context that powers it off at the end. wires: {hub: pcap file}."""

    def __init__(self, config, wires=None, mode='agent'):
        self.folder = tempfile.mkdtemp(prefix='cleat-lab-')
        os.chmod(self.folder, 0o755)
        self.config, self.out, self.mode = config, self.folder + '/out', mode
        self.qemu = self.socket = self.monitor = self.hello = None
        self.changed, self.jobs, self.gone = threading.Condition(), {}, False
        self.send_lock = threading.Lock()
        try:
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
        started = time.monotonic()
        with open(self.folder + '/qemu', 'wb') as log:
            self.qemu = subprocess.Popen(
                self.args, env=self.env, preexec_fn=die_with_parent, stderr=log,
                stdin=None if self.mode == 'shell' else subprocess.DEVNULL,
                stdout=None if self.mode == 'shell' else log)
        if self.mode == 'shell':
            return
        self.socket = self._connect('agent')
        threading.Thread(target=self._listen, daemon=True).start()
        if not self.until(lambda: self.hello, BOOT_TIMEOUT_S):
            raise Dead('the guest did not boot in %d s%s' % (BOOT_TIMEOUT_S, self._last_words()))
        self.boot_s = time.monotonic() - started
        for n in self.nics:
            if n.vfs:
                self.check('modprobe igb && echo %d > /sys/bus/pci/devices/%s/sriov_numvfs' %
                           (n.vfs, n.address))

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
                    raise Dead('QEMU does not start%s' % self._last_words()) from None
                time.sleep(0.02)

    def _last_words(self):
        """What QEMU and the console said at the end."""
        text = ''
        for name in ('qemu', 'console'):
            try:
                with open('%s/%s' % (self.folder, name), 'rb') as f:
                    text += f.read().decode(errors='replace')[-3000:]
            except OSError:
                pass
        return ':\n' + text.strip() if text.strip() else ''

    def _exactly(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.socket.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _listen(self):
        """Until QEMU hangs up."""
        try:
            while True:
                kind, number, size = HEADER.unpack(self._exactly(HEADER.size))
                data = self._exactly(size)
                with self.changed:
                    if kind == b'H':
                        self.hello = json.loads(data)
                    elif number in self.jobs:
                        self.jobs[number].take(kind, data)
                    self.changed.notify_all()
        except (EOFError, OSError):
            with self.changed:
                self.gone = True
                self.changed.notify_all()

    def send(self, kind, number, data):
        """A frame to the agent."""
        with self.send_lock:
            self.socket.sendall(HEADER.pack(kind, number, len(data)) + data)

    def until(self, condition, timeout_s=None):
        """Wait; False when it took too long. Raises Dead."""
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.gone, timeout_s)
            met = condition()
            if self.gone and not met:
                raise Dead('the guest has ended%s' % self._last_words())
            return bool(met)

    def start(self, command, user=None, env=None, cwd=None, sink=None):
        """Start a command: a list, or a line for sh. user: a name. sink(b'O' or b'E', data)."""
        argv = ['sh', '-c', command] if isinstance(command, str) else list(command)
        with self.changed:
            number = len(self.jobs) + 1
            job = self.jobs[number] = Job(self, number, sink)
        what = {'argv': argv, 'user': user, 'env': env or {}, 'cwd': cwd or os.getcwd()}
        self.send(b'R', number, json.dumps(what).encode())
        return job

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
        """A command to QEMU's monitor."""
        return self._qmp()(command, **arguments)

    def event(self, name, timeout_s=20, **data):
        """Wait for an event of QEMU's monitor."""
        return self._qmp().wait(name, timeout_s, **data)

    def _qmp(self):
        if not self.monitor:
            self.monitor = Qmp(self.folder + '/qmp')
        return self.monitor

    def console(self):
        """What the kernel said."""
        with open(self.folder + '/console', encoding='utf-8', errors='replace') as f:
            return f.read()

    def shutdown(self):
        """Power off, or kill if it does not."""
        try:
            self.send(b'Q', 0, b'')
            self.qemu.wait(30)
        except (OSError, subprocess.TimeoutExpired):
            print('lab: the guest does not power off', file=sys.stderr)
        self.kill()

    def kill(self):
        """End QEMU at once and forget everything."""
        if self.qemu and self.qemu.poll() is None:
            self.qemu.kill()
            self.qemu.wait()
        for connection in (self.monitor, self.socket):
            if connection:
                connection.close()
        shutil.rmtree(self.folder, ignore_errors=True)
