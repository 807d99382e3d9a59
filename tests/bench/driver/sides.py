# SPDX-License-Identifier: BSD-3-Clause
"""sides.py - the two that are compared: their primaries, and runs of measured programs."""
import contextlib
import json
import mmap
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

START_S = 60  # patience with a primary
RUN_S = 120   # and with a run
MEMORY_MIB = 64
MBUFS = 8192
HUGE = '/sys/kernel/mm/hugepages/hugepages-2048kB/'
HUGE_BYTES = 2 << 20
MAP_HUGETLB = 0x40000  # asm-generic/mman.h; Python has no name for it


class Failed(Exception):
    """A measurement did not come about; says why."""


class Cannot(Failed):
    """A side has no such thing: no figure, and no failure."""


class Place:
    """Where things are and what this machine has."""

    def __init__(self, programs):
        self.bin = programs
        built, installed = (os.path.normpath(programs + '/../' + folder) for folder in
                            ('bench', 'libexec/cleat-bench'))
        self.bench = built if os.path.exists(built + '/cleat_local') else installed
        self.work = tempfile.mkdtemp(prefix='cleat-bench-', dir='/dev/shm')
        self.cores = sorted(os.sched_getaffinity(0))
        self.huge_dir = None   # of the peer's files
        self.mounted = False
        self.added = 0  # hugepages
        self.serial = 0
        self.whereabouts = None  # places.Whereabouts, where runs between processors are measured

    def core(self, number):
        """Processor number 0, 1, ... of those this process may use; again from the start then."""
        return self.cores[number % len(self.cores)]

    def path(self, name):
        """A file that goes when we go."""
        return os.path.join(self.work, name)

    def name(self, what):
        """A name nobody else has."""
        self.serial += 1
        return 'bench-%d-%s%d' % (os.getpid(), what, self.serial)

    def free_hugepages(self):
        """How many of 2 MiB."""
        try:
            with open(HUGE + 'free_hugepages', encoding='ascii') as f:
                return int(f.read())
        except OSError:
            return 0

    def reserve_hugepages(self, wanted):
        """Have the kernel set so many aside, if we may, until give_back(): how many are free then.
        They are written to once: a hypervisor may give a virtual machine a page only then."""
        free = self.free_hugepages()
        if free >= wanted or not os.access(HUGE + 'nr_hugepages', os.W_OK):
            return free
        with undisturbed():
            self.added += self.change_hugepages(wanted - free)
        touched = max(min(self.free_hugepages(), wanted - free), 0) * HUGE_BYTES
        try:
            with mmap.mmap(-1, touched, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS |
                           MAP_HUGETLB) as pages:
                for at in range(0, touched, HUGE_BYTES):
                    pages[at] = 0
        except (OSError, ValueError) as why:  # others have taken them, or there are none
            raise Cannot('hugepages: %s' % why) from why
        return self.free_hugepages()

    def change_hugepages(self, by):
        """More of them, or fewer: by how many the kernel has done it."""
        with open(HUGE + 'nr_hugepages', 'r+', encoding='ascii') as f:
            before = int(f.read())
            f.write(str(max(before + by, 0)))
        with open(HUGE + 'nr_hugepages', encoding='ascii') as f:
            return int(f.read()) - before

    def give_back(self):
        """The hugepages that were set aside."""
        with undisturbed():
            if self.added:
                self.change_hugepages(-self.added)
            self.added = 0

    def need_huge_dir(self):
        """A directory on hugetlbfs: the peer's processes share files there."""
        if self.huge_dir is None:
            with open('/proc/mounts', encoding='utf-8') as f:
                mounts = [line.split() for line in f]
            found = [m[1] for m in mounts if m[2] == 'hugetlbfs' and 'pagesize=2M' in m[3]]
            self.huge_dir = found[0] if found else self.path('huge')
            if not found:
                os.mkdir(self.huge_dir)
                with undisturbed():
                    done = subprocess.run(
                        ['mount', '-t', 'hugetlbfs', '-o', 'pagesize=2M', 'none', self.huge_dir],
                        capture_output=True, text=True, check=False)
                    self.mounted = done.returncode == 0
                if not self.mounted:
                    os.rmdir(self.huge_dir)
                    self.huge_dir = None
                    raise Failed('no hugetlbfs for the peer: ' + done.stderr.strip())
        return self.huge_dir

    def close(self):
        """Leave nothing behind."""
        with undisturbed():
            if self.mounted:
                subprocess.run(['umount', self.huge_dir], check=False)
            self.give_back()
            shutil.rmtree(self.work, ignore_errors=True)


