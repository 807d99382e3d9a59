# SPDX-License-Identifier: BSD-3-Clause
"""agent.py - runs in the guest: commands that come over a virtio-serial port, several at once.

Frames both ways: type (1 byte), command's number (u32), length (u32), that many bytes; big endian.
    to the guest    R: run, JSON {argv, cwd, env, user}   I: input, empty: end of input
                    S: signal, decimal                    Q: power off
    to the host     H: hello, JSON                        O, E: output, errors
                    X: ended, decimal: exit code, 128+N for signal N
"""
import glob
import json
import os
import pwd
import queue
import selectors
import struct
import subprocess
import sys
import threading

HEADER = struct.Struct('>cII')
CHUNK = 65536


def find_port(name):
    """The device file of a virtio-serial port."""
    for path in glob.glob('/sys/class/virtio-ports/*'):
        with open(path + '/name', encoding='ascii') as f:
            if f.read().strip() == name:
                return '/dev/' + os.path.basename(path)
    sys.exit('no virtio port %s' % name)


class Port:
    """Frames over a file descriptor."""

    def __init__(self, fd):
        self.fd, self.lock = fd, threading.Lock()

    def send(self, kind, number, data=b''):
        """One frame, whole."""
        frame = memoryview(HEADER.pack(kind, number, len(data)) + data)
        with self.lock:
            while frame:
                frame = frame[os.write(self.fd, frame):]

    def _exactly(self, size):
        data = b''
        while len(data) < size:
            piece = os.read(self.fd, size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def receive(self):
        """(kind, number, data)"""
        kind, number, size = HEADER.unpack(self._exactly(HEADER.size))
        return kind, number, self._exactly(size)


class Command:
    """One command and the thread that carries its output."""

    def __init__(self, port, number, what):
        self.port, self.number = port, number
        extra = {}
        if what.get('user'):
            extra = {'user': what['user'], 'group': pwd.getpwnam(what['user']).pw_gid,
                     'extra_groups': []}
        cwd = what.get('cwd')
        self.child = subprocess.Popen(
            what['argv'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            cwd=cwd if cwd and os.path.isdir(cwd) else '/', start_new_session=True,
            env=dict(os.environ, **what.get('env', {})), **extra)
        self.inputs = queue.Queue()
        for work in (self._carry, self._feed):
            threading.Thread(target=work, daemon=True).start()

    def _feed(self):
        """Give the command its input; what it does not want is dropped."""
        try:
            for data in iter(self.inputs.get, b''):
                self.child.stdin.write(data)
                self.child.stdin.flush()
            self.child.stdin.close()
        except (BrokenPipeError, ValueError):
            pass

    def kill(self, number):
        """A signal to the command and its children."""
        try:
            os.killpg(self.child.pid, number)
        except ProcessLookupError:
            pass

    def _carry(self):
        """Until it ends; what it wrote before its end arrives before the news of its end."""
        selector, pidfd = selectors.DefaultSelector(), os.pidfd_open(self.child.pid)
        for pipe, kind in ((self.child.stdout, b'O'), (self.child.stderr, b'E')):
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ, kind)
        selector.register(pidfd, selectors.EVENT_READ)
        ended = False
        while not ended:
            ready = [key for key, _ in selector.select()]
            ended = any(key.data is None for key in ready)
            for key in list(selector.get_map().values()) if ended else ready:
                if key.data:
                    self._drain(selector, key, everything=ended)
        os.close(pidfd)
        code = self.child.wait()
        for pipe in (self.child.stdout, self.child.stderr):
            pipe.close()
        self.port.send(b'X', self.number, b'%d' % (code if code >= 0 else 128 - code))

    def _drain(self, selector, key, everything):
        """One piece, or what the pipe holds (a child left behind may go on filling it)."""
        for _ in range(16):
            try:
                data = os.read(key.fd, CHUNK)
            except BlockingIOError:
                return
            if not data:
                selector.unregister(key.fileobj)
                return
            self.port.send(key.data, self.number, data)
            if not everything:
                return


def serve(port):
    """Do what the host says until it says power off."""
    running = {}
    while True:
        kind, number, data = port.receive()
        if kind == b'R':
            try:
                running[number] = Command(port, number, json.loads(data))
            except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
                port.send(b'E', number, ('%s\n' % error).encode())
                port.send(b'X', number, b'127')
        elif kind == b'I' and number in running:
            running[number].inputs.put(data)
        elif kind == b'S' and number in running:
            running[number].kill(int(data))
        elif kind == b'Q':
            return


def main():
    """The kernel's and our own version of hello, then commands."""
    port = Port(os.open(find_port('cleat.agent'), os.O_RDWR))
    with open('/proc/uptime', encoding='ascii') as f:
        uptime = float(f.read().split()[0])
    port.send(b'H', 0, json.dumps({'kernel': os.uname().release, 'uptime_s': uptime}).encode())
    serve(port)


if __name__ == '__main__':
    main()
