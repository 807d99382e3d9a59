# SPDX-License-Identifier: BSD-3-Clause
"""initramfs.py - pack busybox, modules, init and agent into what the guest's kernel unpacks."""
import os

import modules

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDERS = ['bin', 'dev', 'etc', 'host', 'lab', 'lab/bin', 'lab/modules', 'lib', 'lib/modules', 'mnt',
           'proc', 'root', 'rw', 'sbin', 'sys']
APPLETS = ['sh', 'mount', 'umount', 'mkdir', 'insmod', 'modprobe', 'chroot', 'cat', 'ln', 'ls', 'cp',
           'poweroff', 'setsid', 'cttyhack', 'chmod', 'sleep', 'echo', 'ip']


class Cpio:
    """Writes the "newc" format: a header of hexadecimal numbers, name, data, padded to 4."""

    def __init__(self, out):
        self.out, self.inode = out, 0

    def add(self, name, mode, data=b''):
        """One entry."""
        self.inode += 1
        path = name.encode() + b'\0'
        fields = [self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
        self._padded(b'070701' + b''.join(b'%08x' % f for f in fields) + path)
        self._padded(data)

    def _padded(self, data):
        self.out.write(data + b'\0' * (-len(data) % 4))

    def file(self, name, path, mode=0o755):
        """A file as it is outside."""
        with open(path, 'rb') as f:
            self.add(name, 0o100000 | mode, f.read())


def write(path, cache, more_modules=()):
    """Write the initramfs with parts of the cache."""
    with open(cache + '/kernel/release', encoding='utf-8') as f:
        release = f.read().strip()
    tree = modules.Tree('%s/kernel/modules/%s' % (cache, release))
    wanted = modules.WANTED + list(more_modules)
    home = 'lib/modules/' + release
    with open(path, 'wb') as out:
        cpio = Cpio(out)
        for folder in FOLDERS + [home]:
            cpio.add(folder, 0o040755)
        cpio.file('bin/busybox', cache + '/busybox/busybox')
        for applet in APPLETS:
            cpio.add('bin/' + applet, 0o120777, b'busybox')
        cpio.add('sbin/modprobe', 0o120777, b'../bin/busybox')
        cpio.file('init', HERE + '/init')
        cpio.file('lab/agent.py', HERE + '/agent.py')
        for name in tree.closure(wanted):
            cpio.file('%s/%s.ko' % (home, name), tree.paths[name], 0o644)
        cpio.add(home + '/modules.dep', 0o100644, tree.table(wanted).encode())
        cpio.add('etc/boot-modules', 0o100644,
                 '\n'.join('/%s/%s.ko' % (home, n) for n in tree.order(modules.BOOT)).encode())
        cpio.add('TRAILER!!!', 0)
