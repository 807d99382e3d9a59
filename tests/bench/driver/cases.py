# SPDX-License-Identifier: BSD-3-Clause
"""cases.py - the table: what is compared, how, and what ratio is the goal.

A ratio above 1 means that Cleat is better, whichever way the unit counts.
"""
import dataclasses
import typing

import control
import datapath
import machine
import ports

LOWER = ('ns/element', 'ns', 'us', 'ms', 'KiB')  # units in which less is better


@dataclasses.dataclass(frozen=True)
class Case:
    """One subject. `points` are its parameters, each with the ratio to reach (None: no goal)."""
    name: str
    about: str
    unit: str
    measure: typing.Callable  # (side, **parameters, **fixed) -> number
    points: tuple
    flat: typing.Optional[float] = None  # how much it may differ between the points
    fixed: dict = dataclasses.field(default_factory=dict)

    def lower(self):
        """Is less better?"""
        return self.unit in LOWER


def bursts(goals):
    """{burst: goal} as points."""
    return tuple(({'burst': b}, goal) for b, goal in goals.items())


def numbers(name, *values):
    """Points without goals: the goal is that they are alike."""
    return tuple(({name: v}, None) for v in values)


CASES = (
    Case('line', 'the machine: a cache line to the other core', 'ns', machine.line,
         numbers('lines', 'one', 'many')),
    Case('memory', 'the machine: memory', 'GB/s', machine.memory,
         tuple(({'doing': d, 'processors': n}, None) for d in ('read', 'write', 'copy')
               for n in (1, 2))),
    Case('ring-spsc', 'SPSC ring, two processes on two cores (peer: the best of five ways)',
         'ns/element', datapath.ring_pass, bursts({1: 4, 8: 3, 32: 1.5}),
         fixed={'mode': 'spsc'}),
    Case('ring-mpmc', 'MPMC ring (peer: MP/MC, the best of five ways), two processes on two cores',
         'ns/element', datapath.ring_pass, bursts({1: 3, 8: 2, 32: 1.2}),
         fixed={'mode': 'mpmc'}),
    Case('ring-crowd', "MPMC ring (peer: its best mode and way), four processes on two cores",
         'ns/element', datapath.ring_crowd,
         tuple(({'burst': b, 'placing': p}, 2) for p in (
             'one of each per core', 'producers on one core') for b in (8, 32))),
    Case('ring-local', 'ring, one process: enqueue and dequeue', 'ns/element',
         datapath.ring_local, tuple(({'mode': m, 'burst': b}, 1) for m in ('spsc', 'mpmc')
                                    for b in (8, 32))),
    Case('mempool', 'pool, one process: get and put, back at once as in a driver, or later',
         'ns/element', datapath.pool,
         tuple(({'burst': b, 'back': back}, 1) for back in ('at once', 'later') for b in (8, 32))),
    Case('mbuf', 'packets, one process: allocate and free', 'ns/element', datapath.mbuf,
         bursts({8: 2, 32: 2})),
    Case('pipeline',
         'packets to another process, which writes, and back (peer: the best of four ways)',
         'Mpps', datapath.pipeline, bursts({1: 3, 4: 2, 8: 2, 32: 1.5})),
    Case('chain', 'packets through three processes on two cores', 'Mpps', datapath.chain,
         bursts({32: 1.5})),
    Case('io-null', 'io forwarding net_null to net_null, one core (peer: testpmd)', 'Mpps',
         ports.null, (({}, 1.2),)),
    Case('pcap', "from a capture to a capture, both in tmpfs (peer: testpmd's loop)", 'Mpps',
         ports.pcap, (({'sizes': '64 B'}, 3), ({'sizes': 'mixed'}, 3))),
    Case('between', 'between unrelated processes: a shared ring (peer: net_memif)', 'Mpps',
         ports.between, (({'size': 64, 'burst': 32}, 4), ({'size': 1514, 'burst': 32}, 8))),
    Case('attach', 'a secondary attaches', 'ms', control.attach, (({}, 15),)),
    Case('start', 'a primary starts', 'ms', control.start, (({'memory_mib': 256}, 2),)),
    Case('zone', 'a memzone is reserved and freed', 'us', control.zone,
         (({'kib': 4}, 1), ({'kib': 1024}, 1))),
    Case('request', 'a secondary asks its primary and has the answer', 'us', control.request,
         (({}, 2),)),
    Case('attach-many', 'a secondary attaches while others are attached', 'ms',
         control.attach_among, numbers('secondaries', 1, 8, 32, 64), flat=2),
    Case('request-many', 'a request while others are attached', 'us', control.request_among,
         numbers('secondaries', 1, 8, 32, 64), flat=2),
    Case('zone-find', 'a memzone is found by name', 'ns', control.find,
         numbers('zones', 100, 1000, 10000), flat=2),
    Case('growth', 'one more GiB of ordinary pages, up to a part of %d GiB (16, or what is free '
         'but for 4)' % control.GROWTH_GIB, 'ms', control.grow,
         numbers('reached', 0.25, 0.5, 0.75, 1.0), flat=2, fixed={'pages': 'ordinary'}),
    Case('growth-huge', 'the same of pages of 2 MiB', 'ms', control.grow,
         numbers('reached', 0.25, 0.5, 0.75, 1.0), flat=2, fixed={'pages': '2 MiB'}),
    Case('resident', 'private pages of an idle secondary', 'KiB', control.resident, (({}, None),)),
    Case('library', 'the worker library on disk (peer: with the same drivers, or all it loads)',
         'KiB', control.library, numbers('drivers', 'the same', 'all')),
)
