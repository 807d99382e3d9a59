#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_options.py - the lab's own parts, without a guest: options, addresses, sources, modules."""
import importlib.machinery
import importlib.util
import io
import os
import select
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
import debian  # noqa: E402
import host  # noqa: E402
import initramfs  # noqa: E402
import machine  # noqa: E402
import modules  # noqa: E402
import nic  # noqa: E402


def placed(*texts, spare=0):
    """NICs with their addresses."""
    nics = [nic.parse(t) for t in texts]
    nic.place(nics, spare)
    return nics


class Nics(unittest.TestCase):
    def test_addresses(self):
        nics = placed('e1000', 'e1000e,hub=1', 'virtio', 'igb,hub=2', 'virtio,modern', 'e1000,node=1',
                      'e1000e,node=1')
        self.assertEqual([n.address for n in nics],
                         ['0000:00:04.0', '0000:01:00.0', '0000:00:06.0', '0000:02:00.0',
                          '0000:03:00.0', '0000:41:00.0', '0000:42:00.0'])
        self.assertEqual(nics[1].mac, '52:54:00:00:01:01')
        self.assertEqual([nics[3].vf_address(n) for n in (0, 1, 4)],
                         ['0000:02:10.0', '0000:02:10.2', '0000:02:11.0'])

    def test_bad(self):
        for text in ('', 'e1001', 'e1000,hub', 'e1000,hub=x', 'e1000,hub=256', 'e1000,vfs=1',
                     'igb,vfs=8', 'e1000,=1', 'e1000e,legacy', 'igb,tap=2', 'virtio,tap=9'):
            with self.assertRaises(nic.Bad, msg=text):
                nic.parse(text)
        with self.assertRaises(nic.Bad):
            placed(*['e1000'] * 20, spare=1)

    def test_arguments(self):
        text = ' '.join(nic.arguments(placed('virtio,modern,rx_queue_size=512', 'virtio,legacy'), 1,
                                      True))
        self.assertIn('disable-legacy=on,rx_queue_size=512,iommu_platform=on', text)
        self.assertIn('disable-modern=on,disable-legacy=off', text)
        self.assertEqual(text.count('iommu_platform'), 1)
        self.assertIn('id=spare0', text)


    def test_tap(self):
        """A descriptor for each queue, other NICs' are others; no name of an interface of the host's."""
        nics = placed('virtio,modern,tap=2', 'virtio,tap=1', 'e1000')
        text = ' '.join(nic.arguments(nics, 0, True))
        self.assertIn('tap,id=net0,vhost=off,fds=200:201 ', text)
        self.assertIn('tap,id=net1,vhost=off,fds=208 ', text)
        self.assertEqual(text.count('mq=on'), 1)
        self.assertIn('hubport,id=net2,hubid=0', text)
        self.assertEqual(nics[0].mac, '52:54:00:00:ff:00')
        self.assertNotIn('ifname', text)


class Machines(unittest.TestCase):
    def line(self, **fields):
        return ' '.join(machine.command(machine.Config(**fields), '/c', '/r', 'agent', {})[0])

    def test_never_the_host(self):
        """No network of the host's, no device of the host's, no default device."""
        line = self.line(nics=('e1000', 'igb,vfs=1', 'virtio,modern'))
        self.assertIn('-nodefaults', line)
        self.assertIn('readonly=on', line)
        for word in ('tap', 'user,', 'vfio', 'bridge', 'hostfwd', '-net '):
            self.assertNotIn(word, line)

    def test_bad(self):
        for fields in ({'memory': '2'}, {'hugepages': 'x'}, {'nics': ('e1000,node=1',)}):
            with self.assertRaises(nic.Bad):
                self.line(**fields)
        with self.assertRaises(nic.Bad):
            machine.command(machine.Config(), '/c', '/r', 'agent', {0: '/x'})

    def test_iommu(self):
        self.assertNotIn('iommu', self.line(iommu='off'))
        self.assertIn('aw-bits=39', self.line(aw_bits=39))
        self.assertIn('iommu.strict=1', self.line(iommu='strict'))

    def test_options_are_the_fields(self):
        args = machine.parser('x').parse_args(['--nic', 'e1000', '--numa', '2'])
        self.assertEqual(machine.config(args), machine.Config(nics=('e1000',), numa=2))
        self.assertEqual(machine.config(machine.parser('x').parse_args([])), machine.Config())


