# SPDX-License-Identifier: BSD-3-Clause
"""machine.py - what a guest is like, the options that say so, and QEMU's command line for it."""
import argparse
import dataclasses
import os
import re

import nic
import tap
from nic import Bad

# As old as Cleat's release variant allows: emulating what newer ones have takes a fifth more time.
CPU = 'Westmere,+rdrand,+pdpe1gb'
# All processors in one thread of the host. With a thread each, QEMU 10.0 loses interrupts and stops
# timers when the map of the machine's memory changes, which each reset, bind or unplug of a device
# does: docs/lab.md.
ACCEL = 'tcg,thread=single'
LIBS = ('usr/lib/x86_64-linux-gnu', 'lib/x86_64-linux-gnu')


@dataclasses.dataclass(frozen=True)
class Config:
    """A guest. Two tests whose Config is equal can share a boot."""
    nics: tuple = ()            # "e1000e,hub=0" each; see nic.HELP
    iommu: str = 'on'           # off, on, strict, pt
    aw_bits: int = 48           # IOVA width of the IOMMU: 39 or 48
    hugepages: str = '0'        # 2 MiB pages, or NODE:N,NODE:N
    hugepages_1g: str = '0'
    numa: int = 1               # nodes
    cpus: int = 2
    cpu: str = CPU              # as QEMU's -cpu
    memory: str = '2G'
    spare: int = 0              # empty root ports spare0... for device_add
    modules: tuple = ()         # kernel modules beside the usual
    append: str = ''            # for the kernel's command line
    root: str = '/'


def add_options(parser):
    """The options that make a Config; their names are its fields."""
    group = parser.add_argument_group('the guest', 'Two CPUs, 2 GiB, an IOMMU and no NIC if not told.')
    add = group.add_argument
    add('--nic', dest='nics', action='append', default=[], metavar='MODEL,hub=N',
        help='a NIC: e1000, e1000e, igb, virtio, vmxnet3; more below')
    add('--iommu', choices=('off', 'on', 'strict', 'pt'), default='on',
        help='strict: unmapped at once, no batches; pt: only for VFIO, so that UIO works beside it')
    add('--aw-bits', type=int, choices=(39, 48), default=48, help="IOVA width, default 48")
    add('--hugepages', default='0', metavar='N', help='2 MiB pages; 0:N,1:N says how many per node')
    add('--hugepages-1g', default='0', metavar='N', help='1 GiB pages')
    add('--numa', type=int, choices=(1, 2), default=1, help='NUMA nodes, default 1')
    add('--cpus', type=int, default=2)
    add('--cpu', default=CPU, metavar='MODEL', help="as QEMU's -cpu, default %(default)s")
    add('--memory', default='2G')
    add('--spare', type=int, default=0, metavar='N', help='empty root ports spare0... for device_add')
    add('--module', dest='modules', action='append', default=[], metavar='NAME',
        help='a kernel module beside the usual ones, for modprobe')
    add('--append', default='', metavar='TEXT', help="for the kernel's command line")
    add('--root', default='/', metavar='DIR', help="the guest's root, read-only to it; default /")


