"""The race: check that all contestants do the same work, then sample them in turn, many times, in one run.

A machine's speed drifts by more than contestants differ, so nothing is compared across time: in each round every
contestant is sampled once, in random order, and ratios are taken within the round. Time is the processor's: while
others have it, the clock stands still. With several threads it is the clock on the wall, by which they save time.
"""

import gc
import random
import statistics
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import repeat
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np

from benchmarks.contestants import REFERENCE, SUBJECT
from benchmarks.environment import threads
from benchmarks.profiles import Profile

SEED = 20240229


class WrongResultError(AssertionError):
    """A contestant computed something else than the reference."""


class Entry(NamedTuple):
    """A contestant's way to do the work.

    `run` is what is timed; what it returns is dropped, and the time to free it counts. `check` does the work in
    the same way once more and returns its results as arrays.
    """

    run: Callable[[], Any]
    check: Callable[[], list[np.ndarray]]


class Quartiles(NamedTuple):
    """The median and the quartiles about it."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Quartiles":
        values = list(values)
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass
class Result:
    """Samples of one case: for each contestant, seconds per call of `run`, one for each round.

    `operations` is what one call does, so that seconds / operations is a cost per operation. `memory` is peak
    memory in KB per call, where it was measured. `left_out` says why a contestant has no samples; `faults` names
    those of them that make the run a failure: a wrong result, or a tinygraph that cannot do the work.
    """

    workload: str
    case: str
    operations: int
    samples: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def leave_out(self, name: str, error: Exception | str) -> None:
        """Drop a contestant that raised, or whose process ended with these words on its last line."""
        if isinstance(error, Exception):
            first, _, _ = str(error).partition("\n")
            reason = f"{type(error).__name__}: {first}"
        else:
            reason = error.strip().rpartition("\n")[2]
        self.left_out[name] = reason[:100]
        self.samples.pop(name, None)
        self.memory.pop(name, None)
        if isinstance(error, WrongResultError) or name == SUBJECT:
            self.faults.append(name)

    def microseconds(self, name: str) -> Quartiles:
        """Time per operation."""
        return Quartiles.of(1e6 * s / self.operations for s in self.samples[name])

    def ratio(self, name: str, to: str = REFERENCE) -> Quartiles:
        """Time relative to another contestant, round by round."""
        return Quartiles.of(a / b for a, b in zip(self.samples[name], self.samples[to], strict=True))

    def above(self, name: str, to: str = REFERENCE) -> Quartiles:
        """Microseconds per operation more than another contestant, round by round."""
        pairs = zip(self.samples[name], self.samples[to], strict=True)
        return Quartiles.of(1e6 * (a - b) / self.operations for a, b in pairs)

    def kilobytes(self, name: str) -> Quartiles:
        """Peak memory per operation."""
        return Quartiles.of(kb / self.operations for kb in self.memory[name])

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def agree(result: list[np.ndarray], reference: list[np.ndarray], tolerance: float) -> None:
    """Raise WrongResultError where a result is off by more than a part of the reference's largest element."""
    if len(result) != len(reference):
        raise WrongResultError(f"{len(result)} results instead of {len(reference)}")
    for i, (a, b) in enumerate(zip(result, reference, strict=True)):
        if np.shape(a) != np.shape(b):
            raise WrongResultError(f"result {i} has shape {np.shape(a)} instead of {np.shape(b)}")
        scale = float(np.max(np.abs(b), initial=0.0))
        error = float(np.max(np.abs(np.subtract(a, b)), initial=0.0))
        if not error <= tolerance * scale + np.finfo(np.float64).tiny:  # the gradient of a long chain may underflow
            raise WrongResultError(f"result {i} is off by {error:.3g} where the largest element is {scale:.3g}")


def enter(
    makers: Mapping[str, Callable[[], Entry]], names: Iterable[str], result: Result, tolerance: float
) -> dict[str, Entry]:
    """Build and check the entries; one that fails or differs is left out, with the reason.

    Where nobody wrote it by hand, the first peer that takes part is what tinygraph is compared with.
    """
    able = [name for name in names if name in makers]
    known = (name for name in (REFERENCE, *able) if name in makers and not name.startswith(SUBJECT))
    reference = next(known, SUBJECT)
    entries: dict[str, Entry] = {reference: makers[reference]()}
    expected = entries[reference].check()
    for name in able:
        if name == reference:
            continue
        try:
            entry = makers[name]()
            agree(entry.check(), expected, tolerance)
        except Exception as error:  # noqa: BLE001 - a peer may fail in any way, and the others still race
            result.leave_out(name, error)
        else:
            entries[name] = entry
    return entries


def race(result: Result, entries: Mapping[str, Entry], profile: Profile) -> Result:
    """Sample every entry once a round, in random order."""
    order = list(entries)
    shuffle = random.Random(SEED).shuffle
    clock = process_time if threads() == 1 else perf_counter
    gc.collect()
    gc.freeze()  # else each collection walks every module of every peer
    try:
        calls = {name: _calls_per_sample(entry.run, profile.sample_seconds) for name, entry in entries.items()}
        result.samples = {name: [] for name in entries}
        for _ in range(profile.rounds):
            shuffle(order)
            for name in order:
                gc.collect()  # nobody pays for another's garbage; everybody for their own
                result.samples[name].append(_sample(entries[name].run, calls[name], clock))
    finally:
        gc.unfreeze()
    return result


def _sample(run: Callable[[], Any], calls: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in repeat(None, calls):
        run()
    return (clock() - start) / calls


def _calls_per_sample(run: Callable[[], Any], seconds: float) -> int:
    run()
    once = min(_sample(run, 1, perf_counter) for _ in range(3))  # some processors' clocks tick too rarely for one call
    return max(1, round(seconds / once))
