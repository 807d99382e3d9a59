# SPDX-License-Identifier: BSD-3-Clause
"""bed.py - a primary and its workers in the guest, and packets through NICs; for device tests.

    with bed.Primary(guest, {a: 'vfio-pci', b: 'vfio-pci'},
                     vdevs=['net_pcap0,rx_pcap=/lab/out/in.pcap']) as primary:
        primary.port(a)                                     # its port id
        w = primary.worker('w', '--rx', 'port:0:0', '--tx', 'port:2:0')   # as user nobody
        primary.audit()                                     # every mbuf is somewhere, none is lost

Leaving it ends the primary in order, counts the buffers before, and unbinds the NICs.
"""
import contextlib
import json
import struct
import subprocess
import sys
import time

import lab
import pci

INSTANCE = 'lab'
SIZES = (60, 61, 64, 65, 127, 128, 129, 256, 511, 512, 513, 1024, 1279, 1280, 1500, 1513, 1514)


class Primary:
    """cleat-primary on NICs ({nic: kernel driver}) and virtual devices. nic_args: for all NICs, or
    {nic: args}."""

    def __init__(self, guest, nics, vdevs=(), args=(), nic_args='', program=None,
                 instance=INSTANCE):
        self.guest, self.nics, self.job, self.instance = guest, nics, None, instance
        self.ports = {}
        self.command = [program or '%s/cleat-primary' % lab.BIN, '--instance', instance, '--log-level',
                        'info', '--allow-user', 'nobody', *args]
        for nic in nics:
            mine = nic_args.get(nic, '') if isinstance(nic_args, dict) else nic_args
            self.command += ['-a', nic.address + mine]
        if not nics:
            self.command += ['--no-pci']
        for v in vdevs:
            self.command += ['--vdev', v]

    def __enter__(self):
        for nic, driver in self.nics.items():
            pci.bind(self.guest, nic.address, driver)
        self.job = self.guest.start(self.command)
        try:
            self.job.wait_for('is ready', 60)
        except BaseException:
            print(self.log(), file=sys.stderr)
            self.unbind()
            raise
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.audit()
            self.job.signal(15)
            code = self.job.wait(60).code
            if kind is not None or code:
                print(self.log(), file=sys.stderr)
            assert kind is not None or code == 0, 'the primary ends with %d' % code
        finally:
            self.unbind()

    def unbind(self):
        """The NICs are nobody's again, those that are still there."""
        there = self.guest.check('cd %s; ls -d %s 2>/dev/null || :' % (
            pci.SYSFS, ' '.join(nic.address for nic in self.nics))).split() if self.nics else []
        if there:
            pci.unbind(self.guest, *there)

    def log(self):
        """What the primary said."""
        return self.job.err.decode(errors='replace')

    def tool(self, *args):
        """A command of the tool, parsed."""
        return json.loads(self.guest.check(['%s/cleat' % lab.BIN, '--instance', self.instance,
                                            '--json', *args]))

    def port(self, nic, again=False):
        """The port id of a NIC, or of a device's name. again: it may have come anew."""
        name = nic if isinstance(nic, str) else nic.address
        if again or name not in self.ports:
            self.ports = {p['name']: p['port'] for p in self.tool('ports')}
        assert name in self.ports, '%s is no port\n%s' % (name, self.log())
        return self.ports[name]

    def worker(self, name, *args, program='cleat-rxtx', user='nobody', wait=True, nice=19):
        """Start a worker; returns when it is running. Workers that look for packets all the time
        leave the guest's processors to the primary and the tool when those need one, unless nice
        is 0."""
        job = self.guest.start(['nice', '-n', str(nice), '%s/%s' % (lab.BIN, program), '--instance',
                                self.instance, '--name', name, '--log-level', 'info', *args],
                               user=user)
        if wait:
            job.wait_for('is running', 30)
        return job

    def stats(self, nic):
        """The row of a port."""
        port = self.port(nic)
        return next(s for s in self.tool('stats') if s['port'] == port)

    def audit(self):
        """None is lost."""
        done = self.guest.run(['%s/cleat' % lab.BIN, '--instance', self.instance, 'audit'])
        assert done.code == 0, (done.out + done.err).decode()


def until(condition, timeout_s=20):
    """Wait for it; False when it took too long."""
    limit = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True


def wait_for(what, condition, timeout_s=60):
    """Until it holds; it must."""
    assert until(condition, timeout_s), what


def ticks(primary, name):
    """Hundredths of a second that a worker has had a processor."""
    pid = next(p['pid'] for p in primary.tool('ps') if p['name'] == name)
    stat = primary.guest.check('cat /proc/%d/stat' % pid)
    return sum(int(n) for n in stat.rpartition(')')[2].split()[11:13])


