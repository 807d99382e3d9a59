# SPDX-License-Identifier: BSD-3-Clause
"""nic.py - a NIC of the guest: parse "--nic MODEL,KEY=VALUE...", say where it is, tell QEMU.

NIC number n has the MAC address 52:54:00:00:HUB:n and sits in slot 4+n of its root bus: itself
(e1000; virtio with a legacy interface), or, for PCI Express models, behind a root port there, which
makes it device 0 on the port's own bus. So its PCI address is known before the guest boots.
"""
import dataclasses

import tap

FIRST_SLOT, LAST_SLOT = 4, 0x17
TAP_HUB = 0xff  # in a MAC address
MODELS = {  # QEMU's name, vendor:device, behind a root port?
    'e1000': ('e1000', '8086:100e', False),
    'e1000e': ('e1000e', '8086:10d3', True),
    'igb': ('igb', '8086:10c9', True),
    'vmxnet3': ('vmxnet3', '15ad:07b0', True),
    'virtio': ('virtio-net-pci', '1af4:1000', False),  # legacy, transitional
    'virtio-modern': ('virtio-net-pci', '1af4:1041', True),
}
VIRTIO = {'legacy': 'disable-modern=on,disable-legacy=off',
          'transitional': 'disable-modern=off,disable-legacy=off',
          'modern': 'disable-modern=off,disable-legacy=on'}
HELP = """\
A NIC is MODEL[,KEY=VALUE...]. MODEL: e1000 (82540EM), e1000e (82574L), igb (82576), vmxnet3, or
virtio, which may be followed by legacy, transitional (default) or modern. Keys:
  hub=N    the wire it is plugged into, default 0; NICs on one hub hear each other
  tap=N    virtio: no hub but a tap with N queues, in a network namespace of QEMU's own; see tap.py
  node=N   its NUMA node (with --numa)
  vfs=N    igb: make N virtual functions after boot, by the guest's igb driver
  mac=M    its address, default 52:54:00:00:HUB:NUMBER
Any other KEY=VALUE goes to QEMU's device as it is, like rx_queue_size=1024."""


class Bad(Exception):
    """An option that is wrong; the text says what is right."""


@dataclasses.dataclass(eq=False)
class Nic:
    """One NIC. The fields after `extra` are set by place()."""
    model: str
    hub: int = 0
    tap: int = 0
    node: int = 0
    vfs: int = 0
    mac: str = ''
    extra: str = ''
    number: int = 0
    address: str = ''  # 0000:01:00.0
    fds: tuple = ()    # QEMU's, of the tap's queues

    @property
    def kind(self):
        """QEMU's name, ids, behind a root port?"""
        return MODELS[self.model]

    @property
    def has_port(self):
        """Is it behind a root port of its own?"""
        return self.kind[2] or self.node > 0

    def vf_address(self, n):
        """Where virtual function n appears: the 82576 has them from devfn 0x80 on, two apart."""
        devfn = 0x80 + 2 * n
        return '%s%02x.%x' % (self.address[:-4], devfn >> 3, devfn & 7)


def parse(text):
    """A Nic from "MODEL,KEY=VALUE..."; raises Bad."""
    model, *fields = text.split(',')
    variant = None
    if model == 'virtio':
        variant = next((f for f in fields if f in VIRTIO), 'transitional')
        fields = [f for f in fields if f not in VIRTIO]
        model = 'virtio-modern' if variant == 'modern' else 'virtio'
    elif model.startswith('virtio'):
        model = None
    if model not in MODELS:
        raise Bad('--nic %s: no such model; give e1000, e1000e, igb, virtio or vmxnet3' % text)
    nic, extra = Nic(model), [VIRTIO[variant]] if variant else []
    for field in fields:
        key, equals, value = field.partition('=')
        if not equals or not key or not value:
            raise Bad('--nic %s: "%s" is not KEY=VALUE' % (text, field))
        if key in ('hub', 'node', 'vfs', 'tap'):
            if not value.isdigit() or int(value) > 255:
                raise Bad('--nic %s: %s is a number from 0 to 255' % (text, key))
            setattr(nic, key, int(value))
        elif key == 'mac':
            nic.mac = value
        else:
            extra.append(field)
    if nic.vfs and (model != 'igb' or nic.vfs > 7):
        raise Bad('--nic %s: vfs=N is for igb, up to 7' % text)
    if nic.tap and (not variant or nic.tap > 8):
        raise Bad('--nic %s: tap=N is for virtio, up to 8' % text)
    if nic.tap:
        nic.hub = TAP_HUB
    nic.extra = ','.join(extra)
    return nic


