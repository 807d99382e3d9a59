# SPDX-License-Identifier: BSD-3-Clause
"""fake_pci.py - a made-up sysfs with PCI devices, and a thread that does what the kernel would.

What is written to bind, unbind, new_id, remove_id and drivers_probe arrives by FIFOs and is kept in
`log`; the links `driver` change as the kernel's would. driver_override is an ordinary file.
"""
import os
import select
import shutil
import tempfile
import threading

NO_BAR = '0x%016x 0x%016x 0x%016x\n' % (0, 0, 0)
BAR = '0x00000000febc0000 0x00000000febdffff 0x0000000000040200\n'


class FakePci:
    """A context; `root` is for --sysfs-root, `state` for --state-dir."""

    def __init__(self, override=True):
        self.top = tempfile.mkdtemp(prefix='cleat-bind-')
        self.root, self.state = self.top + '/sys', self.top + '/state/bind'
        self.override = override
        self.defaults = {}     # address: the driver that knows it by itself
        self.ids = {}          # driver: texts of new_id
        self.refusing = set()  # drivers whose probe fails
        self.stuck = set()     # devices that no driver lets go
        self.log = []
        self.fifos = {}        # fd: path below bus/pci
        os.makedirs(self.root + '/bus/pci/devices')
        self._fifo('drivers_probe')
        self.stop_r, self.stop_w = os.pipe()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        os.close(self.stop_w)
        self.thread.join()
        for fd in list(self.fifos) + [self.stop_r]:
            os.close(fd)
        shutil.rmtree(self.top)

    # ---- the tree ----

    def path(self, *parts):
        """Below bus/pci."""
        return os.path.join(self.root, 'bus/pci', *parts)

    def file(self, address, name, text):
        """A file of a device."""
        path = self.path('devices', address, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)

    def link(self, address, name, target):
        """A link of a device; None removes it."""
        path = self.path('devices', address, name)
        if os.path.islink(path):
            os.unlink(path)
        if target:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)

    def _fifo(self, name):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        os.mkfifo(self.path(name))
        self.fifos[os.open(self.path(name), os.O_RDWR | os.O_NONBLOCK)] = name

    def load(self, driver):
        """modprobe."""
        for name in ('bind', 'unbind', 'new_id', 'remove_id'):
            self._fifo('drivers/%s/%s' % (driver, name))

    def device(self, address, driver='', group=None, class_code=0x020000, net=None, flags='0x1002',
               ids=('0x8086', '0x10d3')):
        """A device bound to its driver."""
        for name, text in (('vendor', ids[0]), ('device', ids[1]), ('numa_node', '0'),
                           ('class', '0x%06x' % class_code), ('resource', BAR + NO_BAR * 5)):
            self.file(address, name, text + '\n')
        if self.override:
            self.file(address, 'driver_override', '(null)\n')
        if driver:
            self.defaults[address] = driver
            self.set_driver(address, driver)
        if group is not None:
            self.link(address, 'iommu_group', '../../../../kernel/iommu_groups/%d' % group)
        if net:
            self.file(address, 'net/%s/flags' % net, flags + '\n')

    def set_driver(self, address, driver):
        """Bound to it; '' for none."""
        self.link(address, 'driver', driver and '../../drivers/' + driver)

    # ---- what is the case ----

    def driver(self, address):
        """The driver in charge, or ''."""
        path = self.path('devices', address, 'driver')
        return os.path.basename(os.readlink(path)) if os.path.islink(path) else ''

    def wants(self, address):
        """driver_override, or ''."""
        path = self.path('devices', address, 'driver_override')
        if not os.path.exists(path):
            return ''
        with open(path, encoding='utf-8') as f:
            return f.read().strip().replace('(null)', '')

    def remembered(self, address):
        """What the tool remembers, or None."""
        try:
            with open('%s/%s' % (self.state, address), encoding='utf-8') as f:
                return f.read().strip()
        except FileNotFoundError:
            return None

    def picture(self):
        """All files and links, to see that nothing changed."""
        seen = []
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.islink(path):
                    seen.append((path, os.readlink(path)))
                elif os.path.isfile(path):
                    with open(path, encoding='utf-8') as f:
                        seen.append((path, f.read()))
        return sorted(seen)

    # ---- the kernel ----

    def _serve(self):
        while True:
            # Drivers may be loaded meanwhile.
            ready = select.select(list(self.fifos) + [self.stop_r], [], [], 0.01)[0]
            if self.stop_r in ready:
                return
            for fd in ready:
                text = os.read(fd, 4096).decode().strip()
                self.log.append((self.fifos[fd], text))
                self._act(self.fifos[fd].split('/'), text)

    def _act(self, what, text):
        if what == ['drivers_probe']:
            self._attach(text, self.wants(text) or self.defaults.get(text, ''))
        elif what[2] == 'unbind' and text not in self.stuck and self.driver(text) == what[1]:
            self.set_driver(text, '')
        elif what[2] == 'bind':
            if what[1] in (self.wants(text), self.defaults.get(text)) or self.ids.get(what[1]):
                self._attach(text, what[1])
        elif what[2] == 'new_id':
            self.ids.setdefault(what[1], []).append(text)
            for address in sorted(os.listdir(self.path('devices'))):
                self._attach(address, what[1])
        elif what[2] == 'remove_id':
            self.ids[what[1]].remove(text)

    def _attach(self, address, driver):
        if driver and not self.driver(address) and driver not in self.refusing and \
                os.path.isdir(self.path('drivers', driver)):
            self.set_driver(address, driver)
