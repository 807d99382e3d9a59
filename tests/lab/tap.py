# SPDX-License-Identifier: BSD-3-Clause
"""tap.py - a NIC's wire that ends in a kernel: a tap with several queues.

QEMU runs in a network namespace of its own then, which holds nothing but its taps and is gone when
QEMU is. The runner looks into it from threads, and sockets made there stay in there; the runner
itself, and the host's own interfaces, stay where they are.

    with tap.End(guest, nic) as end:                    # the interface is up, with an address
        with end.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(b'x', ('10.9.0.2', 9))
"""
import ctypes
import fcntl
import functools
import os
import select
import socket
import struct
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454ca
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 0x2, 0x1000, 0x4000, 0x100
FIRST_FD = 200  # of QEMU's taps


def call(name, *args):
    """A function of the C library; OSError if it fails."""
    if getattr(LIBC, name)(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, '%s: %s' % (name, os.strerror(number)))


def open_queue(name, flags):
    """A descriptor of a queue of a tap in this namespace; the tap is there while one is open."""
    fd = os.open('/dev/net/tun', os.O_RDWR)
    try:
        fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', name.encode(), IFF_TAP | IFF_NO_PI | flags))
    except OSError:
        os.close(fd)
        raise
    return fd


@functools.lru_cache(maxsize=None)
def possible():
    """May this process make namespaces and taps? Tried in a child."""
    child = os.fork()
    if child == 0:
        try:
            call('unshare', CLONE_NEWNET)
            open_queue('tap0', IFF_MULTI_QUEUE | IFF_VNET_HDR)
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def name_of(nic):
    """The interface of a NIC."""
    return 'tap%d' % nic.number


def enter(nics):
    """In QEMU's process, before it is QEMU: a namespace, and the descriptors that nic.py names."""
    call('unshare', CLONE_NEWNET)
    for nic in nics:
        for fd in nic.fds:
            queue = open_queue(name_of(nic), IFF_MULTI_QUEUE | IFF_VNET_HDR)
            os.dup2(queue, fd)
            os.close(queue)


def inside(pid, function, *args):
    """Call it in the network namespace of that process: in a thread, which ends."""
    done = []

    def run():
        try:
            fd = os.open('/proc/%d/ns/net' % pid, os.O_RDONLY)
            try:
                call('setns', fd, CLONE_NEWNET)
            finally:
                os.close(fd)
            done.append((function(*args), None))
        except Exception as error:  # any: it is raised again in the caller's thread
            done.append((None, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    result, error = done[0]
    if error:
        raise error
    return result


def ip(*args):
    """The program of that name."""
    done = subprocess.run(['ip', *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, 'ip %s: %s' % (' '.join(args), done.stderr)


class End:
    """The kernel's end of a NIC's tap: 10.9.0.1/24, which knows the NIC as 10.9.0.2 and forwards
    to a tap without any offload, where 10.9.1.2 is the runner itself: read() has what came out."""

    MAC = '02:00:00:00:09:01'

    def __init__(self, guest, nic):
        self.pid, self.nic, self.out = guest.qemu.pid, nic, -1

    def __enter__(self):
        inside(self.pid, self._set_up)
        return self

    def __exit__(self, *_):
        os.close(self.out)

    def _set_up(self):
        for name, value in (('ipv6/conf/all/disable_ipv6', 1), ('ipv6/conf/default/disable_ipv6', 1),
                            ('ipv4/ip_forward', 1)):
            with open('/proc/sys/net/' + name, 'w', encoding='ascii') as f:
                f.write('%d\n' % value)
        self.out = open_queue('out', 0)
        for name, host, mac in ((name_of(self.nic), '10.9.0', self.nic.mac),
                                ('out', '10.9.1', '02:00:00:00:09:02')):
            ip('link', 'set', name, 'up', *(('address', self.MAC) if name != 'out' else ()))
            ip('addr', 'replace', host + '.1/24', 'dev', name)
            ip('neigh', 'replace', host + '.2', 'lladdr', mac, 'dev', name)

    def socket(self, *args):
        """A socket in there."""
        return inside(self.pid, lambda: socket.socket(*args))

    def read(self, timeout_s):
        """The next packet that was forwarded to the runner, or None."""
        limit = time.monotonic() + timeout_s
        while select.select([self.out], [], [], max(0, limit - time.monotonic()))[0]:
            frame = os.read(self.out, 65536)
            if frame[12:14] == b'\x08\x00':
                return frame
        return None
