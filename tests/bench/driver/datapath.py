# SPDX-License-Identifier: BSD-3-Clause
"""datapath.py - measurements of rings, pools and packets between processes.

Each takes a side and a case's parameters and gives one number in the case's unit.
"""
import sides
from places import on_two_cores

PEER_MODES = ('mpmc', 'rts', 'hts')
RING_WAYS = ('_4', '_step', '_back', '_4_back')
PIPE_WAYS = ('_step', '_back', '_deep')


def per_element(results):
    """Nanoseconds per element: all measurers together."""
    rate = sum(r['elements'] / r['ns'] for r in results if r['ns'])
    if not rate:
        raise sides.Failed('nothing was measured')
    return 1 / rate


def mpps(results):
    """Millions per second."""
    return 1000 / per_element(results)


def same(results, makers):
    """Everything made was taken: the first `makers` results against the others."""
    for key in ('total', 'sum'):
        made, taken = (sum(r[key] for r in part) for part in (results[:makers], results[makers:]))
        if made != taken:
            raise sides.Failed('%s made %d, taken %d' % (key, made, taken))


def ways(side, program, *more):
    """A measured program, and the peer's further ways to do the same (SConscript)."""
    return [program + way for way in ('',) + (more if side.name == 'peer' else ())]


@on_two_cores
def pass_values(side, program, burst, mode):
    """One producer, one consumer, each on a processor."""
    core = side.place.core
    results = side.run(program, [
        {'role': 'producer', 'core': core(0)}, {'role': 'consumer', 'core': core(1)}],
        **{'in': mode}, mode=mode, burst=burst)
    same(results, 1)
    return per_element(results[1:])


def ring_pass(side, burst, mode):
    """From process to process; the best of the peer's ways."""
    return min(pass_values(side, program, burst, mode)
               for program in ways(side, 'ring_pass', *RING_WAYS))


@on_two_cores
def crowd(side, program, burst, mode, cores):
    """Two producers, two consumers, on the given processors."""
    parts = [{'role': role, 'core': side.place.core(cores[i])} for i, role in
             enumerate(('producer', 'producer', 'consumer', 'consumer'))]
    results = side.run(program, parts, **{'in': mode}, mode=mode, burst=burst, producers=2,
                       consumers=2, **{'yield': 1})
    same(results, 2)
    return per_element(results[2:])


def ring_crowd(side, burst, placing):
    """Four processes on two processors; the peer's best mode."""
    cores = {'one of each per core': (0, 1, 0, 1), 'producers on one core': (0, 0, 1, 1)}[placing]
    modes = PEER_MODES if side.name == 'peer' else ('mpmc',)
    return min(crowd(side, program, burst, mode, cores) for mode in modes
               for program in ways(side, 'ring_pass', *RING_WAYS))


def local(side, role, burst, mode='spsc', program='local'):
    """One process."""
    return per_element(side.run(program, [{'role': role}], **{'in': mode}, mode=mode, burst=burst))


def ring_local(side, burst, mode):
    """Enqueue and dequeue."""
    return min(local(side, 'ring', burst, mode, program) for program in ways(side, 'local', '_4'))


def pool(side, burst, back):
    """Objects out of the pool and back."""
    return local(side, {'at once': 'pool', 'later': 'keep'}[back], burst)


def mbuf(side, burst):
    """Packets allocated and freed."""
    return local(side, 'mbuf', burst)


@on_two_cores
def there_and_back(side, program, burst):
    """To another process and back."""
    core = side.place.core
    results = side.run(program, [
        {'role': 'ends', 'core': core(0), 'out': 'a', 'in': 'b'},
        {'role': 'middle', 'core': core(1), 'in': 'a', 'out': 'b'}], burst=burst)
    return mpps(results[:1])


def pipeline(side, burst):
    """There and back; the best of the peer's ways."""
    return max(there_and_back(side, program, burst) for program in ways(side, 'pipe', *PIPE_WAYS))


@on_two_cores
def in_a_row(side, program, burst):
    """Through three processes."""
    core = side.place.core
    results = side.run(program, [
        {'role': 'source', 'core': core(0), 'out': 'a'},
        {'role': 'sink', 'core': core(0), 'in': 'b', 'makers': 2},
        {'role': 'middle', 'core': core(1), 'in': 'a', 'out': 'b'}], burst=burst, **{'yield': 1})
    same(results[:2], 1)
    return mpps(results[1:2])


def chain(side, burst):
    """Three processes in a row; the best of the peer's ways."""
    return max(in_a_row(side, program, burst) for program in ways(side, 'pipe', *PIPE_WAYS))
