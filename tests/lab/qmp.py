# SPDX-License-Identifier: BSD-3-Clause
"""qmp.py - talk to QEMU's monitor: commands and events as JSON over a socket."""
import json
import socket
import time


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """One connection; not for several threads at once."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.buffer, self.events = b'', []
        self._message(time.monotonic() + 20)
        self('qmp_capabilities')

    def _message(self, end):
        """The next message, or None when `end` comes first."""
        while b'\n' not in self.buffer:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                data = self.socket.recv(65536)
            except socket.timeout:
                return None
            if not data:
                raise QmpError('QEMU has ended')
            self.buffer += data
        line, self.buffer = self.buffer.split(b'\n', 1)
        return json.loads(line)

    def __call__(self, command, **arguments):
        """Run a command, return its result: qmp('device_del', id='nic0')."""
        text = {'execute': command, 'arguments': arguments}
        self.socket.sendall(json.dumps(text).encode() + b'\n')
        end = time.monotonic() + 30
        while True:
            message = self._message(end)
            if message is None:
                raise QmpError('%s: no answer' % command)
            if 'event' in message:
                self.events.append(message)
            elif 'error' in message:
                raise QmpError('%s: %s' % (command, message['error']['desc']))
            elif 'return' in message:
                return message['return']

    def wait(self, event, timeout_s=20, **data):
        """Wait for an event whose data has these values: wait('DEVICE_DELETED', device='nic0')."""
        end = time.monotonic() + timeout_s
        while True:
            for message in self.events:
                if message['event'] == event and \
                        all(message.get('data', {}).get(k) == v for k, v in data.items()):
                    self.events.remove(message)
                    return message
            message = self._message(end)
            if message is None:
                raise QmpError('%s %s: did not come in %g s' % (event, data, timeout_s))
            if 'event' in message:
                self.events.append(message)

    def close(self):
        """Hang up."""
        self.socket.close()
