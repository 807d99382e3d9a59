# SPDX-License-Identifier: BSD-3-Clause
"""link.py - the outer end of the agent's port: commands in the guest, several at once."""
import collections
import json
import signal
import socket
import struct
import threading

HEADER = struct.Struct('>cII')  # as in agent.py
Result = collections.namedtuple('Result', 'code out err')


class Dead(Exception):
    """The guest, or a command in it, has ended when it should not have."""


class TooLong(Exception):
    """Something did not happen in time."""


class Job:
    """A command in the guest, running or ended. `sink`, if given, gets (b'O' or b'E', data)."""

    def __init__(self, link, number, sink):
        self.link, self.number, self.sink = link, number, sink
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

    @property
    def text(self):
        """Both, for people."""
        return (self.out + self.err).decode(errors='replace')

    def write(self, data):
        """Give it input; b'' ends it."""
        for at in range(0, max(len(data), 1), 65536):
            self.link.send(b'I', self.number, data[at:at + 65536])

    def signal(self, number):
        """A signal to it and its children; 9 kills, 19 stops, 18 continues."""
        self.link.send(b'S', self.number, b'%d' % number)

    def wait(self, timeout_s=120):
        """Its Result. Raises TooLong after killing it."""
        if not self.link.until(lambda: self.code is not None, timeout_s):
            self.signal(signal.SIGKILL)
            raise TooLong('not done in %g s; so far:\n%s' % (timeout_s, self.text[-2000:]))
        return Result(self.code, self.out, self.err)

    def wait_for(self, text, timeout_s=30):
        """Until its output has `text`. Raises TooLong, or Dead if it ended without."""
        def there():
            return text.encode() in self.out + self.err

        if not self.link.until(lambda: there() or self.code is not None, timeout_s):
            raise TooLong('"%s" did not come in %g s:\n%s' % (text, timeout_s, self.text[-2000:]))
        if not there():
            raise Dead('ended with %d without "%s":\n%s' % (self.code, text, self.text[-2000:]))


class Link:
    """Frames to and from the agent. `last_words` says more about a guest that is gone."""

    def __init__(self, connection, last_words):
        self.socket, self.last_words = connection, last_words
        self.changed, self.send_lock = threading.Condition(), threading.Lock()
        self.jobs, self.hello, self.gone = {}, None, False
        threading.Thread(target=self._listen, daemon=True).start()

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

    def send(self, kind, number, data=b''):
        """A frame to the agent."""
        try:
            with self.send_lock:
                self.socket.sendall(HEADER.pack(kind, number, len(data)) + data)
        except OSError as error:
            raise Dead('the guest has ended%s' % self.last_words()) from error

    def until(self, condition, timeout_s):
        """Wait; False when it took too long. Raises Dead."""
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.gone, timeout_s)
            met = condition()
        if self.gone and not met:
            raise Dead('the guest has ended%s' % self.last_words())
        return bool(met)

    def start(self, what, sink):
        """Start a command, told as the agent wants it."""
        with self.changed:
            number = len(self.jobs) + 1
            job = self.jobs[number] = Job(self, number, sink)
        self.send(b'R', number, json.dumps(what).encode())
        return job

    def sweep(self, timeout_s=10):
        """Kill the commands that still run."""
        left = [j for j in self.jobs.values() if j.code is None]
        for job in left:
            job.signal(signal.SIGKILL)
        self.until(lambda: all(j.code is not None for j in left), timeout_s)

    def close(self):
        """Hang up."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()
