# SPDX-License-Identifier: BSD-3-Clause
"""modules.py - which kernel modules the guest gets: the named ones and all they depend on."""
import os
import re

# What drivers and tests use; virtio_console carries the agent, 9p and overlay the root.
WANTED = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay',
          'uio', 'uio_pci_generic', 'igb_uio', 'vfio-pci', 'vfio_iommu_type1',
          'e1000', 'e1000e', 'igb', 'igbvf', 'virtio_net', 'vmxnet3',
          'tun', 'veth', '8021q', 'pktgen', 'msr']
BOOT = ['virtio_pci', 'virtio_console', '9pnet_virtio', '9p', 'overlay']


def plain(name):
    """The kernel's spelling: vfio-pci and vfio_pci are one."""
    return name.replace('-', '_')


class Tree:
    """The modules below lib/modules/RELEASE."""

    def __init__(self, folder):
        self.folder, self.paths = folder, {}
        for top, _, files in os.walk(folder):
            for f in files:
                if f.endswith('.ko'):
                    self.paths[plain(f[:-3])] = os.path.join(top, f)

    def depends(self, name):
        """What a module names in its .modinfo section."""
        with open(self.paths[name], 'rb') as f:
            found = re.search(rb'\0depends=([^\0]*)\0', f.read())
        return [plain(d) for d in found.group(1).decode().split(',') if d] if found else []

    def closure(self, names):
        """{module: what it depends on} of the names, those built into the kernel left out."""
        done, todo = {}, [plain(n) for n in names]
        while todo:
            name = todo.pop()
            if name not in done and name in self.paths:
                done[name] = self.depends(name)
                todo += done[name]
        return done

    def order(self, names):
        """The closure as a list in which each comes after what it needs."""
        closure, result = self.closure(names), []

        def visit(name):
            for needed in closure.get(name, []):
                visit(needed)
            if name in closure and name not in result:
                result.append(name)

        for name in names:
            visit(plain(name))
        return result

    def table(self, names):
        """modules.dep of the closure, as modprobe reads it; every module lies in one folder."""
        lines = []
        for name in sorted(self.closure(names)):
            needed = [n for n in reversed(self.order([name])) if n != name]
            lines.append(' '.join(['%s.ko:' % name] + [n + '.ko' for n in needed]))
        return '\n'.join(lines) + '\n'