class Ending:
    """We have been told to end: at once, or behind what must not be cut in two."""
    number = None
    held = 0


def leave(number, frame):
    """The handler of signals that end us; impatience does not keep us from ending in order."""
    del frame
    if Ending.held:  # nor does what is being started inherit that we ignore them
        Ending.number = number
        return
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_signals():
    """End in order from now on; a signal that is ignored stays so, as nohup has it."""
    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, leave)


@contextlib.contextmanager
def undisturbed():
    """What is begun here is known to us, or what is ended here is gone, before we end."""
    Ending.held += 1
    try:
        yield
    finally:
        Ending.held -= 1
    if Ending.number is not None and not Ending.held:
        number, Ending.number = Ending.number, None  # once: the way out leads past here again
        leave(number, None)


def end(process):
    """End a process in order, or at once if it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


def options(part):
    """{'warm_ms': 5} as --warm-ms=5."""
    return ['--%s=%s' % (key.replace('_', '-'), value) for key, value in part.items()]


class Side:
    """One of the two. `primary` is the instance that measured programs attach to."""
    name = title = None

    def __init__(self, place, ms):
        self.place, self.ms = place, ms
        self.primary = None  # (process, instance)
        self.others = []     # attached to it, idle
        self.others_are = None

    def instance(self):
        """The standard primary's, started if it is not there."""
        if self.primary is None:
            instance = self.place.name('p')
            self.primary = (self.start(instance), instance)
        return self.primary[1]

    def crowd(self, number, role='idle', **more):
        """See to it that so many idle secondaries of that kind are attached."""
        if self.others_are != (role, more):
            self.disperse()
        self.others_are = (role, more)
        while len(self.others) > number:
            with undisturbed():
                end(self.others.pop())
        while len(self.others) < number:
            at = len(self.others)
            self.spawn(self.others, 'control', {
                'role': role, 'name': 'o%d' % at, 'id': 20 + at % 80,
                'core': self.place.core(0), **more})
            other = self.others[-1]
            if other.stdout.readline() != 'ready\n':
                other.kill()
                raise Failed('%s_control: %s' % (self.name, other.stderr.read().strip()[-500:]))

    def disperse(self):
        """End them."""
        while self.others:
            with undisturbed():
                end(self.others.pop())

    def close(self):
        """End the standard primary."""
        self.disperse()
        if self.primary is not None:
            self.stop(*self.primary)
            self.primary = None

    @contextlib.contextmanager
    def coming_up(self, instance, command, **how):
        """Start a primary; if it does not come up, or we are told to end first, it ends, too."""
        process = None
        try:
            with undisturbed():
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                           stderr=subprocess.PIPE, text=True, **how)
            yield process
        except BaseException:
            if process is not None:
                with contextlib.suppress(OSError):
                    self.stop(process, instance)
            raise

    @contextlib.contextmanager
    def fresh(self, **how):
        """A primary of its own for one measurement: its instance."""
        instance = self.place.name('f')
        process = self.start(instance, **how)
        try:
            yield instance
        finally:
            self.stop(process, instance)

    def stop(self, process, instance):
        """End a primary, and what it left behind."""
        with undisturbed():
            end(process)
            self.clean(instance)

    def clean(self, instance):
        """Remove what processes of an instance leave behind."""

    def program(self, name):
        """A measured program of this side."""
        return '%s/%s_%s' % (self.place.bench, self.name, name)

    def spawn(self, started, name, part, instance=None):
        """Start a measured program, one more of those `started`."""
        command = [self.program(name)] + options(
            {'instance': instance or self.instance(), **part})
        with undisturbed():
            started.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True))

    def run(self, name, parts, instance=None, **common):
        """Run a program several times at once, in the roles of `parts`; each one's result."""
        meet = self.place.path('meet')
        with open(meet, 'wb') as f:
            f.write(bytes(4096))
        started = []
        try:
            for number, part in enumerate(parts, 1):
                self.spawn(started, name, {
                    'name': 'b%d' % number, 'id': number, 'meet': meet, 'parties': len(parts),
                    'ms': self.ms, 'core': self.place.core(0), **common, **part}, instance)
            return self.collect(name, started)
        finally:
            with undisturbed():
                for process in started:
                    if process.poll() is None:
                        process.kill()
                        process.wait()
                    process.stdout.close()
                    process.stderr.close()

    def collect(self, name, started):
        """What they print; any that fails ends all."""
        deadline = time.monotonic() + RUN_S
        while any(p.poll() is None for p in started):
            if any(p.returncode for p in started):
                break
            if time.monotonic() > deadline:
                raise Failed('%s_%s: longer than %d s' % (self.name, name, RUN_S))
            time.sleep(0.005)
        for process in started:
            if process.returncode:
                raise Failed('%s_%s ended with %d: %s' % (
                    self.name, name, process.returncode, process.stderr.read().strip()[-500:]))
        results = [json.loads(p.stdout.read()) for p in started]
        if any(r['bad'] for r in results):
            raise Failed('%s_%s: values were not what they should be: %s' % (
                self.name, name, results))
        return results