def place(nics, spare=0):
    """Number the NICs and work out their addresses; root ports get buses in slot order."""
    if len(nics) + spare > LAST_SLOT - FIRST_SLOT + 1:
        raise Bad('%d NICs and spare ports at most' % (LAST_SLOT - FIRST_SLOT + 1))
    next_bus = {}
    for number, nic in enumerate(nics):
        nic.number = number
        nic.fds = tuple(tap.FIRST_FD + 8 * number + n for n in range(nic.tap))
        nic.mac = nic.mac or '52:54:00:00:%02x:%02x' % (nic.hub, number)
        root = root_bus(nic.node)
        if nic.has_port:
            bus = next_bus.get(root, root + 1)
            next_bus[root] = bus + 1
            nic.address = '0000:%02x:00.0' % bus
        else:
            nic.address = '0000:%02x:%02x.0' % (root, FIRST_SLOT + number)


def root_bus(node):
    """Number of a node's root bus: node 0 has the machine's own, others an expander."""
    return 0x40 * node


def root_name(nic):
    """What QEMU calls the root bus of its node."""
    return 'node%d' % nic.node if nic.node else 'pcie.0'


def slot(number):
    """Where NIC or port `number` sits on its root bus."""
    return FIRST_SLOT + number


def wire(nic):
    """What QEMU shall plug it into."""
    if nic.tap:
        return 'tap,id=net%d,vhost=off,fds=%s' % (nic.number, ':'.join(map(str, nic.fds)))
    return 'hubport,id=net%d,hubid=%d' % (nic.number, nic.hub)


def device(nic, iommu):
    """QEMU's text for the device, on its command line or of its monitor's device_add."""
    fields = [nic.kind[0], 'id=nic%d' % nic.number, 'netdev=net%d' % nic.number, 'mac=' + nic.mac,
              'romfile=', 'bus=port%d' % nic.number if nic.has_port else
              'bus=%s,addr=0x%x' % (root_name(nic), slot(nic.number))]
    if nic.extra:
        fields.append(nic.extra)
    if iommu and nic.model == 'virtio-modern' and 'iommu_platform' not in nic.extra:
        fields.append('iommu_platform=on')  # else it would go round the IOMMU
    if nic.tap > 1:
        fields.append('mq=on')
    return ','.join(fields)


def arguments(nics, spare, iommu):
    """QEMU's arguments for the NICs, their wires and `spare` empty root ports."""
    args = []
    for node in sorted({n.node for n in nics if n.node}):
        args += ['-device', 'pxb-pcie,id=node%d,bus=pcie.0,addr=0x%x,bus_nr=0x%x,numa_node=%d' %
                 (node, LAST_SLOT + node, root_bus(node), node)]
    for nic in nics:
        if nic.has_port:
            args += ['-device', 'pcie-root-port,id=port%d,chassis=%d,bus=%s,addr=0x%x' % (
                nic.number, nic.number + 1, root_name(nic), slot(nic.number))]
        args += ['-netdev', wire(nic), '-device', device(nic, iommu)]
    for n in range(spare):
        args += ['-device', 'pcie-root-port,id=spare%d,chassis=%d,bus=pcie.0,addr=0x%x' %
                 (n, 100 + n, slot(len(nics) + n))]
    return args