def idle(primary, name):
    """A worker that nothing comes to sleeps: it is watched for a second, and again if it seems not
    to: when the host is busy, somebody in the guest is charged for the time that it takes away."""
    found = []
    while len(found) < 3:
        before = ticks(primary, name)
        time.sleep(1)
        found.append(ticks(primary, name) - before)
        if found[-1] < 20:
            return
    raise AssertionError('it looks instead of sleeping: %s of 100 ticks' % found)


def end(job, timeout_s=60):
    """A worker that must end by itself, well; what it printed."""
    done = job.wait(timeout_s)
    text = (done.out + done.err).decode(errors='replace')
    assert done.code == 0, text
    return text


def stop(job, timeout_s=30):
    """End a worker that runs on."""
    job.signal(15)
    return end(job, timeout_s)


def write_pcap(path, frames):
    """A capture with these frames."""
    with open(path, 'wb') as f:
        f.write(struct.pack('<IHHiIII', 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n, frame in enumerate(frames):
            f.write(struct.pack('<IIII', n // 1000000, n % 1000000, len(frame), len(frame)))
            f.write(frame)


def frames(dst, src, sizes=SIZES, rounds=1):
    """Frames with recognizable contents, each different."""
    def octets(mac):
        return bytes.fromhex(mac.replace(':', ''))

    found = []
    for n in range(rounds):
        for size in sizes:
            head = octets(dst) + octets(src) + b'\x88\xb5' + struct.pack('>II', n, size)
            fill = bytes((n * 7 + size + i) & 255 for i in range(size - len(head)))
            found.append(head + fill)
    return found


def compare(before, after, *options):
    """Every packet of one capture is in the other, in order, with its MAC addresses, padded to 60
    bytes where shorter."""
    done = subprocess.run([sys.executable, 'tools/pcapcmp.py', before, after, '--whole', '--pad',
                           '60', *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def count(path):
    """Packets of a capture that write_pcap() made or that looks like it."""
    with open(path, 'rb') as f:
        data = f.read()
    at, found = 24, 0
    while at < len(data):
        at += 16 + struct.unpack('<I', data[at + 8:at + 12])[0]
        found += 1
    return found


def hand_on(primary, pairs, args, first_args, last_args):
    """Workers from the second NIC of each pair to the first one of the next, the last to net_pcap1,
    all running. But for the first one they are promiscuous."""
    to = [primary.port(a) for a, _ in pairs[1:]] + [primary.port('net_pcap1')]
    jobs, last = [], pairs[-1][1]
    for n, (_, b) in enumerate(pairs):
        more = tuple(('--promiscuous',) if n else first_args) + (last_args if b is last else ())
        jobs.append(primary.worker('receiver%d' % n, '--rx', 'port:%d:0' % primary.port(b), '--tx',
                                   'port:%d:0' % to[n], *args, *more, wait=False))
    for job in jobs:
        job.wait_for('is running', 60)
    return jobs


def forward(guest, a, b, driver, capture=None, primary_args=(), worker_args=(), nic_args='',
            check=None, receiver_args=('--promiscuous',), prepare=None, on=()):
    """
    capture → NIC a → wire → NIC b → capture, all packets byte for byte; also what the wire had.

    capture: a pcap outside, by default frames of all SIZES addressed to b. check(primary) is called
    before the end, prepare(primary) before the workers start. A receiver with --interrupt must go
    to sleep again afterwards. on: further pairs on wires of their own, which the packets go through
    afterwards.
    """
    before, after = guest.out + '/in.pcap', guest.out + '/out.pcap'
    if capture is None:
        write_pcap(before, frames(b.mac, a.mac, rounds=20))
    else:
        with open(capture, 'rb') as f, open(before, 'wb') as to:
            to.write(f.read())
    vdevs = ['net_pcap0,rx_pcap=/lab/out/in.pcap', 'net_pcap1,tx_pcap=/lab/out/out.pcap']
    pairs = [(a, b), *on]
    with contextlib.ExitStack() as stack:
        primary = stack.enter_context(Primary(
            guest, {nic: driver for pair in pairs for nic in pair}, vdevs=vdevs, args=primary_args,
            nic_args=nic_args))
        if prepare:
            prepare(primary)
        wires = [stack.enter_context(guest.capture(first.hub)) for first, _ in pairs]
        sleeps = '--interrupt' in receiver_args
        until_all = () if sleeps else ('--packets', str(count(before)), '--until-idle', '30000')
        receivers = hand_on(primary, pairs, worker_args, receiver_args, until_all)
        sender = primary.worker('sender', '--rx', 'port:%d:0' % primary.port('net_pcap0'), '--tx',
                                'port:%d:0' % primary.port(a), '--until-idle', '300',
                                *worker_args, wait=False)
        end(sender)
        if sleeps:
            assert until(lambda: primary.stats(b)['rx_packets'] == count(before)), primary.stats(b)
            idle(primary, 'receiver0')
        else:
            end(receivers.pop())
        for receiver in receivers:
            stop(receiver)
        compare(before, after)
        for wire in wires:
            compare(before, wire)
        if check:
            check(primary)
