"""Which of two renderings of a program runs: the one that is measured to be faster on the calls that come."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

import numpy as np

Run = Callable[..., Any]
TRIALS = 4  # calls of each before one is chosen


class Pool:
    """A program that runs in a workspace; threads that call it at the same time have one each."""

    def __init__(self, make: Callable[[], Run]) -> None:
        self.make = make
        self.free: list[Run] = []

    def __call__(self, *arrays: Any) -> Any:
        try:
            run = self.free.pop()
        except IndexError:
            run = self.make()
        results = run(*arrays)
        self.free.append(run)  # a run that raises is not seen again, nor is its workspace
        return results

    def one(self) -> Run:
        """The program in one workspace, for callers who take turns."""
        return self.free[-1] if self.free else self.make()


class Choice:
    """A program in several renderings, given as functions that make them, of which the first is known to be right.

    On the first calls they take turns, each at first beside the first one, and is left out if it gives other bits.
    After that the fastest runs; with `last`, the last one that is right. Some of what it is given is `written` to. With
    `turns`, no two calls are made at the same time.
    """

    def __init__(
        self,
        makes: Sequence[Callable[[], Run]],
        last: bool = False,
        written: Sequence[int] = (),
        turns: bool = False,
        alike: Callable[[Any, Any], bool] | None = None,
    ) -> None:
        self.written = written
        self.turns = turns
        self.alike = alike or same_bits
        self.makes = list(makes)
        self.last = last
        self.runs: list[Run] = []
        self.best: dict[int, int] = {}  # nanoseconds, of those that have come to an end
        self.calls = 0
        self.chosen: Run | None = None
        self._lock = threading.Lock()

    def __call__(self, *arrays: Any) -> Any:
        if self.chosen is not None:
            return self.chosen(*arrays)
        with self._lock:
            return self._proved(arrays) if self.makes else self._timed(arrays)

    def _proved(self, arrays: Any) -> Any:
        if not self.runs:  # it stays the first one if it raises
            results = (run := self.makes[0]())(*arrays)
            mine = arrays
            del self.makes[0]
        else:
            run = self.makes.pop(0)()
            mine = [copy.deepcopy(x) if i in self.written else x for i, x in enumerate(arrays)]
            results = run(*mine)
        wanted = self.runs[0](*arrays) if self.runs else results
        if same(wanted, results, self.alike) and all(_left_alike(arrays[i], mine[i], self.alike) for i in self.written):
            self.runs.append(run)
        if not self.makes and (self.last or len(self.runs) == 1):
            self._choose(self.runs[-1])
        return wanted

    def _timed(self, arrays: Any) -> Any:
        turn = self.calls % len(self.runs)
        self.calls += 1
        start = perf_counter_ns()
        results = self.runs[turn](*arrays)
        took = perf_counter_ns() - start
        self.best[turn] = min(took, self.best.get(turn, took))
        if self.calls >= TRIALS * len(self.runs):
            self._choose(self.runs[min(self.best, key=self.best.__getitem__)])
        return results

    def _choose(self, run: Run) -> None:
        self.chosen = run.one() if self.turns and isinstance(run, Pool) else run
        for other in self.runs:
            if isinstance(other, Pool) and other is not run:
                other.free.clear()  # their memories


def _left_alike(x: Any, y: Any, alike: Callable[[Any, Any], bool]) -> bool:
    """Whether two arrays are left alike, or two generators will draw the same."""
    if isinstance(x, np.ndarray):
        return alike(x, y)
    return pickle.dumps(x) == pickle.dumps(y)


def same(wanted: Any, found: Any, alike: Callable[[Any, Any], bool] | None = None) -> bool:
    """Whether two calls gave the same numbers, to the last bit unless `alike` says otherwise of two arrays."""
    if wanted is NotImplemented or found is NotImplemented:
        return wanted is found
    return all((alike or same_bits)(np.asarray(x), np.asarray(y)) for x, y in zip(wanted, found, strict=True))


def same_bits(x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> bool:
    """Whether two arrays hold the same bits; one NaN is like another, as IEEE leaves it open."""
    if (x.shape, x.dtype) != (y.shape, y.dtype):
        return False
    if x.tobytes() == y.tobytes():
        return True
    if x.dtype.kind != "f":
        return False
    nan = np.isnan(x)
    return np.array_equal(nan, np.isnan(y)) and x[~nan].tobytes() == y[~nan].tobytes()