class Sources(unittest.TestCase):
    def test_lines(self):
        entries = [(False, 'deb [signed-by=/k] scheme://x/debian stable main'),
                   (False, 'deb-src scheme://x/debian stable main'),
                   (False, 'deb scheme://y/other elsewhere main')]
        lines, stanzas = debian.private_sources(entries, 'stable', 'stable-new')
        self.assertEqual(lines, [entries[0][1],
                                 'deb [signed-by=/k] scheme://x/debian stable-new main'])
        self.assertEqual(stanzas, [])

    def test_stanzas(self):
        one = 'Types: deb\nURIs: scheme://x/debian\nSuites: stable stable-updates\nComponents: main'
        two = one.replace('stable stable-updates', 'stable-security')
        _, stanzas = debian.private_sources([(True, one), (True, two)], 'stable', 'stable-new')
        self.assertEqual(stanzas, [one, one.replace('stable stable-updates', 'stable-new'), two])
        self.assertEqual(debian.private_sources([(True, one)], 'stable', None)[1], [one])


class Modules(unittest.TestCase):
    def test_closure(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, needs in (('a-b', b'c,d'), ('c', b'd'), ('d', b''), ('e', b'')):
                with open('%s/%s.ko' % (folder, name), 'wb') as f:
                    f.write(b'ELF\0license=GPL\0depends=' + needs + b'\0')
            tree = modules.Tree(folder)
            self.assertEqual(tree.order(['a_b', 'builtin']), ['d', 'c', 'a_b'])
            self.assertEqual(sorted(tree.closure(['c'])), ['c', 'd'])
            self.assertEqual(tree.table(['a-b']), 'a_b.ko: c.ko d.ko\nc.ko: d.ko\nd.ko:\n')


class Shell(unittest.TestCase):
    def test_input(self):
        """What comes before the shell is there waits; the end of it is the shell's."""
        loader = importlib.machinery.SourceFileLoader(
            'shell', os.path.dirname(os.path.abspath(__file__)) + '/../shell')
        shell = importlib.util.module_from_spec(importlib.util.spec_from_loader('shell', loader))
        loader.exec_module(shell)
        (typed, ours), (theirs, serial) = os.pipe(), os.pipe()
        with tempfile.TemporaryDirectory() as folder:
            there = folder + '/there'
            os.write(ours, b'a' * 100 + b'\n')
            os.close(ours)
            fed = threading.Thread(target=shell.feed, args=(typed, serial, there))
            fed.start()
            self.assertEqual(select.select([theirs], [], [], 0.3)[0], [])
            open(there, 'wb').close()
            fed.join()
            self.assertEqual(os.listdir(folder), [])
        os.close(serial)
        self.assertEqual(os.read(theirs, 1000), b'a' * 100 + b'\nexit\n')
        for fd in (typed, theirs):
            os.close(fd)


class Others(unittest.TestCase):
    def test_cpio(self):
        out = io.BytesIO()
        initramfs.Cpio(out).add('ab', 0o100644, b'12345')
        data = out.getvalue()
        self.assertEqual((data[:6], len(data) % 4), (b'070701', 0))
        self.assertEqual(int(data[54:62], 16), 5)
        self.assertIn(b'ab\0', data)

    def test_host(self):
        before, after = {'a': ('x', ''), 'b': ('', '')}, {'a': ('y', ''), 'b': ('', '')}
        self.assertEqual(host.difference(before, after), "a: was ('x', ''), is ('y', '')")
        self.assertEqual(host.difference(before, before), '')


if __name__ == '__main__':
    unittest.main()