class Cleat(Side):
    """A real cleat-primary."""
    name = title = 'cleat'

    def command(self, instance, memory_mib=MEMORY_MIB, mbufs=MBUFS, more=()):
        """How it is started."""
        command = [self.place.bin + '/cleat-primary', '--instance', instance, '--no-pci', '-m',
                   str(memory_mib), '--log-level', 'error', *more]
        if mbufs:
            command += ['--mbufs', str(mbufs)]
        if self.place.free_hugepages() < memory_mib / 2:
            command.append('--no-huge')
        return command

    def start(self, instance, **how):
        """Start one, wait until it is ready."""
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self.place.path('ready')
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        ready.bind(address)
        ready.settimeout(START_S)
        with ready, self.coming_up(instance, self.command(instance, **how),
                                   stdout=subprocess.DEVNULL,
                                   env=dict(os.environ, NOTIFY_SOCKET=address)) as process:
            while True:
                if select.select([ready], [], [], 0.2)[0]:
                    if ready.recv(4096).startswith(b'READY=1'):
                        return process
                if process.poll() is not None:
                    raise Failed('cleat-primary ended with %d: %s' % (
                        process.returncode, process.stderr.read().strip()))


class Peer(Side):
    """DPDK: peer/primary.c."""
    name, title = 'peer', 'DPDK'

    def missing(self):
        """Why it cannot run, or None."""
        if not os.path.exists(self.program('primary')):
            return "it is not built: Debian's libdpdk-dev is missing (tools/bench installs it)"
        if self.place.free_hugepages() * 2 < 2 * MEMORY_MIB:
            return 'it needs hugepages for several processes, and %d MiB of them are free' % (
                self.place.free_hugepages() * 2)
        try:
            self.place.need_huge_dir()
        except Failed as why:
            return str(why)
        return None

    def command(self, instance, memory_mib=MEMORY_MIB, mbufs=None, role=''):
        """How it is started."""
        return [self.program('primary')] + options({
            'instance': instance, 'extra': memory_mib, 'role': role,
            'hugetlbfs': self.place.need_huge_dir(), 'count': mbufs or 0,
            'core': self.place.core(0)})

    def start(self, instance, **how):
        """Start one, wait until it is ready."""
        with self.coming_up(instance, self.command(instance, **how),
                            stdout=subprocess.PIPE) as process:
            if process.stdout.readline() != 'ready\n':
                raise Failed("the peer's primary ended with %d: %s" % (
                    process.wait(), process.stderr.read().strip()[-500:]))
            return process

    def clean(self, instance):
        """DPDK does not."""
        with undisturbed():
            for folder in ('/var/run/dpdk',
                           os.environ.get('XDG_RUNTIME_DIR', '/nowhere') + '/dpdk'):
                shutil.rmtree('%s/%s' % (folder, instance), ignore_errors=True)
            huge = self.place.need_huge_dir()
            for name in os.listdir(huge):
                if name.startswith(instance + 'map_'):
                    os.unlink('%s/%s' % (huge, name))


def say(text):
    """Progress."""
    print(text, file=sys.stderr, flush=True)