def config(args):
    """A Config of parsed options."""
    values = {f.name: getattr(args, f.name) for f in dataclasses.fields(Config)}
    return Config(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def parser(what, epilog=''):
    """An argument parser with the options of a guest."""
    made = argparse.ArgumentParser(description=what, epilog=nic.HELP + epilog,
                                   formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(made)
    return made


def mib(text):
    """2G, 512M -> MiB."""
    found = re.fullmatch(r'([1-9]\d*)([MG])', text)
    if not found:
        raise Bad('--memory %s: give a number and M or G, like 2G' % text)
    return int(found.group(1)) * (1024 if found.group(2) == 'G' else 1)


def kernel_line(cfg, mode):
    """The kernel's command line."""
    words = ['console=ttyS0', 'loglevel=%d' % (3 if mode == 'shell' else 7), 'panic=-1',
             'mitigations=off', 'random.trust_cpu=on', 'lab=' + mode,
             # The host may be busy: an emulated timer that comes late is no broken one.
             'no_timer_check', 'nowatchdog', 'rcupdate.rcu_cpu_stall_suppress=1']
    if cfg.iommu != 'off':
        words += ['intel_iommu=on']
    words += {'strict': ['iommu.strict=1'], 'pt': ['iommu=pt']}.get(cfg.iommu, [])
    for size, pages in (('1G', cfg.hugepages_1g), ('2M', cfg.hugepages)):
        if pages != '0':
            if not re.fullmatch(r'\d+|\d+:\d+(,\d+:\d+)*', pages):
                raise Bad('hugepages %s: give N, or NODE:N,NODE:N' % pages)
            words += ['hugepagesz=' + size, 'hugepages=' + pages]
    return ' '.join(words + ([cfg.append] if cfg.append else []))


def memory(cfg):
    """Memory, CPUs and NUMA nodes."""
    total = mib(cfg.memory)
    args = ['-m', '%dM' % total, '-smp', str(cfg.cpus)]
    if cfg.numa == 1:
        return args
    for node in range(cfg.numa):
        cpus = [c for c in range(cfg.cpus) if c * cfg.numa // cfg.cpus == node]
        args += ['-object', 'memory-backend-ram,id=mem%d,size=%dM' % (node, total // cfg.numa),
                 '-numa', 'node,nodeid=%d,memdev=mem%d%s' %
                 (node, node, ''.join(',cpus=%d' % c for c in cpus))]
    return args + ['-numa', 'dist,src=0,dst=1,val=20']


def wires(nics, captures):
    """filter-dump: what passes the first NIC of a hub, which is all that the hub carries."""
    args = []
    for hub, path in captures.items():
        first = next((n for n in nics if n.hub == hub), None)
        if not first:
            raise Bad('--wire %d: no NIC is on hub %d' % (hub, hub))
        args += ['-object', 'filter-dump,id=wire%d,netdev=net%d,file=%s' %
                 (hub, first.number, path.replace(',', ',,'))]
    return args


def command(cfg, cache, run, mode, captures):
    """(QEMU's command line, its environment, the placed NICs) for a guest whose files are in `run`."""
    nics = [nic.parse(n) for n in cfg.nics]
    for n in nics:
        if n.node >= cfg.numa:
            raise Bad('NIC on node %d: give --numa %d' % (n.node, n.node + 1))
        if n.tap and not tap.possible():
            n.tap = 0  # a hub for itself; tests that want the tap are skipped
    nic.place(nics, cfg.spare)
    qemu = cache + '/qemu'
    args = [qemu + '/usr/bin/qemu-system-x86_64', '-L', qemu + '/usr/share/seabios', '-L',
            qemu + '/usr/share/qemu', '-nodefaults', '-no-user-config', '-no-reboot', '-display',
            'none', '-machine', 'q35', '-accel', ACCEL, '-cpu', cfg.cpu]
    args += memory(cfg)
    if cfg.iommu != 'off':
        args += ['-device', 'intel-iommu,intremap=on,aw-bits=%d' % cfg.aw_bits]
    args += ['-kernel', cache + '/kernel/vmlinuz', '-initrd', run + '/initramfs', '-append',
             kernel_line(cfg, mode)]
    for monitor in ('qmp', 'watch'):
        args += ['-qmp', 'unix:%s/%s,server=on,wait=off' % (run, monitor)]
    serial = 'stdio' if mode == 'shell' else 'file:%s/console' % run
    args += ['-serial', serial, '-device', 'virtio-serial-pci,bus=pcie.0,addr=0x1e', '-chardev',
             'socket,id=agent,path=%s/agent,server=on,wait=off' % run, '-device',
             'virtserialport,chardev=agent,name=cleat.agent']
    for tag, path, addr, more in (('host', cfg.root, '0x1c', ',readonly=on,multidevs=remap'),
                                  ('out', run + '/out', '0x1d', '')):
        args += ['-fsdev', 'local,id=%s,path=%s,security_model=none%s' %
                 (tag, path.replace(',', ',,'), more), '-device',
                 'virtio-9p-pci,fsdev=%s,mount_tag=%s,bus=pcie.0,addr=%s' % (tag, tag, addr)]
    args += nic.arguments(nics, cfg.spare, cfg.iommu != 'off') + wires(nics, captures)
    libs = ':'.join('%s/%s' % (qemu, l) for l in LIBS)
    return args, dict(os.environ, LD_LIBRARY_PATH=libs), nics
